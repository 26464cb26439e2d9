"""The schemas of the tables that ``access.measure`` writes to OUT/tables/NAME.parquet.

Times are in UTC, as the log states them: the clock of a log is never corrected, and the
table ``clock`` gives its possible error. Names of tokens and users are keyed hashes. A
null means "not known", never 0.

Common definitions of all tables:

call
    One request to the platform that a log records.
refused, failed
    A call with status 401, 403, 420 or 429; a call with status 5xx. All other calls,
    including those with an unknown status, are *answered*.
retry
    A call whose predecessor of the same token (else user, else application), endpoint
    and parameters was refused or failed at most 60 seconds earlier.
delivered
    Tweets returned by answered calls; a tweet that is returned twice counts twice.
distinct
    Distinct ids of tweets. In ``calls`` and in the columns ``daily_*``, they are
    counted per UTC day and summed over days; in ``distinct_*``, over all time.
stream
    Files that continue one another: their paths differ only in numbers and compression.
"""

from __future__ import annotations

import pyarrow as pa

TIME = pa.timestamp("us", "UTC")
NAMES = pa.list_(pa.string())


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


FILES = _schema(
    source=pa.string(),  # The file, or the archive and the file in it.
    stream=pa.string(),
    format=pa.string(),  # A name in `logs.FORMATS`; null if the file was not read.
    sha256=pa.string(),  # Of the bytes as found (compressed, if the file is).
    bytes=pa.int64(),
    rows=pa.int64(),  # Lines or rows that were read as calls.
    bad=pa.int64(),  # Lines or rows that were left out: see `bad_lines`.
    other=pa.int64(),  # Valid lines that are not calls, such as comments.
    repeated=pa.int64(),  # Calls left out since they are also in an earlier file.
    first=TIME,
    last=TIME,
    applications=NAMES,
    columns=pa.string(),  # JSON: the column read for each meaning.
    state=pa.string(),  # "read", "damaged", "copy" (of a file above), "unread".
    detail=pa.string(),  # Why it is damaged or unread, or which file it copies.
)

BAD_LINES = _schema(
    source=pa.string(),
    reason=pa.string(),  # "not_json", "not_the_format", "bad_time", "bad_status", …
    lines=pa.int64(),
    example_line=pa.int64(),  # The 1-based number of the first such line or row.
    example=pa.string(),  # Its beginning; long words are masked, as they may be secret.
)

CALLS = _schema(  # One row per application, project, endpoint and UTC day.
    application=pa.string(),
    project=pa.string(),
    endpoint=pa.string(),
    day=pa.date32(),
    calls=pa.int64(),  # All of them: answered, refused and failed ones.
    refused=pa.int64(),
    failed=pa.int64(),
    retries=pa.int64(),
    delivered=pa.int64(),
    calls_with_ids=pa.int64(),  # Answered calls whose ids are kept.
    delivered_without_ids=pa.int64(),
    uncounted=pa.int64(),  # Answered calls that state neither ids nor a number.
    distinct=pa.int64(),  # Distinct ids that day; null if no ids are kept.
    stated_limit=pa.int64(),  # The largest limit in a rate-limit header that day.
)

TOTALS = _schema(
    scope=pa.string(),  # "all", "application" or "project".
    name=pa.string(),  # The application or project; null for "all".
    first=TIME,
    last=TIME,
    calls=pa.int64(),
    refused=pa.int64(),
    failed=pa.int64(),
    retries=pa.int64(),
    uncounted=pa.int64(),
    delivered=pa.int64(),
    # The two distinct counts: `value` is null where only bounds are known.
    daily_value=pa.int64(),
    daily_low=pa.int64(),
    daily_high=pa.int64(),
    distinct_value=pa.int64(),
    distinct_low=pa.int64(),
    distinct_high=pa.int64(),
    # "exact", "sketch" (95 % bounds of a CPC sketch) or "bounds" (ids are missing).
    method=pa.string(),
    # Of a sampled log: all calls and tweets, estimated, with 95 % intervals; else null.
    calls_estimate=pa.float64(),
    calls_low=pa.float64(),
    calls_high=pa.float64(),
    delivered_estimate=pa.float64(),
    delivered_low=pa.float64(),
    delivered_high=pa.float64(),
    says=pa.string(),  # One sentence: what the numbers leave out or assume.
)

