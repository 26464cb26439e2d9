"""The words that the tables and the page share."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

LEVELS = {
    "exact": "same text, up to white space and HTML entities",
    "near_exact": "same text once links, @names, case, accents and punctuation are left out",
    "strong": "at least 80 % alike",
    "weak": "less than 80 % alike, but above the threshold",
}
"""What each level means, best first."""

UNCORRECTED = "Counts as found: not corrected for chance matches, nor for copies that were missed."


def count(n: int) -> str:
    """``1234567`` -> ``1,234,567``."""
    return f"{n:,}"


def percent(share: float | None) -> str:
    """A share with three significant digits; ``0 %`` and ``100 %`` only for exactly none and all.

    Examples
    --------
    >>> percent(0.12345), percent(0.0000012), percent(0.0), percent(1.0), percent(0.99999)
    ('12.3 %', '0.00012 %', '0 %', '100 %', '99.999 %')
    """
    if share is None:
        return "not known"
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    digits = 3
    while digits < 15 and float(f"{share * 100:.{digits}g}") == 100:
        digits += 1
    return f"{Decimal(f'{share * 100:.{digits}g}'):f} %"


ESTIMATES = {
    "records": "Records that hold licensed text",
    "records_share": "Share of the records",
    "texts": "Different licensed texts in the data",
    "tweets": "Licensed tweets that carry them",
    "licensed_share": "Share of the licensed texts",
    "characters_share": "Share of the characters",
    "tokens": "Tokens, of four characters each",
}
"""The numbers of an estimate in the order in which they are told."""

CHANCE = {
    "control": "Chance was measured: texts that can't be in the data were scanned for alike.",
    "background": "Chance was not measured, only computed from a model of the tweets' language. That is weaker "
    "evidence: it does not know of texts that both sides may have from a third.",
    "none": "Chance is not known.",
}
"""How well false matches are known."""


def estimated(name: str, estimate: Mapping[str, Any]) -> tuple[str, str]:
    """An estimate as its value and its interval, or as "withheld" and the reason.

    Examples
    --------
    >>> twelve = {"valid": True, "value": 12.2, "low": 9.0, "high": None, "level": 0.95, "kind": "estimate"}
    >>> estimated("records", twelve)
    ('12', '95 %: at least 9')
    """
    if not estimate["valid"]:
        return "withheld", str(estimate["reason"])

    def written(value: float) -> str:
        return percent(value) if name.endswith("_share") else count(round(value))

    low, high = (None if estimate[end] is None else written(estimate[end]) for end in ("low", "high"))
    level = f"{estimate['level'] * 100:g} %"
    if low is None or high is None:
        interval = f"{level}: at most {high}" if low is None else f"{level}: at least {low}"
    else:
        interval = f"{level}: {low} to {high}"
    prefix = {"lower_bound": "at least ", "upper_bound": "at most "}.get(estimate["kind"], "")
    return prefix + written(estimate["value"]), interval


def recalled(recall: Mapping[str, Any]) -> str:
    """How many of the planted texts came back, in a sentence."""
    if not recall["planted"]:
        return "No licensed texts were planted: how many copies are missed is not known."
    _, interval = estimated("recall_share", recall["all"])
    return (
        f"Of {count(recall['planted'])} licensed texts that were changed and planted in this data, "
        f"{count(recall['found'])} came back, {count(recall['counted'])} of them as evidence "
        f"({percent(recall['counted'] / recall['planted'])}, {interval})."
    )


MEASURES = {
    "records": "Records",
    "texts": "Licensed texts",
    "tweets": "Tweets with these texts",
    "characters": "Characters",
    "tokens": "Tokens, of four characters each",
}
"""The numbers of an answer, in the order in which they are shown."""


def layers(number: Mapping[str, Any]) -> list[str]:
    """The layers of a number as words: findings, at least, estimate, at most.

    Examples
    --------
    >>> layers({"findings": 12, "at_least": 9.3, "estimate": None, "at_most": 20})
    ['12', '9', 'withheld', '20']
    """

    def written(value: float | None) -> str:
        return "withheld" if value is None else count(round(value))

    middle = number["estimate"]
    value, low, high = (None if middle is None else written(middle[end]) for end in ("value", "low", "high"))
    interval = "withheld" if middle is None else f"{value} ({low}-{high})"
    return [written(number["findings"]), written(number["at_least"]), interval, written(number["at_most"])]


def sampled(sample: Mapping[str, Any]) -> str:
    """What was scanned of the dataset, in a sentence.

    Examples
    --------
    >>> sampled({"by": "records", "share": 0.1})
    '10 % of the records were scanned, drawn at random; the estimate is for all of them.'
    """
    if sample["by"] == "records":
        return (
            f"{percent(sample['share'])} of the records were scanned, drawn at random; the estimate is for all of them."
        )
    effect = sample.get("design_effect")
    worth = f" One of their records is worth 1/{effect:.1f} of one drawn by itself." if effect and effect > 1 else ""
    return (
        f"{count(sample['parts'])} of {count(sample['parts_in_all'])} files, or parts of files, were scanned, drawn at "
        f"random: {percent(sample['share'])} of the bytes; the estimate is for all.{worth}"
    )


def size(n: int) -> str:
    """``1234567`` bytes -> ``1.2 MB``."""
    if n < 1000:
        return f"{n} bytes"
    value = float(n)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


REASONS = {
    "bad_csv_row": "wrong number of fields in the row",
    "bad_date": "date not understood, taken as missing",
    "bad_json": "line that is not JSON",
    "bands_cut": "look-ups of very common texts",
    "empty_file": "empty file",
    "invalid_utf8": "not valid UTF-8, wrong bytes replaced",
    "lenient_json": "not strictly JSON, but clear",
    "line_too_long": "line too long",
    "lone_surrogate": "half a character, replaced",
    "no_text": "no text",
    "not_an_object": "JSON, but not an object",
    "seeds_cut": "look-ups of very common phrases",
    "text_not_string": "text field that holds no text",
}
"""What the keys in ``skipped``, ``repaired`` and the like mean."""


def reason(key: str) -> str:
    """A key of ``summary.json`` or ``run.json``, as words; what follows a colon is left as it is."""
    key, colon, detail = key.partition(": ")
    return REASONS.get(key, key.replace("_", " ")) + colon + detail
