"""The wording that pages, tables and lists share: numbers, reasons and terms in words.

:mod:`provscan.report.omissions` describes what a scan left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from provscan.messages import sentence, terms
from provscan.names import percentage
from provscan.names import several as several  # Templates use it.
from provscan.runs.answer.wording import edit_words

LEVELS = terms("level")
"""The meaning of each level, best first."""
# Classes whose names are capitalised, because they are names of scripts.
PROPER = {
    "arabic",
    "chinese",
    "cyrillic",
    "greek",
    "hebrew",
    "indic",
    "japanese",
    "korean",
    "latin",
    "thai",
}


def term(name: str) -> str:
    """Return the name of an edit, a script or another class in words."""
    if name == "own record":
        return "as a record of its own"
    return name.capitalize() if name in PROPER else edit_words(name)


def count(n: int) -> str:
    return f"{n:,}"


def percent(share: float | None) -> str:
    """Return a share as a percentage with three significant digits; ``0%`` and ``100%``
    only for exactly none and all.
    """
    return "not known" if share is None else percentage(share * 100, 3)


MEASURES = {
    "records": "Records",
    "texts": "Licensed texts",
    "tweets": "Licensed tweets with these texts",
    "characters": "Characters",
}
LAYERS = {"findings": "Findings", "at_least": "At least", "estimate": "Estimate"}


def measures(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the quantities for which an answer has numbers, with their names."""
    return [(name, meaning) for name, meaning in MEASURES.items() if answer.get(name)]


# Characters that are invisible or change the direction of the following text.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)

# Characters that XML can't contain.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")
# The number of code points of a passage that lists for programs show.
EXCERPT = 120


def visible(text: str) -> str:
    """Return a text with invisible and direction characters escaped."""
    if text.isprintable():
        return text
    return INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def in_xml(text: str) -> Markup:
    """Return a text as an attribute or element of XML, without the characters that XML
    can't contain.
    """
    shown = NOT_XML.sub(lambda found: f"[U+{ord(found[0]):04X}]", visible(text))
    return Markup(escape(shown).translate({9: "&#9;", 10: "&#10;"}))


def in_markdown(text: str) -> Markup:
    """Return a text in which Markdown sees no markup, and GitHub no mention."""
    text = MARKDOWN.sub(r"\\\1", " ".join(visible(text).split()))
    return Markup(text.replace("@", "@<!-- -->"))


def as_code(text: str) -> Markup:
    """Return a text as code in a cell of a table of Markdown."""
    text = " ".join(visible(text).split())[: 2 * EXCERPT].replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return Markup(f"{fence} {text} {fence}" if text else "")


def amount(number: float | None, layer: str = "estimate") -> str:
    """Return a number of records, texts or characters, or a dash if it is withheld.
    Lower bounds are rounded down, upper bounds up.
    """
    if number is None:
        return "–"
    rounded = {"at_least": math.floor, "at_most": math.ceil}.get(layer, round)(
        round(number, 6)
    )
    return count(int(rounded))


def layers(number: Mapping[str, Any]) -> list[str]:
    """Return the layers of a number in words: findings, lower bound, estimate."""
    estimate = number["estimate"]
    middle = (
        f"{amount(estimate['value'])} "
        f"({amount(estimate['low'])}-{amount(estimate['high'])})"
        if estimate
        else "–"
    )
    return [amount(number["findings"]), amount(number["at_least"], "at_least"), middle]


def place(item: Mapping[str, Any]) -> str:
    """Return the place of a text in words."""
    field = item["field"]
    return visible(item["source"] + (f", field {field}" if field else ""))


def day(time: datetime | str | None) -> str:
    """Return the day of a time, which may be text in ISO 8601."""
    return "" if time is None else str(time)[:10]


def for_readers(message: str) -> str:
    """Return a message of a command without its end that names an option, which the
    reader of a page can't give.
    """
    return re.sub(r"[:;,(.][^:;,(.]*(?<![\w-])--[a-z].*", "", message, flags=re.S)


