"""Test that a ``ray.data.Dataset`` is read in its order, like other objects."""

import pyarrow as pa
import pytest
from dataset import some_records

import provscan
from provscan.errors import ParameterError
from provscan.readers import Limits
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


def test_a_dataset_is_scanned_like_its_table(index, rows, tmp_path):
    table = pa.Table.from_pylist(rows)
    expected = content(provscan.match(table, index, tmp_path / "table.run"))
    assert expected["records"] == len(rows)
    assert len({row["record"] for row in expected["rows"]}) > 20
    found = content(provscan.match(dataset(rows), index, tmp_path / "ray.run"))
    assert found == expected


def test_a_cluster_scans_files_only(index, rows, tmp_path):
    with pytest.raises(ParameterError, match="a Ray cluster needs files"):
        provscan.match(dataset(rows), index, tmp_path / "a.run", ray="local")


def test_records_keep_their_order_over_all_blocks(rows):
    def without_some(table):
        # The first block and one other are empty.
        return (
            table.slice(0, 0)
            if rows[0]["id"] in table["id"].to_pylist() or "" in table["id"].to_pylist()
            else table
        )

    found = [
        (position, text)
        for part in object_rows(dataset(rows, without_some), Limits(batch_records=64))
        for position, text in zip(
            part.positions, part.values["text"].to_pylist(), strict=True
        )
    ]
    kept = [row["text"] for row in rows[len(rows) // BLOCKS :]]
    assert found == list(enumerate(kept))


def test_an_index_of_a_dataset(rows, tmp_path):
    whole = provscan.build_index(pa.Table.from_pylist(rows), tmp_path / "whole.index")
    parted = provscan.build_index(dataset(rows), tmp_path / "parted.index")
    assert (parted.fingerprint, len(parted)) == (whole.fingerprint, len(whole))
