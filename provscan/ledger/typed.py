"""Type the raw rows of a log, in SQL.

:func:`typed_rows` returns a query that converts raw rows to the columns of a part, and
gives the reason why a row is bad. :func:`states_zone` says whether the times of a log
have a time zone.
"""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from provscan.ledger.columns import NAMED, USUAL, Entry
from provscan.ledger.database import identifier, literal
from provscan.ledger.logs import Format

# The types of the columns that contain numbers.
NUMBERS = {
    "status": "SMALLINT",
    "tweets": "INTEGER",
    "quota": "INTEGER",
    "share": "DOUBLE",
}
# The end of a time with a zone. Most abbreviations, such as BST, mean several zones.
ZONED = (
    r"(Z|[+-][0-9]{2}:?[0-9]{2}|:[0-9]{2}(?:[.,][0-9]+)?[+-][0-9]{2}| UTC| GMT"
    r"| \w+/[\w/+-]+)$"
)
# Times that a cast does not read: of web servers, of Twitter, of HTTP and e-mail, and
# the basic format of ISO 8601.
OTHER_TIMES = (
    "%d/%b/%Y:%H:%M:%S %z",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y%m%dT%H%M%S %z",
    "%Y%m%dT%H%M%S%z",
)
# A decimal number, such as 1.6e+18, and a word with a digit.
DECIMAL = r"\b[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)\b"
WORD = r"\w*[0-9]\w*"
# The first reason that applies to a row. The first tweet was posted in March 2006, and
# a zone can shift a time by at most a day.
REASONS = """
    CASE WHEN NOT shaped THEN '{reason}'
    WHEN raw_time IS NULL THEN 'no_time'
    WHEN time IS NULL THEN 'bad_time'
    WHEN time < TIMESTAMP '2006-03-01' OR time > now()::TIMESTAMP + INTERVAL 1 DAY
    THEN 'impossible_time'
    WHEN raw_status IS NOT NULL AND coalesce(status, 0) NOT BETWEEN 100 AND 599
    THEN 'bad_status'
    WHEN raw_tweets IS NOT NULL AND (coalesce(tweets, -1) < 0
        OR TRY_CAST(raw_tweets AS DOUBLE) <> tweets)
    THEN 'bad_tweets'
    WHEN share IS NOT NULL AND NOT (share > 0 AND share <= 1) THEN 'bad_share'
    END"""


def typed_rows(
    rows: str,
    values: dict[str, str],
    kinds: dict[str, str],
    form: type[Format] | Format,
    entry: Entry,
    salt: int,
) -> str:
    """Return a query of typed rows, with the reason why a row is bad as ``bad``.

    ``rows`` is a query of raw rows. ``values`` maps each meaning to its SQL expression
    (:data:`provscan.ledger.columns.USUAL`), and ``kinds`` its DuckDB type if that is
    not VARCHAR. ``salt`` is an integer from which the keys of names are derived.
    """
    kinds = dict.fromkeys(USUAL, "VARCHAR") | kinds
    raw = {
        name: f"nullif(nullif(trim({value}), ''), '-')"
        if kinds[name] == "VARCHAR"
        else value
        for name, value in (dict.fromkeys(USUAL, "NULL") | values).items()
    }
    raw |= {name: literal(value) for name, value in entry.constants.items()}
    if entry.share is not None:
        raw["share"] = str(entry.share)
    plain = {name: f"raw_{name}::VARCHAR" for name in NAMED}
    plain["endpoint"] = _endpoint(plain["endpoint"])
    times = {n: _time(f"raw_{n}", kinds[n], entry) for n in ("seen", "time")}
    numbers = {n: f"TRY_CAST(raw_{n} AS {kind})" for n, kind in NUMBERS.items()}
    typed = times | numbers | plain
    typed["ids"], typed["listed"] = _ids("raw_ids", kinds["ids"])
    columns = ", ".join(f"{v} AS {identifier(n)}" for n, v in typed.items())
    # A request can contain its parameters.
    parameters = values.get("parameters") or values.get("endpoint", "NULL")
    return f"""
        SELECT * EXCLUDE (raw_time, raw_status, raw_tweets, shaped, line),
            hash({salt}, {", ".join(map(identifier, NAMED))}) AS key,
            {REASONS.format(reason=form.reason)} AS bad,
            CASE WHEN bad IS NOT NULL THEN coalesce(line, CASE
                WHEN bad LIKE '%time' THEN raw_time::VARCHAR
                WHEN bad = 'bad_status' THEN raw_status::VARCHAR
                WHEN bad = 'bad_tweets' THEN raw_tweets::VARCHAR END) END AS line
        FROM (
            SELECT row, line, parameters, shaped, other, keys, raw_time, raw_status,
                raw_tweets, {columns}
            FROM (
                SELECT row, line, hash({parameters}) AS parameters,
                    coalesce({form.shaped}, false) AS shaped,
                    {form.other} AS other, {form.keys} AS keys,
                    {", ".join(f"{v} AS raw_{n}" for n, v in raw.items())}
                FROM ({rows})
            )
        )"""


