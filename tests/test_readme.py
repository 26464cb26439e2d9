"""The README's commands print what it says, and its Python runs."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import readme

SAMPLE = Path(__file__).parent / "report" / "run.json"


def test_commands_and_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.with_output(text, tmp_path) == text, "run make reference"
    monkeypatch.chdir(tmp_path)
    session = doctest.DocTestParser().get_doctest(
        "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)), {}, "README.md", None, 0
    )
    found: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(session, out=found.append)
    assert not runner.failures, "".join(found)
    made, sample = (json.loads(path.read_text()) for path in (tmp_path / "dataset.run" / "run.json", SAMPLE))
    assert made.keys() == sample.keys(), "tests/report/run.json is of another version"
    assert made["parameters"].keys() == sample["parameters"].keys()
    for name in ("matches.parquet", "evidence.parquet"):
        table = text.split(f"The columns of `{name}`")[1].split("\n\n")[1]
        documented = {column for row in table.splitlines() for column in re.findall(r"`(\w+)`", row.split("|")[1])}
        assert documented == set(pq.read_schema(tmp_path / "dataset.run" / name).names)


def test_links_lead_somewhere() -> None:
    for path in [readme.README, *readme.ROOT.glob("*/README.md"), *readme.ROOT.glob("provscan/*/*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert "://" in target or (path.parent / target).exists(), f"{path}: {target}"
