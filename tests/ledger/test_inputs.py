"""Test that the error for a mistake in a case file or policy pack says where it is, and
shows an example.
"""

from datetime import UTC, date, datetime

import pytest

from provscan.errors import InputError, ParameterError
from provscan.ledger.columns import read_mapping
from provscan.ledger.inputs import FOLDER, KINDS, read_case, read_pack

HEAD = '[case]\nname = "Test"\n'
READER = HEAD + '[[application]]\nname = "reader"\n'


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one table [case], for example with name ="),
        ("name = ", "is not TOML"),
        ("[case]\n", '[case]: name is missing, for example name = "The letter'),
        (HEAD + "[other]\n", "unknown table other; the tables are case, application"),
        (
            HEAD + "[application]\n",
            "expected tables [[application]], for example with name",
        ),
        (HEAD + "too = 2022-01-01\n", "[case]: unknown key too; the keys are name"),
        (
            HEAD + 'to = "2022"\n',
            "to has the wrong type, '2022'; expected a value such as to = 2022-12-31",
        ),
        (
            HEAD + 'logs = "logs"\n',
            "logs has the wrong type, 'logs'; expected a value such as logs = [",
        ),
        (HEAD + "from = 2022-02-01\nto = 2022-01-01\n", "from is later than to"),
        (READER + '[[application]]\nname = "reader"\n', "'reader' is given twice"),
        (
            READER + 2 * '[[end_user]]\napplication = "reader"\nname = "Police"\n'
            "government = true\n",
            "[[end_user]] 2: 'Police' of 'reader' is given twice",
        ),
        (
            READER + '[[end_user]]\napplication = "x"\nname = "y"\ngovernment = true\n',
            "[[end_user]] 1: no [[application]] has the name 'x': add it",
        ),
        (
            READER
            + '[[end_user]]\napplication = "reader"\nname = "y"\ngovernment = true\n'
            "notice = 2022-05-01T10:00:00\n",
            "expected a value such as notice = 2022-05-01T00:00:00+00:00",
        ),
        (
            READER + '[[use]]\napplication = "reader"\nname = "y"\nkind = "sale"\n'
            "date = 2022-05-01\n",
            "kind must be one of training, output, model; found 'sale'",
        ),
        (
            READER + '[[use]]\napplication = "reader"\nname = "y"\nkind = "output"\n'
            "date = 2022-05-01\n",
            "[[use]] 1: give either run or probe",
        ),
        (
            READER + '[[holding]]\napplication = "reader"\nname = "y"\n'
            'date = 2022-05-01\nrun = "none.run"\n',
            "[[holding]] 1: run none.run does not exist in",
        ),
    ],
)
def test_mistakes_in_a_case(tmp_path, text, message):
    path = tmp_path / "case.toml"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        read_case(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


RULE = '[pack]\nname = "p"\ntitle = "P"\n[[rule]]\nid = "r"\ntitle = "R"\n'
WORDS = 'clause = "1"\nsource = "s"\ntext_sha256 = "none"\nsays = "x"\n'
EFFECT = f'[[rule.versions]]\ndate = 2022-01-01\ndated = "effect"\n{WORDS}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "limit"\n' + EFFECT, "kind must be one of rate_limit, monthly_cap"),
        ('kind = "audit"\n', "versions is missing, for example versions ="),
        (
            'kind = "rate_limit"\n' + EFFECT,
            "window_minutes is missing, for example window_minutes = 15",
        ),
        (
            'kind = "rate_limit"\nwindow_minutes = 1\nscope = "user"\n'
            'tiers = ["basic"]\n' + EFFECT,
            "do not contain the tier of a token",
        ),
        ('kind = "deletion"\n' + EFFECT, "value is missing, for example value = 180"),
        (
            f'kind = "audit"\n[[rule.versions]]\ndated = "effect"\n{WORDS}',
            'give a version a date, or dated = "unknown", for example date =',
        ),
        ('kind = "audit"\n' + 2 * EFFECT, "sort the versions by date"),
        (
            'kind = "audit"\n' + EFFECT.replace("effect", "today"),
            "dated must be one of effect, announcement, last updated, capture, unknown",
        ),
    ],
)
def test_mistakes_in_a_pack(tmp_path, text, message):
    (tmp_path / "pack.toml").write_text(RULE + text)
    with pytest.raises(InputError) as raised:
        read_pack("pack.toml", tmp_path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[log]\n", "expected tables [[log]], for example with files ="),
        ('[[log]]\nfile = "x"\n', "unknown key file; the keys are files, format"),
        ('[[log]]\nshare = "x"\n', "expected a value such as share = 0.1"),
        ("[[log]]\nshare = 2\n", "[[log]] 1: share must be above 0 and at most 1"),
        ('[[log]]\nzone = "Mars"\n', "'Mars' is not a time zone"),
        ('[[log]]\ncolumns.tweet = "x"\n', "meaning 'tweet'; the meanings are time, s"),
        ("[[log]]\nconstants.user = 3\n", "user must be a text, not 3"),
    ],
)
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
