"""Export the findings of a run for the checks of a pipeline.

:func:`sarif` makes a SARIF file for code scanning, :func:`junit` JUnit XML for test
reports, and :func:`markdown` a page for a pull request. Each returns a file as bytes,
made from the exhibits to list, the strongest first, and from the files of the run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import pyarrow as pa
import xxhash

from provscan import __version__
from provscan.names import counted, several
from provscan.report.document import fill
from provscan.report.files import RunFiles
from provscan.report.wording import (
    EXCERPT,
    KINDS,
    LEVELS,
    layers,
    measures,
    rarity,
    visible,
)
from provscan.runs.evidence.tables import digest
from provscan.statuses import STATUSES

Row = dict[str, Any]
BATCH = 4096
# The columns of exhibits that these files show.
SHOWN_COLUMNS = (
    *("source", "record", "record_id", "field", "start", "end", "tweet_id", "level"),
    *("bits", "counted", "new", "passage", "has_text", "permalink"),
)

# GitHub rejects files of more than 25,000 results or 10 MB compressed, and shows 5,000
# results with 100 places each. A file with PLACES places is about 1 MB large.
RESULTS, PLACES_OF_RESULT, PLACES = 5_000, 100, 25_000
SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)
COMMON = "common_or_known"
# The rules of a SARIF file: an id for each level of findings, and one for all other
# matches, with severity and meaning.
RULES = {
    **{
        name: ("error" if name.endswith("exact") else "warning", meaning)
        for name, meaning in LEVELS.items()
    },
    COMMON: ("note", "common, short or known wording; no evidence of copying"),
}
# Files in which each line is a record.
LINES = re.compile(r"\.(jsonl|ndjson|jsonlines)$", re.IGNORECASE)
URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# The number of exhibits listed in a page of Markdown and in a failed test.
SHOWN = 20


def _new_first(exhibits: pa.Table) -> pa.Table:
    """Return the exhibits with those that are new since the baseline first."""
    new = exhibits["new"].fill_null(False).to_numpy()
    return exhibits.take(pa.array(np.argsort(~new, kind="stable")))


def _rows(exhibits: pa.Table) -> Iterator[Row]:
    for batch in exhibits.select(SHOWN_COLUMNS).to_batches(BATCH):
        yield from batch.to_pylist()


def _place(row: Row) -> str:
    """Return the place of a match within its file."""
    known = f" (id {row['record_id']})" if row["record_id"] else ""
    name = f", field {row['field']}" if row["field"] else ""
    return (
        f"record {row['record']:,}{known}{name}, characters {row['start']:,} to "
        f"{row['end']:,}"
    )


def _tweet(row: Row) -> str:
    return row["permalink"] or f"tweet {row['tweet_id']}"


def _excerpt(row: Row) -> str:
    """Return the passage in one line or its digest; empty if neither is known."""
    text = " ".join((row["passage"] or "").split())
    if row["has_text"]:
        return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"
    return text and f"SHA-256 {text}"


def _not_scanned(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each file that was not scanned to its end, with the reason, and for an
    incomplete answer also the records that were not scanned.
    """
    found = [
        (item["path"], f"not scanned: {item['reason']}") for item in summary["unread"]
    ]
    found += [
        (item["source"], f"damaged, or changed during the scan: {item['problem']}")
        for item in summary["damaged"]
    ]
    if not STATUSES[summary["answer"]["status"]].passes:
        sources = [item["source"] for item in summary["sources"]]
        name = sources[0] if len(sources) == 1 else "all files"
        found += [
            (name, f"not compared: {item['message']}")
            for item in summary["answer"]["not_scanned"]
            if item["code"] not in ("unread", "damaged")
        ]
    return found


@dataclass
class _Result:
    """The exhibits of one file and rule."""

    count: int = 0
    new: int = 0
    # The sum of the exhibits' digests, which does not depend on their order.
    contents: int = 0
    records: set[int] = field(default_factory=set)
    first: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        passage = digest(row["passage"]) if row["has_text"] else row["passage"]
        content = f"{row['tweet_id']} {passage} {row['end'] - row['start']}"
        self.contents += xxhash.xxh3_128_intdigest(content.encode())
        self.count += 1
        self.new += bool(row["new"])
        self.records.add(row["record"])
        if len(self.first) < PLACES_OF_RESULT:
            self.first.append(row)


