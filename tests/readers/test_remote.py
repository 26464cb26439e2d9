"""Test remote files, with servers on this machine."""

import gzip
import io
import json
import os
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from remote import web_server

from provscan.errors import InputError
from provscan.readers import LIMITS, Fields, ReadStats, plan, read
from provscan.readers.bytes import remote
from provscan.readers.bytes.files import state_of

TEXTS = [f"a text that is read from far away, number {number}" for number in range(500)]
LINES = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS).encode()


def _parquet():
    made = io.BytesIO()
    pq.write_table(pa.table({"other": TEXTS, "text": TEXTS}), made, row_group_size=100)
    return made.getvalue()


def _zip():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.jsonl", LINES)
    return made.getvalue()


def _tar():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        member = tarfile.TarInfo("a.jsonl")
        member.size = len(LINES)
        archive.addfile(member, io.BytesIO(LINES))
    return made.getvalue()


FILES = {
    "/a.jsonl": LINES,
    "/a.jsonl.gz": gzip.compress(LINES),
    "/a.parquet": _parquet(),
    "/a.zip": _zip(),
    "/a.tar": _tar(),
}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(remote, "WAIT", 0.001)
    with web_server(FILES) as found:
        yield found


@pytest.mark.parametrize("path", sorted(FILES))
def test_files_of_a_web_server(server, read_all, path):
    found = read_all(server[0] + path, text="text")
    assert sorted(found.texts) == sorted(TEXTS)
    assert found.records == list(range(500))
    assert not found.unread


def test_row_groups_of_a_remote_file_are_splits(server, read_all):
    found = read_all(server[0] + "/a.parquet", text="text", target_bytes=1)
    assert len(found.splits) == 5
    assert found.texts == TEXTS


@pytest.mark.parametrize("fault", ["unavailable", "cut"])
@pytest.mark.parametrize("path", ["/a.jsonl", "/a.parquet"])
def test_requests_that_fail_are_repeated(server, read_all, path, fault):
    address, faults = server
    setattr(faults, fault, 3)
    assert read_all(address + path, text="text").texts == TEXTS
    assert getattr(faults, fault) == 0


def test_a_file_of_an_unavailable_server_is_unread(server):
    address, faults = server
    with pytest.raises(InputError, match=r"nothing\.jsonl can't be read: it does"):
        plan(f"{address}/nothing.jsonl?signature=hush")
    found = plan([f"{address}/nothing.jsonl?signature=hush", f"{address}/a.jsonl"])
    assert found.unread == [(f"{address}/nothing.jsonl", "it does not exist")]
    faults.forever_from = 0
    with pytest.raises(InputError, match=r"a.jsonl can't be read: .*503"):
        plan(f"{address}/a.jsonl")


def test_an_interrupted_download_is_damage(server):
    address, faults = server
    (split,) = plan(f"{address}/a.jsonl")
    faults.forever_from = 20_000
    stats = ReadStats()
    limits = LIMITS.__class__(chunk=8192)
    batches = read(split, Fields(), stats, limits=limits)
    texts = [text for batch in batches for text in batch.column("text").to_pylist()]
    assert 0 < len(texts) < 500
    assert texts == TEXTS[: len(texts)]
    (damage,) = stats.damaged
    assert "503" in damage.reason


def test_a_server_without_ranges(server):
    address, faults = server
    faults.ranges = False
    with pytest.raises(InputError, match="range"):
        plan(f"{address}/a.parquet")


def test_secrets_are_never_shown(server, read_all):
    address, faults = server
    found = read_all(f"{address}/a.jsonl?X-Signature=hush&expires=1")
    assert found.texts == TEXTS
    assert all(query == "X-Signature=hush&expires=1" for _, _, query, _ in faults.asked)
    assert {split.source for split in found.splits} == {f"{address}/a.jsonl"}
    assert "hush" not in repr(found.stats)
    faults.forever_from = 0
    with pytest.raises(InputError) as error:
        plan(f"{address}/a.jsonl?X-Signature=hush")
    assert "hush" not in str(error.value)


def test_a_url_of_a_local_file(write, read_all):
    path = write("a b.jsonl", [{"text": "a text from here"}])
    assert read_all("file://" + path.replace(" ", "%20")).texts == ["a text from here"]


def test_the_error_for_a_missing_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(InputError, match=r"pip install 'provscan\[remote\]'"):
        plan("gs://bucket/a.jsonl")


def test_a_folder_in_s3(monkeypatch, read_all):
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("s3fs")
    import s3fs

    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in (
            ("ACCESS_KEY_ID", "who"),
            ("SECRET_ACCESS_KEY", "hush"),
            ("DEFAULT_REGION", "us-east-1"),
        ):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        s3fs.S3FileSystem.clear_instance_cache()
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
        client.create_bucket(Bucket="bucket")
        for name in ("a.jsonl", "a.parquet"):
            client.put_object(
                Bucket="bucket", Key=f"data/{name}", Body=FILES[f"/{name}"]
            )
        client.put_object(Bucket="bucket", Key="data/pdf", Body=b"%PDF-1.4 \0")
        found = read_all("s3://bucket/data", text="text")
        assert found.texts == TEXTS * 2
        assert found.unread == [("s3://bucket/data/pdf", "it is PDF")]
        with pytest.raises(InputError, match="s3://bucket/nothing can't be read"):
            plan("s3://bucket/nothing")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
        assert os.environ["AWS_SECRET_ACCESS_KEY"] == "hush"


def test_the_server_states_the_version_of_a_remote_file():
    with web_server({"/a.jsonl": b'{"text": "a text of the web"}\n'}) as (
        address,
        faults,
    ):
        silent = state_of(f"{address}/a.jsonl")
        assert silent.version == {}
        faults.etag = '"v1"'
        first = state_of(f"{address}/a.jsonl")
        assert first.version == {"ETag": '"v1"'}
        faults.etag = '"v2"'
        assert (
            len(
                {
                    silent.modified,
                    first.modified,
                    state_of(f"{address}/a.jsonl").modified,
                }
            )
            == 3
        )
