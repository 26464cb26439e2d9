"""Test that the error for a mistake in a case file or policy pack says where it is, and
shows an example.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from provscan.errors import InputError, ParameterError
from provscan.ledger.columns import read_mapping
from provscan.ledger.inputs import FOLDER, KINDS, read_case, read_pack

HEAD = '[case]\nname = "Test"\n'
READER = HEAD + '[[application]]\nname = "reader"\n'
# Files with a mistake, and words of the error, for each kind of file.
MISTAKES = json.loads(Path(__file__).with_name("mistakes.json").read_text())


def test_a_small_case_and_its_defaults(tmp_path):
    path = tmp_path / "case.toml"
    path.write_text(
        HEAD + "from = 2022-01-01\n"
        '[[application]]\nname = "reader"\nnotice = 2022-05-01\n'
        '[[claim]]\nsource = "x"\nwhat = "calls"\ntotal = 1_000\ntolerance = 0\n'
    )
    case = read_case(path)
    assert case.about["from"] == date(2022, 1, 1)
    assert case.about["logs"] is None
    (application,) = case.tables["application"]
    # A day without a time means its beginning in UTC.
    assert application["notice"] == datetime(2022, 5, 1, tzinfo=UTC)
    assert (application["tier"], application["government"]) == (None, None)
    assert case.tables["claim"][0]["total"] == 1000
    assert case.folder == tmp_path


@pytest.mark.parametrize(("text", "message"), MISTAKES["case"])
def test_mistakes_in_a_case(tmp_path, text, message):
    path = tmp_path / "case.toml"
    path.write_text(text.replace("<READER>", READER).replace("<HEAD>", HEAD))
    with pytest.raises(InputError) as raised:
        read_case(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


RULE = '[pack]\nname = "p"\ntitle = "P"\n[[rule]]\nid = "r"\ntitle = "R"\n'
WORDS = 'clause = "1"\nsource = "s"\ntext_sha256 = "none"\nsays = "x"\n'
EFFECT = f'[[rule.versions]]\ndate = 2022-01-01\ndated = "effect"\n{WORDS}'


@pytest.mark.parametrize(("text", "message"), MISTAKES["pack"])
def test_mistakes_in_a_pack(tmp_path, text, message):
    (tmp_path / "pack.toml").write_text(RULE + text.replace("<EFFECT>", EFFECT))
    with pytest.raises(InputError) as raised:
        read_pack("pack.toml", tmp_path)
    assert message in str(raised.value)


@pytest.mark.parametrize(("text", "message"), MISTAKES["mapping"])
def test_mistakes_in_a_mapping(tmp_path, text, message):
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises((InputError, ParameterError)) as raised:
        read_mapping(path)
    assert message in str(raised.value)


def test_an_unknown_pack_is_answered_with_the_shipped_ones(tmp_path):
    (tmp_path / "case.toml").touch()
    for name in ("twitter", "missing.toml"):
        with pytest.raises(InputError, match=r"one of the packs x-developer$"):
            read_pack(name, tmp_path)


def test_every_shipped_pack_is_sound_and_gives_its_sources():
    for path in FOLDER.glob("policies/*.toml"):
        pack = read_pack(path.stem, path.parent)
        assert pack["name"] == path.stem
        ids = [rule["id"] for rule in pack["rules"]]
        assert len(ids) == len(set(ids))
        assert all(v["source"] for rule in pack["rules"] for v in rule["versions"])
        assert {rule["kind"] for rule in pack["rules"]} == KINDS.keys()
