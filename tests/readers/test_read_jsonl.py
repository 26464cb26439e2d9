"""JSON lines: good ones, bad ones, and where they are cut."""

import itertools
import json
import os
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.errors import InputError
from provscan.readers import Fields, ReadStats, Split, plan, read, schema, streams
from provscan.readers import jsonl as jsonl_module

TWEET = {
    "created_at": "Tue Oct 20 00:10:41 +0000 2015",
    "id": 656261217556824064,
    "id_str": "656261217556824064",
    "text": "RT @a: short…",
    "truncated": False,
    "user": {"id": 5, "screen_name": "WKRBNews", "lang": "en", "name": "WKRB News"},
    "lang": "en",
    "retweeted_status": {"id_str": "656000000000000000", "id": 656000000000000000},
}


def test_flat_tweets(write, read_all):
    path = write(
        "a.jsonl",
        [
            {"id": "1", "text": "one", "author": "a", "created_at": "2015-02-24T11:35:00", "lang": "en"},
            {"id": 2, "text": "two", "created_at": "2015-02-24T11:35:00+01:00", "rt_of": "1"},
        ],
    )
    found = read_all(path)
    assert found.rows == [
        {
            "record": 0,
            "id": "1",
            "text": "one",
            "author": "a",
            "created_at": datetime(2015, 2, 24, 11, 35, tzinfo=UTC),
            "lang": "en",
            "rt_of": None,
        },
        {
            "record": 1,
            "id": "2",
            "text": "two",
            "author": None,
            "created_at": datetime(2015, 2, 24, 10, 35, tzinfo=UTC),
            "lang": None,
            "rt_of": "1",
        },
    ]
    assert (found.stats.records, found.stats.characters) == (2, 6)
    assert found.stats.skipped == found.stats.repaired == found.stats.notes == {}


def test_tweets_of_the_api(write, read_all):
    long = {**TWEET, "truncated": True, "extended_tweet": {"full_text": "the whole long text"}}
    # The form of the long tweet is not among the first records that are looked at.
    found = read_all(write("a.jsonl", [TWEET] * 1500 + [long]))
    assert found.rows[0] == {
        "record": 0,
        "id": "656261217556824064",
        "text": "RT @a: short…",
        "author": "WKRBNews",
        "created_at": datetime(2015, 10, 20, 0, 10, 41, tzinfo=UTC),
        "lang": "en",
        "rt_of": "656000000000000000",
    }
    assert found.texts[-1] == "the whole long text"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_line_ends(write, read_all, ending):
    newline = "\r\n" if ending == "\r\n" else "\n"
    found = read_all(write("a.jsonl", newline.join(['{"text": "a"}', "", '{"text": "b"}']) + ending))
    assert found.texts == ["a", "b"]
    assert found.records == [0, 2], "blank lines count as lines"
    assert found.stats.skipped == {}


def test_byte_order_mark_is_dropped(write, read_all):
    assert read_all(write("a.jsonl", b"\xef\xbb\xbf" + b'{"text": "a"}\n')).texts == ["a"]


def test_utf_16_is_refused(write, read_all):
    path = write("a.jsonl", '{"text": "a"}\n'.encode("utf-16"))
    with pytest.raises(InputError, match="is UTF-16; convert it to UTF-8"):
        read_all(path)


def test_nul_is_kept(write, read_all):
    found = read_all(write("a.jsonl", b'{"text": "a\\u0000b"}\n{"text": "a\x00b"}\n'))
    assert found.texts == ["a\0b", "a\0b"]
    assert found.stats.notes == {"lenient_json": 1}


def test_invalid_utf8_is_replaced_and_counted(write, read_all):
    found = read_all(write("a.jsonl", b'{"text": "ok"}\n{"text": "a\xffb"}\n'))
    assert found.texts == ["ok", "a\ufffdb"]
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.examples["invalid_utf8"][0].record == 1
    assert "0xff" in found.stats.examples["invalid_utf8"][0].detail


def test_lone_surrogates_are_replaced_and_counted(write, read_all):
    found = read_all(write("a.jsonl", '{"text": "a\\ud83db", "id": "\\udc00"}\n{"text": "\\ud83d\\ude00"}\n'))
    assert found.texts == ["a\ufffdb", "😀"]
    assert found.rows[0]["id"] == "\ufffd"
    assert found.stats.repaired == {"lone_surrogate": 1}


