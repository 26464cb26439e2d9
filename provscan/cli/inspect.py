"""``provscan inspect``: show how files would be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan.cli import shared
from provscan.cli.shared import option
from provscan.errors import ParameterError, UsageError

# Number of characters that one processor scans per second, as measured by
# ``benchmarks/match.py``.
CHARACTERS_PER_SECOND = 8_000_000
# Maximum number of lines in each list.
SHOWN = 50
# Files that differ in one of these, or in their fields, are described separately.
SCHEMA = ("format", "compression", "encoding", "records_are", "tweet_text")
# Numbers of records of which a control's least claim is shown as a share.
SIZES = (1_000, 100_000, 10_000_000)


@shared.command("inspect")
@click.argument("sources", nargs=-1, metavar="PATH...", type=click.Path())
@shared.text_field
@shared.records
@shared.encoding
@shared.path_option(
    "--index",
    "-i",
    help="Folder of an index. PATH is then a control for scans with this index: the "
    "output says what it can show, and how it differs from the licensed tweets.",
)
@option(
    "--recipes",
    is_flag=True,
    help="List public tweet sets, or describe those of the given NAMEs.",
)
@shared.as_json
def command(
    sources: tuple[str, ...],
    text_field: Any,
    index: Path | None,
    recipes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Show how files would be read, with a sample of their texts.

    The output gives an estimate of the time that a scan takes, the format and fields of
    the files, and warnings. Files with the same format and fields are described
    together. PATH is anything that `provscan match` or `provscan index` can read,
    including URLs and recipe:NAME=PATH.

    With --recipes, the output gives the terms, the location and the files of public
    tweet sets. provscan contains none of them. `provscan index recipe:NAME=PATH`
    indexes your copy of a set.
    """
    from provscan.cli import show
    from provscan.inspection import inspect_sources
    from provscan.readers import Fields

    if recipes:
        _show_recipes(sources, as_json)
        return
    if not sources:
        raise UsageError("name the files to inspect, or give --recipes")
    if index is not None:
        import provscan
        from provscan.runs.questions.control import inspect_control

        control = inspect_control(provscan.open_index(index), list(sources))
        show.result(control, as_json, _control)
        return
    found = inspect_sources(list(sources), Fields(text=text_field), **options)
    show.result(found, as_json, _lines)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    files = found["files"]
    seconds = sum(file["seconds"] for file in files)
    scanning = sum(file["characters"] for file in files) / CHARACTERS_PER_SECOND
    yield (
        f"{counted(len(files), 'file')}, "
        f"{counted(sum(file['bytes'] for file in files), 'byte')}; on one processor "
        f"{_time(seconds)} to read and {_time(scanning)} to match, estimated from "
        "samples"
    )
    for title, name in (
        ("will not be read", "unread"),
        ("without records", "ignored"),
    ):
        if number := len(found[name]):
            yield f"{counted(number, 'more file')} {title}: see below"
    alike = _alike(files)
    for group in alike[:SHOWN]:
        yield from _described(group)
    if rest := alike[SHOWN:]:
        yield (
            f"... and {counted(sum(map(len, rest)), 'more file')} with other formats "
            "or fields, which --json lists"
        )
    for title, name in (
        ("Will not be read", "unread"),
        ("Contains no records", "ignored"),
    ):
        yield from (
            f"{title}: {path}: {reason}" for path, reason in found[name][:SHOWN]
        )
        if (more := len(found[name]) - SHOWN) > 0:
            yield f"{title}: {counted(more, 'more file')}, which --json lists"


