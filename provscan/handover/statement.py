"""Write, sign and verify the statement on the files of a bundle.

The statement is an in-toto Statement (version 1) in canonical JSON (RFC 8785). It
contains the SHA-256 of each file and, for each run, the root of the Merkle tree over
its rows (:mod:`provscan.handover.tree`). :func:`make_statement` makes a statement,
:func:`sign_statement` puts it into a DSSE envelope with an Ed25519 signature, and
:func:`signature_problem` verifies an envelope. The statement contains the public key of
its signer, so that a removed signature is noticed.
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
from provscan.opening import read_small

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:provscan:bundle:1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
# Errors that reading untrusted data can raise.
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
        A value has no canonical JSON: NaN, a lone surrogate, or an integer of 2**53 or
        more.
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
        The text is not an object, or its JSON is not canonical.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict) or canonical(value) != text:
        raise ValueError("it is not an object in canonical JSON")
    return value


def make_statement(hashes: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """Return a statement on files, given the SHA-256 of each file."""
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
    """Return the SHA-256 of each file that a statement lists.

    Raises
    ------
    ValueError
        The statement is not one that :func:`make_statement` makes.
    """
    try:
        found = {
            each["name"]: each["digest"]["sha256"] for each in statement["subject"]
        }
        again = make_statement(found, statement["predicate"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not a statement on a bundle ({error!r})") from None
    if again != canonical(statement):
        raise ValueError("it is not a statement on a bundle, or has another version")
    return found


def runs_of(statement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return ``folder``, ``name``, ``rows`` and ``root`` of each run of a statement.

    Raises
    ------
    ValueError, LookupError, TypeError
        The statement lacks one of these values, or it has the wrong type.
    """
    types = {"folder": str, "name": str, "rows": int, "root": str}
    runs = [
        {name: each[name] for name in types} for each in statement["predicate"]["runs"]
    ]
    for run in runs:
        if any(type(run[name]) is not kind for name, kind in types.items()):
            raise ValueError("a value in the statement on a run has the wrong type")
    return runs


def sign_statement(statement: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a signed DSSE envelope of a statement, in canonical JSON."""
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
    """Return why an envelope is not a signature of a statement by ``key``, or None if
    it is.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        found = read_canonical(envelope)
        (signature,) = found["signatures"]
        same = found["payload"] == _base64(statement)
        if not same or found["payloadType"] != PAYLOAD_TYPE:
            return "it signs another statement"
        if signature["keyid"] != key_id(key):
            return f"it was made with another key, {signature['keyid']}"
        key.verify(
            base64.b64decode(signature["sig"], validate=True), _encoded(statement)
        )
    except InvalidSignature:
        return "it does not match the statement and the key"
    except (ValueError, KeyError, TypeError) as error:
        return f"it is not a DSSE envelope with one signature ({error!r})"
    expected = {"keyid": signature["keyid"], "sig": signature["sig"]}
    known = {"payload", "payloadType", "signatures"}
    return (
        None
        if signature == expected and found.keys() == known
        else "it has additional entries"
    )


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from a PEM file (``openssl genpkey`` writes one)."""
    return _key(path, "load_pem_private_key", "Ed25519PrivateKey", password=None)


def public_key(path: Path) -> Ed25519PublicKey:
    """Read an Ed25519 public key from a PEM file (``openssl pkey -pubout`` writes
    one).
    """
    return _key(path, "load_pem_public_key", "Ed25519PublicKey")


def public_key_of(statement: Mapping[str, Any]) -> Ed25519PublicKey | None:
    """Return the public key of the signer that a statement contains; None if it has no
    key.

    Raises
    ------
    ValueError
        The value is not an Ed25519 key.
    """
    ed25519 = needed("cryptography.hazmat.primitives.asymmetric.ed25519")
    named = statement["predicate"].get("signer")
    if named is None:
        return None
    if not isinstance(named, dict) or not isinstance(named.get("ed25519"), str):
        raise ValueError("the statement does not name an Ed25519 key of its signer")
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
        key = getattr(serialization, load)(read_small(path), **options)
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
            f"{path} has no {public} Ed25519 key in PEM: make a pair with `openssl "
            "genpkey -algorithm ed25519 -out key.pem` and `openssl pkey -in key.pem "
            "-pubout -out key.pub`"
        )
    return key


def _encoded(statement: bytes) -> bytes:
    """Return the DSSE encoding of a statement, which the signature signs."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(statement), statement)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
