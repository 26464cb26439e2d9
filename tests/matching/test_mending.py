"""Test that garbled texts are repaired before they are matched, and that spans refer to
the original texts.
"""

import json
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import provscan
from provscan.matching.matches import matches_in, passages
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams
from provscan.readers import Fields, ReadStats, mended, read_objects
from provscan.runs.questions.explain import explain_record

WORDS = {
    "latin": "über den Dächern schläft die Möwe und träumt façade déjà vu año niño "
    "señor",
    "cyrillic": "вчера вечером мы долго ждали автобус под холодным дождём возле старой "
    "площади",
    "japanese": "昨日の夜は雨の中で古い広場のバスをとても長い時間待っていましたよね",
    "emoji": "so happy about it 🎉 it’s “the best” day of my whole long life — isn’t "
    "it…",
}


def written(text, encoding="sloppy"):
    """Return the text with its UTF-8 decoded as Latin-1 or as Windows-1252."""
    data = text.encode()
    if encoding == "latin-1":
        return data.decode("latin-1")
    return "".join(
        bytes([byte]).decode("cp1252", "replace").replace("\ufffd", chr(byte))
        for byte in data
    )


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("encoding", ["latin-1", "sloppy"])
@pytest.mark.parametrize("text", WORDS.values(), ids=WORDS)
def test_garbled_text_is_repaired_with_its_mapping(text, encoding, times):
    wrong = text
    for _ in range(times):
        wrong = written(wrong, encoding)
    found = mended(wrong)
    assert found.text == text
    expected = [0]
    for char in text:
        for _ in range(times):
            char = written(char, encoding)
        expected.append(expected[-1] + len(char))
    assert found.original(np.arange(len(text) + 1)).tolist() == expected


ESCAPED = [
    WORDS["cyrillic"],
    WORDS["japanese"],
    'он\nсказал: "да" \\ 🎉 ½\t',
    "a 🎉 b é чё",
]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("text", ESCAPED)
def test_escapes_are_decoded_with_their_mapping(text, times):
    def escape(part):
        for _ in range(times):
            part = json.dumps(part)[1:-1]
        return part

    found = mended(escape(text))
    assert found.text == text
    expected = np.cumsum([0, *(len(escape(char)) for char in text)])
    assert found.original(np.arange(len(text) + 1)).tolist() == expected.tolist()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("text", [*ESCAPED, "don't ждать"])
def test_bytes_written_as_text_are_decoded_with_their_mapping(text, times):
    def escape(part):
        part = repr(part.encode() + b'"')[2:-2]
        return part.replace("\\", r"\\") if times == 2 else part

    found = mended(escape(text))
    assert found.text == text
    expected = np.cumsum([0, *(len(escape(char)) for char in text)])
    assert found.original(np.arange(len(text) + 1)).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "text", [WORDS["cyrillic"], WORDS["japanese"], "a 🎉 b é чё <U>"]
)
def test_escapes_of_r_are_decoded_with_their_mapping(text):
    def escape(part):
        return "".join(
            char
            if char.isascii()
            else f"<U+{ord(char):0{4 if ord(char) < 65536 else 8}X}>"
            for char in part
        )

    found = mended(escape(text))
    assert found.text == text
    expected = np.cumsum([0, *(len(escape(char)) for char in text)])
    assert found.original(np.arange(len(text) + 1)).tolist() == expected.tolist()


def test_invalid_escapes_are_kept():
    assert mended(r"\u0447\u0435 \xe0\x80\x80 \x87").text == r"че \xe0\x80\x80 \x87"
    assert (
        mended(r"\u0447\u0435 \ud83d \x41 \u12 \N \ud83d\u0447").text
        == r"че \ud83d \x41 \u12 \N \ud83dч"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        r"a \u0447 b",
        r"C:\new\table",
        r"\ud83d\ude02\ud83d\ude02",
        "l’été\xa0», dit-il… é",
        "CAFÉ»",
        "NÃO",
        "MANHÃ… Ã”",
        *WORDS.values(),
    ],
)
def test_correct_text_is_not_changed(text):
    assert mended(text) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*WORDS.values(), "plain", "l’été", "Ã", "â€", "\ufffd"]),
            st.booleans(),
        )
    )
)
def test_each_character_is_mapped_to_its_source(parts):
    text = " ".join(written(part) if wrong else part for part, wrong in parts)
    found = mended(text)
    if found is None:
        return
    places = found.original(np.arange(len(found.text) + 1))
    assert (places[0], places[-1]) == (0, len(text))
    assert (np.diff(places) > 0).all()
    for char, low, high in zip(found.text, places[:-1], places[1:], strict=True):
        assert (
            char == text[low:high]
            or char == "”"
            or text[low:high] in (written(char), written(written(char)))
        )


