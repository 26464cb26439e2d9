"""Count the exhibits of a run by licensed tweet and by author, and say why tweets in
the data do not count.

If several tweets have the same text, the row names the earliest of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.report.wording import KINDS, NOT_FINDINGS

_KIND = " ".join(f"WHEN '{level}' THEN '{kind}'" for level, kind in KINDS.items())
# The reason why an exhibit is not a finding.
_COMMON, _KNOWN, _ORDINARY = (name for name, _ in NOT_FINDINGS.values())
_REASON = (
    f"CASE WHEN counted THEN NULL WHEN common THEN '{_COMMON}' WHEN known "
    f"THEN '{_KNOWN}' ELSE '{_ORDINARY}' END"
)
_WORKS = f"""
WITH numbered AS (
    SELECT *, {_REASON} AS reason, CASE level {_KIND} END AS kind FROM exhibits)
SELECT tweet_id, first(author ORDER BY exhibit) AS author,
    first(time ORDER BY exhibit) AS time, first(lang ORDER BY exhibit) AS lang,
    max(tweets) AS tweets, count(*) FILTER (counted) AS findings,
    count(DISTINCT (source, record)) FILTER (counted) AS records,
    count(*) FILTER (NOT counted) AS other_matches, min(exhibit) AS strongest_exhibit,
    first(kind ORDER BY exhibit) AS match, first(source ORDER BY exhibit) AS source,
    first(record ORDER BY exhibit) AS record,
    first(reason ORDER BY exhibit) AS why_not_counted
FROM numbered GROUP BY tweet_id ORDER BY strongest_exhibit"""
_AUTHORS = """
SELECT author, count(*) FILTER (findings > 0) AS texts_with_findings,
    sum(tweets) FILTER (findings > 0)::BIGINT AS tweets_with_these_texts,
    sum(findings)::BIGINT AS findings,
    count(*) FILTER (findings = 0) AS texts_not_counted, min(time) AS first_tweet,
    max(time) AS last_tweet, min(strongest_exhibit) AS strongest_exhibit
FROM works GROUP BY author ORDER BY findings DESC, author NULLS LAST"""


def works(exhibits: pa.Table) -> pa.Table:
    """Return one row for each licensed tweet that the data matches: its copies, its
    strongest exhibit, and why it does not count if no match of it is a finding.
    """
    numbers = pa.array(np.arange(1, len(exhibits) + 1))
    # DuckDB shows times with a zone in the zone of the machine.
    utc = exhibits["time"].cast(pa.timestamp("ms"))
    exhibits = exhibits.drop_columns(["time"]).append_column("time", utc)
    return _query(_WORKS, "exhibits", exhibits.append_column("exhibit", numbers))


def authors(works: pa.Table) -> pa.Table:
    """Return one row for each author of :func:`works`, those with most findings
    first.
    """
    return _query(_AUTHORS, "works", works)


def exclusions(works: pa.Table, summary: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return how the licensed texts of the index come down to those with findings: the
    count of all texts, the count that each step removes, and the count that remains.
    """
    cutoff = summary["control"]["cutoff"]
    control = cutoff["texts"] if cutoff else 0
    texts, found = summary["index"]["texts"], max(summary["texts_found"], len(works))
    reasons = works["why_not_counted"].to_pylist()
    taken = [
        ("serve as control", control),
        ("no match in what was scanned", texts - control - found),
        ("further texts of the same tweets", found - len(works)),
        *((f"only {name}", reasons.count(name)) for name, _ in NOT_FINDINGS.values()),
    ]
    taken = [(name, number) for name, number in taken if number > 0]
    return [("licensed texts", texts), *taken, ("with findings", reasons.count(None))]


def _query(query: str, name: str, table: pa.Table) -> pa.Table:
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register(name, table)
        return connection.sql(query).to_arrow_table()
