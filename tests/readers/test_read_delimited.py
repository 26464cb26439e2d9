"""CSV and TSV."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.errors import FieldNotFoundError, InputError
from provscan.readers import delimited, streams


def test_quotes_and_newlines(write, read_all):
    found = read_all(
        write("a.csv", 'id,text,created_at\r\n1,"a, ""b""\r\nc",2020-01-01\r\n\r\n2,plain,\r\n,"",nonsense\r\n')
    )
    assert found.texts == ['a, "b"\r\nc', "plain", ""]
    assert found.records == [0, 1, 2], "rows are counted, not lines"
    assert [row["id"] for row in found.rows] == ["1", "2", None]
    assert found.rows[1]["created_at"] is None
    assert found.stats.notes == {"bad_date": 1}
    assert found.stats.examples["bad_date"][0][1:] == (2, "'nonsense'")


def test_byte_order_mark_and_nul(write, read_all):
    found = read_all(write("a.csv", b"\xef\xbb\xbftext,id\na\x00b,1\n"))
    assert found.texts == ["a\0b"]


def test_rows_of_another_width_are_counted(write, read_all):
    found = read_all(write("a.csv", "text,id\na,1\nb\nc,2,3\nd,4\n"))
    assert found.texts == ["a", "d"]
    assert found.records == [0, 3]
    assert found.stats.skipped == {"bad_csv_row": 2}
    assert [case[1:] for case in found.stats.examples["bad_csv_row"]] == [
        (1, "1 values where the header has 2"),
        (2, "3 values where the header has 2"),
    ]


def test_invalid_utf8(write, read_all, monkeypatch):
    monkeypatch.setattr(streams, "CHUNK", 16)
    found = read_all(write("a.csv", b"text,id\n" + b"good,1\n" * 30 + b"b\xffd,2\n" + b"good,3\n" * 30))
    assert found.texts[30] == "b\ufffdd"
    assert len(found.rows) == 61
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.examples["invalid_utf8"][0].record == 30


def test_a_quote_that_is_never_closed(write, read_all):
    found = read_all(write("a.csv", 'text,id\na,1\n"b,2\nc,3\n'))
    assert found.texts == ["a"]
    assert found.stats.skipped == {"bad_csv_row": 1}
    assert found.stats.examples["bad_csv_row"][0].detail == "a quote opens in it that is never closed"


def test_a_value_above_the_limit(write, read_all, monkeypatch):
    monkeypatch.setattr(delimited, "VALUE_LIMIT", 1000)
    monkeypatch.setattr(streams, "CHUNK", 64)
    found = read_all(write("a.csv", f"text,id\na,1\n{'x' * 2000},2\nb,3\n"))
    assert found.texts == ["a", "b"]
    assert found.records == [0, 2]
    assert found.stats.skipped == {"bad_csv_row": 1}
    assert "larger than field limit" in found.stats.examples["bad_csv_row"][0].detail


def test_a_large_value(write, read_all):
    text = "word " * 2_000_000
    assert read_all(write("a.csv", f'text,id\n"{text}",1\nb,2\n')).texts == [text, "b"]


@pytest.mark.parametrize("content", ["", "\n\n", "text,id\n"])
def test_empty_files(write, read_all, content):
    found = read_all(write("a.csv", content))
    assert found.rows == []
    assert found.stats.notes == {"empty_file": 1}


def test_no_header(write, read_all):
    with pytest.raises(FieldNotFoundError, match=r"a\.csv: no field for the text; .* The fields there are: 0, hello\."):
        read_all(write("a.csv", "0,hello\n1,bye\n"))


def test_line_ends_of_old_machines(write, read_all):
    with pytest.raises(InputError, match=r"a\.csv: the first row, which names the fields, can't be read: new-line"):
        read_all(write("a.csv", "text,id\ra,1\rb,2\r"))


def test_tsv_with_quotes_around_values(write, read_all):
    found = read_all(write("a.tsv", 'id\ttext\n1\t"a ""quoted""\tword"\n2\tplain, with comma\n'))
    assert found.texts == ['a "quoted"\tword', "plain, with comma"]


def test_tsv_with_quotes_in_the_text(write, read_all):
    found = read_all(write("a.tsv", 'id\ttext\n1\t"When in Rome\n2\t"do as" the Romans\n3\tplain\n'))
    assert found.texts == ['"When in Rome', '"do as" the Romans', "plain"]


def test_duplicate_columns(write, read_all):
    assert read_all(write("a.csv", "text,text\na,b\n")).texts == ["a"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    rows=st.lists(st.tuples(st.text(st.sampled_from('a",\n\r\té😀\0 '), max_size=8), st.integers()), max_size=30),
    chunk=st.sampled_from([1, 5, 1 << 20]),
)
def test_what_was_written_is_read(write, read_all, monkeypatch, rows, chunk):
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "id"), *rows])
    with monkeypatch.context() as patch:
        patch.setattr(streams, "CHUNK", chunk)
        found = read_all(write("a.csv", file.getvalue()))
    assert [(row["text"], row["id"]) for row in found.rows] == [(text, str(number)) for text, number in rows]
    assert found.records == list(range(len(rows)))
    assert found.stats.skipped == {}


def test_a_line_above_the_limit_is_counted(write, read_all, monkeypatch):
    monkeypatch.setattr("provscan.readers.streams.CHUNK", 64)
    monkeypatch.setattr("provscan.readers.streams.LINE_LIMIT", 1000)
    found = read_all(write("a.csv", "text,id\na,1\n" + "x" * 5000 + ",2\nb,3\n" + "y" * 5000))
    assert found.texts == ["a", "b"]
    assert found.stats.skipped == {"line_too_long": 2}
    assert [case.record for case in found.stats.examples["line_too_long"]] == [2, 4], "numbers of lines"
