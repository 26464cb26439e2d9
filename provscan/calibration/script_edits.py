"""Edits that depend on the script of a text: spacing, variants of its characters, and
elongations.

Variants of Han characters come from the table with which canonical text folds them
(:mod:`provscan.text.variants`), so recall of these copies is that of exact ones.

Each function returns the edited text, or the text unchanged if the edit does not apply
to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from random import Random

from provscan.text.variants import TO_HIRAGANA, TO_KATAKANA, han_variants

_LINK = re.compile(r"(https?://\S+|@\w+)")
# Letters of scripts in which spaces are free: Ethiopic, kana, Han, Korean, and the
# scripts of South East Asia.
_SYLLABLE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff"
_FREE = rf"\u0e00-\u0eff\u1000-\u109f\u1200-\u137f\u1780-\u17ff{_SYLLABLE}"
_FREE_LETTER = re.compile(f"[{_FREE}]")
_FREE_SPACE = re.compile(rf"(?<=[{_FREE}])[ \u1361]+(?=[{_FREE}])")
_BETWEEN = re.compile(f"(?<=[{_SYLLABLE}])(?=[{_SYLLABLE}])")
# Marks that readers leave out: Hebrew and Arabic vowels and the elongation of Arabic
# letters, the nukta of Indic scripts, the tone marks of Thai.
_MARKS = re.compile(
    r"[\u0591-\u05bd\u05bf-\u05c7\u064b-\u0652\u0670\u0640\u093c\u09bc\u0a3c\u0e48-\u0e4b]"
)
_ARABIC = re.compile(r"[\u0621-\u064a]")
_VOWELS = "\u064e\u064f\u0650\u0652"
# Letters that are written for one another, in Arabic and Cyrillic; Arabic digits.
_LETTERS = tuple(
    str.maketrans(*pair)
    for pair in (
        ("يكىةأإآ", "یکيهااا"),
        ("یکہۃ", "يكهة"),
        ("ёЁ", "еЕ"),
    )
)
_DIGITS = (
    str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789"),
)
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_NARROW = {wide: code for code, wide in _WIDE.items()}
_WORD_END = re.compile(r"(?<=[^\W\d_]{2})(?=[\s,.!?…]|$)")
_VOWEL = re.compile(r"[aeiouyàáâãäåèéêëìíîïòóôõöùúûüаеёиоуыэюяαεηιουω]")
# Usual abbreviations.
_SHORT = {
    "you": "u",
    "are": "r",
    "and": "&",
    "please": "pls",
    "because": "bc",
    "people": "ppl",
    "que": "q",
    "porque": "pq",
    "por": "x",
    "para": "pa",
    "también": "tb",
    "você": "vc",
    "nicht": "nich",
    "yang": "yg",
    "dengan": "dgn",
    "tidak": "gak",
    "для": "д/",
    "bir": "bi",
    "hai": "h",
    "nahi": "nhi",
}
_ABBREVIATED = re.compile(rf"\b({'|'.join(_SHORT)})\b", re.IGNORECASE)
# Laughter that people write after a sentence, by the range of the script's letters.
_LAUGHTER = (
    ("\u0600-\u06ff", "ههههه"),
    ("\u0e00-\u0e7f", "555"),
    ("\u3040-\u30ff", "www"),
    ("\u3400-\u9fff", "哈哈哈"),
    ("\uac00-\ud7a3", "ㅋㅋㅋ"),
)


def is_free(text: str) -> bool:
    """Return whether most letters of a text are of scripts whose spaces are free."""
    return 2 * len(_FREE_LETTER.findall(text)) > sum(map(str.isalpha, text))


def free_spaces(text: str, rng: Random) -> str:
    """Remove all or half of the spaces between letters of scripts in which they are
    free; or put spaces between all or some characters.
    """
    share = rng.choice((0.5, 1.0))
    if _FREE_SPACE.search(text) and rng.random() < 0.7:
        return _FREE_SPACE.sub(
            lambda space: "" if rng.random() < share else space.group(), text
        )
    often = rng.choice((0.1, 0.1, 1.0))
    return _BETWEEN.sub(lambda _: " " if rng.random() < often else "", text)


def variants(text: str, rng: Random) -> str:
    """Replace characters by variants of their script, as by a converter, another
    keyboard, or a reader who leaves out marks.
    """
    han = (han_variants()[name] for name in ("simplified", "traditional"))
    tables = (*han, TO_HIRAGANA, TO_KATAKANA, *_LETTERS)
    if _ARABIC.search(text):
        tables += _DIGITS
    own: list[Callable[[str], str]] = [
        *(partial(_translated, table=table) for table in tables),
        partial(_MARKS.sub, ""),
        partial(_ARABIC.sub, lambda c: c.group() + rng.choice(_VOWELS)),
        partial(_ARABIC.sub, lambda c: c.group() + "ـ" * (rng.random() < 0.2)),
    ]
    usual: list[Callable[[str], str]] = [
        _without_accents,
        partial(_translated, table=_NARROW),
        partial(unicodedata.normalize, "NFD"),
    ]
    for kinds in (own, usual):
        found = [made for kind in kinds if (made := _outside(text, kind)) != text]
        if found:
            return rng.choice(found)
    last: list[Callable[[str], str]] = [str.upper, partial(_translated, table=_WIDE)]
    return _outside(text, rng.choice(last))


def _translated(text: str, table: dict[int, int]) -> str:
    return text.translate(table)


def _outside(text: str, edit: Callable[[str], str]) -> str:
    """Edit what is outside links and names."""
    parts = _LINK.split(text)
    return "".join(part if i % 2 else edit(part) for i, part in enumerate(parts))


def elongated(text: str, rng: Random) -> str:
    """Abbreviate usual words, or else elongate a word and laugh after the text."""
    short = _ABBREVIATED.sub(lambda word: _SHORT[word.group().lower()], text)
    if short != text and rng.random() < 0.5:
        return short
    for letters, laughter in _LAUGHTER:
        if re.search(f"[{letters}]", text):
            ends = [match.start() for match in re.finditer(r"[。！？!?\s]|$", text)]
            at = rng.choice(ends)
            return f"{text[:at]}{laughter}{text[at:]}"
    vowels = [
        vowel.start()
        for end in _WORD_END.finditer(text)
        for vowel in _VOWEL.finditer(text, max(0, end.start() - 2), end.start())
    ]
    if not vowels:
        return text
    at = rng.choice(vowels)
    return text[:at] + text[at] * rng.randrange(2, 6) + text[at:]


def _without_accents(text: str) -> str:
    split = unicodedata.normalize("NFD", text)
    kept = "".join(c for c in split if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", kept)
