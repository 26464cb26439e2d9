"""Test JSON lines: good ones, bad ones, and where files are cut into splits."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.errors import InputError
from provscan.readers import Fields, Limits, plan


def test_nul_is_kept(write, read_all):
    found = read_all(write("a.jsonl", b'{"text": "a\\u0000b"}\n{"text": "a\x00b"}\n'))
    assert found.texts == ["a\0b", "a\0b"]
    assert found.stats.notes == {}


def test_invalid_utf8_is_replaced_and_counted(write, read_all):
    found = read_all(write("a.jsonl", b'{"text": "ok"}\n{"text": "a\xffb"}\n'))
    assert found.texts == ["ok", "a\ufffdb"]
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.examples["invalid_utf8"][0].record == 1
    assert "0xff" in found.stats.examples["invalid_utf8"][0].detail


def test_unpaired_surrogates_are_replaced_and_counted(write, read_all):
    found = read_all(
        write(
            "a.jsonl",
            '{"text": "a\\ud83db", "id": "\\udc00"}\n{"text": "\\ud83d\\ude00"}\n',
        )
    )
    assert found.texts == ["a\ufffdb", "😀"]
    assert found.rows[0]["id"] == "\ufffd"
    assert found.stats.repaired == {"lone_surrogate": 1}


def test_every_line_without_a_record_is_counted(write, read_all):
    lines = [
        '{"text": "good"}',
        '{"text": "cut off',
        '["a", "list"]',
        '"a string"',
        '{"id": "7"}',
        '{"text": null}',
        '{"text": 12}',
        '{"text": {"nested": "object"}}',
        '{"text": ""}',
    ]
    path = write("a.jsonl", "\n".join(lines))
    found = read_all(path)
    assert found.texts == ["good", "a string", ""]
    assert found.records == [0, 3, 8]
    assert found.stats.skipped == {
        "bad_json": 1,
        "not_an_object": 1,
        "no_text": 2,
        "text_not_string": 2,
    }
    assert [case.record for case in found.stats.examples["text_not_string"]] == [6, 7]
    assert (
        found.stats.examples["text_not_string"][0].detail
        == "a number where text is expected"
    )
    assert found.stats.examples["bad_json"] == [
        (path, 1, "unexpected end of data (column 18)")
    ]


DAMAGED = [
    b"null",
    b"5",
    b'{"text": "a"} null',
    b'{"text": "a"}{"text": "b"}',
    b'{"text": "a"} 5 {"text": "b"}',
    b'{"id": ' + b"9" * 310 + b', "text": 7}',
    b'{"x": ' + b"[" * 1010,
    b'{"text": "\xff',
    b'{"text": ["a"]}',
]


@pytest.mark.parametrize("line", DAMAGED, ids=range(len(DAMAGED)))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_line_costs_one_line(write, read_all, line, place):
    lines = [
        b'{"text": "a good line", "id": 1}',
        b'{"text": "another good line", "id": 2}',
    ]
    lines.insert(place, line)
    found = read_all(write("a.jsonl", b"\n".join(lines)))
    assert [row["text"] for row in found.rows if row["record"] != place] == [
        "a good line",
        "another good line",
    ]
    # If the last line is cut off, the file is damaged.
    assert (
        found.stats.records
        + sum(found.stats.skipped.values())
        + len(found.stats.damaged)
        == 3
    )
    assert len(found.stats.damaged) == (place == 2 and line in DAMAGED[-3:-1])
    assert found.stats.records == 2 or b"[" in line


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": "b", "x": ' + b"9" * 310 + b"}",
        b'{"text": "b", "id": ' + b"9" * 310 + b"}",
        b'{"text": "b", "x": ' + b"[" * 1010 + b"]" * 1010 + b"}",
        b'{"text": "b", "id": 1.5, "x": ' + b'{"y": ' * 9 + b"1" + b"}" * 10,
        b'{"x": 3, "text": "b", "x": {"text": 4}}',
        b'{"text": "b", "x": NaN}',
        b'{"text": "b", "id": "7"}',
        b'{"text": "b", "id": null, "new": {"field": 1}}',
    ],
    ids=range(8),
)
def test_unusual_lines_are_read(write, read_all, line):
    found = read_all(
        write(
            "a.jsonl",
            b'{"text": "a", "id": 1}\n' + line + b'\n{"text": "c", "id": 3}\n',
        )
    )
    assert found.texts == ["a", "b", "c"]
    assert found.records == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b"\n\n \n"])
def test_an_empty_file_is_noted(write, read_all, content):
    found = read_all(write("a.jsonl", content))
    assert found.rows == []
    assert found.stats.notes == {"empty_file": 1}


def test_a_file_in_another_format(write, read_all):
    path = write("a.jsonl", "name,value\nx,1\n")
    with pytest.raises(InputError, match=r"jsonl: .*first records is valid \(record 1"):
        read_all(path)


def test_batches_have_a_bounded_size(write, read_all):
    found = read_all(write("a.jsonl", [{"text": "x"}] * 40_000))
    assert [len(batch) for batch in found.batches[:-1]] == [Limits().batch_records] * (
        len(found.batches) - 1
    )
    found = read_all(
        write("b.jsonl", [{"text": "x" * 1_000_000}] * 10), target_bytes=1 << 30
    )
    assert [len(batch) for batch in found.batches] == [2] * 5
    # A single text may be larger than a batch.
    records = [{"text": text} for text in ("first", "é" * (9 << 20), "last")]
    found = read_all(write("c.jsonl", records))
    assert [len(batch) for batch in found.batches] == [1, 1, 1]
    assert (found.stats.records, found.stats.characters) == (3, 9 + (9 << 20))


LINES = st.lists(
    st.sampled_from(
        [
            b'{"text": "a tweet", "id": 1}',
            '{"text": "ça va 😀"}'.encode(),
            b'{"text": "' + b"x" * 90 + b'"}\r',
            # Other letters are UTF-8, so that no other encoding is detected.
            '{"text": "çà, a bad '.encode() + b'\xff byte"}',
            b"",
            b"not json",
            b'{"text": null}',
            b"[1]",
        ]
    ),
    max_size=60,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    lines=LINES,
    newline_at_end=st.booleans(),
    mark=st.booleans(),
    target=st.integers(1, 3000),
    chunk=st.sampled_from([5, 64, 1 << 20]),
)
def test_splits_have_the_same_rows_as_the_file(
    write, read_all, lines, newline_at_end, mark, target, chunk
):
    head = b"\xef\xbb\xbf" if mark else b""
    content = (
        head
        + b'{"text": "first"}\n'
        + b"\n".join(lines)
        + (b"\n" if newline_at_end else b"")
    )
    path = write("a.jsonl", content)
    whole = read_all(path)
    assert len(whole.splits) == 1
    cut = read_all(path, target_bytes=target, limits=Limits(chunk=chunk))
    assert cut.rows == whole.rows
    assert cut.stats == whole.stats
    assert cut.splits[0].start == 0
    assert cut.splits[-1].end == len(content)
    for split, following in itertools.pairwise(cut.splits):
        assert split.end == following.start
        assert content[split.end - 1 : split.end] == b"\n"
        assert following.first_record == content[: split.end].count(b"\n")
    assert sum(split.size for split in cut.splits) == len(content)
    # The oracle: Python's own reading.
    expected = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        try:
            record = json.loads(line.decode(errors="replace"))
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("text"), str):
            expected.append((number, record["text"]))
    assert [(row["record"], row["text"]) for row in cut.rows] == expected


def test_a_line_above_the_limit_is_counted(write, read_all):
    lines = [{"text": "a"}, {"text": "x" * 5000}, {"text": "b"}, {"text": "y" * 5000}]
    found = read_all(
        write("a.jsonl", lines), limits=Limits(chunk=64, record_bytes=1000)
    )
    assert found.texts == ["a", "b"]
    assert found.records == [0, 2]
    assert found.stats.skipped == {"record_too_long": 2}
    assert [case.record for case in found.stats.examples["record_too_long"]] == [1, 3]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 1])
def test_json_arrays(write, read_all, chunk, indent):
    values = [
        {"text": 'a, "b" \\ [c]'},
        5,
        {"text": "é} {", "x": [1, {"y": []}]},
        {},
        {"text": "last"},
    ]
    found = read_all(
        write("a.json", json.dumps(values, indent=indent)), limits=Limits(chunk=chunk)
    )
    assert found.texts == ['a, "b" \\ [c]', "é} {", "last"]
    assert found.records == [0, 2, 4]
    assert found.stats.skipped == {"text_not_string": 1, "no_text": 1}


def test_other_json_documents(write, read_all):
    assert read_all(write("b.json", [{"text": "lines"}])).texts == ["lines"]
    assert read_all(write("d.json", '[{"text": "a"},')).texts == ["a"]
    assert read_all(write("f.json", "[]")).stats.notes == {"empty_file": 1}
    assert read_all(
        write("g.json", "".join(json.dumps({"text": t}, indent=1) for t in "ab"))
    ).texts == ["a", "b"]
    found = read_all(
        write("e.json", json.dumps({"data": [{"text": "a"}, {"text": "b"}]}, indent=1))
    )
    assert list(zip(found.fields, found.texts, strict=True)) == [
        ("data[0].text", "a"),
        ("data[1].text", "b"),
    ]
    with pytest.raises(InputError, match=r"first records is valid \(record 1: 1\)"):
        read_all(write("c.json", "[1, 2]"))


def test_a_plan_is_cut_by_size_not_by_workers(write):
    path = write("a.jsonl", [{"text": "x" * 100}] * 1000)
    assert plan(path, Fields(), workers=1) == plan(path, Fields(), workers=8)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_strings_are_texts(write, read_all, name):
    lines = [
        json.dumps(text)
        for text in ("a text by itself", 'one more, with "quotes"', "and a third")
    ]
    found = read_all(
        write(name, "\n".join(lines) if name == "a.jsonl" else f"[{','.join(lines)}]")
    )
    assert found.texts == [json.loads(line) for line in lines]
    assert found.records == [0, 1, 2]


def test_records_with_many_numbers_are_read(write, read_all):
    record = {"text": ["some words of a text"], "input_ids": list(range(50_000))}
    assert read_all(write("a.jsonl", [record] * 3)).texts == record["text"] * 3
