"""The figures of ``summary.json`` that follow from the rows of a run.

:class:`Recount` counts the rows; :meth:`Recount.problems` compares the counts with a
summary. Figures that need more than the rows are not compared: the number of records,
chance, recall, and the bounds and estimates made from them.
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
from provscan.runs.folder import MATCHES_FILE, SUMMARY_FILE
from provscan.runs.wording import Scanned, headline

_NUMBER = re.compile(r"\d[\d,.]*")


class Recount:
    """Counts the rows of a run."""

    def __init__(self) -> None:
        self.rows = 0
        self.contradictions: list[str] = []
        self._levels, self._matches = Counter[str](), Counter[str]()
        self._findings = 0
        # Records of all matches, of findings, and of nearly verbatim findings.
        self._records: list[set[tuple[str, int]]] = [set(), set(), set()]
        self._texts: list[set[str]] = [set(), set(), set()]
        self._tweets: dict[str, int] = {}

    def add(self, row: Row) -> None:
        number, self.rows = self.rows, self.rows + 1
        barred = [name for name in ("control", "common", "known") if row[name]]
        if row["counted"] and barred:
            self.contradictions.append(
                f"row {number} of {MATCHES_FILE} is a finding and {barred[0]}"
            )
        if row["control"]:
            return
        self._levels[row["level"]] += 1
        self._matches[row["source"]] += 1
        self._findings += row["counted"]
        self._tweets[row["tweet_id"]] = row["tweets"]
        nearly = row["counted"] and _nearly(row)
        for which, records, texts in zip(
            (True, row["counted"], nearly), self._records, self._texts, strict=True
        ):
            if which:
                records.add((row["source"], row["record"]))
                texts.add(row["tweet_id"])

    def problems(self, summary: Mapping[str, Any]) -> Iterator[str]:
        """Yield the figures that differ from the rows.

        Raises
        ------
        LookupError, TypeError, ValueError
            It is no summary of a run.
        """
        yield from self.contradictions
        for name, value in self._exact(summary).items():
            if (stated := _at(summary, name)) != value:
                yield f"{name} of {SUMMARY_FILE} is {stated}, and {value} by the rows"
        for name, most in self._at_most().items():
            if (stated := _at(summary, name)) is not None and stated > most:
                yield (
                    f"{name} of {SUMMARY_FILE} is {stated}, and at most {most} by the "
                    "rows"
                )
        sources = {
            each["source"]: (each["matches"], each["records_matched"])
            for each in summary["sources"]
            if each["matches"]
        }
        records = Counter(source for source, _ in self._records[0])
        counted = {
            name: (count, records[name]) for name, count in self._matches.items()
        }
        if sources != counted:
            yield f"the matches by source in {SUMMARY_FILE} are not those of the rows"
        if not summary.get("sample") and _differs(summary):
            yield f"the headline in {SUMMARY_FILE} does not say what its numbers say"

    def _exact(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        matched, findings, _ = map(len, self._records)
        texts, texts_of_findings, _ = map(len, self._texts)
        whole = max(1, summary["records"])
        return {
            "matches": sum(self._levels.values()),
            **{f"levels.{name}": self._levels[name] for name in summary["levels"]},
            "records_matched": matched,
            "share_of_records": matched / whole,
            "texts_found": texts,
            "counted.matches": self._findings,
            "counted.records": findings,
            "counted.share_of_records": findings / whole,
            "counted.texts": texts_of_findings,
            "answer.records.findings": findings,
            "answer.records.common_or_known": matched - findings,
            "answer.texts.findings": texts_of_findings,
            "answer.texts.common_or_known": texts - texts_of_findings,
        }

    def _at_most(self) -> dict[str, int]:
        """Return figures that the rows bound: a copy in pieces is not nearly verbatim,
        which rows don't tell, and a tweet may have several texts.
        """
        return {
            "answer.records.nearly_verbatim": len(self._records[2]),
            "answer.texts.nearly_verbatim": len(self._texts[2]),
            "tweets_found": sum(self._tweets.values()),
        }


def _nearly(row: Row) -> bool:
    shares = (np.array([row[name]]) for name in ("similarity", "containment"))
    return bool(nearly_verbatim(*shares)[0])


def _at(summary: Mapping[str, Any], name: str) -> Any:
    value: Any = summary
    for part in name.split("."):
        value = value[part]
    return value


def _differs(summary: Mapping[str, Any]) -> bool:
    """Return whether the headline has other numbers than it has by the summary."""
    answer, records = summary["answer"], summary["answer"]["records"]
    middle = records["estimate"]
    layers = Layers(
        records["findings"],
        records["at_least"],
        middle and Factor(middle["value"], middle["low"], middle["high"]),
        records["nearly_verbatim"],
    )
    scanned = Scanned(summary["records"], None, False)
    expected = headline(answer["status"], layers, scanned)
    return _NUMBER.findall(expected) != _NUMBER.findall(answer["headline"])
