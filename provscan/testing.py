"""Check a format of one's own: :func:`check_format` reads the same records in every way
in which provscan reads files.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import zstandard

from provscan.errors import InputError
from provscan.readers import Fields, ReadStats, plan, read
from provscan.readers.limits import current_limits, with_chunk

RECORDS: list[dict[str, str]] = [
    {
        "id": str(number),
        "text": f"the {number}th text, with a comma; a “quote” and\ta tab 😀 "
        f"{'x' * (number % 7)}",
    }
    for number in range(300)
]
"""The records of the file that :func:`check_format` reads."""

COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}
# The number of bytes after which the file is cut into splits, the number of bytes of a
# split that are read at a time, and the number of places at which the file is cut off.
SPLIT, CHUNK, CUTS = 3000, 1000, 20


class _Found(NamedTuple):
    texts: list[str]
    ids: list[str | None]
    records: list[int]
    # Whether something was reported as damaged, unread or skipped.
    reported: bool


def check_format(whole: bytes, name: str) -> None:
    """Check that a format is read completely, however its files are stored.

    The file is read as it is, compressed in every way, in a folder, in archives, and in
    splits, which are read in small pieces. Then it is cut off at some places: the texts
    that are read must be the first ones, except that the last of them may be
    incomplete.

    Parameters
    ----------
    whole
        A file with :data:`RECORDS` in the format. It may lack the ids.
    name
        Name of the file, such as ``a.fortune``.

    Raises
    ------
    AssertionError
        A text is missing, changed or invented.
    """
    texts = [record["text"] for record in RECORDS]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for form, data in _stored(whole, name):
            found = _read(place, form, data)
            assert found.texts == texts, f"{form}: {_difference(found.texts, texts)}"
            assert found.records == [*range(len(texts))], (
                f"{form}: positions of records"
            )
            assert not found.reported, f"{form}: something was reported as not read"
            ids = [record["id"] for record in RECORDS]
            assert found.ids in (ids, [None] * len(ids)), f"{form}: ids of records"
        found = _read(place, name, whole, SPLIT)
        assert found.texts == texts, f"in splits: {_difference(found.texts, texts)}"
        assert found.records == [*range(len(texts))], "in splits: positions of records"
        for at in range(0, len(whole), max(1, len(whole) // CUTS)):
            try:
                found = _read(place, name, whole[:at])
            except InputError:
                continue
            count = len(found.texts)
            assert found.texts[: count - 1] == texts[: max(0, count - 1)], (
                f"cut after {at} bytes: {_difference(found.texts, texts)}"
            )


def _stored(whole: bytes, name: str) -> list[tuple[str, bytes]]:
    """Return the names and contents of files that contain one file."""
    forms = [(name + suffix, pack(whole)) for suffix, pack in COMPRESSED.items()]
    inner = f"inner/{name}"
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        info = tarfile.TarInfo(inner)
        info.size = len(whole)
        tar.addfile(info, io.BytesIO(whole))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(inner, whole)
    forms += [
        (f"folder/deeper/{name}", whole),
        ("a.zip", zipped.getvalue()),
        ("a.tar", tarred.getvalue()),
        ("a.tar.gz", gzip.compress(tarred.getvalue())),
    ]
    return forms


def _read(
    folder: Path, name: str, data: bytes, target_bytes: int | None = None
) -> _Found:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    source = folder / "folder" if name.startswith("folder/") else path
    fields, stats = Fields(), ReadStats()
    splits = plan(str(source), fields, target_bytes=target_bytes, records="lines")
    found = _Found([], [], [], bool(splits.unread))
    limits = current_limits()
    if target_bytes is not None:
        limits = with_chunk(limits, CHUNK)
    for split in splits:
        for batch in read(split, fields, stats, limits=limits):
            for field, column in (
                ("text", found.texts),
                ("id", found.ids),
                ("record", found.records),
            ):
                column += batch.column(field).to_pylist()
    lost = bool(stats.damaged or stats.skipped)
    return found._replace(reported=found.reported or lost)


def _difference(found: Sequence[str], expected: Sequence[str]) -> str:
    """Return the first text that differs, for messages."""
    for index, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other:
            return f"text {index} is {one!r}, not {other!r}"
    return f"{len(found)} texts, not {len(expected)}"
