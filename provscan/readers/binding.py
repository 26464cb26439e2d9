"""The fields of one file, determined once however many splits it is read in."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from provscan.errors import InputError
from provscan.readers.fields import Binding, Fields, bind, survey
from provscan.readers.files import state_of
from provscan.readers.hub import HUB
from provscan.readers.limits import Limits
from provscan.readers.protocol import Split
from provscan.readers.registry import FORMATS


def binding_of(split: Split, fields: Fields, limits: Limits) -> Binding | None:
    """The fields of the file that a split belongs to; None if it has no records."""
    if split.format == HUB:
        return _binding(split, fields, limits, 0)
    try:
        state = state_of(split.path)
    except OSError as error:
        raise InputError(f"{split.source} can't be read: {error.strerror}") from error
    whole = split
    if split.archive != "tar":
        whole = replace(split, start=0, end=state.size if split.archive is None else -1, size=state.size)
    return _binding(replace(whole, first_record=0, part=0), fields, limits, state.modified)


@lru_cache(maxsize=4096)
def _binding(whole: Split, fields: Fields, limits: Limits, modified: int) -> Binding | None:
    records = FORMATS[whole.format].fields(whole, limits)
    return bind(fields, survey(records, limits), whole.source) if records else None
