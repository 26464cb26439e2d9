"""The words of the page, the tables and the lists: numbers, reasons and terms as people read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from provscan.report.wording import LEVELS, count, percent, reason, sampled, size

__all__ = ["LEVELS", "count", "percent", "reason", "sampled", "size"]

MEASURES = {
    "records": "Records with licensed text",
    "texts": "Different licensed texts",
    "tweets": "Licensed tweets with these texts",
    "characters": "Characters of licensed text",
    "tokens": "Tokens of licensed text",
}
LAYERS = {
    "findings": ("Findings", "hold a verified match; not corrected"),
    "at_least": ("At least", "97.5% confident, after taking out chance"),
    "estimate": ("Estimate", "corrected for chance and for missed copies"),
    "at_most": ("At most", "97.5% confident, if missed copies resemble the test copies"),
}
# Characters that are invisible or change the direction of what follows.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)


def visible(text: str) -> str:
    """A text with invisible and direction characters spelled out.

    Examples
    --------
    >>> visible("a\\u202eb")
    'a[U+202E]b'
    """
    if text.isprintable():
        return text
    return INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def amount(number: float | None) -> str:
    """A number of records, texts or characters; a dash where it is withheld."""
    return "–" if number is None else count(round(number))


def day(time: Any) -> str:
    """The day of a timestamp, in UTC."""
    return "" if time is None else f"{time:%Y-%m-%d}"


def value(item: object) -> str:
    """A value of ``run.json``, whatever its type."""
    match item:
        case None:
            return "not given"
        case bool():
            return "yes" if item else "no"
        case int():
            return count(item)
        case float():
            return f"{item:.6g}"
        case Mapping():
            return ", ".join(f"{reason(str(name))} {value(entry)}" for name, entry in item.items())
        case list() | tuple():
            return ", ".join(value(entry) for entry in item)
        case _:
            return str(item)


def significance(counted: bool, common: bool, bits: float | None, q_value: float | None) -> str:
    """How strong a match is, in words.

    Examples
    --------
    >>> significance(True, False, 120.0, 0.004)
    'counted; about 1 in 250 matches this strong is chance'
    """
    if not counted:
        why = "commonplace wording" if common else "not rare or not complete enough to tell from chance"
        return f"not counted: {why}"
    if q_value is None or q_value != q_value:
        return "counted; how many such matches are chance is not known"
    if q_value <= 0:
        return "counted; no control match is this strong"
    return f"counted; about 1 in {count(max(1, round(1 / q_value)))} matches this strong is chance"


def review(marks: Mapping[int, Mapping[str, str]]) -> str | None:
    """How many exhibits reviewers marked."""
    if not marks:
        return None
    numbers = Counter(mark["verdict"] for mark in marks.values())
    return ", ".join(f"{count(numbers[name])} {name}" for name in ("accepted", "rejected", "unsure") if numbers[name])


def left_out(summary: Mapping[str, Any]) -> list[str]:
    """What the user named and the scan did not cover, a sentence each."""
    said = []
    if summary.get("unread"):
        said.append(f"{_several(len(summary['unread']), 'file was', 'files were')} not scanned.")
    if summary["damaged"]:
        files = _several(len(summary["damaged"]), "file is", "files are")
        said.append(f"{files} damaged; only what precedes the damage was scanned.")
    for key, text in (("skipped", "not scanned"), ("repaired", "scanned after a repair")):
        if total := sum(summary[key].values()):
            causes = ", ".join(f"{reason(name)}: {count(n)}" for name, n in summary[key].items() if n)
            said.append(f"{_several(total, 'record was', 'records were')} {text} ({causes}).")
    if total := sum(summary["truncated"].values()):
        lookups = _several(total, "look-up was", "look-ups were")
        said.append(f"{lookups} cut short, of very common wording: copies of common phrases can be missed.")
    return said


def _several(n: int, singular: str, plural: str) -> str:
    return f"{count(n)} {singular if n == 1 else plural}"