def _alike(files: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group the files of the same format and schema, in the order of their first
    files.
    """
    groups: dict[Any, list[dict[str, Any]]] = {}
    for file in files:
        schema = (*(file[name] for name in SCHEMA), frozenset(file["fields"].items()))
        groups.setdefault(schema, []).append(file)
    return list(groups.values())


def _described(files: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the description of files that have the same schema. Warnings name their
    files.
    """
    from provscan.names import counted

    file, more = files[0], len(files) - 1
    kind = " ".join(
        filter(None, [file["format"], file["compression"], file["encoding"]])
    )
    unit = (
        f", a record is a {file['records_are'].removesuffix('s')}"
        if file["records_are"]
        else ""
    )
    size, splits = (sum(each[name] for each in files) for name in ("bytes", "splits"))
    yield file["source"] + (f" and {counted(more, 'file')} like it" if more else "")
    yield f"  {kind}, {counted(size, 'byte')}, {counted(splits, 'split')}{unit}"
    yield from (f"  {name}: {verdict}" for name, verdict in file["fields"].items())
    if file["tweet_text"] is not None:
        yield f"  index would take the tweets from the field {file['tweet_text']}"
    counts = (
        counted(sum(each["sampled"][f"{noun}s"] for each in files), noun)
        for noun in ("record", "text", "character")
    )
    yield f"  sample: {', '.join(counts)}"
    for example in file["examples"]:
        yield (
            f"    record {example['record']}, {example['field']}: "
            f"{' '.join(example['text'].split())}"
        )
    warned = [each for each in files if each["warnings"]]
    for each in warned[:SHOWN]:
        name = f"{each['source']}: " if more else ""
        yield from (f"  warning: {name}{warning}" for warning in each["warnings"])
    if (left := len(warned) - SHOWN) > 0:
        others = counted(left, "more file")
        yield f"  warning: {others} with warnings, which --json lists"


def _control(found: dict[str, Any]) -> Iterator[str]:
    """Yield what a control can show, and how it differs from the licensed texts."""
    from provscan.names import counted, percentage

    yield (
        f"{counted(found['texts'], 'control text')} for "
        f"{counted(found['licensed_texts'], 'licensed text')}."
    )
    if also := found["files"]["also_licensed"]:
        yield (
            f"! Licensed texts in {counted(also, 'other control tweet')}: a run counts "
            "copies of these texts as common wording, and can't claim them."
        )
    if (least := found["least_records"]) is None:
        yield "No kind of text is comparable: a run can't claim copies."
    else:
        shares = (
            f"{percentage(100.0 * least / size, 2)} of {size:,}"
            for size in SIZES
            if least < size
        )
        yield (
            "If no control text matches, a run can claim copies once "
            f"{counted(least, 'record')} with different texts have findings "
            f"({', '.join(shares)} records)."
        )
    for stratum in found["strata"]:
        measured = "" if stratum["measured"] else ": too few, left out"
        yield (
            f"  {stratum['stratum']}: {counted(stratum['licensed'], 'licensed text')}, "
            f"{counted(stratum['control'], 'control text')}{measured}"
        )
    yield from (f"! {warning['message']}" for warning in found["warnings"])
    if not found["warnings"]:
        yield "A run would not warn of a difference between the control and the tweets."


def _time(seconds: float) -> str:
    return "less than 1 s" if seconds < 1 else f"about {seconds:,.0f} s"


def _show_recipes(names: tuple[str, ...], as_json: bool) -> None:
    import dataclasses

    from provscan.cli import show
    from provscan.readers.corpus.recipes import known_recipes

    known = known_recipes()
    for name in names:
        if name not in known:
            raise ParameterError(
                f"no recipe is called {name!r}; the recipes are "
                f"{', '.join(sorted(known))}"
            )
    chosen = {
        key: dataclasses.asdict(recipe)
        for key, recipe in known.items()
        if not names or key in names
    }
    show.result(chosen, as_json, _details if names else _list)


def _list(recipes: dict[str, Any]) -> Iterator[str]:
    for key, entry in recipes.items():
        yield f"{key:25} {entry['title']}\n{'':25} {entry['licence']}"


def _details(recipes: dict[str, Any]) -> Iterator[str]:
    for name, entry in recipes.items():
        for field, value in entry.items():
            if isinstance(value, dict):
                value = ", ".join(
                    f"{role}: {column}" for role, column in value.items() if column
                )
            if value not in (None, "", ()):
                yield (
                    f"{field:12} "
                    f"{', '.join(value) if isinstance(value, tuple) else value}"
                )
        yield f"{'use':12} provscan index recipe:{name}=PATH"
