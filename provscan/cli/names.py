"""The names of the commands, and what is typed in place of former names.

:data:`OLD_COMMANDS` and :data:`OLD_OPTIONS` are the only places that know former names,
and words that people try first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

GROUPS = {
    "Search": ("index", "match", "inspect", "lookup", "explain", "compare"),
    "Hand over": ("export", "bundle", "verify", "case", "review"),
    "Act": ("clean", "serve"),
    "Beside": ("forget", "probe", "ledger", "info"),
}
COMMANDS = tuple(name for names in GROUPS.values() for name in names)

# What to type in place of a command.
OLD_COMMANDS = {
    "report": "export RUN -o report.html",
    "check": "verify BUNDLE",
    "replay": "verify BUNDLE --repeat -d DATASET",
    "merge": "forget INDEX --purge",
    "purge": "forget INDEX --purge",
    "recipes": "inspect --recipes",
    "room": "match DATASET --digests",
    "reveal": "match DATASET --digests",
    "scan": "match",
    "search": "match DATASET` or, for one text, `provscan lookup TEXT",
    "find": "match",
    "build": "index",
    "add": "index PATH --append",
    "delete": "forget",
    "remove": "clean",
    "show": "info",
    "diff": "compare",
    "validate": "verify",
    "dedup": "clean",
    "deduplicate": "clean",
    "decontaminate": "clean",
}
# What to type in place of an option, for all commands or for one.
OLD_OPTIONS = {
    "--null": "`--clean-data`",
    "--known": "`--other-sources`",
    "--executor": "`--ray ADDRESS`, or leave it out for threads",
    "--address": "`--ray ADDRESS`",
    "--memory": "`ray start --num-cpus` on each node",
    "--strict": "`--max-bad 0`",
    "--resume": "nothing: a repeated command resumes",
    "--verbose": "`provscan info`, which prints everything later",
    "--quiet": "nothing: progress is shown only on a terminal",
    "-q": "nothing: progress is shown only on a terminal",
    "--no-text": "`--digests`",
    "--texts": "`--digests`, or nothing",
    "--digests-only": "`--digests`",
    "--purge-only": "`--purge`",
    "verify --key": "`--public-key`",
    "ledger --key": "`--secret`",
    "ledger --case": "`--facts`",
    "review --sample": "`--pairs`",
    "--threshold": "nothing: filter the column `similarity` of matches.parquet",
    "--min-bits": "nothing: `Run.at` in Python counts with another rule",
    "--edits": "nothing: recall is reported for each edit",
    "--tokenizer": "nothing: divide the characters by those of a token",
    "--without-segment": "nothing: restore the index, or build it again",
    "--as": "`--tweet ID` for a tweet; else nothing",
    "--drop": "nothing: records are dropped unless `--mask` is given",
    "--token": "the environment variable `PROVSCAN_TOKEN`",
    "--key-env": "the environment variable `OPENAI_API_KEY`",
}


def similar(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar of the known names, or None if none is similar."""
    close = difflib.get_close_matches(name, known, 1)
    return close[0] if close else None


def instead_of(name: str) -> str | None:
    """Return what to type in place of a word that is not a command: the new name of an
    old command, or the most similar command. None if nothing is similar.
    """
    known = similar(name, {*COMMANDS, *OLD_COMMANDS})
    return None if known is None else OLD_COMMANDS.get(known, known)


def option_instead_of(
    command: str, name: str, options: Iterable[str] = ()
) -> str | None:
    """Return a sentence on what to type in place of an option that a command does not
    have: of a former option, or of the most similar of its ``options``. None if nothing
    is similar.
    """
    instead = OLD_OPTIONS.get(f"{command} {name}") or OLD_OPTIONS.get(name)
    if instead is None and (options := [*options]):
        names = {each.strip("-"): each for each in (*options, *OLD_OPTIONS)}
        known = names.get(similar(name.strip("-"), names) or "")
        instead = OLD_OPTIONS.get(known or "", known and f"`{known}`")
    if instead is None:
        return None
    nothing, colon, why = instead.partition("nothing: ")
    return f"Leave it out: {why}." if colon and not nothing else f"Use {instead}."
