"""Test dates in the forms in which people write them."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.readers.corpus.columns import dates
from provscan.readers.dates import parse_date, timestamps
from provscan.readers.stats import Counts, ReadStats

# The forms of one time, and values that are no dates.
FORMS = json.loads(Path(__file__).with_name("dates.json").read_text(encoding="utf-8"))
TIME = datetime(2015, 10, 20, 0, 10, 41, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        *FORMS["time"],
        datetime(2015, 10, 20, 0, 10, 41),
        datetime(2015, 10, 20, 2, 10, 41, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_forms_of_one_time(value):
    assert parse_date(value) == TIME.timestamp() * 1000
    column, bad = timestamps([value])
    assert column.to_pylist() == [TIME]
    assert bad == []


@pytest.mark.parametrize(
    "value",
    [
        *FORMS["none"],
        float("nan"),
        float("inf"),
        10**40,
        pytest.param(10**5000, id="5,001 digits"),
        "9" * 400,
        datetime(1450, 1, 8),
    ],
)
def test_values_that_are_not_dates(value):
    assert parse_date(value) is None
    assert timestamps([None, value])[0].null_count == 2
    assert timestamps([None, value])[1] == [1]


def test_a_day_begins_at_midnight():
    for day in ("2015-10-20", "20151020", 20151020):
        assert parse_date(date(2015, 10, 20)) == parse_date(day)


@pytest.mark.parametrize("form", ["{}", "{}.0", "{:.12e}", "{},00"])
@pytest.mark.parametrize("ms", [1450010840843, 1412031170959, 1707123100859])
def test_digits_that_could_be_a_day_and_a_time_are_the_time_since_1970(ms, form):
    value = form.format(ms)
    assert parse_date(value) == ms
    column, bad = timestamps([value])
    assert column.cast("int64").to_pylist() == [ms]
    assert bad == []


def test_missing_dates_are_not_bad_dates():
    column, bad = timestamps([None, "", "2015-10-20", "2015-10-20T00:00:00Z"])
    assert column.to_pylist() == [None, None, *[datetime(2015, 10, 20, tzinfo=UTC)] * 2]
    assert bad == []


@given(
    st.lists(
        st.none() | st.datetimes(datetime(2006, 4, 1), datetime(2026, 1, 1)),
        max_size=20,
    ),
    st.booleans(),
)
def test_columns_and_values_have_the_same_dates(times, zone):
    times = [
        time and time.replace(microsecond=0, tzinfo=UTC if zone else None)
        for time in times
    ]
    column, bad = timestamps([time and time.isoformat() for time in times])
    assert column.to_pylist() == [time and time.replace(tzinfo=UTC) for time in times]
    assert bad == []


def test_timestamps_before_the_first_tweet_or_in_the_future():
    known = 1445299841000
    times = pa.array([known, 0, 10**16, None, -(10**15)], pa.timestamp("ms"))
    stats = ReadStats()
    column = dates(times, np.arange(5), Counts("a.parquet", stats))
    assert column.cast("int64").to_pylist() == [known, None, None, None, None]
    assert stats.notes == {"bad_date": 3}
