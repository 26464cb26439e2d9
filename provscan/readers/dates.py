"""Parse dates in many notations into timestamps in UTC."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.readers.schema import TIMESTAMP
from provscan.readers.strings import null_if_empty

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# The first millisecond of the year 1 and the last of the year 9999: Python has no
# other dates.
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
# The smallest number that is taken for seconds since 1970 (it is in 1973). Smaller
# numbers are years, days or counts.
FEWEST_SECONDS = 1e8

# "Tue Oct 20 00:10:41 +0000 2015"
API_FORM = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})"
)
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"

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
    value = int(number)
    return value if FIRST_MS <= value <= LAST_MS else None


def parse_date(value: Any) -> int | None:
    """Return the milliseconds since 1970 in UTC of a date, or None if ``value`` isn't
    one.

    A date is an ISO 8601 date or time (UTC if it has no zone), the form of the v1.1
    API (``Tue Oct 20 00:10:41 +0000 2015``), the form used in e-mails, a ``datetime``
    or a ``date``. A number or a string of digits is a day (``20151020``), a day and a
    time (``20151020001041``), or else the time since 1970 (see :func:`_epoch_ms`).
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not value.is_integer():
            return _epoch_ms(value)
        value = int(value)
    if isinstance(value, int):
        if abs(value) > 10**20:
            return None
        value = str(value)
    if isinstance(value, datetime):
        time = value
    elif isinstance(value, date):
        time = datetime(value.year, value.month, value.day)
    elif isinstance(value, str):
        text = value.strip()
        if api := API_FORM.fullmatch(text):
            month = MONTHS.find(api[1]) // 3 + 1  # 0 if it is not a month
            text = f"{api[5]}-{month:02}-{api[2]}T{api[3]}{api[4]}"
        if text.isdecimal() and len(text) == 14:
            text = f"{text[:8]}T{text[8:]}"
        # Python would read 13 digits as a day, a separator and a time: 1450010870843 as
        # 1450-01-08 08:43.
        if text.isdecimal() and len(text) != 8:
            return _epoch_ms(float(text))
        try:
            time = datetime.fromisoformat(
                SPACED_ZONE.sub(lambda zone: zone[2] or "Z", text)
            )
        except ValueError:
            try:
                return _epoch_ms(float(text))
            except (ValueError, OverflowError):
                pass
            try:
                time = parsedate_to_datetime(text)
            except (ValueError, TypeError, IndexError, OverflowError):
                return None
    else:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    try:
        return (time - EPOCH) // MILLISECOND
    except OverflowError:
        return None


def from_strings(strings: pa.Array) -> pa.Array | None:
    """Parse dates with Arrow's ISO parser. Return None unless it can parse all of them,
    either all or none have a time zone, and all years are between 1 and 9999.
    """
    strings = null_if_empty(strings)
    for kind in (pa.timestamp("ms"), TIMESTAMP):
        with contextlib.suppress(pa.ArrowInvalid):
            times = pc.cast(pc.cast(strings, kind), TIMESTAMP)
            return times if len(impossible(times)) == 0 else None
    return None


def impossible(times: pa.Array) -> Numbers:
    """Return the positions of timestamps in years that Python's dates do not have."""
    number = times.cast(pa.int64()).fill_null(0).to_numpy()
    return np.flatnonzero((number < FIRST_MS) | (number > LAST_MS))


def timestamps(values: Sequence[Any]) -> tuple[pa.Array, list[int]]:
    """Return a column of dates, null where there is none, and the positions of values
    that could not be parsed.
    """
    try:
        parsed = from_strings(pa.array(values, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        parsed = None
    if parsed is not None:
        return parsed, []
    parse = cache(parse_date)
    result = [
        parse(value) if isinstance(value, str) else parse_date(value)
        for value in values
    ]
    bad = [
        position
        for position, (value, time) in enumerate(zip(values, result, strict=True))
        if time is None and value is not None and value != ""
    ]
    return pa.array(result, pa.int64()).cast(TIMESTAMP), bad
