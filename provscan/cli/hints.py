"""The command that somebody probably meant when a command could not use its arguments.

:func:`hint` looks at what the arguments are (:func:`kind_of`) only after a command has
failed, so commands import this module only then.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

from provscan.cli.names import similar
from provscan.errors import ProvscanError, RecordNotFoundError
from provscan.runs.folder import RUN_FILE

# The files by which each kind of folder is recognised, the most specific first.
FOLDERS = {
    "probe": ("plan.json",),
    "ledger": ("ledger.json",),
    "case": ("case.json", "case.html"),
    "run": (RUN_FILE,),
    "index": ("manifest.json", "segments"),
}
# Kinds of folders of which `provscan info` shows the contents.
SHOWN = ("index", "run", "probe", "ledger")


def kind_of(path: Any) -> str:
    """Return what is at a path: one of :data:`FOLDERS`, "bundle", "data" for other
    files and folders, or "nothing".
    """
    if path is None:
        return "nothing"
    place = Path(path)
    for kind, names in FOLDERS.items():
        if all((place / name).exists() for name in names):
            return kind
    if place.is_file() and is_zipfile(place):
        with suppress(BadZipFile, OSError), ZipFile(place) as archive:
            if any(name.endswith("/bagit.txt") for name in archive.namelist()):
                return "bundle"
    return "data" if os.path.lexists(place) else "nothing"


def hint(command: str, values: dict[str, Any], error: ProvscanError) -> str | None:
    """Return the sentence with the command that was probably meant; None if the
    arguments are of the kinds that the command takes.
    """
    meant = _meant(command, values, error)
    return None if meant is None else f"Did you mean `provscan {meant}`?"


def _meant(command: str, values: dict[str, Any], error: ProvscanError) -> str | None:
    sources = [str(each) for each in values.get("sources") or ()]
    kinds = {each: kind_of(each) for each in sources}
    index, run = values.get("index"), values.get("run")
    if command in ("match", "index"):
        if "index" in kinds.values():
            named = next(each for each in sources if kinds[each] == "index")
            if command == "index":
                return _words("info", named)
            if kind_of(index) == "data":
                return _words("match", index, "-i", named)
            others = [each for each in sources if each != named]
            return _words("match", *others or ["DATASET"], "-i", named)
        results = [each for each in sources if kinds[each] in SHOWN]
        if results:
            return _words("info", results[0])
        missing = next((each for each in sources if kinds[each] == "nothing"), None)
        if missing and (found := _neighbour(Path(missing), ("data",))):
            meant = [str(found) if each == missing else each for each in sources]
            option = ["-i", index] if command == "match" else []
            return _words(command, *meant, *option)
    if command == "clean" and kind_of(run) != "run":
        runs = [each for each in sources if kinds[each] == "run"]
        others = [each for each in sources if each not in runs]
        if kind_of(run) == "index":
            return _words("match", *sources, "-i", run)
        return _words("clean", *others, run, runs[0]) if runs else None
    if command == "explain" and kind_of(what := values["what"]) == "run":
        return _words("explain", what, run)
    if command == "explain":
        if kind_of(run) == "index":
            return f"lookup TEXT {_words('-i', run)}"
        if isinstance(error, RecordNotFoundError):
            return _words("explain", run, "--tweet", what)
    if command == "forget" and kind_of(index) != "index":
        indexes = [each for each in values["ids"] if kind_of(each) == "index"]
        others = [each for each in values["ids"] if each not in indexes]
        return _words("forget", indexes[0], index, *others) if indexes else None
    if command == "info" and kind_of(values["path"]) == "bundle":
        return _words("verify", values["path"])
    if command in ("info", "verify") and kind_of(values["path"]) == "data":
        return _words("inspect", values["path"])
    if command in ("info", "verify") and kind_of(values["path"]) == "nothing":
        found = _neighbour(Path(values["path"]))
        return None if found is None else _words(command, found)
    if command in ("match", "lookup", "serve") and kind_of(index) == "nothing":
        if found := _neighbour(Path(str(index))):
            text = [values["text"]] if values.get("text") else []
            return _words(command, *sources, *text, "-i", found)
        return None
    if command in ("match", "lookup", "serve") and kind_of(index) == "data":
        return _words("index", index)
    if command in ("export", "bundle", "case", "review", "compare"):
        folders = [values.get(name) for name in ("run", "first", "second")]
        given = [*filter(None, folders)] or sources or values.get("runs") or []
        indexes = [each for each in given if kind_of(each) == "index"]
        return _words("info", indexes[0]) if indexes else None
    return None


def _neighbour(path: Path, kinds: Sequence[str] = SHOWN) -> Path | None:
    """Return what is beside something missing and has the most similar name."""
    try:
        names = [each.name for each in path.parent.iterdir() if kind_of(each) in kinds]
    except OSError:
        return None
    close = similar(path.name, names)
    return None if close is None else path.with_name(close)


def _words(*words: Any) -> str:
    return shlex.join(map(str, words))
