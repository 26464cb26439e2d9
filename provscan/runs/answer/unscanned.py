"""What a scan did not read of the text of a dataset, and licensed texts of which none
can be found, as an entry of the answer.

Text is a value with letters that no option and no documented rule excludes. So ids,
addresses, dates and codes do not count, nor do records without text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provscan.messages import message

# Reasons for which a record, or a part of one, has text that was not scanned.
RECORDS = (
    "bad_json",
    "not_an_object",
    "bad_csv_row",
    "bad_warc_record",
    "record_too_long",
    "too_many_fields",
    "too_deep",
    "text_in_key",
    "cut_page",
    "unread_coding",
)


def not_scanned(
    skipped: Mapping[str, int],
    notes: Mapping[str, int],
    files: Mapping[str, int],
    licensed: int = 0,
) -> list[dict[str, Any]]:
    """Return the text that was not scanned: a code, a number and words for each kind.

    ``files`` counts the dataset's files that are ``unread`` and ``damaged``; those of a
    control or clean data have warnings of their own. ``licensed`` is the number of
    licensed texts if none of them is long and rare enough to be found.
    """
    counts = dict(files) | {"licensed_texts": licensed}
    for code in RECORDS:
        counts[code] = skipped.get(code, 0) + notes.get(code, 0)
    return [
        {"count": count, **message("not_scanned", code, count=count)}
        for code, count in counts.items()
        if count
    ]


def in_one_line(found: Sequence[Mapping[str, Any]]) -> str:
    """Return all kinds of text that was not scanned in words."""
    return "; ".join(item["message"] for item in found)
