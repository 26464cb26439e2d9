"""Test that every format, compressed or not and named in every way, gives the same
records as JSON lines.
"""

import json
import re

import pyarrow as pa
import pytest
import zstandard
from file_formats import arrow, delimited, parquet, warc
from house import ROOT

from provscan.readers.formats import registry
from provscan.testing import RECORDS, check_format

TEXTS = [record["text"] for record in RECORDS]


LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
FORMATS = {
    "a.jsonl": LINES,
    "a.json": json.dumps(RECORDS, indent=1).encode(),
    "b.json": json.dumps(RECORDS, ensure_ascii=False).encode(),
    "a.csv": delimited(RECORDS, ","),
    "b.csv": delimited(RECORDS, ";"),
    "a.tsv": delimited(RECORDS, "\t"),
    "a.parquet": parquet(RECORDS, 70),
    "a.arrow": arrow(RECORDS, 70, pa.ipc.new_file),
    "b.arrow": arrow(RECORDS, 70, pa.ipc.new_stream),
    "a.txt": "\n".join(TEXTS).encode(),
    "b.txt": "\r\n".join(TEXTS).encode(),
    "c.txt": "\r".join(TEXTS).encode(),
    "d.txt": "\n".join(TEXTS).encode("utf-16"),
    "a.wet": warc(TEXTS, [record["id"] for record in RECORDS]),
}


# Formats whose files can't be made of RECORDS, or not stored in every way: other files
# of this folder test them.
ELSEWHERE = {"archive", "html"}


def test_every_format_has_tests_and_a_line_on_the_page(write, read_all):
    tested = {
        split.format
        for name, data in FORMATS.items()
        for split in read_all(write(name, data)).splits
    }
    page = (ROOT / "docs" / "inputs.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.count("|") == 4]
    documented = {name for row in rows for name in re.findall("`([a-z]+)`", row[2])}
    assert set(registry.FORMATS) == tested | ELSEWHERE
    assert set(registry.FORMATS) <= documented


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_read_completely(form):
    check_format(FORMATS[form], form)


# CSV is recognised by its name.
NAMELESS = [form for form in FORMATS if not form.endswith(("csv", "tsv"))]


@pytest.mark.parametrize("form", NAMELESS)
def test_the_same_records_in_a_file_without_extension(write, read_all, form):
    found = read_all(write("data", zstandard.compress(FORMATS[form])), records="lines")
    assert found.texts == TEXTS


def test_a_format_that_loses_or_invents_texts_fails():
    for lines in (LINES[:-200] + b"\n", LINES + LINES, LINES.replace(b"9th", b"8th")):
        with pytest.raises(AssertionError, match="text"):
            check_format(lines, "a.jsonl")
