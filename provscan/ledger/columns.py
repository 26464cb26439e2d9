"""Find what the columns of a log mean, by their usual names or with a mapping.

:func:`found_columns` finds the column of each meaning. It compares names without case
and punctuation. :func:`read_mapping` reads a mapping: a TOML file with tables
``[[log]]`` (see ``example.toml``), one of which :func:`entry_for` chooses for a file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from zoneinfo import ZoneInfo

from provscan.errors import InputError, ParameterError
from provscan.ledger.inputs import IN_MAPPINGS, Row, read_tables

# The usual column names of each meaning, without case and punctuation, best first.
USUAL = {
    line.split(": ")[0].strip(): tuple(line.split(": ")[1].split())
    for line in """\
time: time timestamp ts datetime requesttime eventtime calledat createdat loggedat when
seen: respondedat receivedat
application: application app appid applicationid clientapp clientappid clientid\
 recipientaccountid
project: project projectid projectname
token: token accesstoken bearertoken apikey tokenid accesskeyid oauthtoken credential
user: user userid username account accountid authuser principal arn principalid
endpoint: endpoint path url uri requesturl requestpath csuristem request eventname
parameters: parameters params query querystring requestparameters csuriquery arguments
status: status statuscode httpstatus responsecode responsestatus scstatus elbstatuscode
tweets: tweets tweetsreturned tweetcount resultcount returned posts
ids: ids tweetids statusids postids idlist tweetid
quota: ratelimitlimit ratelimit quota
region: region country awsregion
declared_use: declareduse usecase purpose declaredpurpose intendeduse
organisation: organisation organization enduserorganisation enduserorganization customer
share: samplerate samplingrate sampleshare share""".splitlines()
}
# The names of a call: who made it, for whom, and at which endpoint. Tokens and users
# are hashed.
NAMED = (
    "application",
    "project",
    "token",
    "user",
    "endpoint",
    "region",
    "declared_use",
    "organisation",
)


@dataclass(frozen=True)
class Entry:
    """The entry of a mapping that applies to a file."""

    format: str | None = None
    zone: str = "UTC"
    time_format: str | None = None
    share: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def read_mapping(path: str | os.PathLike[str] | None) -> list[tuple[str, Entry]]:
    """Return the entries of a mapping, each with its pattern of paths."""
    if path is None:
        return []
    tables, _ = read_tables(Path(path), IN_MAPPINGS)
    return [
        _entry(row, f"{path}: [[log]] {number}")
        for number, row in enumerate(tables["log"], 1)
    ]


def _entry(row: Row, where: str) -> tuple[str, Entry]:
    values = {name: value for name, value in row.items() if value is not None}
    pattern = values.pop("files", "*")
    entry = Entry(**values)
    for meaning, value in (*entry.columns.items(), *entry.constants.items()):
        if meaning not in USUAL:
            known = ", ".join(USUAL)
            raise ParameterError(
                f"{where}: unknown meaning {meaning!r}; the meanings are {known}"
            )
        if not isinstance(value, str):
            raise ParameterError(f"{where}: {meaning} must be a text, not {value!r}")
    if entry.share is not None and not 0 < entry.share <= 1:
        raise ParameterError(f"{where}: share must be above 0 and at most 1")
    require_zone(entry.zone)
    return pattern, entry


def require_zone(zone: str) -> None:
    """Check the name of a time zone."""
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise ParameterError(
            f"{zone!r} is not a time zone; an example is America/New_York"
        ) from None


def entry_for(source: str, mapping: Iterable[tuple[str, Entry]]) -> Entry:
    """Return the first entry whose pattern matches the path or the end of the path."""
    for pattern, entry in mapping:
        if fnmatch(source, pattern) or fnmatch(source, f"*/{pattern}"):
            return entry
    return Entry()


def found_columns(
    source: str, names: Mapping[str, str], entry: Entry
) -> dict[str, str]:
    """Find the column of each meaning in a file.

    ``names`` maps all columns of the file to their first values. The name of a value in
    a nested object is its path; it is also found by the last part of the path.
    """
    if not names:
        raise InputError(
            "it has no record with named values, such as "
            '{"time": "2022-01-01T12:00:00Z", "app": "reader"}'
        )
    shown = [f"{name} ({value[:40]!r})" for name, value in names.items()]
    columns = f"its columns are {', '.join(shown[:30])}"
    for meaning, column in entry.columns.items():
        if column not in names:
            raise InputError(
                f"{source} has no column {column!r}, which the mapping names for "
                f"{meaning}; {columns}"
            )
    found = dict(entry.columns)
    simple: dict[str, str] = {}
    for name in names:
        simple.setdefault(_simple(name), name)
    for name in names:
        last = _simple(name.rpartition(".")[2])
        simple.setdefault(last, name)
        simple.setdefault(last.removeprefix("x"), name)
    for meaning, usual in USUAL.items():
        free = (simple[name] for name in usual if name in simple)
        best = next((name for name in free if name not in found.values()), None)
        if best and meaning not in found and meaning not in entry.constants:
            found[meaning] = best
    if "time" not in found:
        raise InputError(
            f"{source}: no column contains the time of a call. Name it in a mapping "
            f"(columns.time); {columns}"
        )
    return found


def _simple(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
