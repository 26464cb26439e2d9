"""Test the README and docs/: commands print what the pages show, Python examples run,
and the targets of links exist.
"""

import doctest
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import readme
from house import FILES, PACKAGE, module_of, package

SAMPLE = Path(__file__).parent / "report" / "run.json"
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
# tests/ledger/test_ledger.py runs the examples of ledger.md, and tests their results.
EXAMPLES = [
    page
    for page in readme.PAGES[1:]
    if page.name != "ledger.md"
    and any(
        block.search(page.read_text(encoding="utf-8"))
        for block in (PYTHON, readme.CONSOLE)
    )
]


def run_examples(page, folder, monkeypatch, run):
    """Run the commands of a page in one session and its Python in another one, and
    return the text of the page.
    """
    text = page.read_text(encoding="utf-8")
    # The pages show the results with the default number of spike-ins.
    monkeypatch.setattr("provscan.calibration.spike_ins.FEWEST", 2000)
    assert readme.with_output(text, folder, run) == text, "run make reference"
    monkeypatch.chdir(folder)
    session = doctest.DocTestParser().get_doctest(
        "\n".join(PYTHON.findall(text)), {}, page.name, None, 0
    )
    found = []
    runner = doctest.DocTestRunner(
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    runner.run(session, out=found.append)
    assert not runner.failures, "".join(found)
    return text


def test_the_readme_and_the_files_of_its_run(tmp_path, monkeypatch):
    run_examples(readme.README, tmp_path, monkeypatch, readme.run_here)
    made, sample = (
        json.loads(path.read_text())
        for path in (tmp_path / "dataset.run" / "run.json", SAMPLE)
    )
    assert made.keys() == sample.keys(), "tests/report/run.json is of another version"
    assert made["parameters"].keys() == sample["parameters"].keys()
    outputs = (readme.ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    assert first_column(outputs, "The columns of `matches.parquet`") == set(
        pq.read_schema(tmp_path / "dataset.run" / "matches.parquet").names
    )
    summary = json.loads((tmp_path / "dataset.run" / "summary.json").read_text())
    assert summary.keys() <= first_column(outputs, "The keys of `summary.json`")
    assert first_column(outputs, "The keys of `answer`") == summary["answer"].keys()
    assert (
        first_column(outputs, "The layers of a number")
        == summary["answer"]["records"].keys()
    )


def first_column(text, above):
    """Return the names in the first column of the table after a line."""
    table = text.split(above)[1].split("\n\n")[1]
    return {
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.name)
def test_examples_of_a_page(page, tmp_path, monkeypatch):
    run_examples(page, tmp_path, monkeypatch, readme.run_here)


def test_the_readme_is_short():
    assert len(readme.README.read_text(encoding="utf-8").splitlines()) < 200


def anchors(page):
    """Return the anchors of a page's headings, as code forges and the documentation
    site generate them.
    """
    headings = re.findall(
        r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE
    )
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_the_targets_of_links_exist():
    pages = [*readme.PAGES, *readme.ROOT.glob("*.md"), *readme.ROOT.glob("*/README.md")]
    for path in pages:
        for target, anchor in re.findall(
            r"\]\(([^)#]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")
        ):
            if "://" in target:
                continue
            there = path.parent / target if target else path
            assert there.exists(), f"{path}: {target}"
            assert not anchor or anchor in anchors(there), f"{path}: {target}#{anchor}"


def test_the_tree_of_the_architecture_is_that_of_the_package():
    text = (readme.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages, folders = set(), [PACKAGE]
    for line in text.split("```")[1].splitlines()[2:]:
        indent, names = re.match(
            r"( +)([^\s,]+(?:,? {1,2}[^\s,]+\.py|, [^\s,]+)*)", line
        ).groups()  # type: ignore[union-attr]
        depth = len(indent) // 2
        folder = folders[depth - 1]
        for name in re.findall(r"[\w.]+", names):
            assert list(folder.glob(f"{name}*")), f"the tree names {folder}/{name}"
            if depth == 1:
                packages.add(name.removesuffix(".py"))
        folders[depth:] = [folder / names.removesuffix("/")]
    named = {package(module_of(path)) for path in FILES}
    assert named - {"__init__", "__main__"} == packages
