"""Make small documents with the same records in every format that states its end or its
length.
"""

import csv
import json

import pyarrow as pa
import zstandard
from file_formats import (
    COMPRESSIONS,
    arrow,
    delimited,
    parquet,
    tar,
    warc,
    zipped,
)

TEXTS = [
    f"the {n}th of many texts, with a {['comma', 'colon', 'dash'][n % 3]}; "
    f"{n * 7919 % 1000}"
    for n in range(60)
]
RECORDS = [
    {"id": str(10**9 + number), "text": text} for number, text in enumerate(TEXTS)
]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


MEMBERS = [
    (f"{place}.jsonl", b"".join(LINES.splitlines(keepends=True)[place : place + 10]))
    for place in range(0, 60, 10)
]
COLUMNS = [{"text": each["text"], "id": each["id"]} for each in RECORDS]


OBJECTS = "\n".join(json.dumps(record, indent=1) for record in RECORDS).encode()
ARRAY = json.dumps(RECORDS).encode()
XML = (
    "<?xml version='1.0'?>\n<texts>\n"
    + "".join(f"<text>{text}</text>\n" for text in TEXTS)
    + "</texts>\n"
)
DOCUMENTS = {
    "array.json": ARRAY,
    "indented.json": json.dumps(RECORDS, indent=1).encode(),
    "objects.json": OBJECTS,
    "tweets.js": b"window.YTD.tweets.part0 = " + json.dumps(RECORDS, indent=1).encode(),
    "marked.jsonl": LINES.decode().encode("utf-16"),
    "wide.json": ARRAY.decode().encode("utf-16-le"),
    "lines.jsonl": LINES.removesuffix(b"\n"),
    "table.csv": delimited(COLUMNS, quoting=csv.QUOTE_ALL),
    "texts.xml": XML.encode(),
    "crawl.warc": warc(TEXTS),
    "archive.tar": tar(MEMBERS),
    "archive.tar.gz": COMPRESSIONS["gzip"][0](tar(MEMBERS)),
    "archive.zip": zipped(MEMBERS),
    "table.parquet": parquet(RECORDS, 20),
    "file.arrow": arrow(RECORDS, 10, pa.ipc.new_file),
    "stream.arrow": arrow(RECORDS, 10, pa.ipc.new_stream),
    "lines.jsonl.gz": COMPRESSIONS["gzip"][0](LINES),
    "lines.jsonl.bz2": COMPRESSIONS["bzip2"][0](LINES),
    "lines.jsonl.xz": COMPRESSIONS["xz"][0](LINES),
    "lines.jsonl.zst": zstandard.ZstdCompressor(write_checksum=True).compress(LINES),
}
