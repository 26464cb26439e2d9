"""Test text files in encodings other than UTF-8, detected or given: they are decoded
correctly and counted.
"""

import csv
import io
import json

import pytest

from provscan.errors import InputError, ParameterError
from provscan.readers import plan

SENTENCES = {
    "cp1252": "Der Prüfer hörte schließlich, daß die größere Straße früher für "
    "Fußgänger gesperrt würde",
    "cp1251": "Сегодня вечером мы идём гулять по набережной, погода обещает быть "
    "хорошей",
    "shift_jis": "今日はとても良い天気ですね、公園の桜がきれいに咲いているので能と表を見に行きました",  # noqa: E501
    "gb18030": "今天天气很好，我们去公园里看花，然后在河边的小店里吃了一碗面条",
    "utf-16": "Größe und Länge der Straße 今天天气很好 Сегодня вечером",
    "utf-16-le": "Größe und Länge der Straße 今天天气很好 Сегодня вечером",
    "utf-16-be": "Größe und Länge der Straße 今天天气很好 Сегодня вечером",
    "utf-32": "Größe und Länge der Straße 今天天气很好 Сегодня вечером",
}
ENCODINGS = list(SENTENCES)


def texts_in(encoding):
    return [f"{SENTENCES[encoding]} {number}" for number in range(60)]


def written(kind, texts):
    """Return texts as a file of a kind."""
    if kind == "jsonl":
        return "".join(
            json.dumps({"id": k, "text": text}, ensure_ascii=False) + "\n"
            for k, text in enumerate(texts)
        )
    if kind == "json":
        return json.dumps(
            [{"id": k, "text": text} for k, text in enumerate(texts)],
            ensure_ascii=False,
            indent=1,
        )
    if kind == "csv":
        file = io.StringIO(newline="")
        csv.writer(file).writerows([("id", "text"), *enumerate(texts)])
        return file.getvalue()
    return "\n".join(texts)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "txt", "md"])
def test_encodings_are_detected(write, read_all, kind, encoding):
    texts = texts_in(encoding)
    path = write(f"a.{kind}", written(kind, texts).encode(encoding))
    found = read_all(path, target_bytes=1000, records=None if kind == "md" else "lines")
    assert found.texts == (["\n".join(texts)] if kind == "md" else texts)
    assert found.stats.notes == {"other_encoding": 1}
    assert found.stats.repaired == found.stats.skipped == {}
    assert len(found.splits) == 1
    given = read_all(path, records=None if kind == "md" else "lines", encoding=encoding)
    assert given.texts == found.texts


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pages_in_their_encodings(write, read_all, encoding):
    page = (
        "<!doctype "
        f"html><html><head><title>t</title></head><body><p>{SENTENCES[encoding]}</p></body></html>"
    )
    (text,) = read_all(write("a.html", page.encode(encoding)), encoding=encoding).texts
    assert SENTENCES[encoding] in text


def test_a_given_encoding_overrides_that_of_a_page(write, read_all):
    page = (
        "<html><head><meta "
        'charset="windows-1251"></head><body><p>größer</p></body></html>'
    )
    assert read_all(
        write("a.html", page.encode("latin-1")), encoding="latin-1"
    ).texts == ["größer"]
    page = page.replace("größer", "вечер")
    assert read_all(write("b.html", page.encode("cp1251"))).texts == ["вечер"]
    assert read_all(write("c.html", page.encode("utf-16"))).texts == ["вечер"]


def test_bytes_that_are_not_in_the_encoding_are_counted(write, read_all):
    data = written("jsonl", texts_in("shift_jis")).encode("shift_jis")
    found = read_all(
        write("a.jsonl", data.replace(b'"text": "', b'"text": "\xff\xff', 1)),
        encoding="shift_jis",
    )
    assert found.stats.notes["not_in_encoding"] == 2
    (case,) = found.stats.examples["not_in_encoding"]
    assert (
        case.detail
        == "bytes that are not shift_jis were replaced by U+FFFD, from byte 0 of the "
        "text on"
    )


def test_binary_data_is_not_taken_for_wide_text(write):
    with pytest.raises(InputError, match="neither its name nor its first bytes"):
        plan(
            write(
                "a.dat",
                b"".join(number.to_bytes(2, "little") for number in range(2000)),
            )
        )


@pytest.mark.parametrize("name", ["nothing", "base64", "rot13", ""])
def test_unknown_encodings(write, name):
    with pytest.raises(ParameterError, match="encoding must be one that Python knows"):
        plan(write("a.txt", "a text"), encoding=name)


def test_tweets(write, read_tweet_rows):
    texts = texts_in("cp1251")
    assert (
        read_tweet_rows(
            write("a.jsonl", written("jsonl", texts).encode("cp1251"))
        ).texts
        == texts
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_missing_byte_order_mark(write, read_all, encoding):
    text = SENTENCES[encoding]
    path = write("a.txt", text.encode(f"{encoding}-be"))
    with pytest.raises(
        InputError,
        match=f"a.txt is not {encoding} .*give encoding {encoding}-le or {encoding}-be",
    ):
        read_all(path, encoding=encoding)
    assert text in read_all(path, encoding=f"{encoding}-be").texts[0]


def test_a_byte_order_mark_shows_utf8(write, read_all):
    lines = b'{"text": "first"}\n' + b'{"text": "bad \xff byte"}\n' * 5
    found = read_all(write("a.jsonl", b"\xef\xbb\xbf" + lines))
    assert found.texts == ["first", *["bad \ufffd byte"] * 5]
    assert not found.stats.notes


def test_few_accents_in_western_text(write, read_all):
    """Some DOS encodings can also decode English with a few accents."""
    texts = [
        f"Row {k}: the café on the corner, it's « naïve », isn't it?" for k in range(60)
    ]
    path = write("a.csv", written("csv", texts).encode("latin-1"))
    assert read_all(path).texts == texts
