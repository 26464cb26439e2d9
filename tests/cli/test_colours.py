"""Test the colours of results on a terminal."""

import os
import pty
import subprocess
import sys

import pytest

import provscan
from provscan.cli.colours import coloured
from provscan.statuses import STATUSES

BOLD, RESET = "\x1b[1m", "\x1b[0m"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return the folder of a run."""
    folder = tmp_path_factory.mktemp("colours")
    texts = [{"id": "1", "text": "Never trust a goat near the harbour at low tide"}]
    index = provscan.build_index(texts, folder / "a.index")
    return provscan.match(texts, index, folder / "a.run", spike_ins=0).path


def printed(found, **variables):
    """Return what a command prints on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **variables}
    words = [sys.executable, "-m", "provscan", "info", str(found)]
    program = subprocess.Popen(words, stdout=theirs, env=environment)
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux: the terminal has no writer any more.
            part = b""
        if not part:
            break
        parts.append(part)
    os.close(ours)
    assert program.wait() == 0
    return b"".join(parts).decode()


def test_a_terminal_shows_colours_unless_told_otherwise(found):
    assert f"{BOLD}CHANCE NOT MEASURED{RESET}" in printed(found, NO_COLOR="")
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in printed(found, **variables)
    words = [sys.executable, "-m", "provscan", "info", str(found)]
    piped = subprocess.run(words, capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout


@pytest.mark.parametrize("status", STATUSES.values(), ids=lambda status: status.code)
def test_every_status_and_its_headline_are_found(status):
    for before in ("", "  dataset: ", "  archive, store: "):
        shown = coloured(f"{before}{status.words}: 2 of\n3 records.\nMore: 4\n")
        assert shown.startswith(f"{before}\x1b[")
        assert f"{status.words}{RESET}{BOLD}: 2 of\n3 records.{RESET}\nMore: 4" in shown


def test_only_statuses_and_warnings_have_colours():
    for plain in ("HTTP API: yes", "Report: COPIES", "a ! b", "text\n  ! no"):
        assert coloured(plain) == plain
    assert coloured("a\n! b\nc") == f"a\n\x1b[33m! b{RESET}\nc"