def sarif(exhibits: pa.Table, run: RunFiles) -> bytes:
    """Return a SARIF 2.1.0 file with one result for each file and rule.

    The fingerprint of a result is made from its rule, file, and the contents of its
    exhibits: it changes if the findings change, but not if lines are inserted above
    them.
    """
    found: dict[tuple[str, str], _Result] = {}
    for row in _rows(_new_first(exhibits)):
        rule = row["level"] if row["counted"] else COMMON
        found.setdefault((row["source"], rule), _Result()).add(row)
    # Order the results by severity, and then by their number of exhibits.
    severity, order = ("error", "warning", "note"), list(RULES)
    ranked = sorted(
        found.items(),
        key=lambda item: (severity.index(RULES[item[0][1]][0]), -item[1].count),
    )
    shown, left_out = ranked[:RESULTS], ranked[RESULTS:]
    most = max(1, PLACES // max(1, len(shown)))
    answer = run.summary["answer"]
    notices = [("error", f"{path}: {why}") for path, why in _not_scanned(run.summary)]
    notices += [("warning", reason["message"]) for reason in answer["reasons"]]
    if left_out:
        places = sum(result.count for _, result in left_out)
        notices.append((
            "warning",
            f"{counted(len(left_out), 'result')} with "
            f"{counted(places, 'match')} left out, since only {RESULTS:,} "
            "results would be shown: export .csv for all matches.",
        ))  # fmt: skip
    scan = {
        "tool": {
            "driver": {
                "name": "provscan",
                "semanticVersion": __version__,
                "rules": [_rule(name) for name in RULES],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not any(
                    level == "error" for level, _ in notices
                ),
                "toolExecutionNotifications": [
                    {"level": level, "message": {"text": visible(text)}}
                    for level, text in notices
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            {
                "ruleId": f"licensed-tweet/{rule}",
                "ruleIndex": order.index(rule),
                "level": RULES[rule][0],
                "message": {"text": _message(result, rule, run.summary)},
                "locations": [
                    _location(row, str(run.info["folder"]))
                    for row in result.first[:most]
                ],
                "occurrenceCount": result.count,
                "partialFingerprints": {
                    "primaryLocationLineHash": _fingerprint(source, rule, result)
                },
                **_state(result, rule, run.summary),
            }
            for (source, rule), result in shown
        ],
        "properties": {name: answer[name] for name in ("status", "headline")},
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [scan]}
    return orjson.dumps(log, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _rule(name: str) -> Row:
    level, meaning = RULES[name]
    kind = KINDS.get(name, "common or known wording")
    return {
        "id": f"licensed-tweet/{name}",
        "name": name,
        "shortDescription": {"text": f"Wording of a licensed tweet: {kind}"},
        "fullDescription": {"text": f"{meaning[0].upper()}{meaning[1:]}."},
        "defaultConfiguration": {"level": level},
    }


def _message(result: _Result, rule: str, summary: Mapping[str, Any]) -> str:
    kind = "match" if rule == COMMON else "finding"
    kinds = "matches" if rule == COMMON else "findings"
    records = counted(len(result.records), "record")
    found = f"{several(result.count, kind, kinds)} in {records} of this file"
    if _compared(summary, rule):
        found += f", of which {result.new:,} {'is' if result.new == 1 else 'are'} new"
    first = result.first[0]
    text = visible(f"{_place(first)}: {_excerpt(first)}".rstrip(": "))
    return f"{found}. The strongest: {text} ({visible(_tweet(first))})."


def _compared(summary: Mapping[str, Any], rule: str) -> bool:
    """Return whether exhibits of a rule were compared with a baseline."""
    return summary.get("baseline") is not None and rule != COMMON


def _state(result: _Result, rule: str, summary: Mapping[str, Any]) -> Row:
    if not _compared(summary, rule):
        return {}
    return {"baselineState": "new" if result.new else "unchanged"}


def _location(row: Row, folder: str) -> Row:
    line = row["record"] + 1 if LINES.search(row["source"]) else 1
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(row["source"], folder)},
            "region": {"startLine": line},
        },
        "logicalLocations": [{"fullyQualifiedName": visible(_place(row))}],
        "message": {"text": visible(f"{_match(row)}: {_tweet(row)}")},
    }


def uri(source: str, folder: str) -> str:
    """Return the URI of a source, which is relative if the source is in the folder in
    which the run was made.
    """
    if URL.match(source):
        return quote(source, safe="/:@?&=%+,;~")
    path = os.path.normpath(os.path.join(folder, source))
    inside = os.path.relpath(path, folder)
    if inside == ".." or inside.startswith("../"):
        return "file://" + quote(os.fsencode(path))
    return quote(os.fsencode(inside))


def _fingerprint(source: str, rule: str, result: _Result) -> str:
    named = f"{rule} {source} {result.contents}".encode("utf-8", "surrogateescape")
    return xxhash.xxh3_128_hexdigest(named)


def junit(exhibits: pa.Table, run: RunFiles) -> bytes:
    """Return a JUnit XML file with one test for each scanned file.

    A test fails if the file has findings or, with a baseline, new findings. A file that
    was not scanned, or not to its end, is an error.
    """
    compared = run.summary.get("baseline") is not None
    failing, old = dict[str, _Result](), dict[str, _Result]()
    for row in _rows(exhibits):
        if row["counted"]:
            results = old if compared and not row["new"] else failing
            results.setdefault(row["source"], _Result()).add(row)
    wrong = _not_scanned(run.summary)
    sources = [item["source"] for item in run.summary["sources"]]
    names = [*sources, *failing, *old, *(name for name, _ in wrong)]
    return _filled(
        "checks.xml",
        run,
        names=list(dict.fromkeys(names)),
        failing=failing,
        old=old,
        words=("new finding", "new findings") if compared else ("finding", "findings"),
    )


def markdown(exhibits: pa.Table, run: RunFiles) -> bytes:
    """Return a page of Markdown with the answer, what was not scanned, and the first
    exhibits, new ones before others.

    Passages, ids and names of files are shown as code, in which nothing is a link, a
    mention or markup.
    """
    answer = run.summary["answer"]
    status, _, rest = answer["headline"].partition(": ")
    return _filled(
        "findings.md",
        run,
        status=status,
        rest=rest,
        measures=[
            (meaning, *layers(answer[name])) for name, meaning in measures(answer)
        ],
        rows=_new_first(exhibits).slice(0, SHOWN).to_pylist(),
        more=len(exhibits) - SHOWN,
    )


def _filled(template: str, run: RunFiles, **values: Any) -> bytes:
    text = fill(
        template,
        summary=run.summary,
        answer=run.summary["answer"],
        unscanned=_not_scanned(run.summary),
        shown=SHOWN,
        several=several,
        counted=counted,
        place=_place,
        match=_match,
        tweet=_tweet,
        excerpt=_excerpt,
        **values,
    )
    return text.encode()


def _match(row: Row) -> str:
    return f"{KINDS[row['level']]}, {rarity(row['counted'], row['bits'])}"