def value(item: object) -> str:
    """Return a value of ``run.json``, of any type, in words."""
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
            return ", ".join(
                f"{reason(str(name))} {value(entry)}" for name, entry in item.items()
            )
        case list() | tuple():
            return ", ".join(value(entry) for entry in item)
        case _:
            return str(item)


KINDS = terms("kind")
"""The word for a match of each level."""
RARITY = (
    (150.0, "extremely rare wording"),
    (100.0, "very rare wording"),
    (0.0, "rare wording"),
)
"""The words for the rarity of a finding's wording, by minimum bits, the rarest
first.
"""
COMMON_OR_KNOWN = "common or known wording"
COMMON_MEANS = sentence("page", "common_means")
NOT_FINDINGS = terms("not_finding")
"""The reasons why a match is not a finding, each with its name and meaning."""
UNKNOWN_RARITY = "long wording of unknown rarity"


def rarity(counted: bool, bits: float | None) -> str:
    """Return the rarity of a match's wording in words."""
    if not counted:
        return COMMON_OR_KNOWN
    if bits is None or bits != bits:
        return UNKNOWN_RARITY
    return next(words for limit, words in RARITY if bits >= limit)


def alike(share: float) -> str:
    """Return a similarity as the cards of exhibits show it, with one decimal below 10%
    and above 99%.
    """
    value = round(1000 * share) / 10
    exact = value < 10 or 99 < value < 100
    return f"{value:.{int(exact)}f}%"


def review(marks: Mapping[int, Mapping[str, str]]) -> str | None:
    if not marks:
        return None
    numbers = Counter(mark["verdict"] for mark in marks.values())
    return ", ".join(
        f"{count(numbers[name])} {name}"
        for name in ("accepted", "rejected", "unsure")
        if numbers[name]
    )


def searched(summary: Mapping[str, Any]) -> str:
    """Return the end of a sentence about what was compared: the number of licensed
    tweets and texts, and the number of texts that serve as control.
    """
    index, cutoff = summary["index"], summary["control"]["cutoff"]
    values = {name: index[name] for name in ("tweets", "texts")}
    said = sentence("page", "searched", **values)
    if cutoff:
        said += f" {sentence('page', 'cutoff', texts=cutoff['texts'])}"
    return said


def chance(summary: Mapping[str, Any]) -> str:
    """Return the measures of chance in words."""
    measures = summary["control"]["chance_measures"]
    return " and with ".join(sentence("page", each["kind"]) for each in measures)


def noticed(summary: Mapping[str, Any]) -> list[str]:
    """Return the peculiarities of the records with their counts, the most frequent
    first.
    """
    notes = sorted(summary["notes"].items(), key=lambda item: (-item[1], item[0]))
    named = ((reason(name), number) for name, number in notes if number)
    return [f"{text[0].upper()}{text[1:]}: {count(number)}" for text, number in named]


def sampled(sample: Mapping[str, Any]) -> str:
    """Return a sentence about the sample that was scanned."""
    values = {**sample, "share": percent(sample["share"])}
    said = [sentence("page", f"sampled_{sample['by']}", **values)]
    if sample.get("design_effect", 0) > 1:
        said.append(sentence("page", "design_effect", effect=sample["design_effect"]))
    if (total := sample.get("records")) is not None:
        shown = {**total, "value": amount(total["value"], "at_most")}
        said.append(sentence("page", "projected", **shown))
    return " ".join(said)


REASONS = terms("record")
"""The meanings of the keys in ``skipped``, ``repaired`` and similar entries."""
OPTIONS = terms("option")
"""The options that a terminal names beside a key. Pages name none, since their readers
have the results of a command and not the command.
"""


def reason(key: str) -> str:
    """Return a key of ``summary.json`` or ``run.json`` in words."""
    return REASONS.get(key, key.replace("_", " "))
