"""Write the results of runs into one archive, a bundle, that the other party can check.

:func:`bundle` writes a bundle. :class:`_Contents` collects the files of each folder. It
goes once through the rows of a run, and computes the leaves of its Merkle tree and the
lines of the load file. :mod:`provscan.handover.statement` writes and signs a statement
with the checksums of all files, and :mod:`provscan.handover.bag` writes the archive.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from provscan.errors import InputError, UsageError
from provscan.handover import loadfile, wording
from provscan.handover.bag import (
    PAYLOAD,
    Archive,
    Content,
    digest_of,
    write_bag,
)
from provscan.handover.case import CASE_FILE, PAGE_FILE, WORKBOOK_FILE
from provscan.handover.rows import rows_of, write_renamed, write_without_texts
from provscan.handover.statement import (
    canonical,
    key_id,
    make_statement,
    private_key,
    sign_statement,
)
from provscan.handover.tree import hash_lines, leaf, levels
from provscan.index.format import read_manifest
from provscan.indexing.maintain import verify
from provscan.readers import Source, file_checksum, is_remote
from provscan.report.document import write_report
from provscan.report.files import RunFiles, replaced
from provscan.report.places import Places
from provscan.runs.folder import (
    MATCHES_FILE,
    REPORT_FILE,
    REVIEW_FILE,
    RUN_FILE,
    RUN_FILES,
    inputs_of,
    is_page,
    read_json,
    require_unchanged,
    write_summary,
)
from provscan.writing import require_not_input, temporary_folder

STATEMENT, ENVELOPE = "statement.json", "statement.dsse.json"
ROWS, INPUTS = "rows.sha256", "inputs.json"
# Files of a case beside ``case.json``. They contain no texts.
CASE_FILES = (
    *(PAGE_FILE, WORKBOOK_FILE),
    *(f"{name}.parquet" for name in ("authors", "months", "periods", "texts")),
)
# Files of a ledger in addition to its page.
LEDGER_FILE = "ledger.json"
LEDGER_FILES = re.compile(r"ledger\.xlsx|tables/\w+\.parquet")
INPUT_LISTS = ("inputs", "null_inputs", "known_inputs")
BATES = "PROVSCAN"


def bundle(
    sources: Source | Sequence[Source],
    out: Source,
    *,
    sign: Source | None = None,
    digests: bool = False,
    hash_inputs: bool = False,
    bates: str = BATES,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write runs, cases and ledgers into one archive that the other party can check.

    :func:`provscan.handover.check` checks the archive without the index and the
    dataset. The bytes of the archive depend only on the folders and the options; with
    ``digests``, also on the version of pyarrow, which writes the tables again.

    Parameters
    ----------
    sources
        Folders of runs, cases and ledgers.
    out
        The archive, by convention ``NAME.zip``.
    sign
        File with an Ed25519 private key in PEM, such as ``openssl genpkey -algorithm
        ed25519`` writes.
    digests
        Replace passages and tweets by SHA-256 digests, and leave out all other texts.
    hash_inputs
        Add the SHA-256 of the inputs and the index. They must be unchanged and at the
        paths from which the runs read them.
    bates
        Prefix of the Bates numbers in the load file.
    overwrite
        Replace an existing file.

    Returns
    -------
    dict
        ``bundle``, the archive; its ``sha256``; how many ``files`` and ``findings`` it
        contains; ``signer``, the id of the key, or None if the bundle is unsigned.

    Raises
    ------
    InputError
        A folder is not a finished run, a case or a ledger; its files contradict each
        other; an input to hash is missing or has changed; or the key can't be read.
    OutputError
        The archive exists, or can't be written.
    UsageError
        No folder is named, or the extra ``handover`` is not installed.

    Examples
    --------
    >>> import provscan
    >>> from provscan import handover
    >>> text = "Never trust a goat near the harbour, said the old ferryman to nobody"
    >>> index = provscan.build_index([{"id": "1", "text": text}], "goat.index")
    >>> run = provscan.match([{"text": text}], index, "goat.run")
    >>> handover.bundle("goat.run", "goat.zip")["findings"]
    1
    >>> handover.check("goat.zip")["problems"]
    []
    """
    folders = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    if not folders:
        raise UsageError("name at least one folder of a run, a case or a ledger")
    if not bates.isascii() or not bates.replace("-", "").replace("_", "").isalnum():
        raise UsageError(
            f"{bates!r} is not a prefix of Bates numbers: use letters, digits, - and _"
        )
    key = None if sign is None else private_key(Path(sign))
    with (
        temporary_folder() as working,
        replaced(
            Path(out), overwrite=overwrite, inputs=[] if sign is None else [sign]
        ) as temporary,
    ):
        contents = _Contents(working, bates, digests, hash_inputs)
        for source in map(Path, folders):
            if (source / CASE_FILE).is_file():
                contents.add_case(source)
            elif (source / LEDGER_FILE).is_file():
                contents.add_ledger(source)
            else:
                contents.add_run(source)
        require_not_input(Path(out), contents.inputs())
        seal = partial(_seal, key=key, predicate=contents.predicate(key))
        with temporary.open("wb") as file:
            write_bag(file, contents.payload(), seal)
        sha256 = digest_of(temporary).sha256
    with Archive(Path(out)) as archive:
        return {
            "bundle": os.fspath(out),
            "sha256": sha256,
            "files": len(archive.entries),
            "findings": contents.findings,
            "signer": key and key_id(key.public_key()),
        }


