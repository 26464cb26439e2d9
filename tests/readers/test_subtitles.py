"""Test that subtitles are read as speech, and that characters keep their positions."""

import gzip
import io
import json
import re
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.inspection import inspect_sources
from provscan.readers import Limits, spoken
from provscan.readers.strings import LEFT_OUT
from provscan.readers.subtitles import are_subtitles

SAID = ["We walked along", "the old river", "until 1984", "and never", "returned here"]
SUBRIP = """1
00:00:01,000 --> 00:00:03,500
We walked along
the old river

2
00:00:03,600 --> 00:00:06,000 X1:10 X2:20
until 1984

3
00:00:06,100 --> 00:00:09,000
{\\an8}<i>and never</i>
returned here
"""
WEBVTT = """WEBVTT - of a walk
Kind: captions

STYLE
::cue { color: red }

NOTE
A note of the editor

the beginning
00:01.000 --> 00:03.500 align:start position:0%
<v Ann>We walked along
the old river

00:03.600 --> 00:06.000
until 1984

NOTE This is the end

7
00:00:06.100 --> 01:00:09.000
<c.loud>and <00:00:07.000>never</c>
returned here
"""
ROLLING = """WEBVTT

00:00:00.000 --> 00:00:02.000 align:start position:0%
\x20
We<00:00:00.500><c> walked</c><00:00:01.000><c> along</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
We walked along
\x20

00:00:02.010 --> 00:00:04.000 align:start position:0%
We walked along
the<00:00:02.500><c> old</c><00:00:03.000><c> river</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
the old river
\x20

00:00:04.010 --> 00:00:06.000
the old river
until 1984

00:00:06.000 --> 00:00:08.000
until 1984
and never

00:00:08.000 --> 00:00:09.000
returned here
"""
FORMS = {"subrip": SUBRIP, "webvtt": WEBVTT, "rolling": ROLLING}


def words(text):
    return re.sub(rf"</?i>|{LEFT_OUT}", " ", text).split()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"], ids=["lf", "crlf", "crcrlf"])
@pytest.mark.parametrize("form", FORMS)
def test_speech_keeps_its_position(form, end):
    text = FORMS[form].replace("\n", end)
    left = spoken(text)
    assert words(left) == " ".join(SAID).split()
    assert len(left) == len(text)
    # The first and last character of a tag become spaces.
    assert all(
        new in (old, LEFT_OUT) or (new == " " and old in "<>{}")
        for old, new in zip(text, left, strict=True)
    )
    assert spoken(left) == left


def test_lost_line_breaks():
    assert words(spoken(" ".join(SUBRIP.split()))) == " ".join(SAID).split()
    cues = (
        "we left in 1984 00:01.000 --> 00:02.000 and returned 00:02.000 --> 00:03.000 "
        "in 1990"
    )
    assert words(spoken(cues)) == [
        "we",
        "left",
        "in",
        "1984",
        "and",
        "returned",
        "in",
        "1990",
    ]


@pytest.mark.parametrize("text", [
    "", "\n", "a --> b", "12:30 --> 13:45", "1 --> 2", "x-->0", "WEBVTT\n\nno cue", "1\n\n2\n3",  # noqa: E501
    "<c>{\\an8} and <v Ann>", "NOTE this",
])  # fmt: skip
def test_other_texts_are_unchanged(text):
    assert spoken(text) == text


@pytest.mark.parametrize(("cue", "said"), [
    ("1\n00:01.000 --> 00:02.000\n1984\n\n2\n00:02.000 --> 00:03.000\n2\n", "1984 2"),
    ("00:01.000 --> 00:02.000\nNOTE well\n\nNOTE the end", "NOTE well NOTE the end"),
    ("WEBVTT\n00:01.000 --> 00:02.000\n \nNOTE well\n\nNOTE the end", "NOTE well"),
    ("\ufeffWEBVTT\nX: 1\n\n1\n00:01.000 --> 00:02.000\na\n\nWEBVTT\nX: 1\n\n00:01.000 "
     "--> 00:02.000\nb", "a b"),
    ("before\n\n1\n00:01.000 --> 00:02.000\na\n\nbehind <3 {you}", "before a behind <3 "
                                                                   "{you}"),
    ("00:01.000 --> 00:02.000\nla la\nla la\n\n00:02.000 --> 00:03.000\nla la\nho ho", "la la la la ho ho"),  # noqa: E501
    ("00:01.000 --> 00:02.000\na\nb\n\n00:02.000 --> 00:03.000\nb\nc\n\n00:03.000 --> "
     "00:04.000\na", "a b c a"),
    ("00:01.000 --> 00:02.000\nla\nla\n\n00:02.000 --> 00:03.000\nla\nla\nho", "la la "
                                                                               "ho"),
    ("00:01.000 --> 00:02.000\na\n\n00:02.000 --> 00:03.000\n\n00:03.000 --> "
     "00:04.000\na", "a a"),
    ("WEBVTT\n\n00:01.000 --> 00:02.000\na\n\nNOTE x\n\nb", "a b"),
    ("WEBVTT\n\nREGION\nid:x lines:2\n\n00:01.000 --> 00:02.000 region:x\na", "a"),
    ("00:01.000 --> 00:02.000\n<lang en>a</lang> <00:01.500>b <ruby>c<rt>d</rt></ruby>", "a b c d"),  # noqa: E501
    ("  1 \n 00:01.000 --> 00:02.000\t\n a", "a"),
    ("1\n0:00:01 --> 0:00:02\na\n\n2\n100:00:02,5 --> 100:00:03,5\nb", "a b"),
    ("00:01.000 --> 00:02.000 said beside\nmore", "said beside more"),
])  # fmt: skip
def test_details(cue, said):
    left = spoken(cue)
    assert words(left) == said.split()
    assert len(left) == len(cue)


