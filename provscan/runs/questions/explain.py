"""Explain why a text is or is not a match, and why a match is or is not a finding, by
showing each value with its limit.

:func:`explain_text`, :func:`explain_record` and :func:`explain_tweet` start from a
text, a record or a tweet. The values shown are those on which
:func:`provscan.kernels.search.verify.decide` bases its decision.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan import readers
from provscan.arrays import Numbers
from provscan.errors import InputError, RecordNotFoundError, UsageError
from provscan.matching import Index, copied_wording
from provscan.matching.candidates import seed_keys
from provscan.matching.compare import Comparison, comparison
from provscan.names import printable
from provscan.options import MatchOptions
from provscan.params import FEW_CHARS, FEW_MISSING, WHOLE_FIELD, MatchParams
from provscan.readers.strings import LEFT_OUT
from provscan.runs.inputs.plan import fields_of
from provscan.scoring.rule import (
    LETTERS_WITHOUT_BITS,
    MIN_BITS,
    MIN_BITS_PASSAGE,
    MatchTraits,
)
from provscan.sketch.signatures import band_keys, minhash
from provscan.text import canonical
from provscan.text_buffers import buffers

# The rule for matches, and its widest settings: a licensed text that passes them is
# similar enough to be explained.
RULE = MatchParams()
WIDEST = MatchParams(threshold=0.1, min_containment=0.0, min_chars=1)
# The options with which a dataset is read.
READING = ("text_field", "id_field", "records", "encoding", "outputs", "fix_encoding")
# Maximum number of licensed texts, or of matches of a tweet, that are explained.
SHOWN = 5
Explanation = dict[str, Any]


class _Reported(NamedTuple):
    """A match that was reported in a field."""

    row: dict[str, Any]  # A row of ``matches.parquet`` or of a search.
    field: int  # Code points of the field.
    # Code points of the match without those that readers leave out.
    compared: int


def explain_text(
    text: str,
    index: Index,
    *,
    tweet_id: str | None = None,
    matches: pa.Table | None = None,
    fix_encoding: bool = False,
) -> list[Explanation]:
    """Compare a text with the closest licensed texts, the closest first.

    With ``tweet_id``, the text is compared only with this tweet, however little they
    have in common. ``matches`` has the rows of ``matches.parquet`` for this text; by
    default, the text is scanned. The rule for findings is explained for rows with bits.
    With ``fix_encoding``, the passage is shown with its encoding repaired.
    """
    field = text
    fixed = readers.mended(text) if fix_encoding else None
    text = text if fixed is None else fixed.text

    def span_of(row: dict[str, Any]) -> tuple[int, int]:
        """Return the span of a row of this scan in the coordinates of ``matches``."""
        span = np.array([[row["start"], row["end"]]], np.int64)
        low, high = (span if fixed is None else fixed.original(span))[0]
        return int(low), int(high)

    near = index.match([text], params=WIDEST).sort_by(
        [("containment", "descending"), ("similarity", "descending")]
    )
    rows = near.to_pylist()
    if tweet_id is not None:
        whole = {"start": 0, "end": len(text), "tweet_id": tweet_id}
        rows = [row for row in rows if row["tweet_id"] == tweet_id] or [whole]
    if matches is None:
        reported = index.match([text]).to_pylist()
        for found in reported:
            found["start"], found["end"] = span_of(found)
    else:
        reported = matches.to_pylist()
    explained = []
    for row in rows[:SHOWN]:
        low, high = span_of(row)
        overlapping = [
            other for other in reported if other["start"] < high and low < other["end"]
        ]
        overlapping.sort(key=lambda other: other["tweet_id"] != row["tweet_id"])
        passage = text[row["start"] : row["end"]]
        match = None
        if overlapping:
            span = slice(overlapping[0]["start"], overlapping[0]["end"])
            letters = len(field[span]) - field[span].count(LEFT_OUT)
            match = _Reported(overlapping[0], len(field), letters)
        compared = _compared(passage, row["tweet_id"], index, match)
        explained.append({**compared, "start": low, "end": high})
    return explained


def explain_record(
    info: Mapping[str, Any],
    matches: pa.Table,
    record: int,
    index: Index,
    *,
    source: str | None = None,
    tweet_id: str | None = None,
) -> list[Explanation]:
    """Explain every field of a record, which is read from the dataset again; ``record``
    is its position, from 0.

    ``source`` is the dataset or the member of an archive; by default, every source that
    has a record at this position. Each explanation names its ``source`` and ``field``.
    """
    options = _options_of(info)
    explained = []
    for name, field, text in _record_texts(info, record, source):
        chosen = (pc.field("source") == name) & (pc.field("record") == record)
        if field is not None:
            chosen &= pc.field("field") == field
        close = explain_text(
            text,
            index,
            tweet_id=tweet_id,
            matches=matches.filter(chosen & ~pc.field("control")),
            fix_encoding=options.fix_encoding,
        )
        explained += [
            {"source": name, "record": record, "field": field, **item} for item in close
        ]
    return explained


def explain_tweet(
    info: Mapping[str, Any], matches: pa.Table, tweet_id: str, index: Index
) -> list[Explanation]:
    """Explain the matches of a licensed tweet, or the tweet itself if it has none."""
    chosen = (pc.field("tweet_id") == tweet_id) & ~pc.field("control")
    rows = matches.filter(chosen).slice(0, SHOWN)
    alone = _compared("", tweet_id, index, None)
    explained = []
    for source, record in dict.fromkeys(
        zip(*rows.select(["source", "record"]).to_pydict().values(), strict=True)
    ):
        explained += explain_record(
            info, rows, record, index, source=source, tweet_id=tweet_id
        )
    return explained or [{**alone, "start": 0, "end": 0}]


def _options_of(info: Mapping[str, Any]) -> MatchOptions:
    """Return the options with which a run read its dataset, with defaults for missing
    options.
    """
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in info["parameters"].items()
        if name in READING and value is not None
    }
    return MatchOptions(**values)


def _record_texts(
    info: Mapping[str, Any], record: int, source: str | None
) -> Iterator[tuple[str, str | None, str]]:
    """Read one record of the datasets again; yield the source, the field and
    the text.
    """
    names = {item["source"]: item.get("xxh3") for item in info["inputs"]}
    if source is not None:
        names = {
            name: known
            for name, known in names.items()
            if f"{source}/".startswith(f"{name}/")
        }
    folder, options = Path(info.get("folder") or "."), _options_of(info)
    fields = fields_of(replace(options, fix_encoding=False))
    found = False
    for name, known in names.items():
        path = str(folder / name)
        if not os.path.exists(path):
            continue
        checked = known is not None and os.path.isfile(path)
        if checked and readers.checksum(path) != known:
            changed = (
                f"{name} was changed since the run: its records may differ from those "
                "that were scanned"
            )
            warnings.warn(changed, RuntimeWarning, stacklevel=2)
        for split in readers.plan(
            path, fields, records=options.records, encoding=options.encoding
        ):
            member = split.source.replace(printable(path), name, 1)
            if source not in (None, name, member):
                continue
            for batch in readers.read(split, fields, readers.ReadStats()):
                rows = batch.filter(pc.equal(batch["record"], record)).to_pylist()
                for row in rows:
                    found = True
                    yield member, row["field"], row["text"]
    if not found:
        where = source or ", ".join(names) or "the datasets of the run"
        if not any(os.path.exists(folder / name) for name in names):
            raise InputError(
                f"{where} can't be found, so no record can be read again: run the "
                "command in the folder of the datasets, or give the text itself"
            )
        raise RecordNotFoundError(
            f"record {record:,} was not found in {where}: records are numbered from 0"
        )


def _compared(
    text: str, tweet_id: str, index: Index, reported: _Reported | None
) -> Explanation:
    """Compare a passage with a licensed tweet, given the match reported there.

    If the tweet has several texts, the most similar one is compared.
    """
    _, numbers = index.reader.texts_of_ids(pa.array([tweet_id]))
    if len(numbers) == 0:
        raise UsageError(
            f"the index has no tweet {tweet_id}, or it is forgotten, so it can't be "
            "compared"
        )
    texts: list[str] = index.reader.raw_texts(numbers).array().to_pylist()
    comparisons = [comparison(text, tweet, RULE) for tweet in texts]
    chosen = max(range(len(texts)), key=lambda i: comparisons[i].similarity)
    tweet, found = texts[chosen], comparisons[chosen]
    ours, theirs = canonical([text, tweet])
    keys = band_keys(minhash([text, tweet]), index.params.bands, index.params.rows)
    seeds = [set(seed_keys(each, index.params).tolist()) for each in (ours, theirs)]
    row = None if reported is None else reported.row
    match = row if row and row["tweet_id"] == tweet_id else None
    conditions = []
    if reported is not None and match is not None and "bits" in match:
        conditions = _finding(reported, text, numbers[chosen : chosen + 1], index)
    return {
        # The licensed text.
        "tweet_id": tweet_id,
        "tweet": tweet,
        "canonical_tweet": theirs,
        # The closest passage of the text; its position is added later.
        "passage": text,
        "canonical_passage": ours,
        # Number of LSH bands in which both signatures agree, and number of all bands.
        # One common band makes a whole field a candidate.
        "bands_met": int(np.count_nonzero(keys[0] == keys[1])),
        "bands": index.params.bands,
        # Number of seeds of the licensed text that occur in the passage, and number of
        # all its seeds. Neighbouring seeds make a passage a candidate.
        "seeds_met": len(seeds[0] & seeds[1]),
        "seeds": len(seeds[1]),
        "shared": found.common,  # Number of 5-grams that both have.
        "gates": _conditions(found),
        # The rule that makes it a match, ``whole`` or ``stretch``, or None.
        "way": found.way,
        "finding": conditions,  # Conditions of a finding, for a match of this tweet.
        # The match of this tweet that overlaps the passage, as a row of
        # ``matches.parquet`` or of :meth:`provscan.Index.match`. If it is None,
        # ``instead`` is the overlapping match of another tweet, if any.
        "match": match,
        "instead": row if match is None else None,
        # Whether the passage is a match, or would be one if it were a candidate.
        "passed": match is not None or found.way is not None,
    }


def _conditions(found: Comparison) -> list[dict[str, Any]]:
    """Return what a comparison must reach to be a match."""
    stretch = max(RULE.partial_chars, RULE.min_chars)
    # Fewer characters suffice if nearly the whole text is in common.
    missing = found.common * (1 / max(found.containment, 1e-9) - 1)
    letters = RULE.min_chars if missing < FEW_MISSING + 0.5 else FEW_CHARS
    return [
        _gate("similarity", found.similarity, RULE.threshold),
        _gate("containment", found.containment, RULE.min_containment),
        _gate("characters in common", found.letters, letters),
        _gate("or characters of the longest stretch", found.stretch, stretch),
    ]


def _finding(
    reported: _Reported, passage: str, text: Numbers, index: Index
) -> list[dict[str, Any]]:
    """Return what a match must reach to be a finding; ``text`` contains the id of the
    licensed text.
    """
    match = reported.row
    copied = copied_wording(
        *buffers(pa.array([passage], pa.large_string())), text, index.reader
    )
    traits = MatchTraits(
        np.zeros(1, np.int64),
        np.array([match["containment"]]),
        np.array([match["end"] - match["start"] >= WHOLE_FIELD * reported.field]),
        np.array([reported.compared]),
        copied.stretch,
    )
    letters = index.scorer.texts(text).letters(traits).item()
    if match["bits"] is None:
        return [
            _gate(
                "new characters in common, without known bits",
                letters,
                LETTERS_WITHOUT_BITS,
            )
        ]
    least, kind = MIN_BITS_PASSAGE, "a passage"
    if match["end"] - match["start"] >= WHOLE_FIELD * reported.field:
        least, kind = MIN_BITS, "a whole field"
    return [_gate(f"bits, as {kind}", match["bits"], least)]


def _gate(name: str, value: float, limit: float) -> dict[str, Any]:
    """Return a condition: the value, and the minimum that passes."""
    return {"name": name, "value": value, "limit": limit, "passed": value >= limit}
