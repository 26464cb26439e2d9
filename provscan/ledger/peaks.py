"""Find the busiest windows, shared quotas and retries.

``access.sql`` makes tables from the views ``busiest`` and ``retries``, which
:func:`count_windows` and :func:`count_retries` add.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from provscan.engine.progress import Progress
from provscan.errors import ParameterError
from provscan.ledger.counts import SCOPES, Counts

DAY = 86_400
# The longest time between a call and its retry, in seconds.
RETRY = 60
# The busiest window of each group and UTC day. A window belongs to the day of its last
# call. Of several with equally many calls, the first one counts.
BUSIEST = """
    SELECT '{scope}' AS scope, {window}::BIGINT AS "window", group_id,
        last // 86400000000 AS day, max(calls) AS calls,
        arg_max(start, (calls, -last)) AS start
    FROM (
        SELECT {scope}_group AS group_id, last, count(*) OVER before AS calls,
            first_value(last) OVER before AS start
        FROM answered WINDOW before AS (PARTITION BY {scope}_group ORDER BY last
            RANGE BETWEEN {most} PRECEDING AND CURRENT ROW)
    ) GROUP BY ALL"""
# Only requests with a refused or failed call, which are few, can have retries.
RETRIES = f"""
    WITH requests AS (
        SELECT i, hash(parameters, holder) AS request, time, part, row, outcome
        FROM calls JOIN names USING (key)
    ), compared AS (
        SELECT i, time, lag(outcome) OVER same AS before,
            time - lag(time) OVER same AS later
        FROM requests SEMI JOIN (
            SELECT request FROM requests WHERE outcome <> 'answered') USING (request)
        WINDOW same AS (PARTITION BY request ORDER BY time, part, row)
    ) SELECT i, time::DATE AS day, count(*) AS retries FROM compared
    WHERE before <> 'answered' AND later <= INTERVAL {RETRY} SECOND GROUP BY ALL"""


def require_windows(windows: Sequence[int]) -> None:
    """Check the lengths of windows."""
    for window in windows:
        if not 1 <= window <= DAY:
            raise ParameterError(
                f"a window must have 1 to {DAY:,} seconds, not {window}; longer "
                "periods are sums of days in the table calls"
            )


def count_windows(counts: Counts, windows: Sequence[int], progress: Progress) -> None:
    """Add the view ``busiest``, with windows of these lengths in seconds."""
    names = counts.sql("SELECT * FROM names").to_arrow_table()
    # Leave out scopes without names, such as users in a log of applications.
    scopes = [
        scope
        for scope in SCOPES
        if scope == "application" or names[scope].null_count < len(names)
    ]
    groups = ", ".join(f"{scope}_group" for scope in scopes)
    counts.store(
        "answered",
        f"""SELECT epoch_us(time) AS last, {groups} FROM calls JOIN names USING (key)
        WHERE outcome = 'answered'""",
    )
    found = []
    progress.start("Peaks", len(scopes) * len(windows), "steps")
    # A query for each scope and window needs less memory than one for all.
    for scope in scopes:
        for window in windows:
            most = window * 1_000_000 - 1
            query = BUSIEST.format(scope=scope, window=window, most=most)
            found.append(counts.sql(query).to_arrow_table())
            progress.advance(1)
    counts.store("busiest", pa.concat_tables(found))


def count_retries(counts: Counts) -> None:
    """Add the view ``retries``, with the number of retries of each name and day."""
    counts.store("retries", RETRIES)