def test_spaces_separate_words_next_to_a_tag():
    assert spoken("1:00:01 --> 1:00:02\nt.co/x<c>y<c.z>").endswith("\nt.co/x ▒ y ▒▒▒ ")


@given(
    st.lists(
        st.lists(st.text("ab 7é😀\u0e01<>-", max_size=9), min_size=1, max_size=3),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(
        [
            "{n}\n{t},000 --> {t},900",
            "{t}.000 --> {t}.900 line:1",
            "{n}\n{t}.000 --> {t}.900",
        ]
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_line_of_rolling_captions_is_kept_once(cues, times, end):
    # Each line has a different word.
    lines = [
        [f"{line} w{n}x{k}" for k, line in enumerate(cue)] for n, cue in enumerate(cues)
    ]
    parts = [
        [times.format(n=n + 1, t=f"00:00:{n:02}").replace("\n", end), *cue]
        for n, cue in enumerate(lines)
    ]
    text = (end + end).join(end.join(part) for part in parts)
    left = spoken(text)
    at = 0
    for times_of, *cue in parts:
        at = text.index(times_of, at)
        assert set(left[at : at + len(times_of)]) <= {LEFT_OUT, "\r", "\n"}
        for line in cue:
            at = text.index(line, at)
            assert left[at : at + len(line)] == line
    assert len(left) == len(text)


def test_are_subtitles():
    assert all(are_subtitles(form.encode()) for form in FORMS.values())
    assert not are_subtitles(b"")
    assert not are_subtitles(
        b"00:01.000 --> 00:02.000\n" + b"a line of another kind\n" * 10
    )


FILES = {
    "a.srt": SUBRIP.encode(),
    "a.SRT": SUBRIP.replace("\n", "\r\n").encode("utf-16"),
    "a.txt": SUBRIP.encode(),
    "a.vtt": b"\xef\xbb\xbf" + WEBVTT.encode(),
    "a.vtt.gz": gzip.compress(WEBVTT.encode()),
    "a": ROLLING.encode(),
    "old.srt": SUBRIP.replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_a_record(write, read_all, name):
    path = write(name, FILES[name])
    found = read_all(path)
    assert [words(text) for text in found.texts] == [" ".join(SAID).split()]
    assert found.stats.notes.pop("other_encoding", 0) == (name == "a.SRT")
    assert found.stats.notes == {"subtitles": 1}
    assert found.stats.examples["subtitles"] == [(path, 0, "text")]
    (file,) = inspect_sources(path)["files"]
    assert (file["records_are"], file["sampled"]["notes"].get("subtitles")) == (
        "files",
        1,
    )


def test_records_can_be_chosen(write, read_all):
    assert read_all(write("a.srt", SUBRIP), records="paragraphs").stats.records == 3


def test_in_archives(write, read_all):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in (("1.srt", SUBRIP), ("1.txt", "a text"), ("2.vtt", WEBVTT)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data.encode()))
    found = read_all(write("a.tar.gz", out.getvalue()))
    assert sorted((row["record"], row["field"]) for row in found.rows) == [
        (0, "srt"),
        (0, "txt"),
        (1, "vtt"),
    ]
    assert [words(text) for text in found.texts if text != "a text"] == [
        " ".join(SAID).split()
    ] * 2


def test_in_a_field_of_a_record(write, read_all, tmp_path):
    rows = [
        {"id": "1", "text": "an ordinary text of 1 --> 2 words"},
        {"id": "2", "text": SUBRIP},
        {"id": "3", "text": WEBVTT},
    ]
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.Table.from_pylist(rows), path)
    for source in (path, write("a.jsonl", rows)):
        found = read_all(source)
        assert found.texts[0] == rows[0]["text"]
        assert [words(text) for text in found.texts[1:]] == [" ".join(SAID).split()] * 2
        assert found.stats.notes == {"subtitles": 2}
        assert found.stats.examples["subtitles"] == [(source, 1, "text")]
        assert found.stats.characters == sum(len(row["text"]) for row in rows)


@pytest.mark.parametrize("name", ["a.srt", "a.jsonl"])
def test_in_pieces(write, read_all, name):
    text = "\n".join(
        f"{n}\n00:{n // 60:02}:{n % 60:02},000 --> "
        f"00:{n // 60:02}:{n % 60:02},900\nword{n} and\nmore{n}\n"
        for n in range(1, 400)
    )
    path = write(name, text if name == "a.srt" else json.dumps({"text": text}) + "\n")
    found = read_all(path, limits=Limits(piece=3000, overlap=600, chunk=500))
    assert len(found.rows) > 4
    owned = "".join(
        row["text"][row["own_from"] - row["offset"] : row["own_to"] - row["offset"]]
        for row in found.rows
    )
    assert words(owned) == [
        word for n in range(1, 400) for word in (f"word{n}", "and", f"more{n}")
    ]
    assert len(owned) == len(text)
    assert found.stats.notes == {"subtitles": 1}
