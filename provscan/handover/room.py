"""Make and use kits for inspection rooms.

A kit is a folder with which datasets are scanned on a machine without a network. It
lists all files that leave the room. :func:`build_room` makes a kit with wheels, a copy
of the index, fixed options, and scripts. In the room, :func:`run_room` scans datasets,
:func:`finding` returns a finding, and :func:`release` adds its span to the files that
leave. :func:`run_room` and :func:`release` write the list of these files.
"""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from provscan import __version__, api
from provscan.engine import Progress
from provscan.errors import InputError, OutputError, UsageError
from provscan.handover.bag import digest_of
from provscan.matching import open_index
from provscan.report.document import page
from provscan.report.files import RunFiles
from provscan.runs.evidence.tables import digest
from provscan.runs.folder import read_json, write_json
from provscan.runs.target import default_out
from provscan.unfinished import require_outside
from provscan.writing import new_folder, replacing_file

KIT_FILE, PAGE_FILE, LIST_FILE = "kit.json", "instructions.html", "leaving.txt"
INDEX, WHEELS, REQUIREMENTS = "licensed.index", "wheels", "requirements.txt"
# Folders that are written in the room. Only the files in LEAVING leave it.
WORK, RESULTS, LEAVING = "local", "results", "leaving"
COUNTS, DIGESTS, RELEASED = "counts.json", "digests.csv", "released.jsonl"
FORMAT = {"format": "provscan-kit", "version": 1}
SCRIPTS = ("run.sh", "release.sh", "setup.sh")
TEMPLATES = Path(__file__).parent / "templates"
# Options that name files, which are copied into the kit.
DATA = ("control", "null", "known")
# Entries of an answer that contain numbers and fixed sentences, but no texts.
NUMBERS = (
    *("status", "headline", "reasons", "records", "texts"),
    *("withheld", "warnings", "notes"),
)


