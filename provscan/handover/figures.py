"""Check the figures of ``summary.json`` that can be derived from the rows of a run.

:class:`Recount` counts the rows, and :meth:`Recount.problems` compares the counts with
a summary. The rows give some figures exactly and others only as a range, for two
reasons. A row does not show whether a copy is in pieces, in which case it is not nearly
verbatim. And only findings always have texts or digests of texts, which distinguish
licensed texts with the same tweet id. Other figures can't be derived from the rows and
are not compared: the numbers of all records and tweets, chance, recall, and the bounds
and estimates that depend on them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from provscan.estimate.damage import nearly_verbatim
from provscan.estimate.layers import Layers
from provscan.estimate.limits import Factor
from provscan.handover.rows import Row
from provscan.runs.answer.wording import ScannedRecords, headline
from provscan.runs.evidence.tables import digest
from provscan.runs.folder import MATCHES_FILE, SUMMARY_FILE

_NUMBER = re.compile(r"\d[\d,.]*")
# The kinds of rows that are counted separately.
MATCHES, FINDINGS, NEARLY = range(3)


class Recount:
    """Counts of the rows of a run."""

    def __init__(self) -> None:
        self._rows = 0
        self._contradictions: list[str] = []
        self._levels, self._sources = Counter[str](), Counter[str]()
        # Numbers of matches, records and texts of each kind.
        self._count = [0, 0, 0]
        self._records: list[set[tuple[str, int]]] = [set(), set(), set()]
        self._texts: list[set[tuple[str, str | None]]] = [set(), set(), set()]

    def add(self, row: Row) -> None:
        number, self._rows = self._rows, self._rows + 1
        excluded = [name for name in ("control", "common", "known") if row[name]]
        if row["counted"] and excluded:
            self._contradictions.append(
                f"row {number} of {MATCHES_FILE} is both a finding and {excluded[0]}"
            )
        if row["control"]:
            return
        self._levels[row["level"]] += 1
        self._sources[row["source"]] += 1
        text = None
        if row["counted"]:
            text = digest(row["tweet"]) if row["has_text"] else row["tweet"]
        kinds = [True, row["counted"], row["counted"] and _is_nearly_verbatim(row)]
        for kind in np.flatnonzero(kinds):
            self._count[kind] += 1
            self._records[kind].add((row["source"], row["record"]))
            self._texts[kind].add((row["tweet_id"], text))

    def problems(self, summary: Mapping[str, Any]) -> Iterator[str]:
        """Yield the figures that differ from the rows.

        Raises
        ------
        LookupError, TypeError, ValueError
            ``summary`` is not the summary of a run.
        """
        yield from self._contradictions
        for name, (low, high) in self._limits(summary).items():
            value: Any = summary
            for part in name.split("."):
                value = value[part]
            withheld = value is None and name.startswith("answer.")
            if not withheld and not low <= value <= high:
                by_rows = f"{low}" if low == high else f"{low} to {high}"
                yield (
                    f"{name} of {SUMMARY_FILE} is {value}, but the rows give {by_rows}"
                )
        stated = {
            each["source"]: (each["matches"], each["records_matched"])
            for each in summary["sources"]
            if each["matches"]
        }
        records = Counter(source for source, _ in self._records[MATCHES])
        if stated != {x: (n, records[x]) for x, n in self._sources.items()}:
            yield f"the matches by source in {SUMMARY_FILE} differ from the rows"
        if not summary.get("sample") and _headline_differs(summary):
            yield f"the headline in {SUMMARY_FILE} contradicts the other numbers there"

    def _limits(self, summary: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
        """Return the range of each figure that is consistent with the rows."""
        matches, findings, _ = self._count
        matched, found, nearly = map(len, self._records)
        texts, nearly_texts = len(self._texts[FINDINGS]), len(self._texts[NEARLY])
        all_texts, records = summary["texts_found"], max(1, summary["records"])
        ids = len({tweet_id for tweet_id, _ in self._texts[MATCHES]})
        exact = {
            "matches": matches,
            **{f"levels.{level}": self._levels[level] for level in summary["levels"]},
            "records_matched": matched,
            "share_of_records": matched / records,
            "findings": findings,
            "answer.records.findings": found,
            "answer.records.common_or_known": matched - found,
            "answer.texts.findings": texts,
            "answer.texts.common_or_known": all_texts - texts,
        }
        return {
            **{name: (value, value) for name, value in exact.items()},
            "texts_found": (max(ids, texts), matches),
            "answer.records.nearly_verbatim": (0, nearly),
            "answer.texts.nearly_verbatim": (0, nearly_texts),
        }


def _is_nearly_verbatim(row: Row) -> bool:
    shares = (np.array([row[name]]) for name in ("similarity", "containment"))
    return bool(nearly_verbatim(*shares)[0])


def _headline_differs(summary: Mapping[str, Any]) -> bool:
    """Return whether the headline contradicts the other numbers of a summary."""
    answer, records = summary["answer"], summary["answer"]["records"]
    middle = records["estimate"]
    layers = Layers(
        records["findings"],
        records["at_least"],
        middle and Factor(middle["value"], middle["low"], middle["high"]),
        records["nearly_verbatim"],
    )
    expected = headline(answer["status"], layers, ScannedRecords(summary["records"]))
    return _NUMBER.findall(expected) != _NUMBER.findall(answer["headline"])
