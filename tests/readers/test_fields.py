"""Test that every text of a record is read, and nothing else."""

import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import provscan
from provscan.errors import FieldNotFoundError
from provscan.readers import (
    LIMITS,
    Fields,
    ReadStats,
    read_objects,
    read_tweet_objects,
)
from provscan.readers.fields.survey import reads_like_text
from provscan.report.omissions import left_out
from provscan.report.tables import text_table

LONG = "a sentence of a few words"
FORMS = {
    "messages": (
        {
            "messages": [
                {"role": "user", "content": f"{LONG} 1"},
                {"role": "assistant", "content": f"{LONG} 2"},
            ]
        },
        {"messages[0].content": f"{LONG} 1", "messages[1].content": f"{LONG} 2"},
    ),
    "content parts": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": LONG},
                        {
                            "type": "image_url",
                            "image_url": {"url": "https://example.org/a.png"},
                        },
                    ],
                }
            ]
        },
        {"messages[0].content[0].text": LONG},
    ),
    "strings and parts": (
        {
            "messages": [
                {"content": f"{LONG} 1"},
                {"content": [{"type": "text", "text": f"{LONG} 2"}]},
            ]
        },
        {
            "messages[0].content": f"{LONG} 1",
            "messages[1].content[0].text": f"{LONG} 2",
        },
    ),
    "ShareGPT": (
        {
            "id": "x",
            "conversations": [
                {"from": "human", "value": LONG},
                {"from": "gpt", "value": "yes"},
            ],
        },
        {"conversations[0].value": LONG, "conversations[1].value": "yes"},
    ),
    "prompt and completion": (
        {"prompt": "why", "completion": LONG},
        {"prompt": "why", "completion": LONG},
    ),
    "Alpaca": (
        {"instruction": "do it", "input": "", "output": LONG},
        {"instruction": "do it", "input": "", "output": LONG},
    ),
    "questions": (
        {"question": "what", "answer": "this", "label": 3},
        {"question": "what", "answer": "this"},
    ),
    "title and text": (
        {
            "title": "News",
            "text": LONG,
            "url": "https://example.org/some page",
            "date": "2020-01-02",
        },
        {"title": "News", "text": LONG},
    ),
    "preferences": (
        {"prompt": "p", "chosen": f"{LONG} 1", "rejected": f"{LONG} 2", "score": 0.5},
        {"prompt": "p", "chosen": f"{LONG} 1", "rejected": f"{LONG} 2"},
    ),
    "list of strings": (
        {"lines": [LONG, "", "b"]},
        {"lines[0]": LONG, "lines[1]": "", "lines[2]": "b"},
    ),
    "nested lists": (
        {"pages": [[LONG], [], [f"{LONG} 2"]]},
        {"pages[0][0]": LONG, "pages[2][0]": f"{LONG} 2"},
    ),
    "pages of GraphQL": (
        {
            "data": {
                "user": {
                    "result": {
                        "timeline_v2": {
                            "timeline": {
                                "instructions": [
                                    {
                                        "entries": [
                                            {
                                                "content": {
                                                    "itemContent": {
                                                        "tweet_results": {
                                                            "result": {
                                                                "legacy": {
                                                                    "full_text": LONG
                                                                }
                                                            }
                                                        }
                                                    }
                                                }
                                            }
                                        ]
                                    }
                                ]
                            }
                        }
                    }
                }
            }
        },
        {
            "data.user.result.timeline_v2.timeline.instructions[0].entries[0].content.itemContent.tweet_results.result.legacy.full_text": LONG  # noqa: E501
        },
    ),
    "answers to answers": (
        {
            "text": f"{LONG} 1",
            "replies": [
                {
                    "text": f"{LONG} 2",
                    "replies": [
                        {
                            "text": f"{LONG} 3",
                            "replies": [
                                {
                                    "text": f"{LONG} 4",
                                    "replies": [{"text": f"{LONG} 5", "replies": []}],
                                }
                            ],
                        }
                    ],
                }
            ],
        },
        {"replies[0]." * n + "text": f"{LONG} {n + 1}" for n in range(5)},
    ),
    "unknown names": ({"foo": LONG, "bar": "en", "baz": "0a1b2c"}, {"foo": LONG}),
    "no spaces": (
        {"foo": "今日はとても良い天気ですね", "bar": "中文"},
        {"foo": "今日はとても良い天気ですね"},
    ),
    "short texts": ({"foo": "hello", "id": "7"}, {"foo": "hello"}),
}