def test_nan_and_huge_integers(write, read_all):
    found = read_all(write("a.jsonl", '{"text": "a", "x": NaN}\n{"text": "b", "id": 123456789012345678901234567890}\n'))
    assert found.texts == ["a", "b"]
    assert [row["id"] for row in found.rows] == [None, "123456789012345678901234567890"]


def test_a_number_for_an_id_beside_invalid_utf8(write, read_all):
    assert read_all(write("a.jsonl", b'{"text": "a\xff", "id": 1.5}\n')).rows[0]["id"] == "1.5"


def test_the_last_of_duplicate_keys_counts(write, read_all):
    assert read_all(write("a.jsonl", '{"text": "a", "text": "b"}\n')).texts == ["b"]


def test_every_line_that_is_no_record_is_counted(write, read_all):
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
    assert found.texts == ["good", ""]
    assert found.records == [0, 8]
    assert found.stats.skipped == {"bad_json": 1, "not_an_object": 2, "no_text": 2, "text_not_string": 2}
    assert [case.record for case in found.stats.examples["text_not_string"]] == [6, 7]
    assert found.stats.examples["text_not_string"][0].detail == "a number where text is expected"
    assert found.stats.examples["bad_json"] == [(path, 1, "unexpected end of data (column 18)")]


def test_chats_are_counted_with_a_hint(write, read_all):
    chat = {"messages": [{"role": "user", "content": "hi"}]}
    found = read_all(write("a.jsonl", [chat]))
    assert found.rows == []
    assert found.stats.skipped == {"text_not_string": 1}
    assert found.stats.examples["text_not_string"][0].detail == (
        "a list of objects (role, content); for chats, write one turn a record"
    )


def test_nesting_without_end_is_bad_json(write, read_all):
    found = read_all(write("a.jsonl", '{"text": "a"}\n{"text": "b", "x": ' + "[" * 100_000 + "]" * 100_000 + "}\n"))
    assert found.texts == ["a"]
    assert found.stats.skipped == {"bad_json": 1}


@pytest.mark.parametrize("content", [b"", b"\n\n \n"])
def test_an_empty_file_is_noted(write, read_all, content):
    found = read_all(write("a.jsonl", content))
    assert found.rows == []
    assert found.stats.notes == {"empty_file": 1}


def test_a_file_of_something_else(write, read_all):
    path = write("a.jsonl", "name,value\nx,1\n")
    with pytest.raises(InputError, match=r"a\.jsonl is not JSON lines: .*\(line 1: .*Expected one object a line"):
        read_all(path)


def test_a_large_line_comes_in_pieces(write, read_all):
    # 2- and 4-byte characters around the cuts.
    text = "é" * schema.PIECE + "😀" * schema.PIECE + "end"
    found = read_all(write("a.jsonl", [{"text": "first"}, {"text": text, "id": 9}, {"text": "last"}]))
    assert found.records == [0, 1, 1, 1, 2]
    assert found.stats.records == 3
    assert found.stats.characters == len(text) + 9
    pieces = found.rows[1:-1]
    assert [piece["id"] for piece in pieces] == ["9"] * 3
    assert [len(batch) for batch in found.batches] == [1] * 5
    check_pieces(pieces, text)


def check_pieces(pieces, text):
    """Pieces are stretches of the text, overlap, and own each place once."""
    step = schema.PIECE - schema.OVERLAP
    assert [piece["offset"] for piece in pieces] == list(range(0, len(pieces) * step, step))
    for piece in pieces:
        assert len(piece["text"]) <= schema.PIECE
        assert piece["text"] == text[piece["offset"] : piece["offset"] + len(piece["text"])]
        assert piece["offset"] <= piece["own_from"] < piece["own_to"] <= piece["offset"] + len(piece["text"])
    assert [piece["own_from"] for piece in pieces] == [0, *(piece["own_to"] for piece in pieces[:-1])]
    assert pieces[-1]["own_to"] == len(text)
    for before, after in itertools.pairwise(pieces):
        assert after["own_from"] - after["offset"] == schema.OVERLAP // 2
        assert before["offset"] + len(before["text"]) - before["own_to"] == schema.OVERLAP // 2