def states_zone(kind: str, example: str, entry: Entry) -> bool:
    """Return whether times of a DuckDB type, such as ``example``, have a time zone.
    Numbers have one, since they count from the beginning of 1970 in UTC.
    """
    if kind.startswith("TIMESTAMP"):
        return kind == "TIMESTAMP WITH TIME ZONE"
    if "%z" in (entry.time_format or ""):
        return True
    return bool(re.search(ZONED + r"|^[\d.]+$|[+-]\d{4} \d{4}$", example))


def _time(value: str, kind: str, entry: Entry) -> str:
    """Return an SQL expression for a time in UTC."""
    zone = literal(entry.zone)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {value})"
    if kind.startswith("TIMESTAMP"):
        if entry.zone == "UTC":
            return f"{value}::TIMESTAMP"
        return f"timezone('UTC', timezone({zone}, {value}::TIMESTAMP))"
    value = f"({value})::VARCHAR"
    if entry.time_format is not None:
        read = f"try_strptime({value}, {literal(entry.time_format)})"
        if "%z" not in entry.time_format:
            read = f"timezone({zone}, {read})"
        return f"timezone('UTC', {read})"
    number = f"TRY_CAST({value} AS DOUBLE)"
    # Seconds, milliseconds, microseconds or nanoseconds since 1970.
    seconds = f"""({number} / CASE WHEN {number} > 1e17 THEN 1e9
        WHEN {number} > 1e14 THEN 1e6 WHEN {number} > 1e11 THEN 1e3 ELSE 1 END)"""
    # A cast reads no space before an offset.
    iso = rf"""regexp_replace(replace({value}, ',', '.'), '(:[0-9.]+) ([+-]\d|Z$)',
        '\1\2')"""
    numeric = f"regexp_replace({value}, ' GMT$|Z$', ' +0000')"
    others = ", ".join(
        f"try_strptime({numeric}, {literal(each)})" for each in OTHER_TIMES
    )
    # A cast ignores the word after a time, such as PM or the name of another zone.
    plain = "|".join((r"[^A-Za-z]$", *(rf" {name}$" for name in _names_of(entry.zone))))
    local = f"""CASE WHEN regexp_matches({value}, {literal(plain)})
        THEN timezone({zone}, TRY_CAST({iso} AS TIMESTAMP)) END"""
    return f"""CASE
        WHEN {number} IS NOT NULL THEN CASE WHEN {number} BETWEEN 0 AND 1e19
            THEN make_timestamp(CAST(round({seconds} * 1e6) AS BIGINT)) END
        ELSE timezone('UTC', coalesce(
            CASE WHEN regexp_matches({value}, {literal(ZONED)})
                THEN TRY_CAST({iso} AS TIMESTAMPTZ) ELSE {local} END,
            {others}
        )) END"""


def _names_of(zone: str) -> set[str]:
    """Return the abbreviations of a zone in winter and in summer."""
    days = (datetime(2022, month, 1, tzinfo=ZoneInfo(zone)) for month in (1, 7))
    return {name for day in days if (name := day.tzname() or "").isalpha()}


def _ids(value: str, kind: str) -> tuple[str, str]:
    """Return SQL expressions for a list of ids and for their number, given a list or a
    text with ids. Decimal numbers and words count, but are not ids: decimal numbers are
    rounded.
    """
    listed, decimal = value, "false"
    if not kind.endswith("INT[]") and kind != "INTEGER[]":
        text = f"{value}::VARCHAR"
        listed = f"regexp_extract_all({text}, {literal(f'{DECIMAL}|{WORD}')})"
        decimal = f"regexp_matches({text}, {literal(DECIMAL)})"
    number = f"nullif(len({listed}), 0)"
    ids = f"TRY_CAST({listed} AS BIGINT[])"
    right = f"NOT {decimal} AND list_count({ids}) = {number}"
    return f"CASE WHEN {right} THEN {ids} END", number


def _endpoint(value: str) -> str:
    """Return an SQL expression for an endpoint: the path of a request without host,
    query, extension and long numbers.
    """
    for pattern, new in (
        ("^[A-Z]+ +| +HTTP/[0-9.]+$", ""),
        ("^[a-z]+://[^/]+", ""),
        ("[?#].*$", ""),
        ("/[0-9]{4,}", "/:id"),
        (r"\.json$", ""),
    ):
        value = f"regexp_replace({value}, {literal(pattern)}, {literal(new)}, 'g')"
    return value
