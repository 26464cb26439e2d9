"""Test progress: bars on a terminal, and nothing elsewhere."""

import io
import sys

import pytest

from provscan.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    """Replace stderr by a terminal. This can't be a fixture, since pytest restores its
    own stderr between a fixture and its test.
    """
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return screen


def test_bars(monkeypatch):
    screen = terminal(monkeypatch)
    with progress() as shown:
        shown.start("Scanning", 10, "records")
        shown.advance(4)
        shown.advance(6)
        shown.finish()
        shown.start("Writing", None, "bytes")
        shown.advance(1_500_000)
    shown_text = screen.getvalue()
    assert "Scanning" in shown_text
    assert "10 records" in shown_text
    assert "1.5 MB" in shown_text
    assert shown_text.count("\x1b[?25l") == shown_text.count("\x1b[?25h") == 1


def test_the_cursor_is_restored_when_a_command_fails(monkeypatch):
    screen = terminal(monkeypatch)

    def fail():
        with progress() as shown:
            shown.start("Scanning", 10, "records")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert screen.getvalue().count("\x1b[?25h") == 1
    assert "100%" not in screen.getvalue()


def test_nothing_is_shown_without_a_terminal(capsys):
    with progress() as shown:
        shown.start("Scanning", 10, "records")
        shown.advance(10)
        shown.finish()
    assert capsys.readouterr().err == ""
