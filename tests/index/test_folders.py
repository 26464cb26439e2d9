"""Test that outputs replace neither inputs nor files of others."""

import os
from functools import partial

import pytest

import provscan
from provscan.errors import OutputError


def test_output_never_replaces_input(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.jsonl").write_text(
        '{"id": "1", "text": "some text that is licensed"}\n'
    )
    for target in (corpus, corpus / "b.index", tmp_path):
        with pytest.raises(OutputError, match=r"inside an input, .*corpus, or contain"):
            provscan.build_index(corpus, target, overwrite=True)
    index = provscan.build_index(corpus, tmp_path / "a.index")
    for target in (corpus, corpus / "b.run"):
        with pytest.raises(OutputError, match="would be inside an input"):
            provscan.match(corpus, index, target, overwrite=True)
    for source in (corpus.as_uri(), f"recipe:tweeteval={corpus}"):
        for target in (corpus, corpus / "b.index", tmp_path):
            with pytest.raises(OutputError, match="would be inside an input"):
                provscan.build_index(source, target, overwrite=True)
    with pytest.raises(OutputError, match="would be inside an input"):
        provscan.match(corpus.as_uri(), index, corpus / "b.run", overwrite=True)
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "some other text"}\n')
    for option in ("control", "clean_data", "other_sources"):
        for target in (corpus, corpus / "b.run"):
            with pytest.raises(OutputError, match="would be inside an input"):
                provscan.match(
                    other, index, target, overwrite=True, **{option: [str(corpus)]}
                )
    assert os.listdir(corpus) == ["a.jsonl"]


@pytest.mark.parametrize("mark", ["manifest.json", "run.json"])
def test_a_folder_with_foreign_files_is_not_replaced(tmp_path, build, mark):
    index = build([{"id": "1", "text": "some text that is licensed"}])
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / mark).write_text(
        '{"format": "provscan-index", "version": 5, "parameters": {}}'
    )
    (corpus / "tweets.jsonl").write_text('{"text": "a record"}\n')
    data = [{"id": "1", "text": "some text"}]
    write = (
        provscan.build_index
        if mark == "manifest.json"
        else partial(provscan.match, index=index)
    )
    with pytest.raises(OutputError, match=r"did not write|tweets\.jsonl"):
        write(data, out=corpus, overwrite=True)
    assert (corpus / "tweets.jsonl").exists()
