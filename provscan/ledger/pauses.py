"""Find the pauses of streams.

Files with the same name of a stream (:func:`provscan.ledger.intake.stream_of`) continue
one another only if their calls do not overlap in time; otherwise, :func:`separate`
makes each of them a stream of its own. :func:`pauses` makes the table.

A pause is a *gap* if there is evidence that calls are missing: the stream is otherwise
busy. Otherwise it is *unknown* whether calls are missing; so it is for a pause during
which clocks were set for daylight saving time, or that begins or ends with a backdated
call.

``access.sql`` classifies the days of applications: an application is *silent* while its
stream records other applications.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from provscan.ledger.clock import clock_changes
from provscan.ledger.counts import QUARTER, Counts
from provscan.ledger.intake import Part
from provscan.ledger.tables import PAUSES

# Pauses of at least LONG seconds are listed, and the longest pause of each stream. A
# pause is a gap if it is also at least TIMES times as long as the longest usual pause.
# The longest UNUSUAL pauses of a stream, or the longest thousandth if these are more,
# are unusual.
LONG, TIMES, UNUSUAL = 3600, 20, 10
# A stream of tweets is no pause while its response lasts. The ODD longest responses of
# a log with hundreds of calls only last as long as the next one, because a single long
# response can cover a gap.
ODD = 3
# Two files overlap if the middle 98% of their calls do so by more than a minute. The
# calls that an earlier file also has do not count.
OVERLAPPING = """
    WITH each AS (
        SELECT part, quarter, sum(calls) AS calls, min(first) AS first,
            max(last) AS last FROM quarters GROUP BY ALL
    ), summed AS (
        SELECT *, sum(calls) OVER (PARTITION BY part ORDER BY quarter) AS reached,
            sum(calls) OVER (PARTITION BY part) AS total FROM each
    ), periods AS (
        SELECT part, min(first) FILTER (100 * reached > total) AS first,
            max(last) FILTER (100 * (reached - calls) < 99 * total) AS last
        FROM summed GROUP BY part
    )
    SELECT DISTINCT stream FROM (
        SELECT stream, first, max(last) OVER (PARTITION BY stream ORDER BY first, part
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest
        FROM periods JOIN (SELECT part, stream FROM files) USING (part)
    ) WHERE first < latest - INTERVAL 1 MINUTE"""


def separate(counts: Counts, parts: Sequence[Part]) -> None:
    """Make each file a stream of its own if files with the same name of a stream
    overlap, since different servers may have written them.
    """
    overlapping = {stream for (stream,) in counts.sql(OVERLAPPING).fetchall()}
    for part in parts:
        about = part.about
        if about["stream"] in overlapping:
            note = (
                f"files named {about['stream']} overlap in time, so each is a log of "
                "its own: pauses between them are not assessed, and calls that they "
                "record with different names or times count twice"
            )
            if about["state"] == "read":
                about["detail"] = "; ".join(filter(None, (about.get("detail"), note)))
            about |= {"stream": about["source"], "apart": True}
    counts.register(parts)


def pauses(counts: Counts, parts: Sequence[Part]) -> pa.Table:
    """Return the table ``pauses``, after ``clock`` made the tables ``clock`` and
    ``backdated``.
    """
    # Copies and repeated calls, which are left out, also show that the stream was
    # recorded.
    recorded = [
        {"part": number, "stream": part.about["stream"]}
        for number, original in enumerate(counts.parts)
        for part in parts
        if part is original
        or (
            part.about.get("state") == "copy"
            and part.about["sha256"] == original.about["sha256"]
        )
    ]
    counts.database.register("recorded", pa.Table.from_pylist(recorded))
    changes = [
        {"stream": about["stream"], "begin": begin, "until": until}
        for about, zone in ((part.about, part.zone) for part in counts.parts)
        for begin, until in clock_changes([zone], about["first"], about["last"])
    ]
    schema = pa.schema(
        {"stream": pa.string(), "begin": pa.int64(), "until": pa.int64()}
    )
    counts.database.register("changes", pa.Table.from_pylist(changes, schema))
    found = counts.sql(
        f"""WITH long AS (
            SELECT part, stream, time, seen - time AS lasting, row_number() OVER (
                PARTITION BY stream ORDER BY seen - time DESC) AS place
            FROM calls JOIN recorded USING (part) WHERE seen > time + INTERVAL 1 MINUTE
        ), responses AS (
            SELECT part, time, time + least(lasting, coalesce(max(lasting)
                FILTER (place > least({ODD}, number // 100)) OVER (PARTITION BY stream),
                INTERVAL 0 SECONDS)) AS until
            FROM long JOIN (SELECT stream, sum(calls) AS number FROM quarters
                JOIN recorded USING (part) GROUP BY stream) USING (stream)
        ), times AS (
            SELECT stream, quarter, min(first) AS first, max(last) AS last FROM (
                SELECT part, quarter, first, last FROM quarters
                UNION ALL
                SELECT part, epoch_us(time) // {QUARTER}000000, time, until
                FROM responses
                UNION ALL
                SELECT part, epoch_us(time) // {QUARTER}000000, time, time
                FROM every JOIN repeated USING (part, row)
            ) JOIN recorded USING (part) GROUP BY ALL
        ), between AS (
            SELECT stream, max(last) OVER before AS start, first AS "end",
                epoch(first) - epoch(max(last) OVER before) AS seconds
            FROM times WINDOW before AS (PARTITION BY stream ORDER BY quarter
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY stream
                ORDER BY seconds DESC, start) AS place,
                count(*) OVER (PARTITION BY stream) AS number
            FROM between WHERE seconds > 0
        ), moved AS (
            SELECT stream, list(time) AS times FROM backdated GROUP BY stream
        ), compared AS (
            SELECT *, max(seconds) FILTER (place > greatest({UNUSUAL}, number // 1000))
                OVER (PARTITION BY stream) AS usual FROM ranked
        ), judged AS (
            SELECT r.*,
                CASE WHEN list_has_any(times, [r.start, r."end"]) THEN 'moved'
                WHEN seconds < {2 * LONG} AND EXISTS (FROM changes c
                    WHERE c.stream = r.stream AND begin < epoch_us(r."end")
                    AND until > epoch_us(r.start)) THEN 'changed'
                WHEN usual IS NULL THEN 'short'
                WHEN seconds >= greatest({LONG}, {TIMES} * usual) THEN 'gap'
                ELSE 'usual' END AS why
            FROM compared r LEFT JOIN moved USING (stream)
            WHERE seconds >= {LONG} OR place = 1
        ) SELECT stream, start::TIMESTAMPTZ AS start, "end"::TIMESTAMPTZ AS "end",
            seconds, if(why = 'gap', why, 'unknown') AS kind,
            CASE why WHEN 'moved' THEN 'it begins or ends with a backdated call'
                WHEN 'changed' THEN 'clocks were set forward or back then, so calls '
                    'need not be missing'
                WHEN 'short' THEN 'the stream is too short to know its usual pauses'
                WHEN 'gap' THEN format('all but the longest pauses of this stream are '
                    'at most {{:.0f}} s long', usual)
                ELSE 'pauses are usual in this stream, so this one can be a gap or '
                    'silence' END AS evidence
        FROM judged ORDER BY stream, start"""
    ).to_arrow_table()
    return found.select(PAUSES.names).cast(PAUSES)
