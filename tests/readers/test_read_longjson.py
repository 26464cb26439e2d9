"""Lines of JSON above the limit give what short ones give, in bounded memory."""

import gzip
import io
import json
import sys
import tempfile
import tracemalloc
import zlib
from types import SimpleNamespace

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.errors import FieldNotFoundError, InputError, OutputError
from provscan.readers import Fields, ReadStats, longjson, outline, plan, read, streams

PIECE, OVERLAP = 20, 6

FIXTURE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def small_pieces(patch):
    for module in ("pieces", "batches"):
        patch.setattr(f"provscan.readers.{module}.PIECE", PIECE)
        patch.setattr(f"provscan.readers.{module}.OVERLAP", OVERLAP)
    patch.setattr("provscan.readers.batches.BATCH_BYTES", PIECE)


def long_lines(patch, chunk):
    """Take every line for a long one that does not end in the chunk in which it begins."""
    patch.setattr(streams, "LINE_LIMIT", 0)
    patch.setattr(streams, "CHUNK", chunk)
    patch.setattr(longjson, "CHUNK", chunk)


@pytest.fixture
def both(write, read_all, monkeypatch):
    """Read the same lines as short ones and as long ones."""

    def both(content, chunk=5, **names):
        path = write("a.jsonl", content)
        with monkeypatch.context() as patch:
            small_pieces(patch)
            short = read_all(path, **names)
            long_lines(patch, chunk)
            return SimpleNamespace(short=short, long=read_all(path, **names))

    return both


KEYS = st.sampled_from(["text", "id", "user", "screen_name", "created_at", "full_text", 'te"x\\t', "ключ", "😀", ""])
TEXTS = st.text(st.sampled_from('ab"\\/\n\t\0é語😀\u2028\ud83d\ude00'), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=6)
SPACES = st.sampled_from(["", " ", "\t", " \r\t "])


@settings(suppress_health_check=FIXTURE, max_examples=200)
@given(
    records=st.lists(RECORDS, min_size=1, max_size=4),
    ascii=st.booleans(),
    before=SPACES,
    after=SPACES,
    chunk=st.integers(1, 7),
)
def test_long_lines_give_what_short_ones_give(both, records, ascii, before, after, chunk):
    rows = [{"text": "first", "id": 1, "user": {"screen_name": "a"}, "created_at": "2020-01-01"}, *records]
    lines = [
        before + json.dumps(row, ensure_ascii=ascii, separators=(after + "," + before, before + ":" + after)) + after
        for row in rows
    ]
    found = both("\n".join(lines).encode("utf-8", "surrogatepass"), chunk)
    assert found.long.rows == found.short.rows
    assert found.long.stats.skipped == found.short.stats.skipped
    assert (found.long.stats.records, found.long.stats.characters) == (
        found.short.stats.records,
        found.short.stats.characters,
    )
    if ascii:
        surrogates = [stats.repaired.get("lone_surrogate", 0) for stats in (found.long.stats, found.short.stats)]
        assert surrogates[0] == surrogates[1]