def _seal(
    hashes: Mapping[str, str], *, key: Any, predicate: Mapping[str, Any]
) -> dict[str, bytes]:
    statement = make_statement(hashes, predicate)
    envelope = {} if key is None else {ENVELOPE: sign_statement(statement, key)}
    return {STATEMENT: statement, **envelope}


class _Contents:
    """The files of a bundle, collected from the folders of runs, cases and ledgers."""

    def __init__(
        self, working: Path, bates: str, digests: bool, hash_inputs: bool
    ) -> None:
        self._working, self._bates = working, bates
        self._digests, self._hash_inputs = digests, hash_inputs
        self.findings = 0
        self._files: dict[str, Content] = {}
        # The entries of the statement: one per run, case or ledger.
        self._runs: list[dict[str, Any]] = []
        self._cases: list[dict[str, Any]] = []
        self._ledgers: list[dict[str, Any]] = []
        # For each run: its folder in the bundle, ``summary.json`` and ``run.json``.
        self._described: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        (working / "loadfile").write_bytes(loadfile.header())

    def predicate(self, key: Any) -> dict[str, Any]:
        from provscan import __version__

        return {
            "provscan": __version__,
            "texts": not self._digests,
            "runs": self._runs,
            "cases": self._cases,
            "ledgers": self._ledgers,
            "signer": key and {"ed25519": key.public_key().public_bytes_raw().hex()},
        }

    def inputs(self) -> list[Path]:
        """Return the files of the bundle, and what their runs have read."""
        files = [path for path in self._files.values() if isinstance(path, Path)]
        read = [path for *_, info in self._described for path in inputs_of(info)]
        return [*files, *read]

    def payload(self) -> dict[str, Content]:
        documents: dict[str, Content] = {
            "README.txt": wording.readme(
                texts=not self._digests, hashed=self._hash_inputs
            ),
            "certification.txt": wording.certification(self._described),
            "loadfile.dat": self._working / "loadfile",
        }
        return self._files | {
            f"{PAYLOAD}{name}": each for name, each in documents.items()
        }

    def add_case(self, source: Path) -> None:
        folder = f"{PAYLOAD}case-{len(self._cases) + 1}"
        case = read_json(source / CASE_FILE)
        require_unchanged(source, case, CASE_FILES, CASE_FILE)
        for name in (CASE_FILE, *CASE_FILES):
            self._files[f"{folder}/{name}"] = source / name
        self._cases.append({"folder": folder, "name": _name(source)})

    def add_ledger(self, source: Path) -> None:
        folder = f"{PAYLOAD}ledger-{len(self._ledgers) + 1}"
        ledger = read_json(source / LEDGER_FILE)
        names = list(filter(LEDGER_FILES.fullmatch, ledger.get("files", ())))
        require_unchanged(source, ledger, names, LEDGER_FILE)
        if not is_page(source / REPORT_FILE):
            raise InputError(
                f"{source / REPORT_FILE} was changed after it was written: write it "
                "again with provscan export"
            )
        for name in (LEDGER_FILE, REPORT_FILE, *names):
            self._files[f"{folder}/{name}"] = source / name
        self._ledgers.append({"folder": folder, "name": _name(source)})

    def add_run(self, source: Path) -> None:
        if not (source / RUN_FILE).is_file():
            raise InputError(
                f"{source} is not a folder of a run, a case or a ledger: name a folder "
                "that provscan match, case or ledger wrote"
            )
        verify(source)
        run = RunFiles.open(source)
        run.require_own_pages()
        if "records" not in run.summary["answer"]:
            raise InputError(f"{source} makes no estimate: name a run of match")
        name = f"run-{len(self._runs) + 1}"
        folder, working = f"{PAYLOAD}{name}", self._working / name
        working.mkdir()
        places = Places(run.summary, run.info)
        summary, info = _handed_over(run, working, places, digests=self._digests)
        files = {name: working / name for name in RUN_FILES}
        report = working if self._digests else source
        files |= {REPORT_FILE: report / REPORT_FILE, REVIEW_FILE: source / REVIEW_FILE}
        if self._hash_inputs:
            files[INPUTS] = working / INPUTS
            hashes = _hashed_inputs(run.info, places)
            files[INPUTS].write_bytes(canonical(hashes))

        # Compute the hashes of the rows and the lines of the load file.
        leaves, before = list[bytes](), self.findings
        with (self._working / "loadfile").open("ab") as lines:
            for row in rows_of(files[MATCHES_FILE]):
                leaves.append(leaf(canonical(row)))
                if row["counted"]:
                    self.findings += 1
                    number = f"{self._bates}{before + row['exhibit']:08}"
                    lines.write(loadfile.line(number, folder, row))
        files[ROWS] = working / ROWS
        files[ROWS].write_bytes(hash_lines(leaves))

        for name, path in files.items():
            if path.is_file():
                self._files[f"{folder}/{name}"] = path
        self._described.append((folder, summary, info))
        about = {"folder": folder, "name": _name(source), "rows": len(leaves)}
        self._runs.append(about | {"root": levels(leaves)[-1][0].hex()})


