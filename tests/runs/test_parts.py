"""Test part files in an object store: the results are the same, and no files remain
there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dataset import some_records
from nightly import NIGHTLY

import provscan
from provscan.errors import OutputError
from provscan.matching import part_files as parts

Write = Callable[..., Path]
FILES = 6
# Buckets exist as long as the process, so each test has its own.
BUCKET = "parts-of-runs"


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    for number in range(FILES):
        # Some files contain no licensed text.
        write(
            f"data/{number:02}.jsonl",
            some_records(number, 40) if number % 3 else [{"text": "nothing of it"}] * 9,
        )
    return tmp_path / "data"


def content(run: Path) -> dict[str, bytes]:
    return {
        name: (run / name).read_bytes()
        for name in ("matches.parquet", "evidence.parquet", "summary.json")
    }


class Unreliable:
    """A web application that answers every third request with 503."""

    def __init__(self, application: Any) -> None:
        self.application, self.asked, self.refused = application, 0, 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.asked += 1
        if self.asked % 3 == 0:
            self.refused += 1
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        return self.application(environ, start_response)


@pytest.fixture(scope="module")
def bucket(object_store: str) -> Iterator[tuple[Any, Unreliable]]:
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    boto3 = pytest.importorskip("boto3")
    host, port = object_store.split(":")
    server = moto.ThreadedMotoServer(host, int(port), verbose=False)
    server.start()
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3", endpoint_url=f"http://{object_store}")
    client.create_bucket(Bucket=BUCKET)
    unreliable = Unreliable(server._server.app)
    server._server.app = unreliable
    try:
        yield client, unreliable
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.mark.parametrize("executor", ["ray", *(["processes"] if NIGHTLY else [])])
def test_the_results_are_the_same_with_an_unreliable_object_store(
    cluster: None,
    bucket: tuple[Any, Unreliable],
    index: provscan.Index,
    folder: Path,
    tmp_path: Path,
    executor: str,
) -> None:
    client, unreliable = bucket
    expected = content(provscan.match(folder, index, tmp_path / "threads.run").path)
    before = unreliable.refused
    # Processes start slowly, and the cluster has two nodes.
    workers = 1 if executor == "processes" else 2
    place = f"s3://{BUCKET}/parts"
    run = provscan.match(
        folder,
        index,
        tmp_path / "a.run",
        executor=executor,
        workers=workers,
        parts=place,
    )
    assert content(run.path) == expected
    assert unreliable.refused > before
    assert unreliable.asked > 2 * FILES
    assert client.list_objects_v2(Bucket=BUCKET).get("Contents", []) == []
    assert run.info["parameters"]["parts"] == place


def test_a_shared_folder_and_a_resumed_run(
    index: provscan.Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that were fetched before the interruption are not scanned again."""
    expected = content(provscan.match(folder, index, tmp_path / "threads.run").path)
    place, fetched = tmp_path / "shared", list[int]()

    def fetch(store: str, number: int, target: Path) -> None:
        if len(fetched) == 3:
            raise KeyboardInterrupt
        fetched.append(number)
        parts.fetch_part(store, number, target)

    with monkeypatch.context() as patch:
        patch.setattr("provscan.runs.scan.tasks.fetch_part", fetch)
        with pytest.raises(KeyboardInterrupt):
            provscan.match(folder, index, tmp_path / "a.run", parts=place)
    assert list(place.iterdir()) == []
    kept = {
        path.stem for path in (tmp_path / "a.run.unfinished" / "parts").glob("*.json")
    }
    assert kept == {f"{number:08}" for number in fetched}
    again: list[int] = []
    monkeypatch.setattr(
        "provscan.runs.scan.tasks.fetch_part",
        lambda store, number, target: (
            again.append(number) or parts.fetch_part(store, number, target)
        ),
    )
    run = provscan.match(folder, index, tmp_path / "a.run", parts=place, resume=True)
    assert sorted(fetched + again) == [*range(FILES)]
    assert content(run.path) == expected
    assert list(place.iterdir()) == []


def test_a_folder_for_parts_that_cannot_be_written(
    index: provscan.Index, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        OutputError, match=r"file can't be written \(.*\): name another --parts"
    ):
        provscan.match(
            folder, index, tmp_path / "a.run", parts=os.fspath(tmp_path / "file")
        )