@settings(suppress_health_check=FIXTURE, max_examples=300)
@given(
    text=TEXTS,
    ascii=st.booleans(),
    cuts=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=3),
    chunk=st.integers(1, 7),
)
def test_damaged_lines_are_taken_or_left_as_short_ones_are(both, text, ascii, cuts, chunk):
    line = json.dumps({"id": -1.5e3, "text": text, "lang": None}, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    for place, gone, new in cuts:
        line = line[:place] + new.replace(b"\n", b"") + line[place + gone :]
    found = both(b'{"text": "first", "id": 1}\n' + line + b'\n{"text": "last", "id": 2}\n', chunk)
    assert found.long.rows == found.short.rows
    assert sum(found.long.stats.skipped.values()) == sum(found.short.stats.skipped.values())


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7, 100])
@pytest.mark.parametrize(
    "inside",
    [
        b"\\ud83d\\ude00" * 9,
        b"\\ud83d" * 7 + b"\\ude00" * 5,
        b"\\\\ud83d\\\\\\\\\\ud83d\\\\ude00" * 5,
        b"\\u00e9\\ud83dx\\n\\\\" * 4 + b"\\udbff",
        b"\xf0\x9f\x98\x80" * 30,
        b"\xff\xf0\x9f\x98\xe2\x82\xed\xa0\xbd\xc3" * 5 + b"\xf0\x9f\x98",
        b"\xe2\\n\xe2\x82\\n\x80\\ud83d\xff" * 5,
        b'\\"' * 30,
        b"\x00\x1f\t" * 10,
    ],
)
def test_escapes_and_bytes_at_the_borders_of_chunks(both, inside, chunk):
    found = both(b'{"text": "' + inside + b'", "id": "after"}\n', chunk)
    assert found.long.rows == found.short.rows
    assert found.long.rows[-1]["id"] == "after"
    assert found.long.stats.repaired == found.short.stats.repaired
    assert found.long.stats.notes == found.short.stats.notes


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b'{"text": "no end', "bad_json", "expected the end of a string, the line ends (byte 17)"),
        (b'{"text": "bad \\q escape"}', "bad_json", "expected a valid escape, found '\\\\' (byte 15)"),
        (b'{"text": "bad \\u12x escape"}', "bad_json", "expected a valid escape, found '\\\\' (byte 15)"),
        (b'{"text": "a" "id": 5}', "bad_json", "expected , or }, found '\"' (byte 14)"),
        (b'{"text": "a", }', "bad_json", "expected a key, found '}' (byte 15)"),
        (b'{"text" "a"}', "bad_json", "expected :, found '\"' (byte 9)"),
        (b'{"text": "a"} {"text": "b"}', "bad_json", "expected nothing more, found '{' (byte 15)"),
        (b'{"text": "a", "id": 01}', "bad_json", "expected a value"),
        (b'{"text": "a", "id": nul}', "bad_json", "expected a value"),
        (b'{"text": "a", "id": }', "bad_json", "expected a value, found '}' (byte 21)"),
        (b'{"text": "a", "x": [1, {"y": "]"}}', "bad_json", "expected another closing bracket, found '}' (byte 34)"),
        (b'{"text": "a", "x": [[]', "bad_json", "expected a closing bracket, the line ends (byte 23)"),
        (b'{"text": "a", "x": ' + b"[" * 2000 + b"]" * 2000 + b"}", "bad_json", "nested too deeply"),
        (b'{"text": "a", "x": "b"', "bad_json", "expected , or }, the line ends (byte 23)"),
        (b"neither this nor that", "bad_json", "expected {, found 'n' (byte 1)"),
        (b'["a", "list"]', "not_an_object", "expected {, found '[' (byte 1)"),
        (b'{"id": "x", "x": {"text": "inner"}}', "no_text", "the text is missing or null"),
        (b'{"id": "x", "text": null}', "no_text", "the text is missing or null"),
        (b'{"id": "x", "text": 12.50}', "text_not_string", "a number where text is expected"),
        (b'{"id": "x", "text": {"nested": "object"}}', "text_not_string", "an object where text is expected"),
    ],
)
def test_a_long_line_that_is_no_record_is_counted(write, read_all, monkeypatch, line, reason, detail):
    long_lines(monkeypatch, 5)
    path = write("a.jsonl", b'{"text": "first"}\n' + line + b'\n{"text": "last"}\n')
    found = read_all(path)
    assert found.texts == ["first", "last"]
    assert found.records == [0, 2]
    assert found.stats.skipped == {reason: 1}
    (case,) = found.stats.examples[reason]
    assert (case.source, case.record) == (path, 1)
    assert detail in case.detail


