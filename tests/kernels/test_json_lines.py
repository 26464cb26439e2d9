"""Test columns of JSON lines against Python's parser."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.kernels.reading.json_lines import (
    INTEGER,
    NOTHING,
    STRING,
    top_level_values,
)
from provscan.kernels.records import StringColumns, read_only

pytestmark = pytest.mark.kernels

KINDS = {"text": STRING, "id": INTEGER, "nothing": NOTHING}
LETTERS = st.sampled_from('aé語😀 \0\t\n\r\x1f"\\/{}[]:,u0')
TEXTS = st.text(LETTERS, max_size=90)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(
    allow_nan=False, allow_infinity=False
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.none() | TEXTS,
        "id": st.none() | st.integers(),
        "nothing": st.none(),
        "other": VALUES,
        "": VALUES,
    },
)
SPACES = st.sampled_from(["", " ", "\t ", "\r"])


def parsed(data: bytes) -> list[list[str | None]] | None:
    """Return the columns that the kernel reads from some lines, or None if it leaves
    them to another parser.
    """
    rows, names = data.count(b"\n") + 1, [name.encode() for name in KINDS]
    shape = (len(KINDS), rows)
    columns = StringColumns(
        np.zeros((len(KINDS), len(data)), np.uint8),
        np.zeros((len(KINDS), rows + 1), np.int64),
        np.zeros(shape, np.uint8),
    )
    text, keys = np.frombuffer(data, np.uint8), np.frombuffer(b"".join(names), np.uint8)
    ends, kinds = (
        np.cumsum([0, *map(len, names)]),
        np.array(list(KINDS.values()), np.uint8),
    )
    if not top_level_values(text, keys, read_only(ends), read_only(kinds), columns):
        return None
    return [
        [
            columns.data[k, columns.ends[k, row] : columns.ends[k, row + 1]]
            .tobytes()
            .decode()
            if columns.valid[k, row] == 1
            else None
            for row in range(rows)
        ]
        for k in range(len(KINDS))
    ]


def expected(lines: list[bytes]) -> list[list[str | None]]:
    records = [json.loads(line) for line in lines]
    return [
        [None if (v := record.get(name)) is None else str(v) for record in records]
        for name in KINDS
    ]


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.booleans(), SPACES, SPACES)
def test_objects_are_read_as_python_reads_them(objects, ascii_only, space, end):
    separators = (f"{space},{space}", f"{space}:{space}")
    lines = [
        (
            space
            + json.dumps(value, ensure_ascii=ascii_only, separators=separators)
            + end
        ).encode()
        for value in objects
    ]
    assert parsed(b"\n".join(lines)) == expected(lines)


@given(st.lists(OBJECTS, min_size=1, max_size=3), st.booleans(), st.data())
def test_damaged_lines_are_read_as_python_reads_them_or_left_to_it(
    objects, ascii_only, data
):
    lines = "\n".join(
        json.dumps(value, ensure_ascii=ascii_only) for value in objects
    ).encode()
    place = data.draw(st.integers(0, len(lines) - 1))
    damage = data.draw(
        st.sampled_from(
            [b"", *(bytes([c]) for c in b'"\\{}[]:,0-.eutn \n'), b'"text":']
        )
    )
    damaged = lines[:place] + damage + lines[place + data.draw(st.integers(0, 3)) :]
    damaged = damaged.decode(errors="ignore").encode()
    found = parsed(damaged)
    if found is not None:
        assert found == expected(damaged.split(b"\n"))


@pytest.mark.parametrize(
    "line",
    [
        "", "[]", "{}{}", '{"text": 1}', '{"text": "a", "text": "b"}',
        '{"text": null, "text": "b"}', '{"id": "1"}',
        '{"id": 1.5}', '{"id": 1e5}', '{"nothing": 1}', '{"te\\u0078t": "a"}', '{"text": "\\ud800"}',  # noqa: E501
        '{"text": "\\ud800\\u0041"}', '{"text": "\\udc00"}', '{"text": "\\x"}', '{"text": "\\u12g4"}',  # noqa: E501
        '{"text": "a\tb"}', '{"text": "a"', '{"text": "a', '{"text": "a",}', '{"a": 01}', '{"a": +1}', '{"a": 1.}',  # noqa: E501
        '{"a": .5}', '{"a": 1e}', '{"a": NaN}', '{"a": nul}', '{"a": [1,]}',
        '{"a": [1 2]}', '{"a": {"b"}}',
        '{"a": {"b": 1,}}', '{"a": [1}}', '{"a": "\\ud800"}', '{"a": ' + "[" * 61 + "]" * 61 + "}",  # noqa: E501
    ],
)  # fmt: skip
def test_lines_that_are_left_to_another_parser(line):
    assert parsed(line.encode()) is None
    assert parsed(f'{{"text": "x"}}\n{line}'.encode()) is None
