"""Test options from ``provscan.toml``: the command line takes precedence, and errors
say where the mistake is.
"""

import json
from pathlib import Path

import pytest

FILE = """
[match]
index = "its.index"
max-bad = 0.7
fail_above = "0.1%"
cutoff = 2021-03-01
control = ["b", "c"]
other-sources = "one"
allow-unread = true
json = true

[index]
text-field = "a"
"""

ERRORS = json.loads(Path(__file__).with_name("config_errors.json").read_text("utf-8"))


@pytest.fixture
def config(library):
    """Return a function that writes the file to the current folder, which the fixture
    ``library`` has chosen.
    """

    def write(text):
        Path("provscan.toml").write_text(text)

    return write


def test_options_are_taken_from_the_table_of_the_command(library, run, config):
    config(FILE)
    result = run("match", "a.jsonl")
    assert result.exit_code == 0, result.output
    _, args, options = library.calls[-1]
    assert args == (["a.jsonl"], Path("its.index"), None)
    assert options == {
        "max_bad": 0.7,
        "fail_above": 0.001,
        "cutoff": "2021-03-01",
        "control": ["b", "c"],
        "other_sources": ["one"],
        "allow_unread": True,
    }
    assert json.loads(result.stdout)["run"] == "a.run"
    assert result.stderr.startswith(
        "provscan: options from provscan.toml, unless the command line sets them: "
        "index, max_bad, fail_above"
    )
    assert run("index", "a.jsonl").exit_code == 0
    assert library.calls[-1][2] == {"text_field": "a"}


def test_command_line_and_environment_take_precedence(library, run, config):
    config(FILE)
    words = ("match", "a.jsonl", "--max-bad", "0.5", "--control", "d")
    run(*words, env={"PROVSCAN_INDEX": "env.index"})
    assert library.calls[-1][1][1] == Path("env.index")
    options = library.calls[-1][2]
    assert (options["max_bad"], options["control"]) == (0.5, ["d"])
    assert run("match", "a.jsonl", "-i", "x.index").exit_code == 0
    assert library.calls[-1][1][1] == Path("x.index")
    assert run("--isolated", "match", "a.jsonl").exit_code == 0
    assert library.calls[-1][1:] == ((["a.jsonl"], Path("licensed.index"), None), {})


def test_the_command_line_can_unset_entries_of_the_file(library, run, config):
    config(FILE)
    result = run("match", "a.jsonl", "--no-allow-unread", "--no-max-bad", "--no-json")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("COPIES FOUND")
    left = {"fail_above", "cutoff", "control", "other_sources"}
    assert library.calls[-1][2].keys() == left
    assert (
        "sets them: index, fail_above, cutoff, control, other_sources" in result.stderr
    )
    result = run("match", "a.jsonl", "--no-seed")
    assert result.exit_code == 2
    assert "No such option" in result.stderr
    config("[probe.plan]\npairs = 1\n")
    result = run("probe", "plan", "--no-pairs")
    assert "There is no" not in result.stderr


@pytest.mark.parametrize(("text", "said"), ERRORS)
def test_errors_say_where_the_mistake_is(library, run, config, text, said):
    config(text)
    words = ("probe", "plan") if "probe" in text else ("match", "a.jsonl")
    result = run(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not library.calls


def test_an_unreadable_file_is_an_error(library, run, tmp_path):
    (tmp_path / "provscan.toml").mkdir()
    result = run("match", "a.jsonl")
    assert result.exit_code == 2
    assert "provscan.toml can't be read" in result.stderr
