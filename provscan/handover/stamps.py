"""Request and verify time stamps (RFC 3161) on bundles.

:func:`request` makes a request for a time-stamping service. :func:`stamp_of` reads the
response, and checks that it certifies the bundle.

A request has no nonce, so a bundle always gives the same request. Nonces protect
against replays, but here a replayed stamp is refused anyway, since it certifies another
bundle.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from provscan.errors import InputError
from provscan.handover.statement import needed
from provscan.opening import read_small

SHA256 = "2.16.840.1.101.3.4.2.1"
MOST_BYTES = 1 << 20
# Statuses of responses.
GRANTED, GRANTED_WITH_MODIFICATIONS = 0, 1


def request(signed: bytes) -> bytes:
    """Return a request for a time stamp on ``signed``, in DER (``.tsq``)."""
    rfc3161 = needed("rfc3161_client")
    builder = rfc3161.TimestampRequestBuilder(
        data=signed,
        hash_algorithm=rfc3161.HashAlgorithm.SHA256,
        nonce=False,
        cert_req=True,
    )
    return bytes(builder.build().as_bytes())


def certificates(path: Path) -> list[Any]:
    """Read the root certificates of a time-stamping authority from a PEM file."""
    x509 = needed("cryptography.x509")
    try:
        found: list[Any] = x509.load_pem_x509_certificates(read_small(path))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} has no certificates in PEM: {error}") from None
    return found


def stamp_of(answer: bytes, signed: bytes, roots: list[Any] | None) -> str:
    """Check that a response (``.tsr``) is a time stamp on ``signed``, and return its
    time, in UTC as ISO 8601.

    If the root certificates ``roots`` of an authority are given, also check that this
    authority issued the time stamp.

    Raises
    ------
    ValueError
        The response is not such a time stamp. The message gives the reason.
    """
    rfc3161 = needed("rfc3161_client")
    if len(answer) > MOST_BYTES:
        raise ValueError("it is too large for a time stamp")
    try:
        found = rfc3161.decode_timestamp_response(answer)
    except ValueError as error:
        raise ValueError(
            f"it is not a response of a time-stamping service ({error})"
        ) from None
    if found.status not in (GRANTED, GRANTED_WITH_MODIFICATIONS):
        raise ValueError(f"the service refused the request (status {found.status})")
    if bytes(found.as_bytes()) != answer:
        raise ValueError("it has extra bytes after the response")
    info = found.tst_info
    if info.message_imprint.hash_algorithm.dotted_string != SHA256:
        raise ValueError("it certifies a checksum other than SHA-256")
    if info.message_imprint.message != hashlib.sha256(signed).digest():
        raise ValueError("it certifies something else, such as an older bundle")
    if roots is not None:
        verifier = rfc3161.VerifierBuilder(roots=list(roots)).build()
        try:
            # The verifier refuses modifications. What a time stamp may modify, such as
            # the policy, is not part of the request.
            verifier.verify_message(
                rfc3161.decode_timestamp_response(_as_granted(answer)), signed
            )
        except rfc3161.VerificationError as error:
            reason = str(error).partition(": ErrorStack")[0]
            raise ValueError(
                f"it was not issued by the given authority ({reason})"
            ) from None
    return str(info.gen_time.isoformat())


def _as_granted(answer: bytes) -> bytes:
    """Return a valid response, in DER, with the status "granted". The status is not
    part of the time stamp that the authority signed.
    """
    at = 0
    # The status is the first element of the first element.
    for _ in range(2):
        length = answer[at + 1]
        at += 2 + (length & 0x7F if length & 0x80 else 0)
    status = answer[at : at + 3]
    if status not in (b"\x02\x01\x00", b"\x02\x01\x01"):
        raise ValueError("its status is not in DER")
    return answer[:at] + b"\x02\x01\x00" + answer[at + 3 :]
