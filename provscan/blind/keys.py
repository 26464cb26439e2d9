"""The key of a blind index, 32 bytes, and what is derived from it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np

from provscan.blind import kernels
from provscan.errors import ParameterError
from provscan.kernels.records import frozen
from provscan.params import require_path
from provscan.readers import Source

KEY_BYTES = 32
# Minimum number of distinct bytes in a key; only one random key in 10**16 has fewer.
FEWEST = 16


def read_key(path: Source) -> bytes:
    """Read a key from a file that contains 32 bytes or 64 hexadecimal digits."""
    require_path("key", path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ParameterError(
            f"the key {os.fspath(path)} can't be read: {error.strerror}"
        ) from error
    with contextlib.suppress(ValueError):
        if len(content.strip()) == 2 * KEY_BYTES:
            content = bytes.fromhex(content.strip().decode("ascii"))
    if len(content) != KEY_BYTES:
        raise ParameterError(
            f"{os.fspath(path)} is not a key: expected {KEY_BYTES} bytes or "
            f"{2 * KEY_BYTES} hexadecimal digits, found {len(content):,} bytes. Make "
            "one from a source of random bytes"
        )
    if len(set(content)) < FEWEST:
        raise ParameterError(
            f"{os.fspath(path)} is not a key: it has only {len(set(content))} "
            "different bytes, so it can be guessed. Make one from a source of random "
            "bytes"
        )
    return content


def derived(key: bytes, purpose: bytes) -> bytes:
    """Derive 16 bytes from a key for one purpose, with keyed BLAKE2b (RFC 7693)."""
    return hashlib.blake2b(
        purpose, digest_size=16, key=key, person=b"provscan"
    ).digest()


def key_check(key: bytes) -> str:
    """Return the value in the manifest with which a key is checked."""
    return derived(key, b"check").hex()


def kernel_keys(key: bytes) -> kernels.Keys:
    """Derive the keys of seeds, fingerprints and whole texts."""
    # The label of the fingerprints is historical; another label would change the key.
    return frozen(
        kernels.Keys(
            *(
                np.frombuffer(derived(key, purpose), "<u8")
                for purpose in (b"seeds", b"prints", b"texts")
            )
        )
    )
