"""Remote datasets in what a run writes."""

import json

from provscan.runs.inputs import default_out, find_inputs
from provscan.runs.options import Options


def test_secrets_of_remote_datasets_enter_no_file(monkeypatch):
    fsspec = __import__("fsspec")
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/data.jsonl", b'{"text": "a text"}\n')
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url, **_: (system, "/bucket/data.jsonl"))
    url = "https://me:hush@host/bucket/data.jsonl?X-Signature=hush"
    options = Options(control=url, null=[url])
    inputs = find_inputs([url], options, 1)
    shown = "https://host/bucket/data.jsonl"
    assert [split.source for split in inputs.splits] == [shown]
    assert inputs.describe(1) == [{"source": shown, "bytes": 19, "xxh3": None}]
    assert default_out([url]) == "data.run"
    written = json.dumps([options.as_dict(), options.command([url], "licensed.index", None), inputs.state()])
    assert shown in written
    assert "hush" not in written