def _handed_over(
    run: RunFiles, working: Path, places: Places, *, digests: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the files of a run without the folders of this machine and, with
    ``digests``, without texts. Return ``summary.json`` and ``run.json``.
    """
    sources = [item["source"] for item in run.summary["sources"]]
    names = {name: places.shown(name) for name in sources}
    if len({*names.values()}) < len(names):
        raise InputError(
            f"{run.path} has datasets with the same name in different folders, which a "
            "bundle does not show: name them relative to one folder, and run match "
            "again"
        )
    tables = run.path
    if digests:
        tables = working / "without_texts"
        tables.mkdir()
        write_without_texts(run.path, tables)
    if names != {name: name for name in names}:
        write_renamed(tables, working, names)
    else:
        (working / MATCHES_FILE).symlink_to((tables / MATCHES_FILE).resolve())
    original = {
        "files": run.info["files"],
        "checksum": run.info["checksum"],
        "identity": run.identity,
    }
    info = {"original": original, **places.shown(run.info), "folder": "."}
    if info.get("repeat"):
        info["repeat"] = places.command(run.info["repeat"])
    info["without_texts"] = digests or info.get("without_texts", False)
    summary = places.shown(run.summary)
    write_summary(working, summary, info, (MATCHES_FILE,))
    if digests:
        write_report(working, digests=True)
    return summary, info


def _hashed_inputs(info: Mapping[str, Any], places: Places) -> dict[str, str]:
    """Return the SHA-256 of each local input of a run and of each file of its index."""
    folder = Path(info["folder"])
    files = [
        (each["source"], folder / each["source"], each["xxh3"])
        for name in INPUT_LISTS
        for each in info.get(name, ())
        if each["xxh3"] is not None and not is_remote(each["source"])
    ]
    index = folder / info["index"]["path"]
    manifest = read_manifest(index)
    if manifest.fingerprint() != info["index"]["fingerprint"]:
        raise InputError(
            f"{index} is no longer the index of the run: restore the original, or "
            "leave out --hash-inputs"
        )
    files += [
        (f"{info['index']['path']}/{name}", index / name, about.xxh3)
        for name, about in manifest.files().items()
    ]
    hashes = {}
    for named, path, xxh3 in files:
        if not path.is_file() or file_checksum(path) != xxh3:
            raise InputError(
                f"{path} was removed or changed after the run, so its SHA-256 can't be "
                "added: restore the original, or leave out --hash-inputs"
            )
        hashes[_valid(places.shown(named))] = digest_of(path).sha256
    return hashes


def _name(source: Path) -> str:
    return _valid(source.resolve().name)


def _valid(name: str) -> str:
    """Return a file name with escapes for bytes that are not valid UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()
