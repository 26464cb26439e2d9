"""Test CSV and TSV files."""

import csv
import io
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.errors import InputError
from provscan.readers import Fields, Limits, plan_tweets


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(("target", "chunk"), [(1 << 30, 1 << 20), (900, 700)])
def test_mixed_line_ends_are_read_as_by_the_csv_module(
    write, read_all, mixed, target, chunk
):
    rng = random.Random(5)
    data = "id;text;n\n"
    for number in range(600):
        text = (
            f'"words, ""{number}""\rand\r\nmore"'
            if number % 7 == 0
            else f"some words, {number}"
        )
        end = (
            rng.choice(["\r", "\n", "\r\n"])
            if mixed
            else ["\n", "\r", "\r\n"][number // 200]
        )
        data += f"{number};{text};{number % 5}{';' * (number % 49 == 1)}{end}"
    found = read_all(
        write("a.csv", data.encode()), target_bytes=target, limits=Limits(chunk=chunk)
    )
    rows = list(csv.reader(io.StringIO(data, newline=""), delimiter=";"))[1:]
    assert len(rows) == 600
    assert found.texts == [row[1] for row in rows if len(row) == 3]
    assert found.records == [number for number, row in enumerate(rows) if len(row) == 3]
    assert found.stats.skipped == {"bad_csv_row": 13}


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


def test_invalid_utf8(write, read_all):
    found = read_all(
        write(
            "a.csv", b"text,id\n" + b"good,1\n" * 30 + b"b\xffd,2\n" + b"good,3\n" * 30
        ),
        limits=Limits(chunk=16),
    )
    assert found.texts[30] == "b\ufffdd"
    assert len(found.rows) == 61
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.examples["invalid_utf8"][0].record == 30


def test_invalid_utf8_in_the_header(write, read_all):
    found = read_all(write("a.csv", b"id,t\xe9xt\n1,words of a text\n"))
    assert (found.texts, found.fields) == (["words of a text"], ["t\ufffdxt"])


def test_a_carriage_return_within_quotes_does_not_end_a_line(write, read_all):
    path = write("a.csv", b'text,id\n"a\r"\na,"b\nc"\n')
    for target in (1 << 30, 1):
        assert [
            (row["record"], row["text"])
            for row in read_all(path, target_bytes=target).rows
        ] == [(1, "a")]


@pytest.mark.parametrize("odd", [b"", b"one value\n"], ids=["columns", "row by row"])
def test_invalid_utf8_is_counted_where_it_is_read(write, read_all, odd):
    found = read_all(
        write("a.csv", b"id,text,url\n1,good,x\n2,b\xffd,x\n3,good,x\xff\n" + odd)
    )
    assert found.texts == ["good", "b\ufffdd", "good"]
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.examples["invalid_utf8"][0][1:] == (
        1,
        "byte 0xff replaced by U+FFFD",
    )


def test_a_quote_that_is_never_closed_costs_its_line(write, read_all):
    rows = "".join(f"text {number},{number}\n" for number in range(3000))
    found = read_all(write("a.csv", f'text,id\na,1\n"b,2\n{rows}'))
    assert found.texts == ["a", *(f"text {number}" for number in range(3000))]
    assert found.stats.skipped == {"bad_csv_row": 1}
    (case,) = found.stats.examples["bad_csv_row"]
    assert case[1:] == (1, "it has an opening quote that is never closed")


def test_a_file_that_ends_within_quotes(write, read_all):
    rows = "".join(f"{number},some words\n" for number in range(30))
    found = read_all(write("a.csv", f'id,text\n{rows}30,"some wor'))
    (damage,) = found.stats.damaged
    assert damage.records == len(found.rows) == 30
    assert damage.reason == "it ends within a row (quotes that are not closed)"


@pytest.mark.parametrize("chunk", [16, 1 << 20])
def test_an_unclosed_quote_after_a_value_with_a_quote(write, read_all, chunk):
    content = 'text,id\na,one\n5" pipe,"two\nb,three\nc,four\n'
    found = read_all(write("a.csv", content), limits=Limits(chunk=chunk))
    assert found.texts == ["a", "b", "c"]
    assert found.stats.skipped == {"bad_csv_row": 1}


def test_a_quote_that_the_next_one_closes_costs_its_line(write, read_all):
    found = read_all(write("a.csv", 'text,id\na,1\n"b,2\nc,3\n"d, e",4\nf,5\n'))
    assert found.texts == ["a", "c", "d, e", "f"]
    assert found.stats.skipped == {"bad_csv_row": 1}


ROWS = "".join(f"{number},text {number}\n" for number in range(1, 1001))


@pytest.mark.parametrize(
    "end",
    [
        '2000,he said "hello" to me\n',
        '2000,"quoted"\n',
        '2000,"quoted\nover two"\n',
        '2000,5" wide\n',
    ],
)
@pytest.mark.parametrize(
    ("target", "chunk"), [(1 << 30, 1 << 20), (900, 1 << 20), (1 << 30, 700)]
)
def test_a_quote_that_swallows_rows_costs_its_line(write, read_all, end, target, chunk):
    """A later quote closes it, so that all lines between them look like one row of the
    right width.
    """
    found = read_all(
        write("a.csv", f'id,text\n0,"open text\n{ROWS}{end}{ROWS}'),
        target_bytes=target,
        limits=Limits(chunk=chunk),
    )
    numbers = [int(row["id"]) for row in found.rows]
    assert numbers == [*range(1, 1001), 2000, *range(1, 1001)]
    assert found.records == list(range(1, 2002))
    assert found.stats.skipped == {"bad_csv_row": 1}
    (case,) = found.stats.examples["bad_csv_row"]
    assert case[1:] == (0, "it has an opening quote that is never closed")


POEM = "Roses are red, violets are blue\n" * 3
HONEST = [
    "1,000 of them\n2,000 of these\n3,000 of those",
    "id,text\n1,a\n2,b\n3,c\n4,d\n5,e\n6,f\nthat was my table",
    "dear all,\nmany thanks, yours\nsee you, me\nand so on, and on\nto the end, "
    "friends\nof it, yes\nbye, now",
    'she said, "no"\nhe said, "yes"\nwe said, "well"\nthey said, "so"\nand that, "was '
    'it"',
    POEM,
]


@pytest.mark.parametrize("text", HONEST)
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_texts_of_many_lines_are_not_divided(write, read_all, text, columns):
    file = io.StringIO(newline="")
    csv.writer(file).writerows(
        [
            ("text", "id", "x")[:columns],
            *[(f"{text}{n}", n, "z")[:columns] for n in range(30)],
        ]
    )
    found = read_all(write("a.csv", file.getvalue()), target_bytes=500, text="text")
    assert found.texts == [f"{text}{n}" for n in range(30)]
    assert found.stats.skipped == {}
    assert found.stats.notes == {}


def test_a_value_of_many_lines_counts_as_an_unclosed_quote(write, read_all):
    lines = "x\n" * 30
    found = read_all(
        write("a.csv", f'text,id\n"{lines}",1\nb,2\n'), limits=Limits(value_lines=20)
    )
    assert found.texts == ["b"]
    assert found.stats.records + sum(found.stats.skipped.values()) == 32


def test_a_large_value(write, read_all):
    text = "word " * 2_000_000
    assert read_all(write("a.csv", f'text,id\n"{text}",1\nb,2\n')).texts == [text, "b"]


@pytest.mark.parametrize("content", ["", "\n\n", "text,id\n"])
def test_empty_files(write, read_all, content):
    found = read_all(write("a.csv", content))
    assert found.rows == []
    assert found.stats.notes == {"empty_file": 1}


def test_no_header(write, read_all):
    found = read_all(write("a.csv", "0,hello out there\n1,good bye to you\n"))
    assert found.texts == ["hello out there", "good bye to you"]
    assert set(found.fields) == {"column_2"}


def test_tsv_with_quotes_around_values(write, read_all):
    found = read_all(
        write("a.tsv", 'id\ttext\n1\t"a ""quoted""\tword"\n2\tplain, with comma\n')
    )
    assert found.texts == ['a "quoted"\tword', "plain, with comma"]


def test_tsv_with_quotes_in_the_text(write, read_all):
    found = read_all(
        write("a.tsv", 'id\ttext\n1\t"When in Rome\n2\t"do as" the Romans\n3\tplain\n')
    )
    assert found.texts == ['"When in Rome', '"do as" the Romans', "plain"]


def test_duplicate_columns(write, read_all):
    assert read_all(write("a.csv", "text,text\na,b\n")).texts == ["a"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.text(st.sampled_from('a",\n\té😀 '), max_size=8), st.integers()),
        max_size=30,
    ),
    chunk=st.sampled_from([1, 5, 1 << 20]),
)
def test_written_rows_are_read_back(write, read_all, rows, chunk):
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "id"), *rows])
    found = read_all(
        write("a.csv", file.getvalue()), limits=Limits(chunk=chunk), text="text"
    )
    assert [(row["text"], row["id"]) for row in found.rows] == [
        (text, str(number)) for text, number in rows
    ]
    assert found.records == list(range(len(rows)))
    assert found.stats.skipped == {}


