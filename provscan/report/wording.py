"""The wording that pages, tables and lists share: numbers, reasons and terms in
words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from provscan.readers.limits import LIMITS
from provscan.readers.texts.fields import (
    BY_FIRST_RECORDS,
    CUES,
    NOT_SCANNED,
    SEARCHED,
    SINGLE_WORDS,
    TOO_DEEP,
)
from provscan.runs.wording import edit_words, percentage, several

LEVELS = {
    "exact": "same text, up to white space and HTML entities",
    "near_exact": "same text once links, @names, case, accents and punctuation are "
    "left out",
    "strong": "at least 80% alike",
    "weak": "less than 80% alike, but similar as a whole",
    "partial": "a long stretch of the text, without the rest",
}
"""The meaning of each level, best first."""
# Fields without text that are listed by name.
FIELDS_SHOWN = 10
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
    "tokens": "Tokens, at {characters_a_token:.3g} characters each",
}
LAYERS = {
    "findings": ("Findings", "records that share rare wording with licensed tweets"),
    "at_least": (
        "At least",
        "records with copies, allowing for the most that chance may explain (97.5% "
        "confident)",
    ),
    "estimate": (
        "Estimate",
        "records with copies, corrected for chance and for missed copies",
    ),
}


def measures(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the quantities for which an answer has numbers, with their names."""
    return [
        (name, meaning.format(**answer[name]))
        for name, meaning in MEASURES.items()
        if answer.get(name)
    ]


# Characters that are invisible or change the direction of the following text.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)


def visible(text: str) -> str:
    """Return a text with invisible and direction characters escaped."""
    if text.isprintable():
        return text
    return INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


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


def day(time: Any) -> str:
    return "" if time is None else f"{time:%Y-%m-%d}"


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


KINDS = {
    "exact": "word for word",
    "near_exact": "word for word",
    "strong": "nearly word for word",
    "weak": "edited",
    "partial": "a part",
}
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
NOT_FINDINGS = {
    "common": (
        "common wording",
        "Three or more authors posted this text, or the control contains it.",
    ),
    "known": (
        "known elsewhere",
        "This text also occurs in data that can't come from the platform (--known).",
    ),
    "ordinary": (
        "short or ordinary wording",
        "Too few letters, or words that are too common, to tell it from chance.",
    ),
}
"""The reasons why a match is not a finding, each with its name and meaning."""
UNKNOWN_RARITY = "long wording of unknown rarity"
Otherwise = tuple[str, str]


def otherwise(summary: Mapping[str, Any]) -> Otherwise:
    """Return the words for findings of unknown rarity and for matches that are not
    findings. A run that does not measure rarity supplies other words.
    """
    own = summary.get("wording")
    return (UNKNOWN_RARITY, COMMON_OR_KNOWN) if own is None else tuple(own)


def rarity(
    counted: bool,
    bits: float | None,
    unless: Otherwise = (UNKNOWN_RARITY, COMMON_OR_KNOWN),
) -> str:
    """Return the rarity of a match's wording in words."""
    if not counted:
        return unless[1]
    if bits is None or bits != bits:
        return unless[0]
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
    """Return the end of a sentence, on the number of texts that were searched for and
    the number that serve as control.
    """
    index, cutoff = summary["index"], summary["control"]["cutoff"]
    tweets = several(index["tweets"], "licensed tweet", "licensed tweets")
    said = (
        f"against {tweets} with "
        f"{several(index['texts'], 'different text', 'different texts')}."
    )
    if cutoff:
        younger = several(
            cutoff["texts"],
            "of these texts is not older than the cutoff: it serves as control, and "
            "its",
            "of these texts are not older than the cutoff: they serve as control, and "
            "their",
        )
        said += (
            f" {younger} matches do not count as findings. A text with an undated "
            "tweet or a retweet stays licensed."
        )
    return said


def chance(summary: Mapping[str, Any]) -> str:
    """Return the measures of chance in words."""
    means = {
        "control": "texts that are known to be absent from the data",
        "null": "other data that is known to contain no licensed text",
    }
    return " and with ".join(
        means[measure["kind"]] for measure in summary["control"]["chance_measures"]
    )


def noticed(summary: Mapping[str, Any]) -> list[str]:
    """Return the peculiarities of the records with their numbers, the most frequent
    first.
    """
    notes = sorted(summary["notes"].items(), key=lambda item: (-item[1], item[0]))
    said = ((reason(name), number) for name, number in notes if number)
    return [f"{what[0].upper()}{what[1:]}: {count(number)}" for what, number in said]


