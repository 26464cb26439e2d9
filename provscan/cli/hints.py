"""The command that somebody probably meant when a command could not use its arguments.

:func:`hint` and :func:`misplaced` look at what the arguments are (:func:`kind_of`) only
after a command has failed, so commands import this module only then.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import click

from provscan.cli.names import similar
from provscan.errors import ProvscanError, RecordNotFoundError
from provscan.readers.fields.survey import reads_like_text
from provscan.runs.folder import RUN_FILE, read_json

# The files by which each kind of folder is recognised, the most specific first.
FOLDERS = {
    "probe": ("plan.json",),
    "ledger": ("ledger.json",),
    "review": ("key.json",),
    "case": ("case.json", "case.html"),
    "run": (RUN_FILE,),
    "index": ("manifest.json", "segments"),
}
# Kinds of folders of which `provscan info` shows the contents.
SHOWN = ("index", "run", "probe", "ledger")
# What each command takes as arguments, and the command for what it does not take.
TAKES = {
    "index": ("data",),
    "match": ("data",),
    "inspect": ("data",),
    "lookup": (),
    "explain": ("run",),
    "compare": ("run",),
    "export": ("run", "probe", "ledger"),
    "bundle": ("run", "case", "ledger", "bundle"),
    "verify": ("index", "run", "bundle"),
    "case": ("run",),
    "review": ("run", "review"),
    "info": SHOWN,
}
INSTEAD = {**dict.fromkeys(SHOWN, "info"), "bundle": "verify", "data": "match"}
# The file that each command writes if the user names none.
OUTPUTS = {
    "export": "report.html",
    "bundle": "{}.zip",
    "case": "case",
    "probe": "probe",
}


def kind_of(path: Any) -> str:
    """Return what is at a path: one of :data:`FOLDERS`, "bundle", "data" for other
    files and folders, or "nothing".
    """
    if path is None or not os.path.lexists(path):
        return "nothing"
    place = Path(path)
    for kind, names in FOLDERS.items():
        if all((place / name).exists() for name in names):
            return kind
    if place.is_file() and is_zipfile(place):
        with suppress(BadZipFile, OSError), ZipFile(place) as archive:
            if any(name.endswith("/bagit.txt") for name in archive.namelist()):
                return "bundle"
    return "data"


def hint(command: str, values: dict[str, Any], error: Exception) -> str | None:
    """Return the sentence with the command that was probably meant; None if the
    arguments are of the kinds that the command takes.
    """
    meant = _meant(command, values, error)
    return None if meant is None else f"Did you mean `provscan {meant}`?"


def misplaced(error: click.ClickException, words: list[str]) -> str | None:
    """Return the sentence with the command that was probably meant if an argument is
    missing, or is in the place of an option. ``words`` are the command and its
    arguments.
    """
    ctx: click.Context | None = getattr(error, "ctx", None)
    if ctx is None or not words:
        return None
    extra = re.search(r"unexpected extra argument \((.*)\)", error.message)
    if extra is not None and any(each.name == "index" for each in ctx.command.params):
        kind, rest = kind_of(extra[1]), [word for word in words if word != extra[1]]
        if kind == "data":
            meant = _words("index", extra[1])
        else:
            meant = _words(*rest, "-i", _index_of(extra[1]) or extra[1])
        return f"Did you mean `provscan {meant}`?"
    if not isinstance(error, click.MissingParameter) or error.param is None:
        return None
    if (found := hint(words[0], ctx.params, error)) or error.param.name != "out":
        return found
    out, rest = words[-1], words[:-1]
    if len(rest) < 2 or not Path(out).suffix or os.path.exists(out):
        out, rest = OUTPUTS.get(words[0], "").format(Path(out).stem), words
    meant = _words(*rest, "-o", out)
    return f"Did you mean `provscan {meant}`?" if out and len(rest) > 1 else None


def _meant(command: str, values: dict[str, Any], error: Exception) -> str | None:
    sources = [str(each) for each in values.get("sources") or ()]
    kinds = {each: kind_of(each) for each in sources}
    index, run = values.get("index"), values.get("run")
    if command in ("match", "index") and "index" in kinds.values():
        named = next(each for each in sources if kinds[each] == "index")
        others = [each for each in sources if each != named]
        if command == "index":
            more = _words("index", *others, "-o", named, "--append")
            return more if others else _words("info", named)
        if kind_of(index) == "data":
            return _words("match", index, "-i", named)
        return _words("match", *others or ["DATASET"], "-i", named)
    if command == "clean" and kind_of(run) != "run":
        runs = [each for each in sources if kinds[each] == "run"]
        others = [each for each in sources if each not in runs]
        if kind_of(run) == "index":
            return _words("match", *sources, "-i", run)
        return _words("clean", *others, run, runs[0]) if runs else None
    if command == "explain" and kind_of(what := values.get("what")) == "run":
        return _words("explain", what, run)
    if command == "explain":
        if kind_of(run) == "index":
            return f"lookup TEXT {_words('-i', run)}"
        if what is None and values.get("tweet_id") is None and kind_of(run) == "run":
            return _words("info", run)
        if isinstance(error, RecordNotFoundError):
            return _words("explain", run, "--tweet", what)
    if command == "forget" and kind_of(index) != "index":
        indexes = [each for each in values["ids"] if kind_of(each) == "index"]
        others = [each for each in values["ids"] if each not in indexes]
        return _words("forget", indexes[0], index, *others) if indexes else None
    if command == "compare":
        first, second = values["first"], values.get("second")
        if second is None and kind_of(first) == "run":
            return _words("info", first)
        if (kind_of(first), kind_of(second)) == ("run", "data"):
            return _words("match", second, "--baseline", first)
    if command == "lookup" and kind_of(values.get("text")) == "index":
        return f"lookup TEXT {_words('-i', values['text'])}"
    for path in _given(values) if command in TAKES else ():
        kind = kind_of(path)
        if kind in INSTEAD and kind not in TAKES[command]:
            other = "inspect" if command in ("info", "verify") else INSTEAD[kind]
            return _words(other if kind == "data" else INSTEAD[kind], path)
    if command in ("match", "index"):
        missing = next((each for each in sources if kinds[each] == "nothing"), None)
        option = ["-i", index] if command == "match" else []
        if missing and (found := _neighbour(Path(missing), ("data",))):
            meant = [str(found) if each == missing else each for each in sources]
            return _words(command, *meant, *option)
        if missing and command == "match" and reads_like_text(missing):
            return _words("lookup", missing, *option)
    if command in ("info", "verify") and kind_of(values["path"]) == "nothing":
        found = _neighbour(Path(values["path"]))
        return None if found is None else _words(command, found)
    if command in ("match", "lookup", "serve"):
        kind = kind_of(index)
        if kind == "data":
            return _words("index", index)
        near = _neighbour(Path(str(index))) if kind == "nothing" else _index_of(index)
        text = [values["text"]] if values.get("text") else []
        return None if near is None else _words(command, *sources, *text, "-i", near)
    return None


def _given(values: dict[str, Any]) -> Iterator[Any]:
    """Yield the arguments of a command that are paths."""
    for name in ("sources", "runs", "run", "first", "second", "path", "text"):
        value = values.get(name)
        yield from value if isinstance(value, tuple) else [value]


def _index_of(path: Any) -> str | None:
    """Return the index that a run used, if it is still there."""
    if kind_of(path) != "run":
        return None
    with suppress(ProvscanError, KeyError, TypeError):
        info = read_json(Path(path) / RUN_FILE)
        index = os.path.join(info.get("folder") or "", info["index"]["path"])
        inside = os.path.relpath(index)
        index = index if inside.startswith(os.pardir) else inside
        return index if kind_of(index) == "index" else None
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