def test_batches_have_a_bounded_size(write, read_all):
    found = read_all(write("a.jsonl", [{"text": "x"}] * 40_000))
    assert [len(batch) for batch in found.batches[:-1]] == [schema.BATCH_RECORDS] * (len(found.batches) - 1)
    found = read_all(write("b.jsonl", [{"text": "x" * 1_000_000}] * 10), target_bytes=1 << 30)
    assert [len(batch) for batch in found.batches] == [4, 4, 2]


LINES = st.lists(
    st.sampled_from(
        [
            b'{"text": "a tweet", "id": 1}',
            '{"text": "ça va 😀", "created_at": "2020-01-01"}'.encode(),
            b'{"text": "' + b"x" * 90 + b'"}\r',
            b'{"text": "bad \xff byte"}',
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
def test_splits_give_what_the_whole_gives(write, read_all, monkeypatch, lines, newline_at_end, mark, target, chunk):
    head = b"\xef\xbb\xbf" if mark else b""
    content = head + b'{"text": "first"}\n' + b"\n".join(lines) + (b"\n" if newline_at_end else b"")
    path = write("a.jsonl", content)
    whole = read_all(path)
    assert len(whole.splits) == 1
    with monkeypatch.context() as patch:
        patch.setattr("provscan.readers.planning.CHUNK", chunk)
        patch.setattr(streams, "CHUNK", chunk)
        cut = read_all(path, target_bytes=target)
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


def test_splits_agree_on_the_fields(write, read_all):
    # `text` appears late; the fields are those of the file's first records, wherever a split begins.
    rows = [{"content": f"c{number}"} for number in range(2000)] + [{"content": "c", "text": "t"}] * 2000
    path = write("a.jsonl", rows)
    cut = read_all(path, target_bytes=5000)
    assert len(cut.splits) > 5
    assert cut.texts == [row["content"] for row in rows]


def test_a_file_that_went_away(write):
    path = write("a.jsonl", [{"text": "a"}])
    (split,) = plan(path, Fields())
    os.remove(path)
    with pytest.raises(InputError, match=r"a\.jsonl can't be read: No such file"):
        list(read(split, Fields(), ReadStats()))


def test_a_range_is_read_without_the_plan(write):
    path = write("a.jsonl", [{"text": str(number)} for number in range(10)])
    size = len('{"text": "0"}\n')
    split = Split("a", path, "jsonl", None, 3 * size, 5 * size, 3, 2 * size)
    (batch,) = read(split, Fields(), ReadStats())
    assert batch.column("record").to_pylist() == [3, 4]
    assert batch.column("text").to_pylist() == ["3", "4"]


def test_good_lines_are_parsed_by_orjson_alone(write, read_all, monkeypatch):
    monkeypatch.setattr(jsonl_module, "_repaired", None)
    assert read_all(write("a.jsonl", [{"text": "a"}])).texts == ["a"]


def test_json_arrays(write, read_all):
    found = read_all(write("a.json", orjson.dumps([{"text": "a"}, 5, {"text": "b"}])))
    assert found.texts == ["a", "b"]
    assert found.records == [0, 2]
    assert found.stats.skipped == {"not_an_object": 1}
    assert read_all(write("b.json", [{"text": "lines"}])).texts == ["lines"]
    with pytest.raises(InputError, match="a JSON array, but not of objects"):
        read_all(write("c.json", "[1, 2]"))
    with pytest.raises(InputError, match="is not JSON: "):
        read_all(write("d.json", '[{"text": "a"},'))
    with pytest.raises(InputError, match="one JSON object over several lines; expected one object a line"):
        read_all(write("e.json", json.dumps({"text": "a"}, indent=1)))
    assert read_all(write("f.json", "[]")).stats.notes == {"empty_file": 1}


def test_a_json_array_above_the_limit(write, read_all, monkeypatch):
    monkeypatch.setattr("provscan.readers.reading.ARRAY_LIMIT", 10)
    with pytest.raises(InputError, match="one JSON array of more than 10 bytes"):
        read_all(write("a.json", orjson.dumps([{"text": "a longer text"}])))


def test_a_plan_is_cut_by_size_not_by_workers(write):
    path = write("a.jsonl", [{"text": "x" * 100}] * 1000)
    assert plan(path, Fields(), workers=1) == plan(path, Fields(), workers=8)
