"""Read case files, policy packs and mappings.

They are TOML files with the tables, keys and types of ``example.toml``, which error
messages quote. :func:`read_case` reads a case file, :func:`read_pack` reads a policy
pack, and :func:`read_tables` reads the tables of any of them.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from provscan.errors import InputError
from provscan.opening import read_small

Row = dict[str, Any]
Tables = dict[str, list[Row]]

FOLDER = Path(__file__).parent
EXAMPLE: Tables = tomllib.loads((FOLDER / "example.toml").read_text(encoding="utf-8"))
IN_PACKS = ("pack", "rule")
IN_MAPPINGS = ("log",)
IN_CASES = tuple(name for name in EXAMPLE if name not in IN_PACKS + IN_MAPPINGS)
# Tables that occur once in a file.
SINGLE = ("case", "pack")
REQUIRED = {
    "case": ("name",),
    "application": ("name",),
    "holding": ("application", "name", "date", "run"),
    "deletion": ("application", "name", "requested", "ids"),
    "purge": ("application", "date", "ids"),
    "use": ("application", "name", "kind", "date"),
    "end_user": ("application", "name", "government"),
    "claim": ("source", "what", "total"),
    "pack": ("name", "title"),
    "rule": ("id", "kind", "title", "versions"),
    "versions": ("dated", "says", "clause", "source", "text_sha256"),
    "log": (),
}
KINDS = {
    "rate_limit": "Calls in a window of time",
    "monthly_cap": "Tweets read in a month",
    "deletion": "Hours after a request to delete",
    "government_notice": "Notice before a government body gets access",
    "training": "Training of models",
    "government_plan": "Plan of government users",
    "reasonable_use": "Reasonable volume",
    "redistribution": "Tweets given to others",
    "deletion_proof": "Proof of deletion",
    "audit": "Audit",
    "damages": "Damages agreed for a volume of tweets",
    "counting": "How the platform counts tweets",
}
"""The kinds of rules. The first five are compared with measurements; the others are
only listed.
"""
WITH_VALUE = ("rate_limit", "monthly_cap", "deletion")
CHOICES = {
    "kind of rule": tuple(KINDS),
    "scope of rule": ("application", "app-only", "user", "project"),
    "dated of versions": (
        "effect",
        "announcement",
        "last updated",
        "capture",
        "unknown",
    ),
    "kind of use": ("training", "output", "model"),
    "what of claim": ("tweets", "calls"),
}
PATHS = ("run", "probe", "ids", "mapping")


@dataclass(frozen=True)
class Case:
    """A case file: its tables by name, with None for missing keys."""

    folder: Path  # Paths in the file are relative to it.
    tables: Tables
    sha256: str | None = None

    @property
    def about(self) -> Row:
        return self.tables["case"][0]


def no_case() -> Case:
    """Return the case that is used if there is no case file."""
    tables: Tables = {name: [] for name in IN_CASES}
    tables["case"] = [{**dict.fromkeys(EXAMPLE["case"][0]), "name": "Access logs"}]
    return Case(Path.cwd(), tables)


def read_case(path: Path) -> Case:
    """Read a case file.

    Raises
    ------
    InputError
        The file has a mistake, or names a file that does not exist. The message shows a
        correct example.
    """
    tables, digest = read_tables(path, IN_CASES)
    case = Case(path.absolute().parent, tables, digest)
    for where, problem in _problems(case):
        raise InputError(f"{path}, {where}: {problem}")
    return case


def read_pack(name: str, folder: Path) -> Row:
    """Read a policy pack, and return its name, title, SHA-256 and rules.

    ``name`` is the name of a shipped pack, or a file whose name ends in ``.toml``.
    """
    path = folder / name if name.endswith(".toml") else FOLDER / f"policies/{name}.toml"
    if not path.is_file():
        packs = sorted(pack.stem for pack in (FOLDER / "policies").glob("*.toml"))
        raise InputError(
            f"there is no policy pack {path}: name a file that ends in .toml, or one "
            f"of the packs {', '.join(packs)}"
        )
    tables, digest = read_tables(path, IN_PACKS)
    for number, rule in enumerate(tables["rule"], 1):
        where = f"{path}, [[rule]] {number} ({rule['id']})"
        if rule["kind"] == "rate_limit" and not rule["window_minutes"]:
            raise InputError(f"{where}: {_missing('rule', 'window_minutes')}")
        if rule["scope"] == "user" and rule["tiers"]:
            raise InputError(
                f"{where}: logs do not contain the tier of a token or user, so a rule "
                'of scope "user" can\'t have tiers: leave them out'
            )
        for version in rule["versions"]:
            if rule["kind"] in WITH_VALUE and version["value"] is None:
                raise InputError(f"{where}: {_missing('versions', 'value')}")
            if (version["date"] is None) != (version["dated"] == "unknown"):
                raise InputError(
                    f'{where}: give a version a date, or dated = "unknown", for '
                    f"example {_example('versions', 'date')}"
                )
        days = [version["date"] for version in rule["versions"] if version["date"]]
        if days != sorted(set(days)):
            raise InputError(
                f"{where}: sort the versions by date, with at most one per day"
            )
    return {**tables["pack"][0], "sha256": digest, "rules": tables["rule"]}


def read_tables(path: Path, names: Sequence[str]) -> tuple[Tables, str]:
    """Return the tables of a file, with None for missing keys, and its SHA-256."""
    try:
        data = read_small(path)
        read = tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    if unknown := read.keys() - set(names):
        raise InputError(
            f"{path}: unknown table {min(unknown)}; the tables are {', '.join(names)}"
        )
    tables: Tables = {}
    for name in names:
        found = read.get(name, [])
        single = name in SINGLE
        if single != isinstance(found, dict):
            expected = f"one table [{name}]" if single else f"tables [[{name}]]"
            raise InputError(
                f"{path}: expected {expected}, for example with "
                f"{_example(name, next(iter(EXAMPLE[name][0])))}"
            )
        tables[name] = [
            _row(name, row, f"{path}, {f'[{name}]' if single else f'[[{name}]] {n}'}")
            for n, row in enumerate([found] if single else found, 1)
        ]
    return tables, hashlib.sha256(data).hexdigest()


def _row(name: str, found: Any, where: str) -> Row:
    """Check a table, and return it with all keys of its example."""
    example = EXAMPLE["rule"][0][name][0] if name == "versions" else EXAMPLE[name][0]
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected a table, found {found!r}")
    if unknown := found.keys() - example.keys():
        raise InputError(
            f"{where}: unknown key {min(unknown)}; the keys are {', '.join(example)}"
        )
    for key in REQUIRED[name]:
        if key not in found:
            raise InputError(f"{where}: {_missing(name, key)}")
    row = {key: found.get(key) for key in example}
    for key, value in row.items():
        if value is None:
            continue
        if isinstance(example[key], datetime) and type(value) is date:
            row[key] = value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if key == "versions" and isinstance(value, list):
            row[key] = [
                _row(key, item, f"{where}, version {number}")
                for number, item in enumerate(value, 1)
            ]
        elif not _alike(value, example[key]):
            raise InputError(
                f"{where}: {key} has the wrong type, {value!r}; expected a value such "
                f"as {_example(name, key)}"
            )
        choices = CHOICES.get(f"{key} of {name}")
        if choices and value not in choices:
            raise InputError(
                f"{where}: {key} must be one of {', '.join(choices)}; found {value!r}"
            )
    return row


def _alike(value: Any, example: Any) -> bool:
    """Return whether a value has the type of an example. Integers pass as floats."""
    if isinstance(example, list) and isinstance(value, list):
        return all(_alike(item, example[0]) for item in value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return False
    return type(value) is type(example) or (type(value), type(example)) == (int, float)


def _missing(name: str, key: str) -> str:
    return f"{key} is missing, for example {_example(name, key)}"


def _example(name: str, key: str) -> str:
    """Return a key with its example, as a line of TOML."""
    table = EXAMPLE["rule"][0][name][0] if name == "versions" else EXAMPLE[name][0]
    value = table[key]
    is_time = isinstance(value, date)
    text = value.isoformat() if is_time else json.dumps(value, default=str)
    return f"{key} = {text}"


def _problems(case: Case) -> Iterator[tuple[str, str]]:
    """Yield the table and a description of each mistake that involves several keys."""
    about, names = case.about, [row["name"] for row in case.tables["application"]]
    if about["from"] and about["to"] and about["from"] > about["to"]:
        yield "[case]", "from is later than to"
    for table, rows in case.tables.items():
        for number, row in enumerate(rows, 1):
            where = f"[[{table}]] {number}"
            if (named := row.get("application")) is not None and named not in names:
                yield where, f"no [[application]] has the name {named!r}: add it"
            for key in PATHS:
                path = row.get(key)
                if path is not None and not (case.folder / path).exists():
                    yield where, f"{key} {path} does not exist in {case.folder}"
            if table == "application" and names.count(row["name"]) > 1:
                yield where, f"the name {row['name']!r} is given twice"
            if table == "end_user" and any(
                (other["application"], other["name"]) == (named, row["name"])
                for other in rows[: number - 1]
            ):
                yield where, f"{row['name']!r} of {named!r} is given twice: keep one"
            if table == "use" and (row["run"] is None) == (row["probe"] is None):
                yield where, "give either run or probe"
