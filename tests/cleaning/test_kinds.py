"""Test that archives, encodings and special files are cleaned, copied or refused."""

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import provscan
from provscan.errors import InputError
from provscan.readers.limits import LIMITS
from provscan.report.files import RunFiles

HERON = (
    "A heron on one leg at the bus stop, patient as the timetable of the village is "
    "not and never was, while umbrellas argue with the wind"
)
DOUGH = (
    "My sourdough starter has a name, a passport and a considerably better social "
    "life than I had during all of last November"
)
GOOD = [
    "The committee met on Tuesday and postponed the question of the northern bridge.",
    "Rain is expected in the hills; farmers bring their hay in before the evening.",
    "The museum shows forty drawings, most of which were lent by private collections.",
]


@pytest.fixture(scope="module")
def licensed(tmp_path_factory):
    tweets = [{"id": "1", "text": HERON}, {"id": "2", "text": DOUGH}]
    return provscan.build_index(tweets, tmp_path_factory.mktemp("kinds") / "a.index")


def cleaned(data, licensed, **options):
    """Match a dataset, and clean it into the folder ``out`` next to it."""
    asked = {"records": "lines"} if data.suffix == ".txt" else {}
    run = provscan.match(
        data, licensed, data.parent / "a.run", spike_ins=0, max_bad=1.0, **asked
    )
    return provscan.clean(data, run.path, data.parent / "out", **options)


def lines(texts):
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


def tar_of(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1234567
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def members_of(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {
            info.name: file.read()
            for info in tar
            if (file := tar.extractfile(info)) is not None
        }


@pytest.mark.parametrize("mode", ["drop", "mask"])
def test_compressed_tar_archives(mode, tmp_path, licensed):
    """Archives are written again with the same compression."""
    first = lines([GOOD[0], f"{GOOD[1]} {HERON}"]) + b"\n\nnot json\n\n"
    second = lines([f"{GOOD[2]} {DOUGH}", GOOD[1]])
    table = io.BytesIO()
    pq.write_table(pa.table({"text": [GOOD[0], DOUGH, GOOD[2]]}), table)
    members = {
        "a.jsonl": first,
        "b/c.jsonl.gz": gzip.compress(second),
        "d.md": f"# Notes\n\n{HERON}\n".encode(),
        "e.parquet": table.getvalue(),
        "f.md": f"# Notes\n\n{GOOD[2]}\n".encode(),
    }
    data = tmp_path / "a.tar.gz"
    data.write_bytes(gzip.compress(tar_of(members)))
    token = "[X]" if mode == "mask" else None
    assert cleaned(data, licensed, mask=token).left == 0
    after = members_of(gzip.decompress((tmp_path / "out" / "a.tar.gz").read_bytes()))
    rows = pq.read_table(io.BytesIO(after.pop("e.parquet"))).column("text").to_pylist()
    after["b/c.jsonl.gz"] = gzip.decompress(after["b/c.jsonl.gz"])
    if mode != "mask":
        assert rows == [GOOD[0], GOOD[2]]
        assert after == {
            "a.jsonl": lines([GOOD[0]]) + b"\n\nnot json\n\n",
            "b/c.jsonl.gz": lines([GOOD[1]]),
            "f.md": members["f.md"],
        }
    else:
        assert rows == [GOOD[0], "[X]", GOOD[2]]
        assert after == {
            "a.jsonl": first.replace(HERON.encode(), b"[X]"),
            "b/c.jsonl.gz": second.replace(DOUGH.encode(), b"[X]"),
            "d.md": b"# Notes\n\n[X]\n",
            "f.md": members["f.md"],
        }


@pytest.mark.parametrize("mode", ["drop", "mask"])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("cp1252", b""),
        ("gb18030", b""),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "txt"])
def test_encodings_are_kept(kind, encoding, mark, mode, tmp_path, licensed):
    more = "中文字符" if encoding == "gb18030" else "Café à Genève, naïve"
    good = [f"{more} {n}: {GOOD[n % 3]}" for n in range(20)]
    texts = [f"{text} {HERON}" if n == 7 else text for n, text in enumerate(good)]
    form = "id,text\r\n{}\r\n" if kind == "csv" else "{}\n"
    row = '{n},"{text}"' if kind == "csv" else "{text}"
    end = "\r\n" if kind == "csv" else "\n"

    def written(rows):
        body = end.join(row.format(n=n, text=text) for n, text in enumerate(rows))
        return mark + form.format(body).encode(encoding)

    data = tmp_path / f"a.{kind}"
    data.write_bytes(written(texts))
    token = "[é]" if mode == "mask" and encoding != "gb18030" else "[X]"
    options = {"mask": token} if mode == "mask" else {}
    assert cleaned(data, licensed, **options).left == 0
    expected = written([text.replace(HERON, token) for text in texts])
    if mode == "drop":
        gone = row.format(n=7, text=texts[7]) + end
        expected = written(texts).replace(gone.encode(encoding), b"")
    assert (tmp_path / "out" / data.name).read_bytes() == expected


