"""The words that page, tables and lists share: numbers, reasons and terms as people
read them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from provscan.estimate.answer import edit_words
from provscan.readers.limits import LIMITS
from provscan.readers.texts.fields import (
    BY_FIRST_RECORDS,
    CUES,
    NOT_SCANNED,
    SEARCHED,
    SINGLE_WORDS,
    TOO_DEEP,
)

LEVELS = {
    "exact": "same text, up to white space and HTML entities",
    "near_exact": "same text once links, @names, case, accents and punctuation are "
    "left out",
    "strong": "at least 80% alike",
    "weak": "less than 80% alike, but similar as a whole",
    "partial": "a long stretch of the text, without the rest",
}
"""What each level means, best first."""
# Fields without text that are named.
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
    """The name of an edit, a script or another class, as people write it."""
    return name.capitalize() if name in PROPER else edit_words(name)


def count(n: int) -> str:
    return f"{n:,}"


def percent(share: float | None) -> str:
    """A share with three significant digits; ``0%`` and ``100%`` only for exactly none
    and all.
    """
    if share is None:
        return "not known"
    if share in (0, 1):
        return f"{share * 100:.0f}%"
    digits = 3
    while digits < 15 and float(f"{share * 100:.{digits}g}") == 100:
        digits += 1
    return f"{Decimal(f'{share * 100:.{digits}g}'):f}%"


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
    """What an answer has numbers of, each with what it counts."""
    return [
        (name, meaning.format(**answer[name]))
        for name, meaning in MEASURES.items()
        if answer.get(name)
    ]


# Characters that are invisible or change the direction of what follows.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)


def visible(text: str) -> str:
    """A text with invisible and direction characters spelled out."""
    if text.isprintable():
        return text
    return INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def amount(number: float | None, layer: str = "estimate") -> str:
    """A number of records, texts or characters; a dash where it is withheld. Bounds are
    rounded to the safe side.
    """
    if number is None:
        return "–"
    rounded = {"at_least": math.floor, "at_most": math.ceil}.get(layer, round)(
        round(number, 6)
    )
    return count(int(rounded))


def layers(number: Mapping[str, Any]) -> list[str]:
    """The layers of a number as words: findings, at least, estimate."""
    estimate = number["estimate"]
    middle = (
        f"{amount(estimate['value'])} "
        f"({amount(estimate['low'])}-{amount(estimate['high'])})"
        if estimate
        else "–"
    )
    return [amount(number["findings"]), amount(number["at_least"], "at_least"), middle]


def place(item: Mapping[str, Any]) -> str:
    """Where a text is, in words."""
    field = item["field"]
    return visible(item["source"] + (f", field {field}" if field else ""))


def day(time: Any) -> str:
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
"""What a match of a level is, for people."""
RARITY = (
    (150.0, "extremely rare wording"),
    (100.0, "very rare wording"),
    (0.0, "rare wording"),
)
"""How rare the wording of a finding is, by its bits, the rarest first."""
COMMON_OR_KNOWN = "common or known wording"
NOT_FINDINGS = {
    "common": (
        "common wording",
        "Three authors or more have this text, or the control does.",
    ),
    "known": (
        "known elsewhere",
        "This text also stands in data that can't come from the platform (--known).",
    ),
    "ordinary": (
        "short or ordinary wording",
        "Too few letters, or words that are too common, to tell it from chance.",
    ),
}
"""Why a match is no finding: its name, and what it means."""
UNKNOWN_RARITY = "long wording of unknown rarity"
Otherwise = tuple[str, str]


def otherwise(summary: Mapping[str, Any]) -> Otherwise:
    """What is said of wording whose rarity is not known, and of that of no findings. A
    run that measures no rarity has words of its own.
    """
    own = summary.get("wording")
    return (UNKNOWN_RARITY, COMMON_OR_KNOWN) if own is None else tuple(own)


def rarity(
    counted: bool,
    bits: float | None,
    unless: Otherwise = (UNKNOWN_RARITY, COMMON_OR_KNOWN),
) -> str:
    """How rare the wording of a match is, in words."""
    if not counted:
        return unless[1]
    if bits is None or bits != bits:
        return unless[0]
    return next(words for limit, words in RARITY if bits >= limit)


def alike(share: float) -> str:
    """A similarity as the cards of exhibits show it; only what rounds to a whole
    thousand is ``100%``.
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
    """What was searched for, as the end of a sentence, with what of it serves as the
    control.
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
            f" {younger} matches are no findings. A text with an undated tweet or a "
            "retweet stays licensed."
        )
    return said


def chance(summary: Mapping[str, Any]) -> str:
    """What chance was measured with."""
    means = {
        "control": "texts that are known not to be in the data",
        "null": "other data that is known to hold no licensed text",
    }
    return " and with ".join(
        means[measure["kind"]] for measure in summary["control"]["chance_measures"]
    )


def noticed(summary: Mapping[str, Any]) -> list[str]:
    """What was noticed of the records, and how often, the most frequent first."""
    notes = sorted(summary["notes"].items(), key=lambda item: (-item[1], item[0]))
    said = ((reason(name), number) for name, number in notes if number)
    return [f"{what[0].upper()}{what[1:]}: {count(number)}" for what, number in said]


def left_out(summary: Mapping[str, Any]) -> list[str]:
    """What the user named and the scan did not cover, a sentence each."""
    return [*not_scanned(summary), *not_searched(summary)]


def not_scanned(summary: Mapping[str, Any]) -> list[str]:
    """Files, records and fields that were not scanned."""
    said = []
    if summary.get("unread"):
        said.append(
            f"{several(len(summary['unread']), 'file was', 'files were')} not scanned."
        )
    if summary["damaged"]:
        # One that was cut off is also one that was changed.
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
        said.append(
            f"{files} passed over: hidden, describing a dataset, or named twice."
        )
    verdicts = summary.get("fields", {})
    if without := [
        name for name in verdicts if not BY_FIRST_RECORDS.isdisjoint(verdicts[name])
    ]:
        fields = several(
            len(without),
            "field was not scanned, since its",
            "fields were not scanned, since their",
        )
        said.append(
            f"{fields} first records hold no text there: {_named(without)}. If later "
            "ones do, name all fields that hold text with --text-field."
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
                f"{what} ({_named(pieces)}) were scanned one by one: a text that runs "
                "over several is missed. Write "
                "all of a text into one field of one record."
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
            "Text in fields that the first records of the file lack was not "
            f"scanned{which}. One record in {SEARCHED} "
            f"was searched for it: {count(later)} had some. Name all fields that hold "
            "text with --text-field."
        )
    # A run that measures no chance has no control.
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
                f"{tweets} licensed as well, and so no control; matches of their texts "
                "are not counted."
            )
    if null := control["null"]:
        of_null = ("record of the null dataset was", "records of the null dataset were")
        said += _not_read(null["skipped"], of_null, "not scanned")
        if null.get("notes", {}).get("later_text"):
            said.append(
                "The null dataset has text in fields that its first records lack, and "
                "that were not scanned: chance may be more than it says. Name all "
                "fields that hold text with --text-field."
            )
    return said


def not_searched(summary: Mapping[str, Any]) -> list[str]:
    """What could not be found in what was scanned."""
    said = []
    sides = {"licensed": "of the licensed texts", "control": "of the control's"}
    too_short = summary.get("control", {}).get("too_short", {})
    if short := [f"{percent(n)} {sides[side]}" for side, n in too_short.items() if n]:
        what = "Some texts are too short to be looked for, and excluded from all counts"
        said.append(f"{what} (--min-chars): {' and '.join(short)}.")
    if total := sum(summary["truncated"].values()):
        lookups = several(total, "look-up was", "look-ups were")
        said.append(
            f"{lookups} cut short, since the wording is very common: copies of common "
            "phrases can be missed."
        )
    return said


def left_out_in_brief(summary: Mapping[str, Any]) -> str:
    """What was not scanned, in one line; an empty text where all was."""
    sentences = not_scanned(summary)
    if not sentences:
        return ""
    # The first sentence up to where it goes into details.
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
    """How many records were skipped, say, and why; nothing where none were."""
    if not (total := sum(skipped.values())):
        return []
    causes = "; ".join(
        f"{reason(name)}: {count(n)}" for name, n in skipped.items() if n
    )
    return [f"{several(total, *of)} {text} ({causes})."]


def several(n: int, singular: str, plural: str) -> str:
    """A number with its noun."""
    return f"{count(n)} {singular if n == 1 else plural}"


def sampled(sample: Mapping[str, Any]) -> str:
    """What was scanned of the dataset, in a sentence."""
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
        f" Records of a file are alike: each is worth 1/{effect:.1f} of one drawn by "
        "itself."
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
    "attachment": "attachments of mail that are no text, and were not scanned",
    "bad_csv_row": "wrong number of fields in the row, or a quote that is never closed",
    "bad_date": "date not understood, taken as missing",
    "bad_json": "line that is not JSON",
    "bad_warc_record": "record of a crawl whose headers are damaged",
    "bands_cut": "look-ups of very common texts",
    "chat_as_text": "answers that look like whole chats in a notation that is not "
    "read; their prompts are scanned",
    "computed_columns": "tables of DuckDB with computed columns, which were not "
    "scanned",
    "cut_page": "compressed pages of a crawl that are too long or not whole, of which "
    "the beginning was read",
    "encoding_fixed": "decoded with a wrong encoding before it was written, taken as "
    "what was meant",
    "empty_file": "empty file",
    "escaped": r"texts with letters written as escapes, such as \u0447; copies in them "
    r"are missed without "
    "--fix-encoding",
    "escapes_decoded": r"letters written as escapes, such as \u0447, taken as what was "
    r"meant",
    "invalid_part": "parts of mail that could not be decoded, or only with "
    "replacements",
    "invalid_text": "pages of a crawl with bytes that are not in their encoding, "
    "replaced",
    "invalid_utf8": "not valid UTF-8, wrong bytes replaced",
    "later_text": "records, of those that were searched, with text in fields that the "
    "first records lack",
    "line_too_long": "line too long",
    "lines_above": "lines above the names of a table's columns, left out",
    "lone_surrogate": "half a character, replaced",
    "no_text": "no text",
    "only_prompts": "prompts without an answer",
    "prompt_left_out": "prompts, which are no outputs of the model",
    "prompt_repeated": "answers that repeat their prompt; the repeated words were left "
    "out, and are shown as ▒",
    "not_an_object": "JSON, but not an object",
    "not_in_encoding": "bytes that are not in the encoding of the file, replaced; "
    "--encoding overrules it",
    "other_encoding": "files in another encoding than UTF-8; --encoding overrules it",
    "seeds_cut": "look-ups of very common phrases",
    "subtitles": "texts of subtitles, searched without numbers and times of cues, "
    "which are shown as ▒",
    "text_not_string": "text field that holds no text",
    "too_many_fields": "more values in one object than the limit",
    "value_like_rows": "quoted values of many lines that look like rows: if they are, "
    "a quote is missing before them",
    "unread_coding": "pages of a crawl in a compression that is not read, such as "
    "Brotli",
    "wrong_length": "records of a crawl whose length is wrong, read up to the next "
    "record",
    "word_a_line": "files with a word a line, scanned without what stands beside the "
    "words",
    "wrongly_decoded": "texts decoded with a wrong encoding before they were written; "
    "copies in them may be missed "
    "without --fix-encoding",
}
"""What the keys in ``skipped``, ``repaired`` and the like mean."""


def reason(key: str) -> str:
    """A key of ``summary.json`` or ``run.json``, as words; what follows a colon is left
    as it is.
    """
    key, colon, detail = key.partition(": ")
    return REASONS.get(key, key.replace("_", " ")) + colon + detail
