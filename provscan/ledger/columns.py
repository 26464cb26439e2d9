"""The meanings of the columns of a log: usual names, and a mapping from the user.

Column names are compared without case and punctuation. A mapping is a TOML file with
tables ``[[log]]``. The first table whose ``files`` matches a file applies to it::

    [[log]]
    files = "gateway/*.csv"         # a pattern of the path; all files by default
    format = "csv"                  # detected by default
    zone = "America/Chicago"        # for times without a zone; UTC by default
    time_format = "%d.%m.%Y %H:%M"  # for times whose format is not detected
    share = 0.1                     # the log is a sample of a tenth of the calls
    columns.time = "when"           # "a.b" is the value b of the object a
    constants.application = "reader"
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from zoneinfo import ZoneInfo

from provscan.errors import InputError, ParameterError

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
# The columns that distinguish calls. Tokens and users are hashed.
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
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise InputError(f"the mapping {path} can't be read: {error}") from None
    if set(tables) - {"log"} or not isinstance(tables.get("log"), list):
        raise ParameterError(f"{path}: a mapping consists of tables [[log]]")
    return [
        _entry(table, f"{path}: [[log]] {number}")
        for number, table in enumerate(tables["log"], 1)
    ]


def _entry(table: dict[str, object], where: str) -> tuple[str, Entry]:
    values = dict(table)
    pattern = str(values.pop("files", "*"))
    unknown = set(values) - set(Entry.__dataclass_fields__)
    if unknown:
        raise ParameterError(
            f"{where}: unknown key {min(unknown)!r}; known are files, "
            + ", ".join(Entry.__dataclass_fields__)
        )
    entry = Entry(**values)  # type: ignore[arg-type]
    for part in (entry.columns, entry.constants):
        if not isinstance(part, dict) or not all(
            isinstance(value, str) for value in part.values()
        ):
            raise ParameterError(f"{where}: columns and constants are tables of text")
        for meaning in part:
            if meaning not in USUAL:
                raise ParameterError(
                    f"{where}: no meaning {meaning!r}; known are " + ", ".join(USUAL)
                )
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
    """Return the column for each meaning that occurs in a file.

    ``names`` gives all columns of the file with their first values. A column within an
    object is named by its path, and is also found by the last name of the path.
    """
    found: dict[str, str] = {}
    for meaning, column in entry.columns.items():
        if column not in names:
            shown = [f"{name} ({value[:40]!r})" for name, value in names.items()]
            raise InputError(
                f"{source} has no column {column!r}, which the mapping names for "
                f"{meaning}; its columns are {', '.join(shown[:30])}"
            )
        found[meaning] = column
    simple: dict[str, str] = {}
    for name in names:
        simple.setdefault(_simple(name), name)
    for name in names:
        last = _simple(name.rpartition(".")[2])
        simple.setdefault(last, name)
        simple.setdefault(last.removeprefix("x"), name)
    taken = set(found.values())
    for meaning, usual in USUAL.items():
        if meaning in found or meaning in entry.constants:
            continue
        for name in usual:
            if name in simple and simple[name] not in taken:
                found[meaning] = simple[name]
                taken.add(simple[name])
                break
    if not names:
        raise InputError(
            "it has no record with named values, such as "
            '{"time": "2022-01-01T12:00:00Z", "app": "reader"}'
        )
    if "time" not in found:
        shown = [f"{name} ({value[:40]!r})" for name, value in names.items()]
        raise InputError(
            f"{source}: no column has the time of a call. Name it in a mapping "
            f"(columns.time); its columns are {', '.join(shown[:30])}"
        )
    return found


def _simple(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
