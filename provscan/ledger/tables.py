"""The schemas of the tables that ``access.measure`` writes to OUT/tables/NAME.parquet.

Times are in UTC, as the log states them: the clock of a log is never corrected, and the
table ``clock`` gives its possible error. Tokens and users are named by keyed hashes. A
null means that a value is not known.

Terms of all tables:

call
    One request to the platform that a log records.
refused, failed
    A call with status 401, 403, 420 or 429; a call with status 5xx. All other calls,
    including those with an unknown status, are *answered*.
retry
    A call directly after a call with the same token (else user, else application),
    endpoint and parameters that was refused or failed at most 60 seconds earlier.
delivered
    Tweets returned by answered calls; a tweet that is returned twice counts twice.
distinct
    Distinct ids of tweets. In ``calls``, they are counted per UTC day. In the columns
    ``daily_*``, these counts are summed over days. In ``distinct_*``, each id counts
    once.
stream
    Files that continue one another: their paths differ only in dates, in a number at
    the end of the name, and in compression, and their calls do not overlap in time.
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
    sha256=pa.string(),  # SHA-256 of the file, or of the member of an archive.
    bytes=pa.int64(),
    rows=pa.int64(),  # Lines or rows that were read as calls.
    bad=pa.int64(),  # Lines or rows that could not be read: see `bad_lines`.
    other=pa.int64(),  # Valid lines that are not calls, such as comments.
    repeated=pa.int64(),  # Calls left out because an earlier file also has them.
    first=TIME,
    last=TIME,
    applications=NAMES,
    columns=pa.string(),  # JSON: the column that was read for each meaning.
    state=pa.string(),  # "read", "damaged", "copy" (of an earlier file), "unread".
    # Why the file is damaged or unread, the file that it copies, or a note on the log.
    detail=pa.string(),
    # Whether it is a stream of its own because files with this name overlap in time.
    apart=pa.bool_(),
)

BAD_LINES = _schema(
    source=pa.string(),
    reason=pa.string(),  # "not_json", "not_the_format", "bad_time", "bad_status", …
    lines=pa.int64(),
    example_line=pa.int64(),  # The position of the first such line or row, from 1.
    example=pa.string(),  # Its beginning. Long words are masked: they may be secrets.
)

CALLS = _schema(  # One row per application, project, endpoint and UTC day.
    application=pa.string(),
    project=pa.string(),
    endpoint=pa.string(),
    day=pa.date32(),
    calls=pa.int64(),  # All calls: answered, refused and failed.
    refused=pa.int64(),
    failed=pa.int64(),
    retries=pa.int64(),
    delivered=pa.int64(),
    calls_with_ids=pa.int64(),  # Answered calls whose ids the log keeps.
    delivered_without_ids=pa.int64(),
    uncounted=pa.int64(),  # Answered calls with neither ids nor a number of tweets.
    distinct=pa.int64(),  # Distinct ids that day; null if no ids are kept.
    stated_limit=pa.int64(),  # The largest limit in a rate-limit header that day.
)

TOTALS = _schema(
    scope=pa.string(),  # "all", "application" or "project".
    name=pa.string(),  # The application or project; null for "all".
    first=TIME,
    last=TIME,
    first_answered=TIME,  # The first and the last answered call; null if there is none.
    last_answered=TIME,
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
    # Of distinct counts: "exact", or "bounds" (ids are missing, or logs are samples).
    method=pa.string(),
    # Bounds of all calls and of all tweets delivered: 95% intervals if the logs are
    # samples, else the numbers themselves. `delivered_high` is null if calls are
    # uncounted.
    calls_low=pa.int64(),
    calls_high=pa.int64(),
    delivered_low=pa.int64(),
    delivered_high=pa.int64(),
    says=pa.string(),  # A sentence on what the counts leave out or assume.
)

PEAKS = _schema(  # The busiest window of each day.
    scope=pa.string(),  # "application", "project", "user" or "token".
    name=pa.string(),
    endpoint=pa.string(),
    window=pa.int64(),  # Seconds.
    day=pa.date32(),  # The UTC day of the last call of the window.
    start=TIME,  # The first call of the window.
    calls=pa.int64(),  # Answered calls: refused and failed calls use no quota.
)

EXCESSES = _schema(  # Calls above a rate limit, whatever the placing of its windows.
    pack=pa.string(),
    rule=pa.string(),
    version=pa.string(),
    # "application", "project" or "token", and its name.
    scope=pa.string(),
    name=pa.string(),
    endpoint=pa.string(),
    start=TIME,  # The first and the last call that no placing of windows explains.
    end=TIME,
    calls=pa.int64(),  # Calls from start to end that certainly count.
)

DAILY_TWEETS = _schema(  # Tweets of a project that count, whenever days begin.
    project=pa.string(),  # A project of the case that may have exceeded its cap.
    day=pa.date32(),  # The UTC day on which they were delivered.
    tweets=pa.int64(),  # A lower bound.
)

FANOUT = _schema(  # Quotas that several applications or tokens share.
    scope=pa.string(),  # "project" or "user": the owner of the quota.
    name=pa.string(),
    endpoint=pa.string(),
    applications=NAMES,
    tokens=pa.int64(),
    first=TIME,
    last=TIME,
    calls=pa.int64(),  # Answered calls.
    window=pa.int64(),
    joint_peak=pa.int64(),  # Calls in the busiest sliding window of all tokens.
    joint_start=TIME,
    single_peak=pa.int64(),  # Calls in the busiest sliding window of a single token.
)

COVERAGE = _schema(  # One row per application and UTC day from its first to its last.
    application=pa.string(),
    day=pa.date32(),
    # The first state that applies: "gap", "damaged", "overlapping", "sampled",
    # "covered", "unknown" (the log paused, and it is unknown whether it is complete) or
    # "silence" (the log recorded other applications meanwhile).
    state=pa.string(),
    calls=pa.int64(),
    # Seconds of the quarter hours with calls (covered), and of those without calls.
    covered=pa.int64(),
    silence=pa.int64(),
    gap=pa.int64(),
    unknown=pa.int64(),
    bad=pa.int64(),  # Bad lines of files that cover this day.
    repeated=pa.int64(),  # Calls left out because an earlier file also has them.
    sampled=pa.float64(),  # The smallest share of a sample; null if there is no sample.
)

PAUSES = _schema(  # Pauses of an hour or more, and the longest pause of each stream.
    stream=pa.string(),
    start=TIME,  # The last call before.
    end=TIME,  # The first call after.
    seconds=pa.float64(),
    # "gap" (the stream is otherwise busy), "clock" (the log's clock was set forward or
    # back) or "unknown" (a gap, or no calls).
    kind=pa.string(),
    evidence=pa.string(),
)

CLOCK = _schema(  # The error of the clock of a stream, according to ids of tweets.
    stream=pa.string(),
    # "agrees", "not_measured" (no ids), "behind" (a quarter of the log or more is
    # proved to be wrong) or "backdated" (a smaller part is, or some calls by hours
    # more).
    kind=pa.string(),
    start=TIME,  # The period, in the time that the log states.
    end=TIME,
    rows=pa.int64(),  # Rows with ids.
    # The upper bound of the log's time minus the true time, in seconds, since a
    # response can't contain a tweet from the future.
    offset_at_most=pa.float64(),
    impossible=pa.int64(),  # Rows that state a time before that of a tweet they return.
    evidence=pa.string(),  # A sentence with the figures.
)

ORGANISATIONS = _schema(  # The end users that logs name. Only a case names governments.
    organisation=pa.string(),
    declared_use=pa.string(),
    region=pa.string(),
    application=pa.string(),
    first=TIME,  # The first and the last answered call; null if there is none.
    last=TIME,
    calls=pa.int64(),  # Answered calls.
    refused=pa.int64(),
    failed=pa.int64(),
    delivered=pa.int64(),
)

USAGE = _schema(  # Tweets that the platform counted, from its usage export.
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
    "excesses": EXCESSES,
    "daily_tweets": DAILY_TWEETS,
    "fanout": FANOUT,
    "coverage": COVERAGE,
    "pauses": PAUSES,
    "clock": CLOCK,
    "organisations": ORGANISATIONS,
    "usage": USAGE,
}
"""The schema of each table by its name. Empty tables are written, too."""
