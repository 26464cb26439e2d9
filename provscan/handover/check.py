"""Check that a bundle, or the page of an exhibit, has not been changed.

:func:`check` needs neither the index nor the dataset, and extracts no files. It checks
a bundle in these steps:

1. :class:`~provscan.handover.bag.Archive` refuses archives that do not have the layout
   of a bundle.
2. :func:`_file_problems` compares the files with the statement.
3. :func:`_seal_problems` verifies the signature of the statement.
4. :func:`_run_problems` recomputes the hash of each row, the root of the tree, and the
   figures of the summary that can be derived from the rows.

Anyone who changes an unsigned bundle can also recompute all its checksums. The check
then finds only figures that contradict the rows.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from provscan.errors import InputError
from provscan.handover.bag import (
    PAYLOAD,
    TAG_MANIFEST,
    Archive,
    Digest,
    bagit_files,
    digest_of,
    manifest,
)
from provscan.handover.bundle import ENVELOPE, ROWS, STATEMENT
from provscan.handover.exhibit import (
    decoded,
    exhibit_of,
    proof_problems,
    read_page,
    run_and_number,
)
from provscan.handover.figures import Recount
from provscan.handover.rows import rows_of
from provscan.handover.statement import (
    DAMAGED,
    canonical,
    hashes_of,
    key_id,
    public_key_of,
    read_canonical,
    runs_of,
    signature_problem,
)
from provscan.handover.statement import public_key as read_key
from provscan.handover.tree import hash_lines, leaf, levels
from provscan.opening import open_regular
from provscan.readers import Source
from provscan.runs.folder import (
    MATCHES_FILE,
    RUN_FILE,
    SUMMARY_FILE,
)

_RUN = re.compile(rf"({PAYLOAD}run-[1-9][0-9]*)/.*")
# The maximum number of rows that the message of a problem lists.
MOST_NAMED = 5


def check(
    path: Source,
    *,
    public_key: Source | None = None,
    exhibit: str | int | None = None,
) -> dict[str, Any]:
    """Check a bundle, or the page of an exhibit, without index and dataset.

    Parameters
    ----------
    path
        The archive or page.
    public_key
        File with the public key, in PEM, of the required signer. Without it, the
        signature is verified with the key in the statement itself, which shows that
        nothing was changed after somebody signed, but not who signed.
    exhibit
        Also prove this exhibit of the bundle: its number, or RUN/NUMBER if there are
        several runs.

    Returns
    -------
    dict
        ``path`` and its ``sha256``; ``problems``, a list of sentences; ``files``, the
        number of files in a bundle; ``runs``, and whether there are ``texts``, both
        from the statement; ``signer``, the id of the key, and ``known_signer``, whether
        ``public_key`` was given; ``exhibit``, the row that was proved. Values that do
        not apply are None.

    Raises
    ------
    InputError
        The file is neither a bundle nor the page of an exhibit, or the archive itself
        is damaged.
    UsageError
        The extra ``handover`` is not installed, or the bundle has several runs and
        ``exhibit`` does not name one.
    """
    file_path = Path(path)
    signer = None if public_key is None else read_key(Path(public_key))
    if file_path.is_dir():
        raise InputError(
            f"{file_path} is a folder: name a bundle, a file that provscan bundle wrote"
        )
    try:
        with open_regular(file_path) as file:
            is_archive = file.read(2) == b"PK"
        sha256 = digest_of(file_path).sha256
    except OSError as error:
        raise InputError(f"{file_path} can't be read: {error.strerror}") from error
    nothing = dict.fromkeys(("files", "runs", "texts", "signer", "exhibit"))
    found: dict[str, Any] = {"path": str(file_path), "sha256": sha256, **nothing}
    found["known_signer"] = signer is not None
    if not is_archive:
        problems = _page_problems(file_path, found, signer, exhibit)
        found["problems"] = list(problems)
        if found["problems"]:
            found["exhibit"] = None
        return found
    with Archive(file_path) as archive:
        found["problems"] = list(_bundle_problems(archive, found, signer))
        if exhibit is not None and not found["problems"]:
            found["exhibit"] = exhibit_of(archive, exhibit)["row"]
    return found


def _page_problems(
    path: Path,
    found: dict[str, Any],
    key: Any,
    exhibit: str | int | None,
) -> Iterator[str]:
    try:
        data = read_page(path)
        statement = decoded(data, "statement") or b""
        yield from proof_problems(data)
        yield from _seal_problems(found, statement, decoded(data, "envelope"), key)
        shown = data["run"], data["row"]["exhibit"]
        runs = [each["folder"] for each in found["runs"] or ()]
    except DAMAGED as error:
        yield f"the page can't be trusted: {error}"
        return
    if (
        exhibit is not None
        and runs
        and shown != run_and_number(path, runs, str(exhibit))
    ):
        yield f"the page shows exhibit {shown[1]} of {shown[0]}, not exhibit {exhibit}"
    found["exhibit"] = data["row"]


def _bundle_problems(
    archive: Archive, found: dict[str, Any], key: Any
) -> Iterator[str]:
    found["files"] = len(archive.entries)
    statement, envelope = (
        archive.read(name) if name in archive.entries else None
        for name in (STATEMENT, ENVELOPE)
    )
    digests = {name: digest_of(partial(archive.open, name)) for name in archive.entries}
    try:
        hashes = hashes_of(read_canonical(statement or b""))
    except ValueError:
        hashes = {}  # _seal_problems reports the damaged statement.
    yield from _file_problems(archive, digests, hashes)
    yield from _seal_problems(found, statement or b"", envelope, key)
    stated = {each["folder"]: each for each in found["runs"] or ()}
    matched = map(_RUN.fullmatch, archive.entries)
    for folder in sorted({each[1] for each in matched if each} | stated.keys()):
        table = f"{folder}/{MATCHES_FILE}"
        if table not in digests or digests[table].sha256 != hashes.get(table):
            # A damaged table can crash the process that reads it.
            yield f"{folder}: its matches are not those of {STATEMENT}: not read"
            continue
        for problem in _run_problems(archive, folder, stated.get(folder)):
            yield f"{folder}: {problem}"


def _file_problems(
    archive: Archive, digests: Mapping[str, Digest], hashes: Mapping[str, str]
) -> Iterator[str]:
    """Yield a problem for each file that is damaged or missing, or differs from the
    statement. ``digests`` has the digests of the files, and ``hashes`` the SHA-256 that
    the statement gives for them.
    """
    for name, entry in archive.entries.items():
        if digests[name].crc != entry.crc:
            yield f"{name} was damaged: its CRC is not the one in the archive"
    unsealed = {TAG_MANIFEST, STATEMENT, ENVELOPE}
    tags = {
        name: each for name, each in digests.items() if not name.startswith(PAYLOAD)
    }
    for name in sorted((digests.keys() - unsealed) | hashes.keys() if hashes else ()):
        if name not in digests:
            yield f"{name} is missing: {STATEMENT} lists it"
        elif name not in hashes:
            yield f"{name} is not listed in {STATEMENT}"
        elif hashes[name] != digests[name].sha256:
            yield f"{name} was changed: its SHA-256 is not the one in {STATEMENT}"
    # Recompute the files that BagIt requires, and compare them.
    expected = bagit_files(
        {name: digests[name] for name in digests.keys() - tags.keys()}
    )
    sealed = {name: each for name, each in tags.items() if name != TAG_MANIFEST}
    for name, text in {**expected, TAG_MANIFEST: manifest(sealed)}.items():
        if name not in digests:
            yield f"{name} is missing"
        elif archive.read(name) != text:
            yield f"{name} does not match the files of the bundle"


def _seal_problems(
    found: dict[str, Any], statement: bytes, envelope: bytes | None, key: Any
) -> Iterator[str]:
    """Read the statement into ``found``, and yield problems of its signature."""
    named = None
    try:
        about = read_canonical(statement)
        hashes_of(about)
        named = public_key_of(about)
        found["texts"] = about["predicate"]["texts"]
        found["runs"] = runs_of(about)
    except DAMAGED as error:
        yield f"{STATEMENT} can't be read: {error}"
    if envelope is None:
        if named is not None:
            yield (
                f"the signature is missing: {STATEMENT} names the key {key_id(named)}"
            )
        elif key is not None:
            yield "it is not signed, but a key was given"
        return
    signer = key or named
    if signer is None:
        yield f"it is signed, but {STATEMENT} names no key"
        return
    found["signer"] = key_id(signer)
    if named is not None and key_id(named) != key_id(signer):
        yield f"it was signed with another key: {key_id(named)}, not {key_id(signer)}"
    elif problem := signature_problem(envelope, statement, signer):
        yield f"the signature, {ENVELOPE}, is not valid: {problem}"


def _run_problems(
    archive: Archive, folder: str, stated: Mapping[str, Any] | None
) -> Iterator[str]:
    """Yield problems of the rows and figures of a run."""
    needed = (SUMMARY_FILE, RUN_FILE, ROWS)
    if missing := [
        name for name in needed if f"{folder}/{name}" not in archive.entries
    ]:
        yield f"its rows can't be checked without {', '.join(missing)}"
        return

    # Compare the rows, their hashes and the tree.
    recount, leaves = Recount(), list[bytes]()
    try:
        with archive.open(f"{folder}/{MATCHES_FILE}") as matches:
            for row in rows_of(matches):
                leaves.append(leaf(canonical(row)))
                recount.add(row)
    except DAMAGED as error:
        yield f"the rows can't be read from row {len(leaves)} on: {error}"
        return
    if digest_of(hash_lines(leaves)) != digest_of(
        partial(archive.open, f"{folder}/{ROWS}")
    ):
        yield from _row_problems(leaves, archive.read(f"{folder}/{ROWS}"))
    root = levels(leaves)[-1][0].hex()
    if stated is None or (stated["rows"], stated["root"]) != (len(leaves), root):
        yield f"{STATEMENT} does not name the root of the tree over these rows"

    # Compare the figures.
    try:
        summary, info = (
            json.loads(archive.read(f"{folder}/{name}"))
            for name in (SUMMARY_FILE, RUN_FILE)
        )
        yield from recount.problems(summary)
        if info["index"]["fingerprint"] != summary["index"]["fingerprint"]:
            yield f"{RUN_FILE} and {SUMMARY_FILE} name different indexes"
    except DAMAGED as error:
        yield f"{SUMMARY_FILE} or {RUN_FILE} can't be read: {error!r}"


def _row_problems(leaves: list[bytes], text: bytes) -> Iterator[str]:
    """Yield the rows whose hashes differ from the bundled hashes."""
    before = [line.decode("ascii", "replace") for line in text.split(b"\n")]
    now = [*(each.hex() for each in leaves), ""]
    bundled, computed = Counter(before), Counter(now)
    old = {number for number, each in enumerate(before) if each not in computed}
    new = {number for number, each in enumerate(now) if each not in bundled}
    for what, rows in (
        ("changed", old & new),
        ("deleted", old - new),
        ("added", new - old),
    ):
        if rows:
            yield f"rows of {MATCHES_FILE} were {what}: {_named(rows)}, counted from 0"
    if not old and not new:
        pairs = enumerate(zip(before, now, strict=False))
        first = next((number for number, (a, b) in pairs if a != b), len(leaves))
        yield f"rows of {MATCHES_FILE} were moved or repeated, from row {first} on"


def _named(rows: set[int]) -> str:
    named = ", ".join(map(str, sorted(rows)[:MOST_NAMED]))
    more = len(rows) - MOST_NAMED
    return f"{named} and {more:,} more" if more > 0 else named
