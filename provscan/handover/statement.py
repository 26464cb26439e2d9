"""The statement on all files of a bundle, and its signature.

The statement is an in-toto Statement (version 1) in canonical JSON (RFC 8785): the
SHA-256 of each file, and of each run the root of the tree over its rows
(:mod:`provscan.handover.tree`). :func:`sign_statement` puts it into a DSSE envelope
with an Ed25519 signature, and :func:`signature_problem` verifies one. The statement
names the key of its signer, so that a removed signature is noticed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provscan.errors import InputError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:provscan:bundle:1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
# Errors of data that comes from anyone and has other types than it should.
DAMAGED = (
    *(ValueError, LookupError, TypeError),
    *(AttributeError, ArithmeticError, RecursionError),
)


def needed(module: str) -> Any:
    """Import a module of the extra ``handover``."""
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{error.name} is not installed, so bundles can be neither written nor "
            "checked: pip install 'provscan[handover]'"
        ) from None


def canonical(value: Any) -> bytes:
    """Return canonical JSON (RFC 8785).

    Raises
    ------
    ValueError
        There is no canonical JSON for a value: NaN, a lone surrogate, or an integer
        from 2**53 on.
    """
    rfc8785 = needed("rfc8785")
    try:
        return bytes(rfc8785.dumps(value))
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise ValueError(str(error)) from error


def read_canonical(text: bytes) -> dict[str, Any]:
    """Read an object from canonical JSON.

    Raises
    ------
    ValueError
        It is something else, or not canonical.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict) or canonical(value) != text:
        raise ValueError("it is not an object in canonical JSON")
    return value


def make_statement(hashes: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """Return the statement on files, given by their SHA-256."""
    subjects = [
        {"name": name, "digest": {"sha256": hashes[name]}} for name in sorted(hashes)
    ]
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": dict(predicate),
        }
    )


def hashes_of(statement: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file that a statement is on.

    Raises
    ------
    ValueError
        It is not a statement as :func:`make_statement` makes it.
    """
    try:
        found = {
            each["name"]: each["digest"]["sha256"] for each in statement["subject"]
        }
        again = make_statement(found, statement["predicate"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no statement on a bundle ({error!r})") from None
    if again != canonical(statement):
        raise ValueError("it is no statement on a bundle, or of another version")
    return found


def runs_of(statement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return ``folder``, ``name``, ``rows`` and ``root`` of each run of a statement.

    Raises
    ------
    ValueError, LookupError, TypeError
        It has no such runs.
    """
    types = {"folder": str, "name": str, "rows": int, "root": str}
    runs = [
        {name: each[name] for name in types} for each in statement["predicate"]["runs"]
    ]
    for run in runs:
        if any(type(run[name]) is not kind for name, kind in types.items()):
            raise ValueError("the statement describes a run with values of other types")
    return runs


def sign_statement(statement: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the DSSE envelope of a statement, signed, in canonical JSON."""
    signed = {
        "keyid": key_id(key.public_key()),
        "sig": _base64(key.sign(_encoded(statement))),
    }
    return canonical(
        {
            "payload": _base64(statement),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [signed],
        }
    )


def signature_problem(
    envelope: bytes, statement: bytes, key: Ed25519PublicKey
) -> str | None:
    """Return what is wrong with the envelope of a statement that `key` should have
    signed; None if nothing is.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        found = read_canonical(envelope)
        (signature,) = found["signatures"]
        same = found["payload"] == _base64(statement)
        if not same or found["payloadType"] != PAYLOAD_TYPE:
            return "it is on another statement"
        if signature["keyid"] != key_id(key):
            return f"it was made with another key, {signature['keyid']}"
        key.verify(
            base64.b64decode(signature["sig"], validate=True), _encoded(statement)
        )
    except InvalidSignature:
        return "it does not fit the statement and the key"
    except (ValueError, KeyError, TypeError) as error:
        return f"it is no DSSE envelope with one signature ({error!r})"
    expected = {"keyid": signature["keyid"], "sig": signature["sig"]}
    known = {"payload", "payloadType", "signatures"}
    return None if signature == expected and found.keys() == known else "it has more"


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from a PEM file, as ``openssl genpkey`` writes it."""
    return _key(path, "load_pem_private_key", "Ed25519PrivateKey", password=None)


def public_key(path: Path) -> Ed25519PublicKey:
    """Read an Ed25519 public key from a PEM file, as ``openssl pkey -pubout`` writes
    it.
    """
    return _key(path, "load_pem_public_key", "Ed25519PublicKey")


def public_key_of(statement: Mapping[str, Any]) -> Ed25519PublicKey | None:
    """Return the key that a statement names as that of its signer, None if it has
    none.

    Raises
    ------
    ValueError
        It is no key.
    """
    ed25519 = needed("cryptography.hazmat.primitives.asymmetric.ed25519")
    named = statement["predicate"].get("signer")
    if named is None:
        return None
    if not isinstance(named, dict) or not isinstance(named.get("ed25519"), str):
        raise ValueError("the statement names no Ed25519 key as its signer's")
    return ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(named["ed25519"]))


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key in DER, as ``openssl pkey -pubin -outform DER
    | sha256sum`` prints it.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _key(path: Path, load: str, kind: str, **options: Any) -> Any:
    serialization = needed("cryptography.hazmat.primitives.serialization")
    ed25519 = needed("cryptography.hazmat.primitives.asymmetric.ed25519")
    public = "public" if "public" in load else "private"
    try:
        key = getattr(serialization, load)(path.read_bytes(), **options)
    except TypeError:
        raise InputError(
            f"{path} is encrypted: decrypt it with `openssl pkey -in {path}` first"
        ) from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except ValueError:
        key = None
    if not isinstance(key, getattr(ed25519, kind)):
        raise InputError(
            f"{path} holds no {public} Ed25519 key in PEM: make a pair with `openssl "
            "genpkey -algorithm ed25519 -out key.pem` and `openssl pkey -in key.pem "
            "-pubout -out key.pub`"
        )
    return key


def _encoded(statement: bytes) -> bytes:
    """Return the bytes that DSSE signs."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(statement), statement)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
