"""Run the notebook of the documentation from beginning to end."""

import os

import pytest
from house import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"

pytestmark = pytest.mark.filterwarnings("default")


def test_the_notebook_runs(tmp_path, monkeypatch):
    # These slow imports are here, so that they do not delay the collection of tests.
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs"
    (tmp_path / "corpora").symlink_to(ROOT / "corpora")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown = [
        " ".join(f"{kind}: {text}" for kind, text in output["data"].items())
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]
    text = "\n".join(shown)
    assert "519567333258166867" in text
    assert "COPIES FOUND" in text
    assert "'positive': " in text
    assert sum("image/png" in output for output in shown) == 1