def left_out(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about named data that the scan did not cover."""
    return [*not_scanned(summary), *not_searched(summary)]


def not_scanned(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about files, records and fields that were not scanned."""
    said = []
    if summary.get("unread"):
        said.append(
            f"{several(len(summary['unread']), 'file was', 'files were')} not scanned."
        )
    if summary["damaged"]:
        # Count each file once, since a truncated file may also be listed as changed.
        files = several(
            len({case["source"] for case in summary["damaged"]}), "file is", "files are"
        )
        said.append(
            f"{files} damaged, and scanned up to the damage only, or changed during "
            "the scan."
        )
    for name, text in (
        ("skipped", "not scanned"),
        ("repaired", "scanned after a repair"),
    ):
        said += _not_read(summary[name], ("record was", "records were"), text)
    if number := summary.get("ignored_files"):
        files = several(number, "file or folder was", "files or folders were")
        said.append(f"{files} ignored: hidden, metadata of a dataset, or named twice.")
    verdicts = summary.get("fields", {})
    if without := [
        name for name in verdicts if not BY_FIRST_RECORDS.isdisjoint(verdicts[name])
    ]:
        fields = several(
            len(without),
            "field was not scanned, because the first records have no text in it",
            "fields were not scanned, because the first records have no text in them",
        )
        said.append(
            f"{fields}: {_named(without)}. If later records have some, name all text "
            "fields with --text-field."
        )
    if any(NOT_SCANNED + TOO_DEEP in verdict for verdict in verdicts.values()):
        said.append(
            f"Text more than {LIMITS.nesting} levels deep in objects and lists was not "
            "scanned."
        )
    for verdict, what in (
        (SINGLE_WORDS, "Single words"),
        (CUES, "Cues of transcripts"),
    ):
        if pieces := [name for name in verdicts if verdict in verdicts[name]]:
            said.append(
                f"{what} ({_named(pieces)}) were scanned one by one, so a text that "
                "spans several of them is missed. Put each text into one field of one "
                "record."
            )
    if later := summary["notes"].get("later_text"):
        named = {
            case["reason"]: case["where"]
            for case in reversed(summary.get("examples", []))
        }
        cases = [
            f"{name} ({named[name]})".removeprefix("later_text: ")
            for name in named
            if "later_text: " in name
        ]
        which = f": {visible('; '.join(cases))}" if cases else ""
        said.append(
            "Text in fields that are missing from the first records of a file was not "
            f"scanned{which}. One record in {SEARCHED} was checked for such text: "
            f"{count(later)} had some. Name all text fields with --text-field."
        )
    # A blind run has no entry for the control.
    control = summary.get("control", {"files": None, "null": None})
    if files := control["files"]:
        said += _not_read(
            files["skipped"],
            ("tweet of the control was", "tweets of the control were"),
            "not read",
        )
        if licensed := files["also_licensed"]:
            tweets = several(
                licensed, "tweet of the control is", "tweets of the control are"
            )
            said.append(
                f"{tweets} also licensed, and so not used as control; matches of their "
                "texts are not counted."
            )
    if null := control["null"]:
        of_null = ("record of the null dataset was", "records of the null dataset were")
        said += _not_read(null["skipped"], of_null, "not scanned")
        if null.get("notes", {}).get("later_text"):
            said.append(
                "The null dataset has text in fields that are missing from its first "
                "records. That text was not scanned, so chance may be underestimated. "
                "Name all text fields with --text-field."
            )
    return said


def not_searched(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about copies that the scan could not find."""
    said = []
    sides = {"licensed": "of the licensed texts", "control": "of the control's"}
    too_short = summary.get("control", {}).get("too_short", {})
    if short := [f"{percent(n)} {sides[side]}" for side, n in too_short.items() if n]:
        what = "Some texts are too short to search for, and excluded from all counts"
        said.append(f"{what} (--min-chars): {' and '.join(short)}.")
    if total := sum(summary["truncated"].values()):
        lookups = several(total, "look-up was", "look-ups were")
        said.append(
            f"{lookups} cut short because the wording is very common: copies of common "
            "phrases may be missed."
        )
    return said


def left_out_in_brief(summary: Mapping[str, Any]) -> str:
    """Return what was not scanned in one line; empty if everything was scanned."""
    sentences = not_scanned(summary)
    if not sentences:
        return ""
    # Keep the first sentence up to the beginning of its details.
    first = re.split(r"[.:;,](?=\s|$)| \(", sentences[0])[0]
    return f"{first}{'; and more' if sentences[1:] else ''}: --verbose lists them."


def _named(fields: Sequence[str]) -> str:
    more = (
        f" and {count(len(fields) - FIELDS_SHOWN)} more, in summary.json"
        if len(fields) > FIELDS_SHOWN
        else ""
    )
    return f"{', '.join(map(visible, fields[:FIELDS_SHOWN]))}{more}"


def _not_read(skipped: Mapping[str, int], of: tuple[str, str], text: str) -> list[str]:
    """Return a sentence about a number of records, such as skipped ones, with the
    causes; empty if there are none.
    """
    if not (total := sum(skipped.values())):
        return []
    causes = "; ".join(
        f"{reason(name)}: {count(n)}" for name, n in skipped.items() if n
    )
    return [f"{several(total, *of)} {text} ({causes})."]


def sampled(sample: Mapping[str, Any]) -> str:
    """Return a sentence about the sample that was scanned."""
    extent = (
        "findings are those of the sample, other numbers are for the whole dataset."
    )
    if sample["by"] == "records":
        return (
            f"{percent(sample['share'])} of the records were scanned, drawn at random: "
            f"{extent}"
        )
    effect = sample["design_effect"]
    worth = (
        " Records of the same file resemble each other, so each counts as "
        f"1/{effect:.1f} of a record that is drawn independently."
        if effect > 1
        else ""
    )
    whole = sample.get("records")
    projected = ""
    if whole is not None:
        limits = (
            f"95% interval {count(round(whole['low']))}-{count(round(whole['high']))}"
        )
        projected = (
            f" All records are about {amount(whole['value'], 'at_most')} ({limits}), "
            "projected from the sample."
        )
    return (
        f"{count(sample['parts'])} of {count(sample['parts_in_all'])} files, or parts "
        "of files, were scanned, drawn at "
        f"random, {percent(sample['share'])} of the bytes: {extent}{worth}{projected}"
    )


REASONS = {
    "attachment": "mail attachments that are not text, not scanned",
    "bad_csv_row": "wrong number of fields in the row, or a quote that is never closed",
    "bad_date": "date that could not be read, treated as missing",
    "bad_json": "line that is not JSON",
    "bad_warc_record": "record of a crawl whose headers are damaged",
    "bands_cut": "look-ups of very common texts",
    "chat_as_text": "answers that look like whole chats in an unknown notation; "
    "their prompts are scanned",
    "computed_columns": "tables of DuckDB with computed columns, which were not "
    "scanned",
    "cut_page": "compressed pages of a crawl that are too long or incomplete; only "
    "their beginning was read",
    "encoding_fixed": "decoded with a wrong encoding before it was written; repaired",
    "empty_file": "empty file",
    "escaped": r"texts with letters written as escapes, such as \u0447; copies in them "
    r"are missed without "
    "--fix-encoding",
    "escapes_decoded": r"letters written as escapes, such as \u0447, and decoded",
    "invalid_part": "parts of mail that could not be decoded, or only with "
    "replacements",
    "invalid_text": "pages of a crawl with bytes that are not in their encoding, "
    "replaced",
    "invalid_utf8": "not valid UTF-8, wrong bytes replaced",
    "later_text": "checked records with text in fields that are missing from the first "
    "records",
    "line_too_long": "line too long",
    "lines_above": "lines above the header of a table, left out",
    "lone_surrogate": "half of a character (a lone surrogate), replaced",
    "no_text": "no text",
    "only_prompts": "prompts without an answer",
    "prompt_left_out": "prompts, which are not outputs of the model",
    "prompt_repeated": "answers that repeat their prompt; the repeated words were left "
    "out, and are shown as ▒",
    "not_an_object": "JSON, but not an object",
    "not_in_encoding": "bytes that are invalid in the encoding of the file, replaced; "
    "--encoding names another",
    "other_encoding": "files in an encoding other than UTF-8; --encoding names another",
    "seeds_cut": "look-ups of very common phrases",
    "subtitles": "texts of subtitles, searched without numbers and times of cues, "
    "which are shown as ▒",
    "text_not_string": "text field that is not a string",
    "too_many_fields": "more values in one object than the limit",
    "value_like_rows": "quoted values of many lines that look like rows; a quote may "
    "be missing before them",
    "unread_coding": "pages of a crawl in an unsupported compression, such as Brotli",
    "wrong_length": "crawled records with a wrong length, read up to the next record",
    "word_a_line": "files with one word per line, scanned without their other columns",
    "wrongly_decoded": "texts decoded with a wrong encoding before they were written; "
    "copies in them may be missed "
    "without --fix-encoding",
}
"""The meanings of the keys in ``skipped``, ``repaired`` and similar entries."""


def reason(key: str) -> str:
    """Return a key of ``summary.json`` or ``run.json`` in words; text after a colon is
    kept.
    """
    key, colon, detail = key.partition(": ")
    return REASONS.get(key, key.replace("_", " ")) + colon + detail
