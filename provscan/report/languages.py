"""The language and direction of a text, for ``lang`` and ``dir`` of a page.

Fonts draw Han characters in the forms of a language, and a screen reader speaks in it.
The script of most letters decides (:func:`language`); the language that a tweet names
decides between languages of one script. ``templates/languages.js`` has the same rules.
"""

from __future__ import annotations

import re

from markupsafe import Markup

LETTERS = {
    "ja": "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "zh": "\u3105-\u312f\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af",
    "ar": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "he": "\u0590-\u05ff\ufb1d-\ufb4f",
    "ru": "\u0400-\u052f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "hy": "\u0530-\u058f",
    "hi": "\u0900-\u097f",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "si": "\u0d80-\u0dff",
    "th": "\u0e00-\u0e7f",
    "lo": "\u0e80-\u0eff",
    "my": "\u1000-\u109f",
    "ka": "\u10a0-\u10ff",
    "am": "\u1200-\u139f",
    "km": "\u1780-\u17ff",
    "": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
}
"""The letters of a script, by its most frequent language; "" is the Latin script, whose
languages are too many to name one.
"""
_LETTERS = {name: re.compile(f"[{ranges}]") for name, ranges in LETTERS.items()}

NAMED = {
    "ja": "ja zh",
    "zh": "zh ja",
    "ko": "ko",
    "ar": "ar fa ur ps sd ug",
    "he": "he yi",
    "ru": "ru uk bg sr be mk kk ky mn tg",
    "hi": "hi mr ne",
    "am": "am ti",
}
"""The languages of each script that may be named instead of the most frequent one."""
RENAMED = {"iw": "he", "in": "id"}
"""Old codes that the platform uses."""
RIGHT_TO_LEFT = ("ar", "he")


def language(text: str, named: str | None = None) -> tuple[str, str]:
    """Return the language of a text as a BCP 47 tag, and its direction.

    ``named`` is the language that the platform gives for the tweet. The language is
    empty (unknown) for Latin text if the tweet names no language, or one of another
    script; the direction is ``auto`` for a text without letters.
    """
    counts = {name: len(found.findall(text)) for name, found in _LETTERS.items()}
    # Japanese mixes both scripts, and its own has a fifth of the letters or more.
    if counts["ja"] * 4 >= counts["zh"]:
        counts["ja"] += counts["zh"]
    script = max(counts, key=lambda name: counts[name])
    if not counts[script]:
        return "", "auto"
    known = RENAMED.get(named or "", named or "")
    others = NAMED.get(script, script).split()
    if script == "":
        others = [known] * (re.fullmatch("[a-z]{2}", known) is not None)
        others = [] if known in _NOT_LATIN else others
    direction = "rtl" if script in RIGHT_TO_LEFT else "ltr"
    return known if known in others else script, direction


_NOT_LATIN = {
    each for name in LETTERS if name for each in (name, *NAMED.get(name, "").split())
}


def attributes(text: str, named: str | None = None) -> Markup:
    """Return ``lang`` and ``dir`` of an element with this text."""
    found, direction = language(text, named)
    return Markup('lang="{}" dir="{}"').format(found, direction)
