"""A stand-in for the library, so that tests run only the code of the commands.

One fixture changes provscan for every test of this folder: with
``kernels_count_as_compiled``, no command compiles kernels or prints that it does.
"""

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import provscan
from provscan.cli import main
from provscan.kernels import warmup

SAMPLES = Path(__file__).parents[1] / "report"
SUMMARY = json.loads((SAMPLES / "summary.json").read_text())
RUN = json.loads((SAMPLES / "run.json").read_text())
INFO = {
    "path": "a.index",
    "version": 1,
    "tweets": 307000,
    "texts": 301222,
    "bytes": 99,
    "segments": [{}],
    "fingerprint": "00ff",
    "params": {"bands": 32},
}


class Library:
    """A stand-in for build_index, open_index and match. It records its calls, and
    raises ``fails_with`` if that is set.
    """

    def __init__(self):
        self.calls = []
        self.summary = copy.deepcopy(SUMMARY)
        self.fails_with = None

    def _called(self, name, *args, **options):
        progress = options.pop("progress", None)
        # Commands refuse to replace what a program's own call may replace.
        if not options.get("overwrite", True):
            del options["overwrite"]
        self.calls.append((name, args, options))
        if progress is not None:
            progress.start("Scanning", 10, "records")
            progress.advance(4)
        if self.fails_with is not None and name != "open_index":
            raise self.fails_with
        if progress is not None:
            progress.finish()

    def build_index(self, *args, **options):
        self._called("build_index", *args, **options)
        return self

    def open_index(self, *args, **options):
        self._called("open_index", *args, **options)
        return self

    def match(self, *args, **options):
        self._called("match", *args, **options)
        Path("a.run").mkdir(exist_ok=True)
        return SimpleNamespace(path=Path("a.run"), summary=self.summary, info=RUN)

    def info(self):
        return INFO


@pytest.fixture(autouse=True)
def kernels_count_as_compiled(monkeypatch):
    """Make the output of commands independent of earlier runs on this machine."""
    monkeypatch.setattr(warmup, "compile_all", lambda report: None)


@pytest.fixture
def library(monkeypatch, tmp_path):
    fake = Library()
    for name in ("build_index", "open_index", "match"):
        monkeypatch.setattr(provscan, name, getattr(fake, name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROVSCAN_INDEX", raising=False)
    return fake


@pytest.fixture
def run():
    def invoke(*words, **options):
        return CliRunner().invoke(main, [str(word) for word in words], **options)

    return invoke
