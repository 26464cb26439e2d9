"""Checksums of files."""

from __future__ import annotations

import os

import xxhash

from provscan.errors import InputError


def checksum(path: str | os.PathLike[str]) -> str:
    digest = xxhash.xxh3_128()
    try:
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"{os.fspath(path)} can't be read: {error.strerror}") from error
    return digest.hexdigest()
