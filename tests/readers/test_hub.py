"""Test datasets of the Hugging Face hub, with a local server for its protocol."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from remote import web_server

pytestmark = pytest.mark.skipif(
    find_spec("huggingface_hub") is None, reason="needs pip install huggingface_hub"
)

SHA = "a" * 40
LINES = "".join(
    json.dumps({"id": n, "text": f"a text of the hub, number {n}"}) + "\n"
    for n in range(50)
).encode()
API, FILES = (
    "/api/datasets/me/tweets",
    {"train.jsonl": LINES, "test.jsonl": LINES[: LINES.index(b"\n") + 1]},
)


def _served():
    tree = [
        {"type": "file", "path": name, "size": len(data), "oid": "b" * 40}
        for name, data in FILES.items()
    ]
    about = {
        "id": "me/tweets",
        "sha": SHA,
        "siblings": [{"rfilename": name} for name in FILES],
        "private": False,
    }
    answer = json.dumps({**about, "tags": [], "downloads": 0, "likes": 0}).encode()
    return {
        API: answer,
        f"{API}/revision/{SHA}": answer,
        **dict.fromkeys(
            [f"{API}/tree/{SHA}", f"{API}/tree/main"], json.dumps(tree).encode()
        ),
        **{
            f"/datasets/me/tweets/resolve/main/{name}": data
            for name, data in FILES.items()
        },
        **{
            f"/datasets/me/tweets/resolve/{SHA}/{name}": data
            for name, data in FILES.items()
        },
    }


def _inspected(source, address, folder):
    """Return the output of ``provscan inspect`` in a process that uses the server as
    hub.
    """
    environment = {
        **os.environ,
        "HF_ENDPOINT": address,
        "HF_HOME": str(folder),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-m", "provscan", "inspect", "--json", *source]
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_files_of_the_hub_by_url(tmp_path):
    with web_server(_served()) as (address, faults):
        found = _inspected(
            ["hf://datasets/me/tweets", "hf://datasets/me/nothing"], address, tmp_path
        )
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    base = "hf://datasets/me/tweets"
    counts = [(file["source"], file["sampled"]["records"]) for file in said["files"]]
    assert counts == [(f"{base}/test.jsonl", 1), (f"{base}/train.jsonl", 50)]
    assert [path for path, _ in said["unread"]] == ["hf://datasets/me/nothing"]
    assert {method for method, *_ in faults.asked} <= {"GET", "HEAD"}