def test_encodings_that_are_refused(tmp_path, licensed):
    """The encoding lacks a character of the mask, or would not restore the bytes."""
    text = "".join(f"Café à Genève {n}: {GOOD[n % 3]}\n" for n in range(20))
    data = tmp_path / "a.txt"
    data.write_bytes(f"{text}naïve {HERON}\n".encode("cp1252"))
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    with pytest.raises(InputError, match=r"the mask ■ can't be encoded as cp1252"):
        provscan.clean(data, run.path, tmp_path / "out", mask="■")
    data = tmp_path / "b.txt"
    data.write_bytes(f"{text}naïve {HERON}\n".encode("cp1252") + b"\x81 undefined\n")
    run = provscan.match(
        data, licensed, tmp_path / "b.run", spike_ins=0, encoding="cp1252"
    )
    with pytest.raises(InputError, match="changes it: convert it first"):
        provscan.clean(data, run.path, tmp_path / "out")
    assert not (tmp_path / "out.unfinished").exists()


def test_columns_of_maps_are_masked(tmp_path, licensed):
    kind = pa.map_(pa.string(), pa.list_(pa.string()))
    values = [[("a", [GOOD[0]]), ("b", None)], None, [("c", [f"x {HERON}", GOOD[1]])]]
    data = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3], "m": pa.array(values, kind)}), data)
    assert cleaned(data, licensed, mask="[X]").left == 0
    after = pq.read_table(tmp_path / "out" / "a.parquet")
    assert after.schema.field("m").type == kind
    expected = [values[0], None, [("c", ["x [X]", GOOD[1]])]]
    assert after.column("m").to_pylist() == expected


BAD = b"caf\xe9 \xe2\x82 \xf0\x9f\x98\xed\xa0\x80 \xef\xbf\xbd \xc3\xa9"


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "txt", "arrow"])
def test_bytes_that_are_not_utf8_stay(kind, tmp_path, licensed):
    """Only the bytes of the span change, in the masked record as in others."""
    text = BAD + b", " + HERON.encode() + b", " + BAD
    form = {
        "jsonl": b'{"a": "%s \\u00e9", "text": "\\\\%s"}\n',
        "csv": b'"%s ""x""","%s ""y"""\n',
        "tsv": b"%s\t%s\n",
        "txt": b"%s %s\n",
    }
    good = GOOD[0].encode()
    before = [(BAD, good), (BAD, text), (b"x", text.replace(BAD, b"y")), (b"x", good)]
    data, out = tmp_path / f"a.{kind}", tmp_path / "out" / f"a.{kind}"
    if kind == "arrow":
        rows = [{"a": a, "text": text} for a, text in before]
        table = pa.Table.from_pylist(
            rows, pa.schema([("a", pa.binary()), ("text", pa.binary())])
        )
        with pa.ipc.new_file(data, table.schema) as writer:
            writer.write_table(table)
    else:
        head = b"a" + (b"," if kind == "csv" else b"\t") + b"text\n"
        head = head if kind in ("csv", "tsv") else b""
        written = head + b"".join(form[kind] % row for row in before)
        data.write_bytes(written)
    asked = {"records": "lines"} if kind == "txt" else {}
    run = provscan.match(
        data, licensed, tmp_path / "a.run", encoding="utf-8", max_bad=1.0, **asked
    )
    assert run.summary["answer"]["records"]["findings"] == 2
    assert provscan.clean(data, run.path, tmp_path / "out", mask="[X]").left == 0
    if kind == "arrow":
        expected = [
            {"a": row["a"], "text": row["text"].replace(HERON.encode(), b"[X]")}
            for row in rows
        ]
        with pa.ipc.open_file(out) as file:
            assert file.read_all().to_pylist() == expected
    else:
        assert out.read_bytes() == written.replace(HERON.encode(), b"[X]")


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ('{"text": "A %s", "text": "A %s"}', '{"text": "A [X]", "text": "A [X]"}'),
        ('{"text": "A %s", "text": "A B"}', '{"text": "A [X]", "text": "A B"}'),
        (
            '{"m": [{"text": ["%s", 1]}], "n": "n", "m": [{"text": ["%s"]}]}',
            '{"m": [{"text": ["[X]", 1]}], "n": "n", "m": [{"text": ["[X]"]}]}',
        ),
        ('{"n": 1, "text": "%s", "n": 2}', '{"n": 1, "text": "[X]", "n": 2}'),
    ],
)
@pytest.mark.parametrize("before", [1, 2000])
def test_all_values_of_a_repeated_key_are_cleaned(
    line, masked, before, tmp_path, licensed
):
    data = tmp_path / "a.jsonl"
    first = '{"text": "some other words"}\n' * before
    data.write_text(f"{first}{line.replace('%s', HERON)}\n")
    assert cleaned(data, licensed, mask="[X]").left == 0
    assert (tmp_path / "out" / "a.jsonl").read_text() == f"{first}{masked}\n"


