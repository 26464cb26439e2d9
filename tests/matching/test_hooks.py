"""Test hooks for licensed texts other than tweets."""

import json
import pickle
import re

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import provscan
from provscan.cli import main
from provscan.errors import ParameterError, UsageError
from provscan.text.hooks import prepared_buffers
from provscan.text_buffers import buffers, from_buffers

SONG = (
    "[Verse 1]\nThe ferry left without the goat (x2)\n[Chorus: all]\n"
    "and nobody on the pier had noticed (x2)\n[Verse 2]\n"
    "until the harbour bell began to bleat"
)
SUNG = (
    "The ferry left without the goat and nobody on the pier had noticed "
    "until the harbour bell began to bleat"
)
DIRECTIONS = re.compile(r"\[[^\]\n]*\]|\(x\d+\)")


def lyrics(text):
    """Blank the directions, which are not sung."""
    return DIRECTIONS.sub(lambda found: " " * len(found[0]), text)


def shouting(text):
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


@pytest.fixture
def index(tmp_path):
    return provscan.build_index(
        [{"id": "1", "text": SONG}], tmp_path / "songs.index", canonical=lyrics
    )


def test_spans_refer_to_the_original_text(index):
    """The text has its own directions, with non-ASCII letters before them."""
    text = f"ein schönes Lied 🎵: {SUNG.replace(' and', ' [all, louder] (x9) and')} ♪"
    (span,) = index.match_document(text)
    assert text[span.start : span.end].startswith("The ferry left")
    assert text[span.start : span.end].endswith("began to bleat")
    assert (span.level, span.similarity) == ("near_exact", 1.0)
    row = index.match([text], evidence=True).to_pylist()[0]
    assert row["passage"] == text[span.start : span.end]
    # The index stores the prepared text.
    assert row["tweet"] == lyrics(SONG)
    plain = provscan.build_index([{"id": "1", "text": SONG}], index.path.parent / "b")  # type: ignore[attr-defined]
    (other,) = plain.match_document(text)
    assert other.similarity < 0.9


def test_an_index_stores_the_name_of_its_hook(index, tmp_path):
    path = tmp_path / "songs.index"
    assert index.info()["canonical"] == "lyrics"
    shown = " ".join(CliRunner().invoke(main, ["info", str(path)]).output.split())
    assert "Texts prepared by lyrics, with which the index must be opened" in shown
    opened = provscan.open_index(path, canonical=lyrics)
    assert opened.match_document(SUNG)[0].tweet_id == "1"
    assert pickle.loads(pickle.dumps(opened)).match_document(SUNG)[0].tweet_id == "1"
    lazy = provscan.open_index(path, canonical=lyrics, verify=False)
    assert lazy.match_document(SUNG)[0].tweet_id == "1"
    with pytest.raises(ParameterError, match=r"built with the hook lyrics, without"):
        provscan.open_index(path).match([SUNG])
    done = CliRunner().invoke(
        main, ["match", str(path), "-i", str(path), "-o", "x.run"]
    )
    assert done.exit_code == 2
    assert "open_index(path, canonical=...)" in done.output
    with pytest.raises(ParameterError, match=r"canonical is shouting, but .* lyrics"):
        provscan.open_index(path, canonical=shouting)
    provscan.build_index([{"id": "1", "text": SONG}], tmp_path / "plain.index")
    with pytest.raises(ParameterError, match=r"lyrics, but .* without one: leave"):
        provscan.open_index(tmp_path / "plain.index", canonical=lyrics)


def test_another_function_of_the_same_name_is_refused(index, monkeypatch):
    monkeypatch.setattr(shouting, "__qualname__", "lyrics")
    with pytest.raises(ParameterError, match="the hook lyrics changes a text that it"):
        provscan.open_index(index.path, canonical=shouting)


def shorter(text):
    return DIRECTIONS.sub("", text)


def nothing(text):
    return None


def rotating(text):
    return text[1:] + text[:1]


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (
            shorter,
            "must return a str as long as its text: it returned 109 characters for the "
            "148 characters of",
        ),
        (nothing, "it returned NoneType for the "),
        (rotating, "rotating changes a text that it should already have prepared"),
        (lambda text: text, "must be a function with a name, not <function"),
        ("lyrics", "must be a function with a name, not 'lyrics'"),
    ],
)
def test_values_that_are_not_hooks(hook, said, tmp_path):
    with pytest.raises(ParameterError, match=re.escape(said)):
        provscan.build_index([{"text": SONG}], tmp_path / "a.index", canonical=hook)
    assert not (tmp_path / "a.index").exists()


def test_a_run_with_a_hook(index, tmp_path):
    """The run has a control and test copies, and uses threads of this process."""
    data, control = tmp_path / "data.jsonl", tmp_path / "control.jsonl"
    lines = [f"{n}. nothing of the kind" for n in range(40)] + [SONG, SUNG]
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in lines))
    control.write_text(json.dumps({"id": "c", "text": f"[Intro] {SUNG[::-1]} (x3)"}))
    run = provscan.match(data, index, tmp_path / "a.run", control=control, spike_ins=50)
    assert run.matches["record"].to_pylist() == [40, 41]
    assert run.matches["level"].to_pylist() == ["near_exact", "near_exact"]
    assert run.info["index"]["canonical"] == "lyrics"
    assert run.summary["recall"]["all"]["value"] > 0.8
    with pytest.raises(UsageError, match="lyrics is a function of this process"):
        provscan.match(data, index, tmp_path / "b.run", ray="local")
    with pytest.raises(ParameterError, match="built with the hook lyrics"):
        provscan.match(data, index.path, tmp_path / "b.run")


@given(st.lists(st.text(max_size=20), max_size=6), st.integers(0, 3))
def test_texts_are_prepared_one_by_one(texts, first):
    array = pa.array(texts, pa.large_string()).slice(min(first, len(texts)))
    made = from_buffers(*prepared_buffers(buffers(array), shouting)).to_pylist()
    assert made == [shouting(text) for text in texts[first:]]