def test_fields_are_found_wherever_they_stand(both):
    tweet = {
        "truncated": True,
        "text": "the beginning…",
        "id": 12345678901234567890123,
        "extended_tweet": {"urls": ["{", {"a": "}"}], "full_text": "the whole text, " * 5},
        "user": {"screen_name": "somebody"},
        "created_at": "Tue Oct 20 00:10:41 +0000 2015",
    }
    found = both([tweet, {**tweet, "extended_tweet": None}])
    assert found.long.rows == found.short.rows
    assert found.long.rows[0]["text"] == ("the whole text, " * 5)[:PIECE]
    assert found.long.rows[-1]["text"] == "the beginning…"
    assert {row["id"] for row in found.long.rows} == {"12345678901234567890123"}
    assert {row["author"] for row in found.long.rows} == {"somebody"}
    named = both([{"a": {"b": {"c": "deep " * 9}}, "x.y": 7}], text="a.b.c", id="x.y")
    assert named.long.rows == named.short.rows
    assert [row["id"] for row in named.long.rows] == ["7"] * 3


def test_the_last_of_equal_keys_counts(both):
    line = '{"text": "c", "user": {"name": "x"}}\n'
    line += '{"text": "a", "id": {"x": 1}, "user": {"name": "u"}, "text": "b", "id": 2, "user": {"id": 3}}'
    found = both(line, author="user.name")
    assert found.long.rows == found.short.rows
    assert (found.long.texts, found.long.rows[1]["author"]) == (["c", "b"], None)


def test_what_is_held_of_a_line_is_bounded(write, read_all, monkeypatch):
    long_lines(monkeypatch, 7)
    monkeypatch.setattr(outline, "MOST_FIELDS", 10)
    for module in (outline, longjson):
        monkeypatch.setattr(module, "SHORT", 20)
    many = {f"k{number}": number for number in range(10)}
    rows = [{"text": "a", "id": "x" * 100, "author": "y" * 10, "k" * 100: 1}, {**many, "text": "late"}]
    found = read_all(write("a.jsonl", rows))
    assert [(row["text"], row["id"], row["author"]) for row in found.rows] == [("a", None, "y" * 10)]
    assert found.stats.skipped == {"no_text": 1}
    found = read_all(write("b.jsonl", '{"text": "a"}\n{"text": "b", "id": 1' + "0" * 100 + "}\n"))
    assert found.texts == ["a"]
    assert "a number of more than 20 digits" in found.stats.examples["bad_json"][0].detail


def test_blank_lines_are_passed_over(write, read_all, monkeypatch):
    long_lines(monkeypatch, 5)
    found = read_all(write("a.jsonl", '{"text": "a"}\n' + " " * 50 + '\r\n{"text": "b"}\r\n' + "\t" * 50))
    assert found.records == [0, 2]
    assert found.stats.skipped == {}
    assert read_all(write("b.jsonl", " " * 50)).stats.notes == {"empty_file": 1}


def test_a_file_of_something_else(write, read_all, monkeypatch):
    long_lines(monkeypatch, 5)
    with pytest.raises(InputError, match=r"is not JSON lines: .*\(line 1: expected \{, found 'n' \(byte 1\)\)"):
        read_all(write("a.jsonl", "no JSON " * 20))
    with pytest.raises(FieldNotFoundError, match="The fields there are: a, b, b\\.c"):
        read_all(write("b.jsonl", [{"a": 1, "b": {"c": ["x"] * 20}}]))


CONTENT = b"\n".join(
    json.dumps({"text": f"😀 line {number} " * (number % 5 + 1), "id": number}).encode() for number in range(40)
)


@pytest.mark.parametrize("target", [1, 50, 300, 1000])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_split_owns_the_lines_that_begin_in_it(write, read_all, monkeypatch, target, mark):
    path = write("a.jsonl", mark + CONTENT)
    small_pieces(monkeypatch)
    short = read_all(path)
    long_lines(monkeypatch, 7)
    monkeypatch.setattr("provscan.readers.planning.CHUNK", 16)
    long = read_all(path, target_bytes=target)
    assert len(long.splits) > 1
    assert long.rows == short.rows
    assert long.stats == short.stats


def gzip_writer():
    writer = zlib.compressobj(wbits=31)
    return writer, zlib.Z_SYNC_FLUSH, zlib.Z_FINISH


