"""Describe in sentences what a scan left out.

:func:`left_out` returns all of them: :func:`not_scanned` is about files, records and
fields, and :func:`not_searched` about copies that the scan could not find.
:func:`left_out_in_brief` is one line for a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from provscan.messages import sentence
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
    control, verdicts = summary["control"], summary["field_codes"]
    null, files = control["null"] or {}, control["files"] or {}
    words = [name for name in verdicts if SINGLE_WORDS in verdicts[name]]
    counts = {
        "unread": len(summary.get("unread", ())),
        # Count each file once, since a truncated file may also be listed as changed.
        "damaged": len({case["source"] for case in summary["damaged"]}),
        "skipped": summary["skipped"],
        "repaired": summary["repaired"],
        "ignored": summary.get("ignored_files", 0),
        "too_deep": summary["notes"].get("too_deep", 0),
        "single_words": len(words),
        "control_skipped": files.get("skipped", {}),
        "control_licensed": files.get("also_licensed", 0),
        "null_skipped": null.get("skipped", {}),
    }
    return _sentences(counts, levels=LIMITS.nesting, fields=_named(words))


def _sentences(
    counts: Mapping[str, int | Mapping[str, int]], **values: Any
) -> list[str]:
    """Return the sentences of the counts that are not zero; a count by cause is added
    up, and its causes are listed.
    """
    found = []
    for code, count_or_causes in counts.items():
        causes = count_or_causes if isinstance(count_or_causes, Mapping) else {}
        number = sum(causes.values()) if causes else count_or_causes
        if number:
            named = (f"{reason(name)}: {count(n)}" for name, n in causes.items() if n)
            shown = values | {"count": number, "causes": "; ".join(named)}
            found.append(sentence("left_out", code, **shown))
    return found


def shares_too_short(short: Mapping[str, Any]) -> str:
    """Return the shares of tweets that are too short to be searched for; empty if there
    are none. Of scripts and languages, those with the largest shares are named.
    """
    if not short or short["share"] == 0.0:
        return ""
    text = percent(short["share"])
    for kind, title in (("scripts", "by script"), ("languages", "by language")):
        ordered = sorted(short[kind].items(), key=lambda item: -item[1])
        named = [(name, share) for name, share in ordered[:NAMED_SHARES] if share]
        if len(short[kind]) > 1 and named:
            shares = (f"{name} {percent(share)}" for name, share in named)
            text += f"; {title}: {', '.join(shares)}"
    return text


def not_searched(summary: Mapping[str, Any]) -> list[str]:
    """Return sentences about copies that the scan could not find."""
    owners = {"licensed": "of the licensed texts", "control": "of the control's"}
    too_short = summary["control"]["too_short"]
    short = [f"{percent(n)} {owners[kind]}" for kind, n in too_short.items() if n]
    tweets = shares_too_short(summary["index"].get("too_short", {}))
    return [
        *_sentences({"too_short": len(short)}, shares=" and ".join(short)),
        *_sentences({"tweets_too_short": len(tweets)}, shares=tweets),
        *_sentences({"truncated": sum(summary["truncated"].values())}),
    ]


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
