"""Characters that stand for one another: simplified and traditional Han characters,
hiragana and katakana.

Canonical text replaces all of them by one. The file ``han_variants.txt`` contains three
sections of pairs, whose second character replaces the first one: in simplified text, in
traditional text, and between regions. It comes from the dictionaries of OpenCC
(https://github.com/BYVoid/OpenCC). If a character has several variants there, the file
contains the first.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

# Hiragana, from the small a to the small ke, and the iteration marks; the katakana are
# 0x60 code points later.
_HIRAGANA = (*range(0x3041, 0x3097), 0x309D, 0x309E)
TO_KATAKANA = {code: code + 0x60 for code in _HIRAGANA}
TO_HIRAGANA = {code + 0x60: code for code in _HIRAGANA}


@cache
def han_variants() -> dict[str, dict[int, int]]:
    """Return the Han characters that have variants, by section: ``simplified``,
    ``traditional`` and ``regional``. The values are tables for ``str.translate``.
    """
    file = resources.files("provscan.text").joinpath("han_variants.txt")
    sections: dict[str, dict[int, int]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif not line.startswith("#"):
            section.update((ord(pair[0]), ord(pair[1])) for pair in line.split())
    return sections


@cache
def folded_han() -> dict[int, int]:
    """Return the canonical character of each Han character that has another one.

    All characters that are connected by variants have one canonical character: the
    simplified one if there is one, else the one with the lowest code point.
    """
    sections = han_variants()
    group: dict[int, set[int]] = {}
    for pairs in sections.values():
        for pair in pairs.items():
            joint = set().union(*(group.get(code, {code}) for code in pair))
            group.update((code, joint) for code in joint)
    simplified = sections["simplified"]
    targets = set(simplified.values())
    return {
        code: first
        for code, joint in group.items()
        if (first := min(joint, key=lambda c: (c in simplified, c not in targets, c)))
        != code
    }
