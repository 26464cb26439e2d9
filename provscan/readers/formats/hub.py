"""Stream datasets of the Hugging Face hub, ``hf:NAME[/CONFIG][:SPLIT]``, with the
datasets library.

The library finds the files, retries requests and uses the user's token. The code of a
dataset is never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provscan.errors import InputError
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.objects import object_rows
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.splits import Split
from provscan.urls import without_secrets

PREFIX, HUB = "hf:", "hub"


def _loaded(source: str) -> dict[str, Any]:
    """Return the splits of the dataset that a source names, by their names; each is a
    ``datasets.IterableDataset``.
    """
    name, _, split = source.removeprefix(PREFIX).partition(":")
    parts = name.strip("/").split("/")
    try:
        import datasets
    except ImportError:
        raise InputError(
            f"{source} can't be read without the datasets library: pip install "
            "'provscan[datasets]'"
        ) from None
    try:
        found = datasets.load_dataset("/".join(parts[:2]), *parts[2:3], streaming=True)
    except Exception as error:  # including errors of the libraries that it uses
        message = without_secrets(" ".join(str(error).split()))
        raise InputError(
            f"{source}: {type(error).__name__}: {message[:300]}"
        ) from error
    if split and split not in found:
        raise InputError(
            f"{source}: there is no such split; its splits are {', '.join(found)}"
        )
    return {key: part for key, part in found.items() if split in ("", key)}


def hub_splits(source: str) -> Iterator[Split]:
    base = ":".join(source.split(":")[:2])
    for name in _loaded(source):
        yield Split(f"{base}:{name}", f"{base}:{name}", HUB)


class Hub(Format):
    name = HUB
    extensions = ()

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        (dataset,) = _loaded(stream.split.path).values()
        if wanted is not None and dataset.column_names is not None:
            dataset = dataset.select_columns(
                sorted({path[0] for path in wanted} & set(dataset.column_names))
            )
        try:
            yield from object_rows(dataset, stream.context.limits)
        except Exception as error:  # as above
            message = without_secrets(str(error))
            stream.break_off(
                f"it can't be read further ({type(error).__name__}: {message})"
            )


FORMATS = (Hub(),)
