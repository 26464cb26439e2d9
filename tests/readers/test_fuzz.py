"""Test damaged files of every format and objects of any form: there is no traceback and
no hang, and every record is delivered or counted.

``PROVSCAN_FUZZ=10000`` sets the number of cases, for the nightly run.
"""

import os
import zlib

import pytest
from file_formats import tar, zipped
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_matrix import FORMATS

from provscan.errors import InputError
from provscan.readers import Fields, Limits, ReadStats, read_tweet_objects
from provscan.readers.corpus.layouts import DELETIONS, GRAPHQL, OTHERS, WRAPPERS
from provscan.readers.fields.names import MARKERS
from provscan.testing import COMPRESSED

CASES = int(os.environ.get("PROVSCAN_FUZZ", "120"))
LIMITS = Limits(
    chunk=4096,
    head_bytes=65_536,
    record_bytes=100_000,
    value_lines=100,
)


@pytest.fixture(scope="module")
def small():
    """Return a small file of each format, compressed and in archives."""
    cases = []
    for name, data in FORMATS.items():
        cases.append((name, data))
        cases += [
            (name + suffix, compress(data))
            for suffix, compress in COMPRESSED.items()
            if suffix
        ]
    cases.append(
        (
            "a.zip",
            zipped([("a.jsonl", FORMATS["a.jsonl"]), ("b.csv", FORMATS["a.csv"])]),
        )
    )
    cases.append(
        ("a.tar", tar([("a.jsonl", FORMATS["a.jsonl"]), ("b.csv", FORMATS["a.csv"])]))
    )
    cases.append(
        ("a.tar.gz", zlib.compress(tar([("a.jsonl", FORMATS["a.jsonl"])]), wbits=31))
    )
    return cases


def mutated(data, draws):
    """Return data with bytes changed, dropped or repeated, or with its end cut off."""
    data = bytearray(data)
    for kind, where, value in draws:
        if not data:
            break
        at = where % len(data)
        if kind == "byte":
            data[at] = value
        elif kind == "drop":
            del data[at : at + value]
        elif kind == "repeat":
            data[at:at] = data[at : at + value]
        else:
            del data[at:]
    return bytes(data)


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["byte", "byte", "drop", "repeat", "cut"]),
        st.integers(0, 2**31),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=max(CASES // 4, 1),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=st.integers(0, 10_000), draws=MUTATIONS)
def test_damaged_files(small, write, read_all, case, draws):
    name, data = small[case % len(small)]
    path = write(name, mutated(data, draws))
    try:
        found = read_all(path, limits=LIMITS)
    except InputError:
        return  # a message instead of a traceback
    assert found.stats.records >= len(set(found.records))
    assert (
        found.stats.records + sum(found.stats.skipped.values()) > 0
        or found.stats.damaged
        or found.stats.notes
    )


KEYS = sorted(
    {
        *MARKERS,
        *WRAPPERS,
        *DELETIONS,
        *OTHERS,
        *GRAPHQL,
        "core",
        "user_results",
        "data",
        "user",
        "users",
        "text",
        "full_text",
        "id",
        "author_id",
        "type",
        "columns",
        "tweets",
        "referenced_tweets",
        "edit_tweet_ids",
        "initial",
    }
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
)


@settings(
    max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.dictionaries(st.sampled_from(KEYS), JSON, min_size=1, max_size=5))
@example({"columns": [["a", "b"]], "data": [["c"]]})
@example(
    {
        "id": [
            {"edit_tweet_ids": {"itemContent": None}, "rawContent": {"id": None}},
            None,
        ]
    }
)
def test_any_object_is_a_tweet_or_counted(record):
    stats = ReadStats()
    batches = list(
        read_tweet_objects(
            [record, {"id": "1", "text": "one that is sound"}], Fields(), stats
        )
    )
    assert "1" in [value for batch in batches for value in batch["id"].to_pylist()]
    assert stats.records == sum(batch.num_rows for batch in batches)
