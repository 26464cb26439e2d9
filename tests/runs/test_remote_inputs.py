"""Test what a run records about remote datasets."""

import importlib
import io

import pytest

import provscan
from provscan.options import MatchOptions
from provscan.runs.inputs.plan import plan_inputs
from provscan.runs.scan.left_out import check_files


@pytest.fixture
def bucket(monkeypatch):
    """An object store in memory under ``gs://``; returns its objects by name, as bytes
    and metadata.
    """
    fsspec = pytest.importorskip("fsspec")
    objects = {}

    class Bucket(fsspec.AbstractFileSystem):
        protocol = "gs"
        cachable = False

        def ls(self, path, detail=True, **kwargs):
            prefix = self._strip_protocol(path).rstrip("/") + "/"
            names = {
                prefix + name[len(prefix) :].split("/")[0]
                for name in objects
                if name.startswith(prefix)
            }
            found = [self.info(name) for name in sorted(names)]
            if not found and prefix[:-1] not in objects:
                raise FileNotFoundError(path)
            return found if detail else [about["name"] for about in found]

        def info(self, path, **kwargs):
            name = self._strip_protocol(path).rstrip("/")
            if name in objects:
                data, about = objects[name]
                return {"name": name, "size": len(data), "type": "file", **about}
            if any(other.startswith(name + "/") for other in objects):
                return {"name": name, "size": 0, "type": "directory"}
            raise FileNotFoundError(path)

        def _open(self, path, mode="rb", **kwargs):
            return io.BytesIO(objects[self._strip_protocol(path)][0])

    monkeypatch.setitem(
        importlib.import_module("fsspec.registry")._registry, "gs", Bucket
    )
    return objects


def test_a_run_records_the_versions_of_remote_files(bucket, tmp_path):
    index = provscan.build_index(
        [{"id": "1", "text": "never trust a goat near the harbour"}],
        tmp_path / "a.index",
    )
    line = b'{"text": "never trust a goat near the harbour"}\n'
    bucket["data/a.jsonl"] = line, {"etag": "abc", "updated": "2026-01-01T00:00:00Z"}
    bucket["data/deeper/b.jsonl"] = line * 2, {}
    bucket["data/deeper/c.pdf"] = b"%PDF-1.4 \0", {}
    run = provscan.match("gs://data", index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["records_matched"] == 3
    assert run.summary["unread"] == [
        {"path": "gs://data/deeper/c.pdf", "reason": "it is PDF"}
    ]
    version = {"etag": "abc", "updated": "2026-01-01T00:00:00Z"}
    assert run.info["inputs"] == [
        {
            "source": "gs://data/a.jsonl",
            "bytes": len(line),
            "xxh3": None,
            "version": version,
        },
        {
            "source": "gs://data/deeper/b.jsonl",
            "bytes": 2 * len(line),
            "xxh3": None,
            "version": {},
        },
    ]


def test_remote_files_of_the_same_version_are_not_scanned_again(bucket, tmp_path):
    index = provscan.build_index(
        [{"id": "1", "text": "never trust a goat near the harbour"}],
        tmp_path / "a.index",
    )
    line = b'{"text": "never trust a goat near the harbour"}\n'
    bucket["data/a.jsonl"] = line, {"etag": "abc"}
    bucket["data/b.jsonl"] = line, {"etag": "b"}
    bucket["data/c.jsonl"] = line, {}

    def reused():
        run = provscan.match(
            "gs://data", index, tmp_path / "a.run", spike_ins=0, overwrite=True
        )
        assert run.summary["records_matched"] == 3
        return run.info["reused"]

    # The server states no version of the third file.
    assert [reused(), reused()] == [0, 2]
    bucket["data/b.jsonl"] = line, {"etag": "new"}
    assert [reused(), reused()] == [1, 2]


@pytest.mark.parametrize(
    "name", ["etag", "ETag", "LastModified", "updated", "generation"]
)
def test_a_remote_file_that_changes_during_a_run_is_noticed(bucket, name):
    bucket["data/a.jsonl"] = b'{"text": "a text"}\n', {name: "1"}
    inputs = plan_inputs(["gs://data/a.jsonl"], MatchOptions(), 1)
    assert check_files(inputs, 1)[0] == []
    bucket["data/a.jsonl"] = b'{"text": "a text"}\n', {name: "2"}
    (damage,), _ = check_files(inputs, 1)
    assert "it was changed while it was scanned" in damage.reason
    del bucket["data/a.jsonl"]
    (damage,), _ = check_files(inputs, 1)
    assert "it disappeared while it was scanned" in damage.reason
