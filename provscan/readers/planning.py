"""Turn the sources of a dataset into splits.

:func:`plan` finds the files (:mod:`provscan.readers.finding`), determines from the
first records of each which fields contain texts, and cuts it into splits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from provscan.errors import InputError, ParameterError
from provscan.readers.bytes.encodings import known_encoding
from provscan.readers.bytes.files import readable
from provscan.readers.fields.binding import Fields
from provscan.readers.fields.dataset import bind
from provscan.readers.finding import Finder, Source, named_sources, nothing_to_read
from provscan.readers.formats.registry import FORMATS, FileOptions
from provscan.readers.limits import Limits, current_limits
from provscan.readers.splits import UNKNOWN, Split

RECORDS = ("lines", "paragraphs", "files")

# No field is named, so all are determined by their values.
DETERMINED = Fields()
# The total is cut into SPLITS splits of at least LEAST_SPLIT and at most MOST_SPLIT
# bytes. If each worker would get fewer than SPLITS_PER_WORKER of them, the splits are
# made smaller, down to SMALLEST_SPLIT bytes, so that workers finish at about the same
# time although some splits take longer than others.
SPLITS = 64
LEAST_SPLIT, MOST_SPLIT = 8 << 20, 256 << 20
SPLITS_PER_WORKER, SMALLEST_SPLIT = 4, 1 << 20


class ReadPlan(list[Split]):
    """The splits in the order of their records, and the sources that were left out,
    each with a reason.

    ``unread`` lists what the user named and will not be read. ``ignored`` lists files
    that were left out because they contain no records, such as hidden files or the
    metadata of a dataset.
    """

    def __init__(
        self,
        splits: Iterable[Split],
        unread: Sequence[tuple[str, str]] = (),
        ignored: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(splits)
        self.unread = list(unread)
        self.ignored = list(ignored)


def plan(
    sources: Source | Sequence[Source],
    fields: Fields = DETERMINED,
    *,
    workers: int = 1,
    target_bytes: int | None = None,
    parts: int | None = None,
    records: str | None = None,
    encoding: str | None = None,
    limits: Limits | None = None,
) -> ReadPlan:
    """Cut sources into splits. ``unread`` of the plan lists the sources that will not
    be read, with reasons.

    A source is a file, an archive, a folder (walked in sorted order), a URL that fsspec
    can open, such as ``hf://datasets/NAME`` for a dataset of the Hugging Face hub, or
    "-" for the standard input.

    Each split is about ``target_bytes`` large. By default, that is 1/64 of the total,
    but between 8 and 256 MiB; splits are made smaller, down to 1 MiB, until each of the
    ``workers`` gets at least four, and all get equally many. Alternatively, ``parts``
    says how many splits there are, regardless of the workers; each is still between 1
    and 256 MiB large.

    ``records`` says what a record is in plain text: "lines", "paragraphs" or "files".
    By default, the layout of each file decides. The ``encoding`` is detected for each
    file unless it is given.
    """
    limits = limits or current_limits()
    if records is not None and records not in RECORDS:
        raise ParameterError(
            f"records must be one of {', '.join(RECORDS)}, not {records!r}"
        )
    named = named_sources(sources)
    finder = Finder(limits, FileOptions(known_encoding(encoding), records))
    files: list[Split] = []
    fieldless: InputError | None = None
    for found in finder.files(named):
        try:
            files.append(with_fields(found.split, fields, limits))
        except InputError as error:
            fieldless = fieldless or error
            finder.add_unread(found.split.source, error)
    if not files:
        raise fieldless or nothing_to_read(named, finder.unread)
    # A named field can't be checked in a file without records, and need not be in plain
    # text, which has no named fields. A pipe is inspected when it is read.
    require_named_fields(
        file
        for file in files
        if file.format == UNKNOWN or (file.binding and file.format != "text")
    )
    target = target_bytes or _target(sum(file.size for file in files), workers, parts)
    splits: list[Split] = []
    for file in files:
        if file.format == UNKNOWN or not file.size:
            splits.append(file)
            continue
        try:
            with readable(file.source):
                splits += FORMATS[file.format].splits(file, target, limits)
        except InputError as error:
            finder.add_unread(file.source, error)
    return ReadPlan(splits, finder.unread, finder.ignored)


def with_fields(split: Split, fields: Fields, limits: Limits) -> Split:
    """Return the split with the fields that contain its texts. They are determined
    from its first records.
    """
    if split.format == UNKNOWN or not split.size:
        return split
    with readable(split.source, form=f" as {split.format}"):
        records = FORMATS[split.format].fields(split, limits)
    if not records:
        return split
    binding = bind(records, split.source, fields=fields, limits=limits)
    return replace(split, binding=binding)


def require_named_fields(files: Iterable[Split]) -> None:
    """Check that at least one file has each field that the user named. A file whose
    fields are not determined yet may have them.
    """
    missing = [{} if file.binding is None else file.binding.missing for file in files]
    for role, error in missing[0].items() if missing else ():
        if all(role in other for other in missing):
            raise error


def _target(size: int, workers: int, parts: int | None) -> int:
    """Return the bytes per split: a 64th of the total, within limits, adjusted so that
    every worker gets the same number of splits.
    """
    if parts is not None:
        return min(max(size // parts, SMALLEST_SPLIT), MOST_SPLIT)
    least = min(max(size // (SPLITS_PER_WORKER * workers), SMALLEST_SPLIT), LEAST_SPLIT)
    target = min(
        max(size // max(SPLITS, SPLITS_PER_WORKER * workers), least), MOST_SPLIT
    )
    rounds = -(-size // (target * workers))
    return max(-(-size // max(1, rounds * workers)), SMALLEST_SPLIT)
