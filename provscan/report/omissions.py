"""Describe in sentences what a scan left out.

:func:`left_out` returns all of them: :func:`not_scanned` is about files, records and
fields, and :func:`not_searched` about copies that the scan could not find.
:func:`left_out_in_brief` is one line for a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from provscan.names import several
from provscan.readers.fields.dataset import SINGLE_WORDS
from provscan.readers.limits import LIMITS
from provscan.report.wording import count, percent, reason, visible

# Maximum number of scripts, and of languages, whose shares are shown.
NAMED_SHARES = 5

# Fields without text that are listed by name.
FIELDS_SHOWN = 10


def left_out(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about everything that the scan left out."""
    return [*not_scanned(summary), *not_searched(summary)]


def not_scanned(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about files, records and fields that were not scanned."""
    return [
        *_files_not_scanned(summary),
        *_fields_not_scanned(summary),
        *_chance_data_not_scanned(summary),
    ]


def _files_not_scanned(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about files and records of the dataset."""
    sentences = []
    if summary.get("unread"):
        sentences.append(
            f"{several(len(summary['unread']), 'file was', 'files were')} not scanned."
        )
    if summary["damaged"]:
        # Count each file once, since a truncated file may also be listed as changed.
        files = several(
            len({case["source"] for case in summary["damaged"]}), "file is", "files are"
        )
        sentences.append(
            f"{files} damaged, or changed during the scan; data after the damage was "
            "not scanned."
        )
    for name, text in (
        ("skipped", "not scanned"),
        ("repaired", "scanned after a repair"),
    ):
        sentences += _with_causes(summary[name], ("record was", "records were"), text)
    if number := summary.get("ignored_files"):
        files = several(number, "file or folder was", "files or folders were")
        sentences.append(
            f"{files} ignored: hidden, metadata of a dataset, or named twice."
        )
    return sentences


def _fields_not_scanned(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about fields that were not scanned, and about fields whose texts
    are single words.
    """
    sentences = []
    verdicts = summary["field_codes"]
    if deep := summary["notes"].get("too_deep"):
        sentences.append(
            f"Text more than {LIMITS.nesting} levels deep in objects and lists was not "
            f"scanned ({several(deep, 'record', 'records')})."
        )
    if pieces := [name for name in verdicts if SINGLE_WORDS in verdicts[name]]:
        sentences.append(
            f"Single words ({_named(pieces)}) were scanned one by one, so a text that "
            "spans several of them is missed. Put each text into one field of one "
            "record."
        )
    return sentences


def _chance_data_not_scanned(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about the control and the null dataset."""
    sentences = []
    control = summary["control"]
    if files := control["files"]:
        sentences += _with_causes(
            files["skipped"],
            ("tweet of the control was", "tweets of the control were"),
            "not read",
        )
        if licensed := files["also_licensed"]:
            tweets = several(
                licensed, "tweet of the control is", "tweets of the control are"
            )
            sentences.append(
                f"{tweets} also licensed, and so not used as control; matches of their "
                "texts are not counted."
            )
    if null := control["null"]:
        units = ("record of the null dataset was", "records of the null dataset were")
        sentences += _with_causes(null["skipped"], units, "not scanned")
    return sentences


def shares_too_short(short: Mapping[str, Any]) -> str:
    """Return the shares of tweets that are too short to be searched for; empty if there
    are none. Scripts and languages without any are left out.
    """
    if not short or short["share"] == 0.0:
        return ""
    text = percent(short["share"])
    for kind in ("scripts", "languages"):
        named = [(name, share) for name, share in short[kind].items() if share]
        named = named[:NAMED_SHARES]
        if len(short[kind]) > 1 and named:
            shares = (f"{name} {percent(share)}" for name, share in named)
            text += f"; {', '.join(shares)}"
    return text


def not_searched(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about copies that the scan could not find."""
    sentences = []
    owners = {"licensed": "of the licensed texts", "control": "of the control's"}
    too_short = summary["control"]["too_short"]
    if short := [f"{percent(n)} {owners[kind]}" for kind, n in too_short.items() if n]:
        what = "Some texts are too short to search for, and excluded from all counts"
        sentences.append(f"{what}: {' and '.join(short)}.")
    if tweets := shares_too_short(summary["index"].get("too_short", {})):
        sentences.append(f"Licensed tweets that are too short to search for: {tweets}.")
    if total := sum(summary["truncated"].values()):
        lookups = several(total, "look-up was", "look-ups were")
        sentences.append(
            f"{lookups} cut short because the wording is very common: copies of common "
            "phrases may be missed."
        )
    return sentences


def left_out_in_brief(summary: Mapping[str, Any]) -> str:
    """Return what was not scanned in one line; empty if everything was scanned."""
    sentences = not_scanned(summary)
    if not sentences:
        return ""
    # Keep the first sentence up to the beginning of its details.
    first = re.split(r"[.:;,](?=\s|$)| \(", sentences[0])[0]
    return f"{first}{'; and more' if sentences[1:] else ''}: info lists them."


def _named(fields: Sequence[str]) -> str:
    more = (
        f" and {count(len(fields) - FIELDS_SHOWN)} more, in summary.json"
        if len(fields) > FIELDS_SHOWN
        else ""
    )
    return f"{', '.join(map(visible, fields[:FIELDS_SHOWN]))}{more}"


def _with_causes(
    records: Mapping[str, int], units: tuple[str, str], text: str
) -> list[str]:
    """Return a sentence about a number of skipped or repaired records, with the
    causes; empty if there are none. ``units`` are words for one record and for several.
    """
    if not (total := sum(records.values())):
        return []
    causes = "; ".join(
        f"{reason(name)}: {count(n)}" for name, n in records.items() if n
    )
    return [f"{several(total, *units)} {text} ({causes})."]
