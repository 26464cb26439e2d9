"""Parse dates in many notations into timestamps in UTC."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.readers.schema import TIMESTAMP
from provscan.readers.strings import null_if_empty, scalar_text
from provscan.readers.values import array_values

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# No tweet is older: the first one is of 2006-03-21. An earlier or a future date was
# misread or miswritten, and would place its tweet on the wrong side of a cutoff.
FIRST_MS = (datetime(2006, 3, 20, tzinfo=UTC) - EPOCH) // MILLISECOND
# Records of a dataset can be older than all tweets, but texts of the web are not older
# than this: 1900 or 1970 stands for an unknown date.
FIRST_RECORD_MS = (datetime(1990, 1, 1, tzinfo=UTC) - EPOCH) // MILLISECOND
# The smallest number that is taken for seconds since 1970 (it is in 1973). Smaller
# numbers are years, days or counts.
FEWEST_SECONDS = 1e8

# "Tue Oct 20 00:10:41 +0000 2015"
API_FORM = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})"
)
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"

# A number: "1450010870843.0", "1.45e12". A number with thousands separators is no date.
# Python would read many of them as a year and more digits.
NUMBER = re.compile(r"([+-]?\d+)(?:[.,](\d*))?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)
SEPARATED = re.compile(r"[+-]?\d+(?:[.,'_ ]\d*)+(?:[eE][+-]?\d{1,2})?")

# The strptime formats of all-digit dates, by count of digits.
DIGITS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}

# "31.12.2015", "12/31/2015 11:59 PM": a day first or a month first.
NUMERIC = re.compile(
    r"\d\d?([./-])\d\d?\1\d{4}(?: \d\d?:\d\d(:\d\d)?( [AP]M)?)?", re.IGNORECASE
)
# The strptime format of a date that is only a year.
YEAR = "%Y"
# The first FORM_IN dates of a column must be in the same form.
FORM_IN = 20

# "2015-10-20 00:10:41 UTC", "2015-10-20 00:10:41 +0000"
SPACED_ZONE = re.compile(r" (?:(UTC|GMT|Z)|([+-]\d\d:?\d\d))$")


def _epoch_ms(number: float) -> int | None:
    """Return a number of seconds, milli-, micro- or nanoseconds since 1970 as
    milliseconds; None if it is too small or too large.

    The magnitude shows the unit: from 1e11 on, for example, the unit is milliseconds,
    because in seconds the date would be after the year 5000.
    """
    size = abs(number)
    if not math.isfinite(number) or size < FEWEST_SECONDS:
        return None
    if size < 1e11:
        number = number * 1000
    elif size >= 1e17:
        number = number / 1_000_000
    elif size >= 1e14:
        number = number / 1000
    return int(number)


def parse_date(value: Any, first: int = FIRST_MS) -> int | None:
    """Return the milliseconds since 1970 in UTC of a date, or None if ``value`` isn't
    one, or is before ``first`` or in the future.

    A date is an ISO 8601 date or time (UTC if it has no zone), the form of the v1.1
    API (``Tue Oct 20 00:10:41 +0000 2015``), the form used in e-mails, a ``datetime``
    or a ``date``. A number, also one in a string, is a day (``20151020``), a day and a
    time (``20151020001041``), or else the time since 1970 (see :func:`_epoch_ms`).
    """
    ms = _any_ms(value)
    return ms if ms is not None and first <= ms <= last_ms() else None


def form_of(values: Sequence[Any]) -> str | None:
    """Return the form of the dates of some records: "" for the forms that
    :func:`parse_date` reads, or the ``strptime`` format of a year or of dates whose day
    and month are numbers.

    Return None if the first :data:`FORM_IN` values are not all in one form, or if
    none of the values shows whether the day or the month is first. The first day of a
    year stands for the year.
    """
    first = values[:FORM_IN]
    if all(parse_date(value, FIRST_RECORD_MS) is not None for value in first):
        return "" if first else None
    texts = [scalar_text(value) or "" for value in values]
    read = {
        form: {
            place
            for place, text in enumerate(texts)
            if (ms := _ms_in_form(text, form)) is not None
            and FIRST_RECORD_MS <= ms <= last_ms()
        }
        for form in _forms(texts[0])
    }
    every = {*range(len(first))}.union(*read.values())
    forms = [form for form, places in read.items() if places == every]
    return forms[0] if len(forms) == 1 else None


def _forms(text: str) -> list[str]:
    """Return the ``strptime`` formats that a year, or a date of numbers, can have."""
    if len(text) == 4 and text.isdecimal():
        return [YEAR]
    if (parts := NUMERIC.fullmatch(text)) is None:
        return []
    between, seconds, half = parts.groups()
    hour = " %I:%M" if half else " %H:%M" if ":" in text else ""
    time = hour + ":%S" * bool(seconds) + " %p" * bool(half)
    days = (("%d", "%m", YEAR), ("%m", "%d", YEAR))
    return [between.join(day) + time for day in days]


def _ms_in_form(text: str, form: str) -> int | None:
    with contextlib.suppress(ValueError):
        return _since_epoch(datetime.strptime(text, form))
    return None


def last_ms() -> int:
    """Return the last time that a tweet can have: now, in any time zone."""
    return (datetime.now(UTC) + timedelta(days=1) - EPOCH) // MILLISECOND


def _any_ms(value: Any) -> int | None:
    """Return the milliseconds since 1970 of any date; None if it isn't one."""
    if not isinstance(value, str):
        if isinstance(value, datetime):
            return _since_epoch(value)
        if isinstance(value, date):
            return _since_epoch(datetime(value.year, value.month, value.day))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _ms_of_number(value)
        return None
    text = value.strip()
    # Most dates have a time, and no number has a colon.
    if ":" not in text and (number := NUMBER.fullmatch(text)):
        return _ms_of_number(float(f"{number[1]}.{number[2] or 0}e{number[3] or 0}"))
    if SEPARATED.fullmatch(text):
        return None
    if api := API_FORM.fullmatch(text):
        month = MONTHS.find(api[1]) // 3 + 1  # 0 if it is not a month
        text = f"{api[5]}-{month:02}-{api[2]}T{api[3]}{api[4]}"
    if not text.isascii():
        return None
    iso = SPACED_ZONE.sub(lambda zone: zone[2] or "Z", text)
    with contextlib.suppress(ValueError):
        return _since_epoch(datetime.fromisoformat(iso))
    with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
        return _since_epoch(parsedate_to_datetime(text))
    return None


