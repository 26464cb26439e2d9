"""Test the warnings about a new index, and the errors that stop a build before it
writes.
"""

import pytest
from click.testing import CliRunner
from readers.tweet_forms import PLANTED, flat, lines, text_file

import provscan
from provscan.cli import main
from provscan.errors import InputError
from provscan.indexing.corpus import corpus_warnings


def warnings_of(tmp_path, rows):
    index = provscan.build_index(rows, tmp_path / "licensed.index")
    return [*corpus_warnings(index.info())]


def test_a_good_corpus_has_no_warnings(tmp_path):
    assert warnings_of(tmp_path, [flat(tweet) for tweet in PLANTED]) == []


def test_missing_mangled_and_repeated_ids_are_in_the_warnings(tmp_path):
    texts = [tweet.text for tweet in PLANTED]
    rows = [
        {"id": i, "text": t}
        for i, t in zip([None, "1.38957E+18", "5", "5", "5", "6"], texts, strict=True)
    ]
    rows += [{"id": "6", "text": texts[5]}, {"delete": {"status": {"id": 5}}}]
    found = " ".join(warnings_of(tmp_path, rows))
    assert "spreadsheet has rounded: 1; their tweets are named by file" in found
    assert "Tweets without an id: 1; they are named by file and line" in found
    assert "name it with --id-field" in found
    assert "Tweets read more than once: 1" in found
    assert "the same tweet id (edits, truncated copies): 2" in found
    assert "Notices of deletions: 1, not applied; provscan forget applies them" in found


def test_garbled_tweets_are_in_the_warnings(tmp_path):
    rows = [
        {"id": str(n), "text": text}
        for n, text in enumerate(["sound", r"\u0432\u0447\u0435\u0440\u0430", "schÃ¶n"])
    ]
    found = " ".join(warnings_of(tmp_path, rows))
    assert "Tweets with letters written as escapes, such" in found
    assert "wrong encoding before they were written: 1; copies of them may" in found
    assert found.count("Index them again with --fix-encoding.") == 2


def test_a_corpus_without_any_id_has_one_warning(tmp_path):
    (warning,) = warnings_of(tmp_path, [{"text": tweet.text} for tweet in PLANTED])
    assert warning.startswith("No tweet has an id; they are named by file and line")


def test_files_without_tweets_stop_a_build_unless_allowed(tmp_path):
    text_file("d/tweets.jsonl", lines([flat(tweet) for tweet in PLANTED]))(tmp_path)
    text_file("d/scan.pdf", "%PDF-1.4 \0")(tmp_path)
    text_file("d/numbers.csv", "tweet_id,label\n1,2\n2,2\n")(tmp_path)
    out = tmp_path / "licensed.index"
    with pytest.raises(InputError, match=r"2 of the files named .*numbers\.csv"):
        provscan.build_index(str(tmp_path / "d"), out)
    assert not out.exists()
    called = ["index", str(tmp_path / "d"), "-o", str(out)]
    result = CliRunner().invoke(main, called)
    assert (result.exit_code, out.exists()) == (3, False)
    assert "--allow-unread" in result.output
    result = CliRunner().invoke(main, [*called, "--allow-unread"])
    assert result.exit_code == 0, result.output
    assert "Not indexed: 2 files" in result.output
    assert provscan.open_index(out).info()["tweets"] == len(PLANTED)


def test_recipes_are_listed_and_shown():
    result = CliRunner().invoke(main, ["inspect", "--recipes"])
    assert result.exit_code == 0
    assert "crisislex_t26" in result.output
    result = CliRunner().invoke(main, ["inspect", "--recipes", "sentiment140"])
    assert "encoding     latin-1" in result.output
    assert "False" not in result.output
    assert "provscan index recipe:sentiment140=PATH" in result.output
    assert CliRunner().invoke(main, ["inspect", "--recipes", "none"]).exit_code == 2


def test_an_addition_has_its_own_warnings(tmp_path):
    """What was left out when the index was built is not in the warnings."""

    def called(name, rows, *options):
        (tmp_path / name).write_text("\n".join(rows))
        words = [
            "index",
            str(tmp_path / name),
            "-o",
            str(tmp_path / "i.index"),
            *options,
        ]
        return CliRunner().invoke(main, words)

    def info():
        return CliRunner().invoke(main, ["info", str(tmp_path / "i.index")]).stdout

    first = called(
        "a.jsonl",
        [
            '{"id": "1", "text": "a tweet of the first file"}',
            "no JSON",
            '{"delete": {"status": {"id": 5}}}',
        ],
    )
    assert "Notices of deletions: 1," in first.stderr
    assert "\nRecords not indexed\n" in info()
    added = [
        '{"text": "a tweet of the second file"}',
        "no JSON",
        "nor this",
        '{"id": "3", "text": "?!"}',
    ]
    second = called("b.jsonl", added, "--append")
    assert second.exit_code == 0, second.output
    assert "deletions" not in second.stderr
    assert "No tweet has an id" in second.stderr
    shown = info()
    before, after = shown.split("Records not indexed when the index was built\n")[
        1
    ].split("Records not indexed in the last addition\n")
    assert " ".join(before.split()) == "1 line that is not JSON 1 deletion"
    assert (
        " ".join(after.split())
        == "2 line that is not JSON Noticed in the last addition 1 id missing"
    )
    assert "index already: 0; without letters or digits: 1" in " ".join(shown.split())