PEAKS = _schema(  # The busiest window of each day.
    scope=pa.string(),  # "application", "project", "user" or "token".
    name=pa.string(),
    endpoint=pa.string(),
    window=pa.int64(),  # Seconds.
    # "fixed": from midnight on, in steps of `window`; the last window of a day ends at
    # midnight. "sliding": any window, counted to the day of its last call.
    kind=pa.string(),
    zone=pa.string(),  # "UTC", or the local zone whose days and midnights are meant.
    day=pa.date32(),  # In `zone`.
    start=TIME,  # Of the window; for a sliding one, the time of its first call.
    calls=pa.int64(),  # Answered calls: refused and failed ones use no quota.
    tweets=pa.int64(),  # Delivered by them.
)

FANOUT = _schema(  # Quotas that several applications or tokens draw on.
    scope=pa.string(),  # "project" or "user": whose quota it is.
    name=pa.string(),
    endpoint=pa.string(),
    applications=NAMES,
    tokens=pa.int64(),
    first=TIME,
    last=TIME,
    calls=pa.int64(),  # Answered calls.
    window=pa.int64(),
    joint_peak=pa.int64(),  # Busiest sliding window of all tokens together.
    joint_start=TIME,
    single_peak=pa.int64(),  # The same of the busiest single token.
)

COVERAGE = _schema(  # One row per application and UTC day from its first to its last.
    application=pa.string(),
    day=pa.date32(),
    # The most serious that applies: "gap", "damaged", "overlapping", "sampled",
    # "unknown" (a pause; nothing shows whether the log is complete), "silence" (the log
    # recorded other applications meanwhile) or "covered".
    state=pa.string(),
    calls=pa.int64(),
    # Seconds in quarter hours with calls, and without, by what is known of the latter.
    covered=pa.int64(),
    silence=pa.int64(),
    gap=pa.int64(),
    unknown=pa.int64(),
    bad=pa.int64(),  # Bad lines of files that cover this day.
    repeated=pa.int64(),  # Calls left out since they are also in an earlier file.
    sampled=pa.float64(),  # The smallest sampled share; null if nothing is sampled.
)

PAUSES = _schema(  # Times of an hour or more in which a stream records nothing.
    stream=pa.string(),
    start=TIME,  # The last call before.
    end=TIME,  # The first call after.
    seconds=pa.float64(),
    # "gap" (the stream is otherwise busy, or its digests say that files are missing),
    # "clock" (the log's clock was set forward) or "unknown" (a gap or silence).
    kind=pa.string(),
    evidence=pa.string(),
)

CLOCK = _schema(  # What ids of tweets say about the clock of a stream.
    stream=pa.string(),
    # "agrees", "not_measured" (no ids), "zone", "daylight", "skew", "drift" or
    # "backdated". A stream can have several rows; each has its period.
    kind=pa.string(),
    start=TIME,  # As the log states it.
    end=TIME,
    rows=pa.int64(),  # Rows with ids that were used.
    # The log's time minus the true time: negative if the log is behind UTC.
    offset=pa.float64(),  # Seconds; of a drift, at `start`; null if only bounded.
    # A response can't contain a tweet from the future: the offset is at most this.
    offset_at_most=pa.float64(),
    drift=pa.float64(),  # Seconds gained per day.
    impossible=pa.int64(),  # Rows that state a time before that of a tweet they return.
    # "proved" (impossible rows) or "inferred" (the ages of tweets pile up there).
    certainty=pa.string(),
    evidence=pa.string(),  # One sentence, with the numbers.
)

ORGANISATIONS = _schema(  # Who the data was for; which are government is not said here.
    organisation=pa.string(),
    declared_use=pa.string(),
    region=pa.string(),
    application=pa.string(),
    first=TIME,  # The first and the last answered call.
    last=TIME,
    calls=pa.int64(),
    delivered=pa.int64(),
)

USAGE = _schema(  # The platform's own count, from its usage export.
    source=pa.string(),
    project=pa.string(),
    application=pa.string(),  # Null for the sum of the project.
    day=pa.date32(),
    tweets=pa.int64(),
)

TABLES = {
    "files": FILES,
    "bad_lines": BAD_LINES,
    "calls": CALLS,
    "totals": TOTALS,
    "peaks": PEAKS,
    "fanout": FANOUT,
    "coverage": COVERAGE,
    "pauses": PAUSES,
    "clock": CLOCK,
    "organisations": ORGANISATIONS,
    "usage": USAGE,
}
"""The schema of each table, by its name. All are written, even if they are empty."""
