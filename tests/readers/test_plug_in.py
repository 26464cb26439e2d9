"""Test the format of docs/extending.md, installed from another distribution."""

import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from provscan.errors import ParameterError
from provscan.readers.formats.registry import FORMATS, _installed, _registered

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
CHECK = """
from email.message import EmailMessage
from pathlib import Path
import sys
import provscan
from provscan.testing import RECORDS, check_format

def message(record):
    mail = EmailMessage()
    mail["Message-ID"] = record["id"]
    mail.set_content(record["text"] + "\\n", cte="base64")
    return b"From a@b.org Mon Jan  4 10:00:00 2021\\n" + mail.as_bytes() + b"\\n"

check_format(b"".join(map(message, RECORDS)), "a.mbox")
place = Path(sys.argv[1])
(place / "a.eml").write_bytes(
    b"Subject: =?koi8-r?B?8NLJ18XU?=\\nContent-Type: text/plain; charset=koi8-r\\n\\n"
    + "вчера вечером мы долго ждали автобус".encode("koi8-r")
)
index = provscan.build_index(
    [{"id": "1", "text": "Вчера вечером мы долго ждали автобус"}], place / "a.index"
)
rows = provscan.match(place / "a.eml", index, place / "a.run").matches.to_pylist()
assert [(row["tweet_id"], row["field"]) for row in rows] == [("1", "text")], rows
"""


@pytest.fixture
def installed(tmp_path):
    """Install the example of the page in a folder."""
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (group, point) = re.findall(r'entry-points."(.*?)"\]\n(.*?)\n', page)[0]
    (tmp_path / "provscan_mail.py").write_text(example, encoding="utf-8")
    info = tmp_path / "provscan_mail-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: provscan-mail\nVersion: 1\n"
    )
    unquoted = point.replace('"', "")
    (info / "entry_points.txt").write_text(f"[{group}]\n{unquoted}\n")
    return tmp_path


def test_a_format_of_another_distribution_is_read(installed):
    code = f"import sys; sys.path.insert(0, {str(installed)!r})\n{CHECK}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(installed)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_two_formats_with_one_extension_are_an_error():
    class Other(type(FORMATS["jsonl"])):  # type: ignore[misc]
        name = "other"

    with pytest.raises(ParameterError, match="two formats have the name other"):
        _registered([FORMATS["jsonl"], Other()])


@pytest.mark.parametrize(
    "value", ["no_such_module:FORMATS", "re:NO_FORMATS", "sys:path"]
)
def test_a_wrong_entry_point_is_named(value):
    with pytest.raises(ParameterError, match=f"the entry point mail = {value}"):
        _installed(EntryPoint("mail", value, "provscan.formats"))
