"""Test the archive of a bundle: its layout, and that archives with other layouts are
refused.
"""

import io
import random
import struct
import zipfile

import bagit
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from nightly import NIGHTLY

from provscan.cli import main
from provscan.errors import InputError
from provscan.handover import bag
from provscan.handover.bag import FOLDER, Archive, write_bag
from provscan.handover.statement import make_statement

FILES = {"data/a.txt": b"first", "data/run-1/b.bin": bytes(range(256))}


def written(files):
    target = io.BytesIO()
    write_bag(target, files, lambda hashes: {"statement.json": b"{}"})
    return target.getvalue()


def test_files_that_change_meanwhile_are_named(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")

    def seal(hashes):
        path.write_bytes(b"after!")
        return {}

    with pytest.raises(InputError, match=r"data/a\.txt changed while it was bundled"):
        write_bag(io.BytesIO(), {"data/a.txt": path}, seal)


def test_bytes_do_not_depend_on_the_order_of_files():
    backwards = dict(reversed(FILES.items()))
    assert written(FILES) == written(backwards)


@pytest.mark.parametrize(
    ("folders", "date", "why"),
    [
        (True, 1980, "a folder"),
        (False, 2026, "another program wrote the header"),
        (False, 1980, "its directory"),
    ],
)
def test_a_bundle_that_was_packed_again_is_refused_as_such(
    folders, date, why, tmp_path
):
    source, path = zipfile.ZipFile(io.BytesIO(written(FILES))), tmp_path / "again.zip"
    with zipfile.ZipFile(path, "w") as archive:
        if folders:
            archive.mkdir(FOLDER)
        for name in source.namelist():
            info = zipfile.ZipInfo(name, (date, 1, 1, 0, 0, 0))
            archive.writestr(info, source.read(name))
    with pytest.raises(InputError, match=f"{why}.* packed again.*original file"):
        Archive(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_bagit_library_reads_a_bundle(handed, tmp_path):
    with zipfile.ZipFile(handed.bundle) as archive:
        archive.extractall(tmp_path)
    found = bagit.Bag(str(tmp_path / "bundle"))
    found.validate()
    assert set(found.payload_files()) == {
        name.removeprefix(FOLDER)
        for name in zipfile.ZipFile(handed.bundle).namelist()
        if name.startswith(f"{FOLDER}data/")
    }
    (tmp_path / "bundle" / "data" / "run-1" / "summary.json").write_text("{}")
    with pytest.raises(bagit.BagValidationError):
        found.validate()


def hostile_archive(rng, members):
    """Return an archive that is not a bundle, of one of several kinds."""
    kinds = [
        evil_name,
        compressed,
        link,
        duplicate,
        encrypted,
        overlapping,
        described,
        commented,
        padded,
        cut,
        swapped_order,
        lying_size,
        extra_fields,
        many_entries,
        plain_zip,
        nested,
    ]
    return rng.choice(kinds)(rng, members)


EVIL = [
    "../../evil.txt",
    "/tmp/evil.txt",
    "bundle/../../evil.txt",
    "bundle/data/../../../evil.txt",
    "C:\\evil.txt",
    "bundle\\..\\evil.txt",
    "bundle/data/.hidden",
    "bundle/data//evil.txt",
    "bundle/data/evil.txt\0.zip",
    "bundle/data/ev\nil.txt",
    "bundle/data/é.txt",
    "bundle/" + "a" * 300,
    "bundle/a/b/c/d/e/f/g",
    "bundle/data/evil/",
]


def stored(members, **fields):
    """Return an archive that zipfile wrote without compression."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in members:
            info = zipfile.ZipInfo(name)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.writestr(info, text)
    return target.getvalue()


def whole(members):
    return written(dict(members))


def local(name, size, flags=0, method=0):
    """Return the header of an entry, as provscan writes it apart from flags and
    method.
    """
    return (
        struct.pack(
            "<4sHHHHHIIIHH",
            b"PK\x03\x04",
            *(20, flags, method, 0, 0x21, 0, size, size, len(name), 0),
        )
        + name
    )


def evil_name(rng, members):
    name = rng.choice(EVIL)
    if rng.random() < 0.5:
        return local(name.encode(), 4) + b"evil" + whole(members)
    return stored([*((f"{FOLDER}{name}", text) for name, text in members), (name, b"")])


def compressed(rng, members):
    """Return a bomb: a few bytes that expand to many."""
    size = rng.choice([10, 10**5, 10**7])
    method = rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr(f"{FOLDER}bagit.txt", bytes(size))
    return target.getvalue()


def link(rng, members):
    return stored([(f"{FOLDER}link", b"/etc/passwd")], external_attr=0o120777 << 16)


def duplicate(rng, members):
    data = whole(members)
    first = local(f"{FOLDER}bagit.txt".encode(), 3) + b"abc"
    return first * rng.randrange(1, 3) + data


def encrypted(rng, members):
    header = local(f"{FOLDER}bagit.txt".encode(), 3, flags=rng.choice([1, 0x41]))
    return header + b"abc" + whole(members)


def overlapping(rng, members):
    """Return an archive whose directory has entries at the same offset, or at a wrong
    one.
    """
    data = bytearray(whole(members))
    places = [at for at in range(len(data)) if data[at : at + 4] == b"PK\x01\x02"]
    at = rng.choice(places) + 42
    before = data[at : at + 4]
    while data[at : at + 4] == before:
        data[at : at + 4] = struct.pack("<I", rng.choice([0, 1, 2**31, len(data)]))
    return bytes(data)


def described(rng, members):
    """Return an archive with sizes after the data, as in streams."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, text in members:
            archive.writestr(f"{FOLDER}{name}", text)
    return bytes(pipe.data)


def commented(rng, members):
    data = whole(members)
    size = rng.randrange(1, 60)
    return data[:-2] + struct.pack("<H", size) + bytes(size)


def padded(rng, members):
    junk = rng.randbytes(rng.randrange(1, 99))
    return (
        whole(members) + junk if rng.random() < 0.5 else b"PK" + junk + whole(members)
    )


def cut(rng, members):
    data = whole(members)
    return data[: rng.randrange(2, len(data))]


def swapped_order(rng, members):
    return stored([(f"{FOLDER}{name}", text) for name, text in reversed(members)])


def lying_size(rng, members):
    data = bytearray(whole(members))
    data[18:26] = struct.pack("<II", *[rng.choice([0, 1, 2**31, 2**32 - 1])] * 2)
    return bytes(data)


def extra_fields(rng, members):
    extra = struct.pack("<HH", rng.randrange(2**16), 4) + b"abcd"
    return stored([(f"{FOLDER}bagit.txt", b"abc")], extra=extra)


def many_entries(rng, members):
    count = bag.MOST_ENTRIES + rng.randrange(1, 9)
    names = (f"{FOLDER}data/{n:06}".encode() for n in range(count))
    return b"".join(local(name, 0) for name in names)


def plain_zip(rng, members):
    return stored([("hello.txt", rng.randbytes(20))])


def nested(rng, members):
    return stored([(f"{FOLDER}a.zip", whole(members))])


def hostile_contents(rng):
    """Return an archive in the right layout, with files that no bundle has."""
    tables = {
        "data/run-1/matches.parquet": rng.choice(
            [b"", b"PAR1" * 9, bomb(), odd_table()]
        ),
        "data/run-1/summary.json": rng.choice(
            [b"[" * 100_000, b"NaN", b"{}", b"\xff", b'{"records": 1e999}', b"null"]
        ),
        "data/run-1/run.json": rng.choice([b"{}", b"[]", b'{"files": {"../../x": 1}}']),
        "data/run-1/rows.sha256": rng.choice([b"", b"\xff" * 99, b"0" * 64 + b"\n"]),
    }
    statement = rng.choice(
        [
            lambda hashes: b"{}",
            lambda hashes: b"[" * 100_000,
            lambda hashes: b'{"subject": [{"name": 1}]}',
            lambda hashes: b"9" * 5000,
            lambda hashes: make_statement(hashes, {"runs": 7}),
            lambda hashes: make_statement(hashes, {"runs": [{"folder": "../.."}]}),
            lambda hashes: make_statement(
                {**hashes, "../../etc/passwd": "0" * 64},
                {"runs": [], "signer": {"ed25519": "zz"}, "texts": []},
            ),
        ]
    )
    names = rng.sample(sorted(tables), rng.randrange(2, 5))
    target = io.BytesIO()
    write_bag(
        target,
        {name: tables[name] for name in names},
        lambda hashes: {
            "statement.json": statement(dict(hashes)),
            **rng.choice([{}, {"statement.dsse.json": b"{}"}, {"statement.tsr": b"0"}]),
        },
    )
    return target.getvalue()


def table(columns):
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target, compression="zstd")
    return target.getvalue()


def bomb():
    """Return a few kilobytes that expand to three gigabytes of text."""
    return BOMB


def odd_table():
    return table({"source": pa.array([None]), "record": pa.array(["x"])})


BOMB = table({"record": pa.DictionaryArray.from_arrays(
    pa.array([0] * 3_000_000, pa.int32()), pa.array(["a" * 1000])
)})  # fmt: skip


@pytest.mark.parametrize("part", range(4 if NIGHTLY else 2))
def test_hostile_archives_are_refused(part, handed, tmp_path, monkeypatch):
    """100 archives (nightly: 200) are refused with an error of one line or a list of
    problems, and no file is written.
    """
    inside = tmp_path / "here" / "and" / "there"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    with Archive(handed.bundle) as archive:
        members = [(name, archive.read(name)) for name in list(archive.entries)[:6]]
    for seed in range(50 * part, 50 * part + 50):
        rng = random.Random(seed)
        broken = seed % 3 != 0
        data = hostile_archive(rng, members) if broken else hostile_contents(rng)
        (inside / "a.zip").write_bytes(data)
        said = CliRunner().invoke(main, ["verify", "a.zip"])
        assert said.exit_code == (3 if broken else 1), (seed, said.output)
        if broken:
            assert said.stdout == "", seed
            assert said.stderr.startswith("provscan: a.zip "), (seed, said.stderr)
            assert said.stderr.count("\n") == 1, (seed, said.stderr)
        else:
            assert said.stdout.startswith("NOT INTACT: a.zip, "), (seed, said.stdout)
            assert said.stderr == "", (seed, said.stderr)
        assert [*tmp_path.rglob("*")] == [
            tmp_path / "here",
            tmp_path / "here" / "and",
            inside,
            inside / "a.zip",
        ]