@pytest.mark.parametrize(
    ("row", "mask", "masked"),
    [
        ('1,%s', '[X]', '1,[X]'),
        ('1,a "b" %s', ',', '1,"a ""b"" ,"'),
        ('1,"a ""b"" %s"', '"', '1,"a ""b"" """'),
        ('"1"x,%s', 'X', '"1"x,X'),
    ],
)  # fmt: skip
def test_quotes_of_masked_values(row, mask, masked, tmp_path, licensed):
    data = tmp_path / "a.csv"
    tweet = DOUGH.replace(",", "")
    rows = [f"{n},{GOOD[n % 2].replace(';', '')}\n" for n in range(5)]
    text = "id,text\n{}\n" + "".join(rows)
    data.write_text(text.format(row.replace("%s", tweet)))
    assert cleaned(data, licensed, mask=mask).left == 0
    assert (tmp_path / "out" / "a.csv").read_text() == text.format(masked)


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "txt"])
def test_records_that_are_too_long_are_refused(kind, tmp_path, licensed, monkeypatch):
    """The file is an error and nothing is written, unless files may be left out."""
    small = replace(LIMITS, record_bytes=2000, chunk=512)
    monkeypatch.setattr("provscan.readers.limits.LIMITS", small)
    long = " ".join(GOOD * 12)
    texts = [GOOD[0], HERON, long, GOOD[1], DOUGH]
    written = {
        "jsonl": lines(texts),
        "json": json.dumps([{"text": text} for text in texts]).encode(),
        "csv": "".join(f'"{t}",1\n' for t in ["text", *texts]).encode(),
        "txt": "\n".join(texts).encode(),
    }
    data = tmp_path / "set" / f"a.{kind}"
    data.parent.mkdir()
    data.write_bytes(written[kind])
    (data.parent / "b.jsonl").write_bytes(lines([HERON, GOOD[0]]))
    run = provscan.match(
        data.parent, licensed, tmp_path / "a.run", spike_ins=0, max_bad=1.0
    )
    assert run.summary["answer"]["records"]["findings"] >= 2
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"a record of more than 0 MiB"):
        provscan.clean(data.parent, run.path, out)
    assert not out.exists()
    done = provscan.clean(data.parent, run.path, out, skip_unwritable=True)
    assert [Path(name).name for name in done.manifest["unwritable"]] == [data.name]
    assert [path.name for path in (out / "set").iterdir()] == ["b.jsonl"]
    assert (out / "set" / "b.jsonl").read_bytes() == lines([GOOD[0]])


@pytest.mark.parametrize("mode", ["drop", "mask"])
def test_what_reviewers_rejected_stays(mode, tmp_path, licensed):
    """A match is kept, and does not count as left."""
    texts = [
        f"{GOOD[0]} {HERON}",
        f"{GOOD[1]} {HERON} and {DOUGH}",
        GOOD[2],
        f"{GOOD[2]} {HERON}",
    ]
    data = tmp_path / "a.jsonl"
    data.write_bytes(b"\n" + lines(texts))
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    files = RunFiles.open(run.path)
    exhibits = files.exhibits.to_pylist()
    assert len(exhibits) == 4
    marks = tmp_path / "marks.json"

    def save(verdicts):
        found = [
            {
                "exhibit": number,
                "tweet_id": row["tweet_id"],
                "verdict": verdicts.get((row["record"], row["tweet_id"]), ""),
            }
            for number, row in enumerate(exhibits, 1)
        ]
        marks.write_text(json.dumps({"run": files.identity, "marks": found}))

    save({(2, "1"): "rejected", (4, "1"): "rejected", (1, "1"): "unsure"})
    options = {"mask": "[X]"} if mode == "mask" else {}
    out = tmp_path / "out"
    result = provscan.clean(data, run.path, out, reviewed=marks, **options)
    assert (result.left, result.manifest["rejected"]) == (0, 2)
    if mode == "mask":
        kept = [f"{GOOD[0]} [X]", texts[1].replace(DOUGH, "[X]"), *texts[2:]]
    else:
        kept = [texts[2], texts[3]]
    assert (out / "a.jsonl").read_bytes() == b"\n" + lines(kept)
    assert result.manifest["options"]["reviewed"] == str(marks)
    save({(9, "1"): "rejected"})
    marks.write_text(marks.read_text().replace(files.identity, "0" * 16))
    with pytest.raises(InputError, match="contains marks of run 0000"):
        provscan.clean(data, run.path, tmp_path / "other", reviewed=marks)