@pytest.mark.parametrize(
    "late", [{}, {"text_field": ["text", "note"]}], ids=["determined", "named"]
)
def test_a_field_with_text_only_in_later_records_is_reported(late, tmp_path):
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
    assert len(run.matches) == len(late)
    shown = (
        " ".join(text_table(run.summary).split()),
        (run.path / "report.html").read_text(),
    )
    expected = (
        "2 fields were not scanned, because the first records have no text in them: "
        "note, day. If later records have some, name all text fields with --text-field."
    )
    assert [expected in text for text in shown] == [not late] * 2
    # The message is not shown about fields that the user chose not to name.
    code, words = ("not_named", "not named") if late else ("dates", "dates or numbers")
    assert run.summary["field_codes"]["day"] == {code: 1}
    assert run.summary["fields"]["day"] == {f"not scanned: {words}": 1}


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
def test_text_in_fields_that_the_first_records_lack_is_reported(form, array, tmp_path):
    first, last, name = LATER[form]
    records = [first] * 1100 + [{**first, **last}] * 101
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps(records)
        if array
        else "".join(json.dumps(record) + "\n" for record in records)
    )
    index = provscan.build_index([{"id": "1", "text": LONG}], tmp_path / "a.index")
    run = provscan.match(path, index, tmp_path / "a.run", spike_ins=0)
    assert (run.summary["notes"]["later_text"], len(run.matches)) == (2, 0)
    expected = (
        "Text in fields that are missing from the first records of a file was not "
        "scanned: "
        f"{name} ("
    )
    shown = (
        " ".join(text_table(run.summary).split()),
        (run.path / "report.html").read_text(),
    )
    assert [
        expected in text and "was checked for such text: 2 had some." in text
        for text in shown
    ] == [True, True]
    named = provscan.match(
        path,
        index,
        tmp_path / "b.run",
        spike_ins=0,
        text_field=[next(iter(first)), name],
    )
    assert (named.summary["notes"], len(named.matches)) == ({}, 101)


def test_unscanned_text_of_a_null_dataset_is_reported(write, tmp_path):
    path = write("a.jsonl", [{"text": "a few words here"}])
    null = write(
        "b.jsonl",
        [{"text": "a few words here"}] * 1100
        + [{"text": "a few words here", "note": LONG}],
    )
    index = provscan.build_index([{"id": "1", "text": LONG}], tmp_path / "a.index")
    run = provscan.match(path, index, tmp_path / "a.run", null=null)
    assert run.summary["control"]["null"]["notes"] == {"later_text": 1}
    shown = (
        " ".join(text_table(run.summary).split()),
        (run.path / "report.html").read_text(),
    )
    assert all(
        "The null dataset has text in fields that are missing from its" in text
        for text in shown
    )


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


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_all_splits_have_the_fields_of_the_first_records(
    write, read_all, tmp_path, form, archived
):
    last = {
        "body": "a few words here",
        "note": LONG,
        **({"late": LONG} if form == "jsonl" else {}),
    }
    records = [{"body": "a few words here", "note": ""}] * 1100 + [last]
    lines = [
        json.dumps(record) if form == "jsonl" else ",".join(record.values())
        for record in records
    ]
    path = write(
        f"a.{form}", "\n".join([*(["body,note"] if form == "csv" else []), *lines])
    )
    if archived:
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            archive.addfile(tarfile.TarInfo("empty.txt"), io.BytesIO())
            archive.add(path, f"a.{form}")
        path = str(tmp_path / "a.tar")
    found = read_all(path, target_bytes=5000)
    assert (len(found.splits) > 3) is (form == "jsonl")
    assert found.texts == ["a few words here"] * 1101 + [LONG]
    assert found.fields[-2:] == ["body", "note"]


@pytest.mark.parametrize(
    "record",
    [{"a": {"[]": LONG}}, {"a": [{"[]": LONG}]}, {"a[]": [{"b": LONG}]}],
    ids=str,
)
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_fields_named_like_the_elements_of_a_list(
    record, form, tmp_path, write, read_all
):
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "a.parquet")
    found = read_all(
        str(tmp_path / "a.parquet") if form == "parquet" else write("a.jsonl", [record])
    )
    assert found.texts == [LONG]
    assert found.fields[0] in ("a.[]", "a[0].[]", "a[][0].b")


def test_lists_and_objects_in_place_of_texts_are_counted(write, read_all):
    records = [
        {"title": "news", "text": LONG},
        {"title": "more", "text": [LONG]},
        {"title": "rest", "text": 5},
    ]
    found = read_all(write("a.jsonl", records[:1] * 1000 + records))
    assert (found.stats.skipped, found.stats.notes) == ({}, {"text_not_string": 1})
    assert found.stats.examples["text_not_string"][0].record == 1001


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
    nothing = {
        "notes": {},
        "damaged": [],
        "skipped": {},
        "repaired": {},
        "truncated": {},
        "control": {"files": None, "null": None, "too_short": {}},
    }
    assert left_out({**nothing, "field_codes": whole.stats.fields}) == []
    (said,) = left_out({**nothing, "field_codes": found.stats.fields})
    assert (
        said == "Text more than 100 levels deep in objects and lists was not scanned."
    )


def test_the_fields_that_are_not_scanned_are_listed(write, read_all):
    found = read_all(
        write(
            "a.jsonl",
            [{"text": LONG, "url": "https://x.org", "lang": "en", "day": "2020-01-02"}]
            * 3,
        )
    )
    assert found.stats.fields == {
        "text": {"scanned": 1},
        "url": {"no_text_by_name": 1},
        "lang": {"codes": 1},
        "day": {"dates": 1},
    }


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
    with pytest.raises(
        FieldNotFoundError,
        match=r"no field 'messages\[\]\.body' for the text.*messages\[\]\.content",
    ):
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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a few words here", True),
        ("Tue Oct 20 00:10:41 +0000 2015", False),
        ("2015-02-24 11:35:52 -0800", False),
        ("12 345 678", False),
        ("https://example.org/with/path", False),
        ("someone@example.org", False),
        ("New York", False),
        ("ฉันรักภาษาไทยมาก", True),
    ],
)
def test_what_reads_like_text(value, text):
    assert reads_like_text(value) is text
