"""Parse JSON without losing the values of a repeated key.

Parsers keep only the last value of a key that an object has more than once. Here, the
earlier values become members of their own: of ``{"a": 1, "a": 2, "a": 3}``, the keys
are ``a (value 1)``, ``a (value 2)`` and ``a``. Such objects are rare, so a kernel finds
the lines that may have one, and all others are parsed with orjson.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import numpy as np
import orjson

from provscan.arrays import Numbers
from provscan.kernels.reading.repeated_keys import lines_with_repeated_keys

# Up to these limits the kernel can rule out repeated keys: open brackets (also orjson's
# limit), and keys of open objects.
BRACKETS, KEYS = 1024, 4096
EARLIER = re.compile(r" \(value \d+\)$")


def key_in_file(key: str) -> str:
    """Return the key that an object in the file has for a key of a parsed object."""
    return EARLIER.sub("", key) if key.endswith(")") else key


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object, given all its keys and values."""
    last = {key: position for position, (key, _) in enumerate(pairs)}
    if len(last) == len(pairs):
        return dict(pairs)
    found, values = dict[str, Any](), Counter[str]()
    for position, (key, value) in enumerate(pairs):
        values[key] += 1
        name = key
        if position < last[key]:
            name = f"{key} (value {values[key]})"
            while name in last or name in found:
                name += "_"
        found[name] = value
    return found


def repeats_keys(data: bytes | memoryview, lines: int) -> Numbers:
    """Return the positions of those of ``lines`` lines in which an object may repeat a
    key.
    """
    found = np.zeros(lines, np.uint8)
    stack, keys = np.empty(BRACKETS, np.int64), np.empty(KEYS, np.uint64)
    lines_with_repeated_keys(np.frombuffer(data, np.uint8), stack, keys, found)
    return np.flatnonzero(found)


def parsed(data: bytes | memoryview) -> Any:
    """Return the value of strict JSON in UTF-8. Raise ValueError if it is not that."""
    value = orjson.loads(data)
    line = bytes(data).replace(b"\n", b" ")
    return all_values(line.decode()) if len(repeats_keys(line, 1)) else value


def all_values(text: str) -> Any:
    """Return the value of JSON that may have NaN, control characters and repeated keys.
    Raise ValueError if it is not JSON.
    """
    try:
        return json.loads(
            text, strict=False, parse_int=_integer, object_pairs_hook=members
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 40 else float(digits)