def _ms_of_number(number: float) -> int | None:
    if not abs(number) < 1e20:
        return None
    digits = str(int(number))
    if form := DIGITS.get(len(digits)):
        with contextlib.suppress(ValueError):
            return _since_epoch(datetime.strptime(digits, form))
    return _epoch_ms(number)


def _since_epoch(time: datetime) -> int | None:
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    try:
        return (time - EPOCH) // MILLISECOND
    except OverflowError:
        return None


def timestamps(
    values: pa.Array | Sequence[Any], first: int = FIRST_MS, form: str = ""
) -> tuple[pa.Array, list[int]]:
    """Return a column of dates, null where there is none, and the positions of values
    that could not be parsed, or that are before ``first`` or in the future. ``form`` is
    their form (see :func:`form_of`).
    """
    times, bad = None if form else _arrow_times(values), list[int]()
    if times is None:
        if isinstance(values, pa.Array):
            values = array_values(values)
        parse = cache(partial(_ms_in_form, form=form) if form else _any_ms)
        found = [parse(v) if isinstance(v, str) else _any_ms(v) for v in values]
        pairs = enumerate(zip(values, found, strict=True))
        bad = [at for at, (v, ms) in pairs if ms is None and v not in (None, "")]
        times = pa.array(found, pa.int64()).cast(TIMESTAMP)
    number = times.cast(pa.int64()).fill_null(first).to_numpy()
    impossible = (number < first) | (number > last_ms())
    if impossible.any():
        bad = sorted([*bad, *np.flatnonzero(impossible).tolist()])
        missing = pa.scalar(None, TIMESTAMP)
        times = pc.if_else(pa.array(~impossible), times, missing)
    return times, bad


def _arrow_times(values: pa.Array | Sequence[Any]) -> pa.Array | None:
    """Return times, or strings that are all in ISO form and all or none with a time
    zone, as timestamps; None for other values.
    """
    if isinstance(values, pa.Array) and pa.types.is_temporal(values.type):
        kind = values.type
        known = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
        return pc.cast(values, TIMESTAMP, safe=False) if known else None
    try:
        strings = null_if_empty(pa.array(values, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return None
    for kind in (pa.timestamp("ms"), TIMESTAMP):
        with contextlib.suppress(pa.ArrowInvalid):
            return pc.cast(pc.cast(strings, kind), TIMESTAMP)
    return None