def build_room(
    index: Path,
    out: Path,
    *,
    digests_only: bool = False,
    wheel: Path | None = None,
    options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Make a kit for an inspection room, for the platform and version of this Python.

    Parameters
    ----------
    index
        The index. It is copied into the kit.
    out
        The new folder.
    digests_only
        Let only counts, digests and released spans leave the room.
    wheel
        Wheel or source folder of provscan. By default, the one from which provscan was
        installed.
    options
        Options of :func:`provscan.match`, which are fixed in the kit. Files that they
        name are copied into it.

    Returns
    -------
    dict
        ``kit.json``, and its ``sha256``.

    Raises
    ------
    InputError
        The index does not exist, or pip can't get all wheels.
    OutputError
        ``out`` exists, or can't be written.
    """
    require_outside(out, [str(index)])
    opened, fixed = open_index(index), dict(options or {})
    with new_folder(out) as folder:
        shutil.copytree(opened.path, folder / INDEX)
        for name in DATA:
            if named := fixed.get(name):
                sources = [named] if isinstance(named, str) else list(named)
                fixed[name] = [_copied(source, folder, name) for source in sources]
        _collect_wheels(folder, wheel)
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        platform = sysconfig.get_platform()
        for script in SCRIPTS:
            text = (TEMPLATES / script).read_text(encoding="utf-8")
            text = text.replace("@PYTHON@", python).replace("@PLATFORM@", platform)
            (folder / script).write_text(text, encoding="utf-8")
        kit = {
            **FORMAT,
            "python": python,
            "platform": platform,
            "versions": {"provscan": __version__},
            "digests_only": digests_only,
            "options": fixed,
            "index": {
                "fingerprint": opened.fingerprint,
                "tweets": opened.info()["tweets"],
            },
            "files": _checksums(folder),
        }
        write_json(folder / KIT_FILE, kit)
        checksum = digest_of(folder / KIT_FILE).sha256
        made = page(
            "instructions.html",
            ("page.css", "print.css"),
            folder=TEMPLATES,
            kit=kit,
            checksum=checksum,
        )
        (folder / PAGE_FILE).write_text(made, encoding="utf-8")
    return {**kit, "sha256": checksum}


def _copied(source: str, folder: Path, name: str) -> str:
    """Copy a file or folder that an option names, and return its path in the kit."""
    target = folder / "data" / name / Path(source).name
    if target.exists():
        raise UsageError(f"two files of --{name} are named {target.name}: rename one")
    target.parent.mkdir(parents=True, exist_ok=True)
    copy = shutil.copytree if os.path.isdir(source) else shutil.copyfile
    copy(source, target)
    return str(target.relative_to(folder))


def _collect_wheels(folder: Path, wheel: Path | None) -> None:
    """Get the wheels of provscan, its dependencies and pip in the installed versions,
    and write their checksums to a requirements file for pip.
    """
    versions = {item.name: item.version for item in importlib.metadata.distributions()}
    if "pip" not in versions:
        raise InputError(
            f"{sys.executable} has no pip, which is needed to get wheels: run "
            f"{sys.executable} -m ensurepip"
        )
    installed = {
        f"{name}=={version}" for name, version in versions.items() if name != "provscan"
    }
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(sorted(installed)))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-cache-dir"]
    command += ["--wheel-dir", str(folder / WHEELS), "--constraint", str(constraints)]
    command += [str(wheel or _origin()), f"pip=={versions['pip']}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    constraints.unlink()
    if done.returncode:
        raise InputError(
            "pip could not get the wheels of the installed versions, so no kit was "
            f"made: {done.stderr.strip() or done.returncode}"
        )
    lines = []
    for path in sorted((folder / WHEELS).iterdir()):
        name, version = path.name.split("-")[:2]
        if name != "pip":
            lines.append(f"{name}=={version} --hash=sha256:{digest_of(path).sha256}")
    (folder / REQUIREMENTS).write_text("\n".join(lines) + "\n")


def _origin() -> str:
    """Return the source from which pip installed this provscan."""
    text = importlib.metadata.distribution("provscan").read_text("direct_url.json")
    if text is None:
        return f"provscan=={__version__}"
    origin = json.loads(text)
    url = origin["url"]
    if vcs := origin.get("vcs_info"):
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    path = Path(unquote(urlsplit(url).path))
    if urlsplit(url).scheme == "file" and not path.exists():
        raise InputError(
            f"provscan was installed from {path}, which no longer exists: name its "
            "wheel with --wheel"
        )
    return str(path) if urlsplit(url).scheme == "file" else str(url)


def _checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a kit, except those written in the room."""
    written = {WORK, RESULTS, LEAVING, LIST_FILE, KIT_FILE, PAGE_FILE}
    return {
        str(path.relative_to(folder)): digest_of(path).sha256
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in written
    }


def _open_kit(folder: Path) -> dict[str, Any]:
    """Read ``kit.json``, and compare the checksums of all files with it."""
    kit = read_json(folder / KIT_FILE)
    if kit.get("format") != FORMAT["format"]:
        raise InputError(f"{folder / KIT_FILE} was not written by provscan room")
    found = _checksums(folder)
    for name in sorted(found.keys() | kit["files"].keys()):
        if found.get(name) != kit["files"].get(name):
            what = "was changed" if name in found else "is missing"
            what = what if name in kit["files"] else "does not belong to the kit"
            raise InputError(
                f"{folder / name} {what}, so the kit can't be used: copy it again"
            )
    return kit


def run_room(
    folder: Path, sources: Sequence[str], progress: Progress | None = None
) -> dict[str, Any]:
    """Scan datasets with a kit.

    Parameters
    ----------
    folder
        The kit.
    sources
        The datasets.
    progress
        Receives the progress of the scan.

    Returns
    -------
    dict
        ``run``, the run folder; its ``summary``; and ``list``, the path of the list of
        files that leave.

    Raises
    ------
    InputError
        The kit was changed, or a dataset can't be read.
    OutputError
        The datasets were already scanned, or the folder can't be written.
    """
    kit, name = _open_kit(folder), default_out(list(sources))
    fixed = dict(kit["options"])
    for option in DATA:
        if option in fixed:
            fixed[option] = [str(folder / path) for path in fixed[option]]
    (folder / RESULTS).mkdir(exist_ok=True)
    leaving = folder / LEAVING / name
    if leaving.exists():
        raise OutputError(
            f"{leaving} exists: to scan {name} again, move it and "
            f"{folder / RESULTS / name} elsewhere"
        )
    run = api.match(
        list(sources),
        folder / INDEX,
        folder / RESULTS / name,
        progress=progress,
        resume=True,
        **fixed,
    )
    with new_folder(leaving) as target:
        if kit["digests_only"]:
            found = RunFiles.open(Path(run.path))
            _write_digests(found, digest_of(folder / KIT_FILE).sha256, target)
        else:
            shutil.copytree(run.path, target, dirs_exist_ok=True)
    return {"run": str(run.path), "summary": run.summary, "list": str(_list(folder))}


def _write_digests(run: RunFiles, kit: str, target: Path) -> None:
    """Write the counts of a run, and the digests of its findings. ``kit`` is the
    checksum of ``kit.json``.
    """
    answer = run.summary["answer"]
    counts = {
        "kit": kit,
        "run": run.identity,
        "index": run.info["index"]["fingerprint"],
        "versions": run.info["versions"],
        "finished": run.info["finished"],
        "inputs": [
            {name: item.get(name) for name in ("bytes", "xxh3")}
            for item in run.info["inputs"]
        ],
        **{name: run.summary[name] for name in ("records", "characters", "matches")},
        **{name: run.summary[name] for name in ("levels", "counted", "rule")},
        "unread_files": len(run.summary["unread"]),
        "damaged_files": len(run.summary["damaged"]),
        "skipped_records": sum(run.summary["skipped"].values()),
        "answer": {name: answer[name] for name in NUMBERS},
    }
    write_json(target / COUNTS, counts)
    with (target / DIGESTS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["exhibit", "level", "passage_sha256", "tweet_sha256"])
        findings = run.with_texts(run.listed()).select(
            ["level", "passage", "tweet", "has_text"]
        )
        exhibits = (row for batch in findings.to_batches() for row in batch.to_pylist())
        for exhibit, row in enumerate(exhibits, 1):
            digests = [row[name] for name in ("passage", "tweet")]
            if row["has_text"]:
                digests = [*map(digest, digests)]
            writer.writerow([exhibit, row["level"], *digests])


def finding(folder: Path, exhibit: int, name: str | None = None) -> dict[str, Any]:
    """Return a finding whose span may be released.

    Parameters
    ----------
    folder
        The kit.
    exhibit
        Number of the finding in the report.
    name
        Name of the run folder, if there are several.

    Returns
    -------
    dict
        The values that :func:`release` lets leave the room: the ``passage``, its
        position, the ``tweet_id``, the number of the ``exhibit`` and the name of the
        ``run``.

    Raises
    ------
    UsageError
        The kit lets whole runs leave, or there is no such run or finding.
    """
    if not _open_kit(folder)["digests_only"]:
        raise UsageError(
            "with this kit, the whole run leaves, so no span needs to be released"
        )
    runs = sorted(path.name for path in (folder / LEAVING).glob("*"))
    if name is None and len(runs) == 1:
        name = runs[0]
    if name not in runs:
        raise UsageError(
            f"name one of the runs with --run: {', '.join(runs) or 'none'}"
        )
    run = RunFiles.open(folder / RESULTS / name)
    listed = run.listed()
    if not 1 <= exhibit <= len(listed):
        raise UsageError(f"there is no finding {exhibit}: {name} has {len(listed):,}")
    row = run.with_texts(listed.slice(exhibit - 1, 1)).to_pylist()[0]
    names = ("source", "record", "field", "start", "end", "tweet_id", "passage")
    return {"run": name, "exhibit": exhibit, **{key: row[key] for key in names}}


def release(folder: Path, released: dict[str, Any], by: str) -> Path:
    """Let the span of a finding leave the room.

    Parameters
    ----------
    folder
        The kit.
    released
        The result of :func:`finding`.
    by
        Name of the person who releases the span.

    Returns
    -------
    Path
        The list of files that leave.

    Raises
    ------
    UsageError
        ``by`` is empty.
    """
    if not by.strip():
        raise UsageError("a person must release a span: give their name with --by")
    path = folder / LEAVING / released["run"] / RELEASED
    former = path.read_bytes() if path.exists() else b""
    entry = {**released, "by": by, "time": datetime.now(UTC).isoformat()}
    with replacing_file(path) as temporary:
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        temporary.write_bytes(former + line.encode("utf-8", "backslashreplace"))
    return _list(folder)


def _list(folder: Path) -> Path:
    """Write the list of all files that leave, with sizes and checksums."""
    files = [path for path in sorted((folder / LEAVING).rglob("*")) if path.is_file()]
    digests = {path.relative_to(folder): digest_of(path) for path in files}
    rows = [
        f"{found.sha256}  {found.size:>14,}  {name}" for name, found in digests.items()
    ]
    total = sum(found.size for found in digests.values())
    lines = [
        "Files that leave the room: SHA-256, size in bytes, path",
        f"Kit: SHA-256 of {KIT_FILE} {digest_of(folder / KIT_FILE).sha256}",
        "",
        *rows,
        "",
        f"{len(files):,} files, {total:,} bytes",
        "",
        *(f"{who}: ______________________________" for who in ("Taken by", "Seen by")),
    ]
    with replacing_file(folder / LIST_FILE) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / LIST_FILE