def test_a_lost_byte_of_a_closing_quote():
    assert (
        mended("â€œso it isâ€ she said, and â€œnoâ€\ufffd.").text
        == "“so it is” she said, and “no”."
    )


@pytest.fixture(scope="module")
def licensed(tmp_path_factory):
    tweets = [
        {"id": str(number), "text": text}
        for number, text in enumerate(WORDS.values(), 1)
    ]
    return provscan.build_index(
        tweets, tmp_path_factory.mktemp("mending") / "licensed.index"
    )


def carriers():
    return [
        f"Vorher stand ein anderer Satz da, größer: {text} und 日本 dahinter не всё."
        for text in WORDS.values()
    ]


def spans(batches, licensed, fix_encoding):
    find = partial(scan_texts, reader=licensed.reader, params=MatchParams())
    found = []
    for batch in batches:
        matches = matches_in(batch, find, fix_encoding=fix_encoding)
        own = passages(batch, matches)[1].to_pylist()
        records = batch.column("record").to_numpy()[matches.row].tolist()
        rows = zip(
            records,
            matches.span.tolist(),
            matches.text.tolist(),
            matches.level.tolist(),
            own,
            strict=True,
        )
        found += [(*row[:1], *row[1], *row[2:]) for row in rows]
    return found


def test_spans_refer_to_the_original(licensed):
    clean = carriers()
    batches = list(read_objects(clean, Fields()))
    expected = spans(batches, licensed, False)
    assert {row[0] for row in expected} == set(range(len(clean)))
    assert spans(batches, licensed, True) == expected
    wrong = [written(text) for text in clean]
    moved = [
        (
            record,
            len(written(clean[record][:start])),
            len(written(clean[record][:end])),
            *rest,
            written(passage),
        )
        for record, start, end, *rest, passage in expected
    ]
    stats = ReadStats()
    assert (
        spans(read_objects(wrong, Fields(fix_encoding=True), stats), licensed, True)
        == moved
    )
    assert (stats.repaired, stats.notes) == ({"encoding_fixed": len(wrong)}, {})
    assert len(spans(read_objects(wrong, Fields()), licensed, False)) < len(moved)


def test_a_run_repairs_texts_on_request(tmp_path, licensed):
    path = tmp_path / "data.jsonl"
    path.write_text(
        "".join(json.dumps({"text": written(text)}) + "\n" for text in carriers())
    )
    run = provscan.match(
        path, licensed, tmp_path / "a.run", fix_encoding=True, spike_ins=0
    )
    assert run.summary["repaired"] == {"encoding_fixed": len(WORDS)}
    assert run.summary["records_matched"] == len(WORDS)
    for row in run.matches.to_pylist():
        passage = written(carriers()[row["record"]])[row["start"] : row["end"]]
        assert mended(passage).text in carriers()[row["record"]]
    assert "--fix-encoding" in run.info["repeat"]
    for record, text in enumerate(carriers()):
        explained = explain_record(run.info, run.matches, record, licensed)[0]
        assert explained["passed"]
        assert explained["passage"] in text
        assert [explained[end] for end in ("start", "end")] == [
            explained["match"][end] for end in ("start", "end")
        ]
    without = provscan.match(path, licensed, tmp_path / "b.run", spike_ins=0)
    assert without.summary["notes"] == {"wrongly_decoded": len(WORDS)}
    assert without.summary["records_matched"] < len(WORDS)
    index = provscan.build_index(path, tmp_path / "c.index", fix_encoding=True)
    assert index.reader.raw_texts(np.arange(4)).array().to_pylist() == carriers()
