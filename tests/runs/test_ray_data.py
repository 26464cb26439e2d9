"""Test that a ``ray.data.Dataset`` is read in blocks, on the nodes that store them."""

import json

import pyarrow as pa
import pytest
from dataset import some_records

import provscan
from provscan.engine import Progress
from provscan.errors import FieldNotFoundError
from provscan.readers import Fields, Limits, blocks_of, is_ray_dataset
from provscan.readers.formats.objects import object_rows

BLOCKS = 6
# Ray warns about its own settings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def no_progress_bars(cluster, monkeypatch):
    import ray.data

    monkeypatch.setattr(
        ray.data.DataContext.get_current(), "enable_progress_bars", False
    )


@pytest.fixture(scope="module")
def rows():
    return some_records(1, 600)


def dataset(rows, change=lambda table: table):
    """A dataset whose blocks are computed when they are needed, later blocks faster
    than the first.
    """
    import ray.data

    made = ray.data.from_items(rows, override_num_blocks=BLOCKS)
    return made.map_batches(change, batch_size=None, batch_format="pyarrow")


def content(run):
    summary = {
        name: run.summary[name]
        for name in ("records", "matches", "levels", "texts_found", "answer", "fields")
    }
    return {
        "rows": run.matches.to_pylist(),
        "evidence": run.findings.to_pylist(),
        **summary,
    }


class Tasks(Progress):
    def __init__(self):
        self.nodes = set()
        self.done, self.texts = 0, 0

    def advance(self, n):
        self.texts += n

    def ended(self, task, ran):
        self.nodes.add(ran.where)
        self.done += 1


def test_blocks_are_scanned_by_the_cluster(index, rows, tmp_path, monkeypatch):
    import ray

    table = pa.Table.from_pylist(rows)
    expected = content(provscan.match(table, index, tmp_path / "table.run"))
    assert expected["records"] == len(rows)
    assert len({row["record"] for row in expected["rows"]}) > 20
    assert (
        content(provscan.match(dataset(rows), index, tmp_path / "threads.run"))
        == expected
    )
    get, fetched = ray.get, []
    monkeypatch.setattr(
        ray,
        "get",
        lambda reference, **more: fetched.append(get(reference, **more)) or fetched[-1],
    )
    tasks = Tasks()
    run = provscan.match(
        dataset(rows),
        index,
        tmp_path / "blocks.run",
        ray="local",
        workers=2,
        progress=tasks,
    )
    assert content(run) == expected
    assert tasks.done == BLOCKS
    # Ray chooses which of the two nodes scans a block.
    assert 1 <= len(tasks.nodes) <= 2
    # This process has read only the records from which the fields are determined.
    seen = sum(each.num_rows for each in fetched if isinstance(each, pa.Table))
    assert 0 < seen <= len(rows) / BLOCKS
    assert json.loads((run.path / "run.json").read_bytes())["inputs"] == [
        {"source": "<memory>", "bytes": None, "xxh3": None}
    ]


def test_records_are_numbered_over_all_blocks(rows):
    def without_some(table):
        # The first block and one other are empty.
        return (
            table.slice(0, 0)
            if rows[0]["id"] in table["id"].to_pylist() or "" in table["id"].to_pylist()
            else table
        )

    made = dataset(rows, without_some)
    limits = Limits(batch_records=64)
    assert is_ray_dataset(made)
    assert is_ray_dataset(made.materialize())
    assert not is_ray_dataset(rows)
    blocks = list(blocks_of(made, Fields(), "x", limits))
    assert [block.begins for block in blocks] == [True, *[False] * (BLOCKS - 2)]
    numbered = [
        (number, text)
        for block in blocks
        for part in block.rows(limits)
        for number, text in zip(
            part.positions, part.values["text"].to_pylist(), strict=True
        )
    ]
    kept = [row["text"] for row in rows[len(rows) // BLOCKS :]]
    assert numbered == list(enumerate(kept))
    streamed = [
        text
        for part in object_rows(made, limits)
        for text in part.values["text"].to_pylist()
    ]
    assert streamed == kept


def test_an_index_of_a_dataset(rows, tmp_path):
    whole = provscan.build_index(pa.Table.from_pylist(rows), tmp_path / "whole.index")
    parted = provscan.build_index(dataset(rows), tmp_path / "parted.index")
    assert (parted.fingerprint, len(parted)) == (whole.fingerprint, len(whole))


def test_errors_name_the_problem(index, rows, tmp_path):
    with pytest.raises(FieldNotFoundError, match="no field 'body' for the text"):
        provscan.match(
            dataset(rows), index, tmp_path / "a.run", ray="local", text_field="body"
        )