QUERY = 'Report:,Mentions\nBrand:,ACME\n"Query:","goat\nAND harbour"\n\n'


@pytest.mark.parametrize(
    ("above", "delimiter"),
    [
        (QUERY, ","),
        ("Exported on 1 March 2021\n", ";"),
        ("# text, of a kind\r\n# see contract\r\n", "\t"),
        ("\ufeffTitle,Mentions of ACME\n", ","),
        # R writes no name for the column of row names.
        ("Author,Full Text\n", ","),
    ],
)
def test_a_table_without_a_header_in_line_1_is_refused(
    write, read_all, above, delimiter
):
    rows = [
        ["Tweet Id", "Author", "Full Text"],
        *([str(n), "ann", f"many words of tweet {n}"] for n in range(20)),
    ]
    table = "".join(delimiter.join(row) + "\n" for row in rows)
    assert len(read_all(write("a.csv", table)).rows) == 20
    path = write("b.csv", above + table)
    with pytest.raises(InputError, match="the lines above the header"):
        read_all(path)
    with pytest.raises(InputError, match="the lines above the header"):
        plan_tweets(path, Fields())


def test_a_delimiter_in_all_texts_is_no_column(write, read_all):
    lines = "".join(f"{n},words | and | bars {n}\n" for n in range(30))
    assert len(read_all(write("a.csv", f"id,text\n{lines}")).rows) == 30
