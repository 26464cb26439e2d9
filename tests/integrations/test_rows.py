"""Test that the adapters for other libraries return the same rows as a run."""

import json

import pyarrow as pa
import pytest
from house import ROOT

import provscan
from provscan.matching.user_index import SCORED

TINY = ROOT / "corpora" / "tiny"
NAMES = [name for name in SCORED.names if name not in ("source", "record", "field")]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("integrations")
    return provscan.build_index(TINY / "corpus", folder / "licensed.index")


@pytest.fixture(scope="module")
def records():
    lines = (TINY / "dataset.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:2000]]


@pytest.fixture(scope="module")
def expected(index, records, tmp_path_factory):
    """Return the rows of a run."""
    folder = tmp_path_factory.mktemp("run")
    run = provscan.match(records, index, folder / "a.run", spike_ins=0)
    assert len(run.matches) > 100
    return run.matches.select(NAMES).to_pylist()


def in_order(rows):
    def key(row):
        return row["record_id"], row["start"], row["tweet_id"]

    return sorted(rows, key=key)


def test_datasets(index, records, expected):
    datasets = pytest.importorskip("datasets")
    from provscan.integrations.datasets import MapFunction

    dataset = datasets.Dataset.from_list(records)
    for function, size in (
        (MapFunction(index, id="id"), 300),
        (MapFunction(str(index.path), id="id"), 1),
    ):
        found = dataset.select(range(len(records) if size > 1 else 40)).map(
            function,
            batched=True,
            batch_size=size,
            remove_columns=dataset.column_names,
            load_from_cache_file=False,
        )
        rows = found.to_list()
        ids = {record["id"] for record in records[: 40 if size == 1 else None]}
        assert rows == [row for row in expected if row["record_id"] in ids]


# Ray warns about its own settings.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ray(cluster, index, records, expected, monkeypatch):
    ray = pytest.importorskip("ray")
    from provscan.integrations.ray import MapBatches

    context = ray.data.DataContext.get_current()
    monkeypatch.setattr(context, "enable_progress_bars", False)
    dataset = ray.data.from_arrow(pa.Table.from_pylist(records))
    found = dataset.map_batches(
        MapBatches(index, id="id"), batch_format="pyarrow", batch_size=500
    )
    assert in_order(found.take_all()) == in_order(expected)


def test_duckdb(index, records, expected):
    duckdb = pytest.importorskip("duckdb")
    from provscan.integrations.duckdb import register

    connection = duckdb.connect()
    register(connection, index.path)
    records = [*records, {"id": "null", "text": None}, {"id": "empty", "text": ""}]
    table = pa.Table.from_pylist(records)
    connection.register("records", table)
    found = connection.sql(
        "SELECT id AS record_id, unnest(licensed_tweets(text), recursive := true) "
        "FROM records"
    ).to_arrow_table()
    assert in_order(found.to_pylist()) == in_order(expected)
    findings = connection.execute(
        "SELECT count(DISTINCT id) FROM "
        "(SELECT id, unnest(licensed_tweets(text)) AS match FROM records) "
        "WHERE match.counted"
    ).fetchall()
    counted = {row["record_id"] for row in expected if row["counted"]}
    assert findings == [(len(counted),)]


def test_datatrove(index, records, expected, tmp_path):
    pytest.importorskip("datatrove")
    from datatrove.data import Document
    from datatrove.pipeline.writers import JsonlWriter

    from provscan.integrations.datatrove import NAME, LicensedTweets

    documents = [Document(text=r["text"] or "", id=r["id"]) for r in records]
    writer = JsonlWriter(str(tmp_path), compression=None)
    blocks = LicensedTweets(index, exclusion_writer=writer, batch_size=300)
    kept = list(blocks.run(iter(documents)))
    counted = {row["record_id"] for row in expected if row["counted"]}
    assert [d.id for d in kept] == [r["id"] for r in records if r["id"] not in counted]
    rows = [{"record_id": d.id, **row} for d in documents for row in d.metadata[NAME]]
    assert rows == expected
    lines = (tmp_path / "00000.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["id"] for line in lines} == counted
    every = LicensedTweets(index, all=True)
    text = next(d.text for d in kept if d.metadata[NAME])
    assert every.filter(Document(text=text, id="a")) == (False, NAME)
    assert every.filter(Document(text="nothing", id="b")) is True
