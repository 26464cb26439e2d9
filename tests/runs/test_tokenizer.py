"""Test the numbers of tokens with a given tokenizer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from xxhash import xxh3_128_hexdigest

import provscan
from provscan.errors import InputError, UsageError
from provscan.report.wording import measures
from provscan.runs.answer.tokenizer import characters_per_token, tokens_of

TEXT = (
    "the ferry leaves the old harbour at seven and nobody on board knows that the "
    "bridge is closed"
)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A tokenizer for which each word is a token."""
    made = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = WhitespaceSplit()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_characters_per_token(words: Path) -> None:
    assert (
        characters_per_token(tokens_of(words), ["four words, 18 code", "é è"]) == 22 / 6
    )
    cut_and_filled = Tokenizer.from_file(str(words))
    cut_and_filled.enable_truncation(2)
    cut_and_filled.enable_padding(length=64)
    cut_and_filled.save(str(words))
    assert (
        characters_per_token(tokens_of(words), ["four words, 18 code", "é è"]) == 22 / 6
    )
    assert characters_per_token(tokens_of(words), [""]) is None


def test_without_a_tokenizer_there_is_no_number_of_tokens(tmp_path: Path) -> None:
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    answer = provscan.match([{"text": TEXT}], index, tmp_path / "a.run").summary[
        "answer"
    ]
    assert answer["tokens"] is None
    assert "tokens" not in dict(measures(answer))


def test_a_run_counts_tokens_by_the_tokenizer(words: Path, tmp_path: Path) -> None:
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    run = provscan.match([{"text": TEXT}], index, tmp_path / "a.run", tokenizer=words)
    tokens = run.summary["answer"]["tokens"]
    assert tokens["characters_a_token"] == len(TEXT) / len(TEXT.split())
    assert tokens["findings"] == pytest.approx(len(TEXT.split()))
    assert run.info["tokenizer"] == {
        "source": str(words),
        "xxh3": xxh3_128_hexdigest(words.read_bytes()),
    }
    assert ("tokens", "Tokens, at 5.17 characters each") in measures(
        run.summary["answer"]
    )
    assert "Tokens, at 5.17 characters each" in (run.path / "report.html").read_text(
        encoding="utf-8"
    )
    assert "Tokens, at 5.17 characters each" in run._repr_html_()


def test_an_invalid_tokenizer_is_refused_before_the_scan(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("{}")
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    with pytest.raises(
        InputError,
        match=r"t\.json can't be read as a tokenizer: .*Give the tokenizer\.json",
    ):
        provscan.match(
            [{"text": TEXT}], index, tmp_path / "a.run", tokenizer=tmp_path / "t.json"
        )
    assert not (tmp_path / "a.run").exists()


def test_a_tokenizer_needs_the_extra(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match=r"provscan\[tokens\]"):
        tokens_of(words)
