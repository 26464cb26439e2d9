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
    "find": "lookup TEXT` or, for a dataset, `provscan match DATASET",
    "build": "index",
    "add": "index PATH --append",
    "delete": "forget",
    "remove": "clean",
    "show": "info",
    "view": "info",
    "stats": "info",
    "sample": "match DATASET --sample SHARE",
    "scrub": "clean",
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
    "--text": "`--text-field`",
    "--output": "`--out`",
    "--threads": "`--workers`",
    "--jobs": "`--workers`",
    "--dataset": "nothing: name the dataset without an option",
    "--data": "nothing: name the dataset without an option",
    "--input": "nothing: name the input without an option",
    "--corpus": "nothing: name the corpus without an option",
    "--run": "nothing: name the run without an option",
    "--csv": "`provscan export RUN -o list.csv` after the run",
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


# Minimum similarity to a former option: a hint that is about another option misleads.
ALIKE = 0.85


def similar(name: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """Return the most similar of the known names, or None if none is similar."""
    close = difflib.get_close_matches(name, known, 1, least)
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
    word = name.strip("-")
    instead = OLD_OPTIONS.get(f"{command} {name}") or OLD_OPTIONS.get(name)
    if instead is None and (options := [*options]):
        former = {each.strip("-"): text for each, text in OLD_OPTIONS.items()}
        instead = former.get(similar(word, former, ALIKE) or "")
        names = {each.strip("-"): f"`{each}`" for each in options}
        instead = instead or names.get(similar(word, names) or "")
    if instead is None:
        return None
    nothing, colon, why = instead.partition("nothing: ")
    return f"Leave it out: {why}." if colon and not nothing else f"Use {instead}."