def zstd_writer():
    writer = zstandard.ZstdCompressor().compressobj()
    return writer, zstandard.COMPRESSOBJ_FLUSH_BLOCK, zstandard.COMPRESSOBJ_FLUSH_FINISH


def in_blocks(writer, content=CONTENT):
    """Compressed such that it can't be decompressed but in small steps."""
    compressor, flush, finish = writer
    parts = [content[at : at + 10] for at in range(0, len(content), 10)]
    return b"".join(compressor.compress(part) + compressor.flush(flush) for part in parts) + compressor.flush(finish)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_compressed_files_and_pipes(write, read_all, monkeypatch, tmp_path, chunk):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    small_pieces(monkeypatch)
    short = read_all(write("a.jsonl", CONTENT))
    long_lines(monkeypatch, chunk)
    monkeypatch.setattr(streams, "STEP", {"gzip": 7, "zstd": 7})
    for name, content in (("a.jsonl.gz", in_blocks(gzip_writer())), ("a.jsonl.zst", in_blocks(zstd_writer()))):
        assert read_all(write(name, content)).rows == short.rows
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(CONTENT)))
    assert read_all("-").rows == short.rows
    assert list((tmp_path / "temporary").iterdir()) == []


def test_no_room_for_a_temporary_file(write, read_all, monkeypatch):
    long_lines(monkeypatch, 7)
    monkeypatch.setattr(streams, "STEP", {"gzip": 7})
    path = write("a.jsonl.gz", in_blocks(gzip_writer()))
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(OutputError, match=r"can't be kept in the folder for temporary files: .* \$TMPDIR"):
        read_all(path)


def test_a_long_line_that_breaks_off_is_left_out(write, read_all, monkeypatch):
    content = in_blocks(gzip_writer(), b'{"text": "first"}\n{"text": "' + b"x" * 4000 + b'"}\n')
    long_lines(monkeypatch, 7)
    monkeypatch.setattr(streams, "STEP", {"gzip": 7})
    found = read_all(write("a.jsonl.gz", content[: len(content) // 2]))
    assert found.texts == ["first"]
    assert found.stats.skipped == {}
    assert [(damage.records, damage.reason) for damage in found.stats.damaged] == [(1, "truncated gzip file")]


def test_a_file_that_changes_while_it_is_read(write, monkeypatch):
    long_lines(monkeypatch, 7)
    path = write("a.jsonl", [{"text": "x" * 100}])
    whole = longjson.LongRecord.text

    changed = []

    def change(record, *arguments):
        write("a.jsonl", changed[-1])
        return whole(record, *arguments)

    monkeypatch.setattr(longjson.LongRecord, "text", change)
    (split,) = plan(path, Fields())
    for content, problem in (('{"text": "' + "\\q" * 100, "was changed"), ("x", "was cut short")):
        write("a.jsonl", [{"text": "x" * 100}])
        changed.append(content)
        with pytest.raises(InputError, match=rf"a\.jsonl {problem} while it was read"):
            list(read(split, Fields(), ReadStats()))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_memory_is_bounded(write, monkeypatch, name):
    monkeypatch.setattr(streams, "LINE_LIMIT", 2 << 20)
    monkeypatch.setattr("provscan.readers.pieces.PIECE", 1 << 20)
    other = '["a", {"b": "}"}, -1.5],' * 100_000
    line = '{"other": [' + other + '0], "text": "' + "some \\n words é " * (2 << 20) + '", "id": "after"}'
    size = len("some \n words é ") * (2 << 20)
    data = line.encode()
    path = write(name, gzip.compress(data, 1) if name.endswith("gz") else data)
    del line, data, other
    (split,) = plan(path, Fields())
    stats = ReadStats()
    tracemalloc.start()
    ids = {batch.column("id")[0].as_py() for batch in read(split, Fields(), stats)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ids == {"after"}
    assert (stats.records, stats.characters) == (1, size)
    assert peak < 24 << 20
