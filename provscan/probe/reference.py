"""Predictability of tweets under a reference model that has not seen them.

A tweet that any model would guess is recited even by a model that has not seen it.
Pairs are therefore matched on the bits of their tweets under a reference model, and the
blind baseline also uses these bits. A file contains the log-probabilities; any server
that echoes a text with its log-probabilities can compute them.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from typing import Any

from provscan.errors import InputError


@dataclass(frozen=True)
class Reference:
    """The content of a file of log-probabilities."""

    path: str
    sha256: str
    bits: dict[str, float]  # Bits of each tweet by its id.

    def describe(self) -> dict[str, Any]:
        """Return the entry of the plan."""
        return {"path": self.path, "sha256": self.sha256, "tweets": len(self.bits)}


def read_reference(path: str | os.PathLike[str]) -> Reference:
    """Read a file of JSON lines, each with the ``id`` of a tweet and its ``logprob``,
    the natural logarithm of the probability of its text.

    Raises
    ------
    InputError
        The file can't be read, a line has no id or no log-probability, or two lines
        give a tweet different ones; the message names the line.
    """
    name, digest, bits = os.fspath(path), hashlib.sha256(), dict[str, float]()
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                digest.update(line)
                tweet, value = _parsed(line, f"{name}, line {number}")
                if bits.setdefault(tweet, value) != value:
                    raise InputError(
                        f"{name}, line {number}: tweet {tweet} has another "
                        "log-probability in an earlier line: leave one of them out"
                    )
    except OSError as error:
        raise InputError(
            f"the reference {name} can't be read ({error.strerror}): name a file of "
            "JSON lines with id and logprob"
        ) from None
    return Reference(name, digest.hexdigest(), bits)


def _parsed(line: bytes, place: str) -> tuple[str, float]:
    """Return the id and the bits of a line."""
    try:
        found = json.loads(line)
        tweet, logprob = found["id"], found["logprob"]
    except (ValueError, KeyError, TypeError, RecursionError):
        tweet = logprob = None
    # JSON's true is an int in Python.
    if (
        type(tweet) not in (str, int)
        or type(logprob) not in (int, float)
        or not -math.inf < logprob <= 0
    ):
        raise InputError(
            f"{place}: expected the id of a tweet and a log-probability of at most 0, "
            f'such as {{"id": "1", "logprob": -97.5}}, found {line[:80]!r}'
        )
    return str(tweet), -logprob / math.log(2.0)
