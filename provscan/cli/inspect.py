"""``provscan inspect``: what a run would read."""

from __future__ import annotations

import json

import click

from provscan.cli import as_json, echo, encoding, id_field, records, text_field

# Texts that are scanned in a second on one processor, in characters; benchmarks/match.py measures it.
CHARACTERS_PER_SECOND = 8_000_000
SHOWN = 50


@click.command("inspect")
@click.argument("sources", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@text_field
@id_field
@records
@encoding
@as_json
def command(
    sources: tuple[str, ...],
    text_field: str | tuple[str, ...] | None,
    id_field: str | None,
    records: str | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Show what would be read of PATH...: formats, fields, a sample, warnings, and an estimate of the time.

    PATH is what `provscan match` or `provscan index` can read, URLs and recipe:NAME=PATH included.
    """
    from provscan.readers import Fields, counted
    from provscan.readers.inspection import inspect_sources

    found = inspect_sources(list(sources), Fields(text=text_field, id=id_field), records=records, encoding=encoding)
    if as_json:
        echo(json.dumps(found.as_dict(), indent=1, ensure_ascii=False))
        return
    for file in found.files[:SHOWN]:
        kind = " ".join(filter(None, [file.format, file.compression, file.encoding]))
        unit = f", a record is {file.records_are.removesuffix('s')}" if file.records_are else ""
        echo(f"{file.source}\n  {kind}, {counted(file.bytes, 'byte')}, {counted(file.splits, 'split')}{unit}")
        for name, verdict in file.fields.items():
            echo(f"  {name}: {verdict}")
        sample = file.sampled
        counts = (counted(sample[f"{noun}s"], noun) for noun in ("record", "text", "character"))
        echo(f"  sample: {', '.join(counts)}")
        for example in file.examples:
            echo(f"    record {example['record'] + 1}, {example['field']}: {' '.join(example['text'].split())}")
        for warning in file.warnings:
            echo(f"  warning: {warning}")
    if len(found.files) > SHOWN:
        echo(f"... and {counted(len(found.files) - SHOWN, 'more file')}")
    for title, entries in (("Will not be read", found.unread), ("Holds no records", found.ignored)):
        for path, reason in entries[:SHOWN]:
            echo(f"{title}: {path}: {reason}")
    seconds = sum(file.seconds for file in found.files)
    scanning = sum(file.characters for file in found.files) / CHARACTERS_PER_SECOND
    echo(
        f"{counted(len(found.files), 'file')}; on one processor about {seconds:,.0f} s to read and {scanning:,.0f} s "
        "to match, estimated from the sample"
    )
