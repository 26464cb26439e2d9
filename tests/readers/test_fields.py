"""Test that every text of a record is read, and nothing else."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import provscan
from provscan.errors import FieldNotFoundError
from provscan.readers import LIMITS, Fields, ReadStats, read_objects, read_tweet_objects
from provscan.readers.fields.names import VERDICTS

LONG = "a sentence of a few words"
# For each form: a record, and its texts by the names of their fields.
FORMS = json.loads(
    Path(__file__)
    .with_name("fields.json")
    .read_text(encoding="utf-8")
    .replace("<LONG>", LONG)
)


EMOJI = "the quixotic😀marmalade🥰harbourlantern😂velvetcrimson"


@pytest.mark.parametrize("ascii_only", [True, False])
def test_emoji_separate_the_words_of_a_later_text(ascii_only, tmp_path):
    records = [{"text": "a few words here", "at": {}} for _ in range(1001)]
    records[-1]["at"] = {"note": EMOJI.removeprefix("the ")}
    lines = (json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in records)
    (tmp_path / "a.jsonl").write_text("".join(lines))
    index = provscan.build_index([{"id": "1", "text": EMOJI}], tmp_path / "a.index")
    run = provscan.match(tmp_path / "a.jsonl", index, tmp_path / "a.run", spike_ins=0)
    assert run.matches.column("field").to_pylist() == ["at.note"]


@pytest.mark.parametrize(
    "late", [{}, {"text_field": ["text", "note"]}], ids=["determined", "named"]
)
def test_a_field_with_text_only_in_later_records_is_scanned(late, tmp_path):
    records = [
        {"id": str(n), "note": f"c{n}", "day": "2020-01-02", "text": "a few words here"}
        for n in range(1000)
    ]
    records += [{"note": LONG, "text": "a few words here"}]
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps(record) + "\n" for record in records)
    )
    index = provscan.build_index([{"id": "1", "text": LONG}], tmp_path / "a.index")
    run = provscan.match(
        tmp_path / "a.jsonl", index, tmp_path / "a.run", spike_ins=0, **late
    )
    assert run.matches.column("field").to_pylist() == ["note"]
    code = "not_named" if late else "dates"
    assert run.summary["field_codes"]["day"] == {code: 1}
    assert run.summary["fields"]["day"] == {VERDICTS[code]: 1}


TURN = {"role": "user", "content": "a few words here"}
LATER = {
    "top": ({"text": "a few words here"}, {"note": LONG}, "note"),
    "empty": ({"text": "a few words here", "note": None}, {"note": LONG}, "note"),
    "chat": (
        {"messages": [TURN]},
        {"messages": [TURN, {"role": "x", "tool": {"out": LONG}}]},
        "messages[].tool.out",
    ),
    "chat as text": (
        {"talk": json.dumps([TURN])},
        {"talk": json.dumps([TURN, {"answer": LONG}])},
        "talk[].answer",
    ),
}


@pytest.mark.parametrize("form", LATER)
@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_text_in_fields_that_the_first_records_lack_is_scanned(
    form, array, named, write, read_all
):
    first, last, name = LATER[form]
    records = [first] * 1100 + [{**first, **last}] * 101
    path = write("a.json", json.dumps(records)) if array else write("a.jsonl", records)
    found = read_all(path, text=next(iter(first)) if named else None, target_bytes=9000)
    seen = [row for row in found.rows if row["text"] == LONG]
    outside = named and name == "note"
    numbers = [] if outside else list(range(1100, 1201))
    assert [row["record"] for row in seen] == numbers
    fields = {re.sub(r"\[\d+\]", "[]", row["field"]) for row in seen}
    assert fields == (set() if outside else {name})
    assert found.stats.notes == ({} if outside else {"later_text": 101})


def test_texts_of_late_elements_of_lists_are_scanned(write, read_all):
    talk = [{"body": "a few words here"}] * 60 + [{"note": LONG}, [{"x": {"y": LONG}}]]
    found = read_all(write("a.jsonl", [{"talk": talk}]))
    assert found.fields[-2:] == ["talk[60].note", "talk[61][0].x.y"]


@pytest.mark.parametrize(
    ("value", "scanned"),
    [
        (LONG, True),
        ("今日はとても良い天気ですね", True),
        ("two words", False),
        ("x 1 2 3 4 5 6 7 8 9", False),
        ("Tue Oct 20 00:10:41 +0000 2015", False),
        ("https://example.org/a/very/long/address", False),
    ],
)
@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv", "objects"])
@pytest.mark.parametrize("name", ["code", "id", "url"])
def test_values_that_read_like_text_are_scanned_in_fields_of_codes(
    value, scanned, form, name, write, read_all, tmp_path
):
    records = [{"text": "a few words here", name: f"c{n}"} for n in range(1100)]
    records.append({"text": "a few words here", name: value})
    if form == "objects":
        batches = list(read_objects(records))
        texts = [text for batch in batches for text in batch["text"].to_pylist()]
    else:
        if form == "parquet":
            path = str(tmp_path / "a.parquet")
            pq.write_table(pa.Table.from_pylist(records), path)
        elif form == "csv":
            rows = [",".join(record.values()) for record in records]
            path = write("a.csv", "\n".join([f"text,{name}", *rows]))
        else:
            path = write("a.jsonl", records)
        texts = read_all(path).texts
    assert texts == ["a few words here"] * 1101 + [value] * scanned


@pytest.mark.parametrize("name", ["id", "url"])
def test_texts_in_fields_named_as_ids_or_addresses_are_scanned(name, write, read_all):
    records = [{"text": "a few words here", name: value} for value in ("x1", LONG)]
    assert read_all(write("a.jsonl", records)).texts.count(LONG) == 1


def test_labels_are_scanned_only_if_they_are_longer(write, read_all):
    longer = "a much longer value than all of the labels before it"
    values = ["one of the labels", "another of the labels"] * 600
    values += ["a third kind of label", longer]
    records = [{"text": "a few words here", "kind": value} for value in values]
    found = read_all(write("a.jsonl", records))
    assert found.texts[-1] == longer
    assert set(found.texts[:-1]) == {"a few words here"}
    assert found.stats.fields["kind"] == {"labels": 1}


@pytest.mark.parametrize("value", [LONG, [LONG], {"a": LONG}, [{"a": [LONG]}]], ids=str)
def test_text_columns_are_scanned_if_the_first_rows_have_no_text(
    value, tmp_path, read_all
):
    rows = [{"text": "a few words here", "note": None}] * 300 + [
        {"text": None, "note": value}
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert read_all(tmp_path / "a.parquet").texts[-1] == LONG


@pytest.mark.parametrize("array", [False, True])
def test_a_field_of_empty_texts_is_scanned_where_it_has_text(write, read_all, array):
    records = [{"text": "a few words here", "note": ""}] * 1100 + [
        {"text": "", "note": LONG}
    ]
    found = read_all(
        write("a.json", json.dumps(records)) if array else write("a.jsonl", records)
    )
    assert found.texts == ["a few words here"] * 1100 + ["", LONG]


def test_lists_in_place_of_texts_are_searched(write, read_all):
    records = [
        {"title": "news", "text": LONG},
        {"title": "more", "text": [LONG]},
        {"title": "rest", "text": 5},
    ]
    found = read_all(write("a.jsonl", records[:1] * 1000 + records))
    assert (found.stats.skipped, found.stats.notes) == ({}, {"later_text": 1})
    assert [row["field"] for row in found.rows if row["record"] == 1001] == [
        "title",
        "text[0]",
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("array", [False, True])
def test_every_text_is_found(write, read_all, form, array):
    record, expected = FORMS[form]
    records = [record] * 3
    found = read_all(
        write("a.json", json.dumps(records)) if array else write("a.jsonl", records)
    )
    assert [row for row in found.records if row == 1] == [1] * len(expected)
    rows = [row for row in found.rows if row["record"] == 1]
    assert {row["field"]: row["text"] for row in rows} == expected
    assert found.stats.records == 3
    assert "scanned" in {
        verdict for verdicts in found.stats.fields.values() for verdict in verdicts
    }


@pytest.mark.parametrize("form", ["a.jsonl", "a.json"])
def test_text_that_is_nested_too_deeply_is_reported(form, write, read_all):
    def deep(levels):
        value = LONG
        for _ in range(levels):
            value = {"a": value} if levels % 2 else [value]
        return {"text": "a few words here", "b": value}

    records = [deep(LIMITS.nesting - 1), deep(LIMITS.nesting - 2)]
    whole = read_all(write(form, json.dumps(records) if form == "a.json" else records))
    assert whole.texts.count(LONG) == 2
    records = [deep(LIMITS.nesting), deep(LIMITS.nesting + 1)]
    found = read_all(write(form, json.dumps(records) if form == "a.json" else records))
    assert found.texts == ["a few words here"] * 2
    assert (whole.stats.notes, found.stats.notes) == ({}, {"too_deep": 2})


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("messages[].content", ["messages[0].content"]),
        ("messages", ["messages[0].content"]),
        ("meta.note", ["meta.note"]),
        ("a.b", ["a.b"]),
        (("meta.note", "a.b"), ["meta.note", "a.b"]),
    ],
)
def test_named_fields(write, read_all, name, fields):
    record = {
        "messages": [{"content": LONG, "role": "user"}],
        "meta": {"note": "x"},
        "a.b": "dotted",
        "text": LONG,
    }
    assert read_all(write("a.jsonl", [record]), text=name).fields == fields


def test_a_missing_field(write, read_all):
    with pytest.raises(FieldNotFoundError, match=r"field 'messages\[\]\.body'"):
        read_all(
            write("a.jsonl", [{"messages": [{"content": LONG}]}]),
            text="messages[].body",
        )


def test_a_named_id_that_one_of_several_files_lacks_is_noted(write, read_all, tmp_path):
    write("d/a.jsonl", [{"text": LONG}])
    write("d/b.jsonl", [{"text": LONG, "number": "7"}])
    found = read_all(str(tmp_path / "d"), id="number")
    assert [row["id"] for row in found.rows] == [None, "7"]
    assert found.stats.notes == {"field_missing": 1}
    (case,) = found.stats.examples["field_missing"]
    assert case.source.endswith("/a.jsonl")
    assert case.detail == "no field 'number' for the id"


@pytest.mark.parametrize("read", [read_objects, read_tweet_objects])
def test_a_named_id_that_records_in_memory_lack_is_noted(read):
    stats = ReadStats()
    (batch,) = read([{"text": LONG}, {"text": LONG}], Fields(id="number"), stats)
    assert batch.num_rows == 2
    assert stats.notes["field_missing"] == 1
