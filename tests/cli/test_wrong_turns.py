"""Test that misspelt, old and swapped commands get the hint that leads on.

``wrong_turns.json`` lists what was typed, and the command or option that the message
must name first. It was written before the hints.
"""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

import provscan
from provscan import handover
from provscan.cli import COMMANDS, main
from provscan.cli.names import OLD_COMMANDS

TURNS = json.loads(Path(__file__).with_name("wrong_turns.json").read_text("utf-8"))
TEXTS = ["Never trust a goat near the harbour at low tide", "The fog ate my umbrella"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with tweets, a dataset, an index, a run and a bundle."""
    folder = tmp_path_factory.mktemp("turns")
    for name in ("corpus.jsonl", "data.jsonl"):
        rows = [{"id": str(n), "text": text} for n, text in enumerate(TEXTS)]
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    index = provscan.build_index(folder / "corpus.jsonl", folder / "a.index")
    done = provscan.match(folder / "data.jsonl", index, folder / "a.run", spike_ins=0)
    handover.bundle([done.path], folder / "a.bundle")
    return folder


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn["typed"])
def test_a_wrong_turn_gets_a_hint(turn, folder, run, monkeypatch):
    monkeypatch.chdir(folder)
    before = sorted(path.name for path in folder.iterdir())
    done = run(*shlex.split(turn["typed"]))
    assert done.exit_code in (2, 3), done.output
    hints = re.findall("`([^`]*)`", " ".join(done.stderr.split()))
    assert "".join(hints[:1]) == turn["hint"], done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_missing_folder_is_not_taken_for_an_index(command, tmp_path):
    done = CliRunner().invoke(main, [command, str(tmp_path / "nothing.run")])
    assert done.exit_code == 3
    assert "`" not in done.stderr


@pytest.mark.parametrize("words", ["help", "help match", "match --help"])
def test_help_is_a_word(words):
    done = CliRunner().invoke(main, words.split())
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: provscan")


def test_version_is_a_word():
    done = CliRunner().invoke(main, ["version"])
    assert done.stdout == f"provscan {provscan.__version__}\n"


@pytest.mark.parametrize(
    ("words", "typed", "found"),
    [("", "mat", "match"), ("match", "--cut", "--cutoff"), ("match -i", "a", "a")],
)
def test_the_shell_completes(words, typed, found):
    shell = ShellComplete(main, {}, "provscan", "_PROVSCAN_COMPLETE")
    (item,) = shell.get_completions(words.split(), typed)
    # The shell itself completes paths, such as that of an index.
    assert (item.value, item.type) == (found, "file" if found == "a" else "plain")


def test_old_names_are_not_commands():
    assert not OLD_COMMANDS.keys() & {*COMMANDS}


def test_the_first_screen_fits():
    done = CliRunner().invoke(main, ["--help"])
    assert len(done.stdout.splitlines()) <= 32
    assert all(name in done.stdout for name in COMMANDS)


def test_the_help_of_match_fits_and_all_of_it_is_one_option_away():
    short, full = (
        CliRunner().invoke(main, ["match", option]).stdout
        for option in ("--help", "--help-all")
    )
    shown, every = (
        {*re.findall(r"^ +.*?(--[a-z-]+)", text, re.M)} for text in (short, full)
    )
    assert len(short.splitlines()) <= 40
    assert len(shown - {"--help", "--help-all"}) == 15
    assert shown < every
