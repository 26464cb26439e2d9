"""Why a text is or is not a match, and why a match is or is not a finding: each value
with its limit.

What decides on a match is :func:`provscan.kernels.search.verify.decide`, and the values
shown are those that it decided by.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan import readers
from provscan.errors import InputError, ParameterError, UsageError
from provscan.matching import Index
from provscan.matching.candidates import seed_keys
from provscan.matching.verified import comparison
from provscan.params import FINDING, WHOLE_FIELD, FindingParams, MatchParams
from provscan.readers.names import printable
from provscan.scoring.lengths import measured
from provscan.scoring.rule import LETTERS_WITHOUT_BITS, letters_in_common
from provscan.sketch.lsh import band_keys
from provscan.sketch.signatures import minhash
from provscan.text import canonical

# The widest gates there are: what passes them is close enough to explain.
GATES = ("threshold", "min_containment", "min_chars", "partial_chars")
WIDEST = MatchParams(threshold=0.1, min_containment=0.0, min_chars=1)
SHOWN = 5
Explanation = dict[str, Any]


def explain_text(
    text: str,
    index: Index,
    params: MatchParams,
    *,
    tweet_id: str | None = None,
    matches: pa.Table | None = None,
    finding: FindingParams = FINDING,
    fix_encoding: bool = False,
    offset: int = 0,
) -> list[Explanation]:
    """Compare a text with the licensed texts that come closest, the closest first.

    With `tweet_id` it is compared with this tweet only, however little they share.
    `matches` are the rows of ``matches.parquet`` in this text, which begins at `offset`
    in its record; by default those of a search. Rows that have bits are held against
    `finding`. With `fix_encoding`, the passage is the repaired one.
    """
    size = len(text)
    fixed = readers.mended(text) if fix_encoding else None
    text = readers.spoken(text if fixed is None else fixed.text)

    def places_of(rows: Iterable[dict[str, Any]]) -> list[tuple[int, int]]:
        """Where rows stand, as `matches` say it."""
        spans = np.array(
            [(row["start"], row["end"]) for row in rows], np.int64
        ).reshape(-1, 2)
        spans = offset + (spans if fixed is None else fixed.original(spans))
        return [(low, high) for low, high in spans.tolist()]

    near = index.match([text], **_gates(WIDEST)).sort_by(
        [("containment", "descending"), ("similarity", "descending")]
    )
    rows = near.to_pylist()
    if tweet_id is not None:
        whole = {"start": 0, "end": len(text), "tweet_id": tweet_id}
        rows = [row for row in rows if row["tweet_id"] == tweet_id] or [whole]
    rows = rows[:SHOWN]
    if matches is None:
        found = index.match([text], **_gates(params)).to_pylist()
        places = places_of(found)
        reported = [
            {**row, "start": low, "end": high}
            for row, (low, high) in zip(found, places, strict=True)
        ]
    else:
        reported = matches.to_pylist()
    explained = []
    for row, (low, high) in zip(rows, places_of(rows), strict=True):
        overlapping = [
            other for other in reported if other["start"] < high and low < other["end"]
        ]
        overlapping.sort(key=lambda other: other["tweet_id"] != row["tweet_id"])
        other = overlapping[0] if overlapping else None
        passage = text[row["start"] : row["end"]]
        compared = _compared(
            passage, row["tweet_id"], index, params, other, size, finding
        )
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
    """Explain every field of a record (by its number, from 0), which is read from the
    dataset again.

    `source` is the dataset or the member of an archive, where several have such a
    record; all of them by default. Each explanation says of which ``source`` and
    ``field`` it is.
    """
    params, fix_encoding = (
        params_of(info),
        info["parameters"].get("fix_encoding") or False,
    )
    explained = []
    for name, field, text, offset in _record_texts(info, record, source):
        rows = matches.filter(
            (pc.field("source") == name)
            & (pc.field("record") == record)
            & ~pc.field("control")
        )
        if field is not None:
            rows = rows.filter(pc.field("field") == field)
        close = explain_text(
            text,
            index,
            params,
            tweet_id=tweet_id,
            matches=rows,
            finding=finding_rule_of(info),
            fix_encoding=fix_encoding,
            offset=offset,
        )
        explained += [
            {"source": name, "record": record, "field": field, **item} for item in close
        ]
    return explained


def explain_tweet(
    info: Mapping[str, Any], matches: pa.Table, tweet_id: str, index: Index
) -> list[Explanation]:
    """Explain the matches of a licensed tweet; without any, the tweet by itself."""
    rows = matches.filter(
        (pc.field("tweet_id") == tweet_id) & ~pc.field("control")
    ).slice(0, SHOWN)
    explained = []
    for source, record in dict.fromkeys(
        zip(*rows.select(["source", "record"]).to_pydict().values(), strict=True)
    ):
        explained += explain_record(
            info, rows, record, index, source=source, tweet_id=tweet_id
        )
    compared = _compared(
        "", tweet_id, index, params_of(info), None, 0, finding_rule_of(info)
    )
    alone = {**compared, "start": 0, "end": 0}
    return explained or [alone]


def params_of(info: Mapping[str, Any]) -> MatchParams:
    """The gates of a run, of its ``run.json``."""
    return MatchParams(**{name: info["parameters"][name] for name in GATES})


def finding_rule_of(info: Mapping[str, Any]) -> FindingParams:
    """The rule of a run, of its ``run.json``; what is not named there is the
    default.
    """
    known = info["parameters"]
    return FindingParams(
        **{
            name: known[name]
            for name in FINDING.as_dict()
            if known.get(name) is not None
        }
    )


def _gates(params: MatchParams) -> dict[str, Any]:
    """As arguments of :meth:`provscan.Index.match`."""
    return {name: getattr(params, name) for name in GATES}


def _record_texts(
    info: Mapping[str, Any], record: int, source: str | None
) -> Iterator[tuple[str, str | None, str, int]]:
    """Source, field, text and where in its record that begins, of one record of the
    datasets, which are read again.
    """
    names = {item["source"]: item.get("xxh3") for item in info["inputs"]}
    if source is not None:
        names = {
            name: known
            for name, known in names.items()
            if f"{source}/".startswith(f"{name}/")
        }
    folder, parameters = Path(info.get("folder") or "."), info["parameters"]
    fields = readers.Fields(
        text=parameters.get("text_field"),
        id=parameters.get("id_field"),
        outputs=parameters.get("outputs") or False,
    )
    text = {name: parameters.get(name) for name in ("records", "encoding")}
    found = False
    for name, known in names.items():
        path = str(_on_disk(folder, name))
        if (
            known is not None
            and os.path.isfile(path)
            and readers.checksum(path) != known
        ):
            changed = (
                f"{name} was changed since the run: its records may be others than "
                "those that were scanned"
            )
            warnings.warn(changed, RuntimeWarning, stacklevel=2)
        for split in readers.plan(path, fields, **text) if os.path.exists(path) else []:
            member = split.source.replace(printable(path), name, 1)
            if source not in (None, name, member):
                continue
            for batch in readers.read(split, fields, readers.ReadStats()):
                for row in np.flatnonzero(
                    batch.column("record").to_numpy() == record
                ).tolist():
                    found = True
                    field, text_of = (
                        batch.column(name)[row].as_py() for name in ("field", "text")
                    )
                    offset = (
                        batch.column("offset")[row].as_py()
                        if "offset" in batch.schema.names
                        else 0
                    )
                    yield member, field, text_of, offset
    if not found:
        where = source or ", ".join(names) or "the datasets of the run"
        raise InputError(
            f"no record {record:,} was found in {where}: run the command where the "
            "datasets are, or give the text itself"
        )


def _on_disk(folder: Path, name: str) -> Path:
    """The file of a name as runs store it, with control characters and the like
    escaped.
    """
    place = folder
    for part in Path(name).parts:
        found = place / part
        if not found.exists() and place.is_dir():
            found = next(
                (entry for entry in place.iterdir() if printable(entry.name) == part),
                found,
            )
        place = found
    return place


def _compared(
    text: str,
    tweet_id: str,
    index: Index,
    params: MatchParams,
    reported: dict[str, Any] | None,
    size: int,
    finding: FindingParams,
) -> Explanation:
    """A passage of a field of some size and a licensed tweet, and the match that is
    reported there.

    Of a tweet with several texts, the one that is most alike is compared.
    """
    _, numbers = index.reader.texts_of_ids(pa.array([tweet_id]))
    if len(numbers) == 0:
        raise UsageError(
            f"the index has no tweet {tweet_id}, or it is forgotten, so it can't be "
            "compared"
        )
    texts: list[str] = index.reader.raw_texts(numbers).array().to_pylist()
    comparisons = [comparison(text, tweet, params) for tweet in texts]
    chosen = max(range(len(texts)), key=lambda i: comparisons[i].similarity)
    tweet, found = texts[chosen], comparisons[chosen]
    ours, theirs = canonical([text, tweet])
    keys = band_keys(minhash([text, tweet]), index.params.bands, index.params.rows)
    seeds = [set(seed_keys(side, index.params).tolist()) for side in (ours, theirs)]
    gates = [
        _gate("similarity", found.similarity, params.threshold, "threshold"),
        _gate(
            "containment", found.containment, params.min_containment, "min_containment"
        ),
        _gate("letters in common", found.letters, params.min_chars, "min_chars"),
    ]
    if params.partial_chars:
        option = "partial_chars" if found.stretch >= params.min_chars else ""
        least = max(params.partial_chars, params.min_chars)
        gates.append(
            _gate("or letters of the longest stretch", found.stretch, least, option)
        )
    if found.way is not None:
        # What already is a match needs no option.
        gates = [{**gate, "option": None} for gate in gates]
    match = (
        reported if reported is not None and reported["tweet_id"] == tweet_id else None
    )
    conditions = []
    if match is not None and "bits" in match:
        length, script = measured(index.reader, numbers[chosen : chosen + 1])
        span = np.array([match["end"] - match["start"]])
        letters = letters_in_common(
            np.array([match["containment"]]), length, script, span
        ).item()
        conditions = _finding(match, letters, size, finding)
    return {
        # The licensed side.
        "tweet_id": tweet_id,
        "tweet": tweet,
        "canonical_tweet": theirs,
        # The place in the text that comes closest; where it stands is added.
        "passage": text,
        "canonical_passage": ours,
        # LSH bands in which the signatures of both agree, of all. One band makes a
        # whole record a candidate.
        "bands_met": int(np.count_nonzero(keys[0] == keys[1])),
        "bands": index.params.bands,
        # Seeds of the licensed text that stand in the passage, of all. Neighbouring
        # seeds make a passage a candidate.
        "seeds_met": len(seeds[0] & seeds[1]),
        "seeds": len(seeds[1]),
        "shared": found.common,  # 5-character sequences that both have.
        "gates": gates,
        # What makes it a match, ``whole`` or ``stretch``; None if nothing does.
        "way": found.way,
        "finding": conditions,  # Of a match that has a score.
        # The match of this tweet that overlaps this place, a row of ``matches.parquet``
        # or, without its score, of a search; else that of another one.
        "match": match,
        "instead": reported if match is None else None,
        # Whether it is a match, or would be one if the search came across it.
        "passed": match is not None or found.way is not None,
    }


def _finding(
    match: Mapping[str, Any], letters: float, size: int, rule: FindingParams
) -> list[dict[str, Any]]:
    """The conditions of a finding that a match meets or not, with so many letters in
    common and in a field of some size.
    """
    bits = match["bits"]
    if bits is None:
        least = max(LETTERS_WITHOUT_BITS, rule.min_letters)
        return [_gate("letters in common, without known bits", letters, least)]
    whole = match["end"] - match["start"] >= WHOLE_FIELD * size
    return [
        _gate("letters in common", letters, rule.min_letters, "min_letters"),
        _gate("bits, as a whole field", bits, rule.min_bits, "min_bits")
        if whole
        else _gate(
            "bits, as a passage", bits, rule.min_bits_passage, "min_bits_passage"
        ),
    ]


def _gate(name: str, value: float, limit: float, parameter: str = "") -> dict[str, Any]:
    """A condition: the value, the least that passes, and what would let it pass: an
    option with its value.
    """
    passed, option = value >= limit, None
    if parameter and not passed:
        digits = 3 if parameter in ("threshold", "min_containment") else 0
        lower: Any = floor(value * 10**digits) / 10**digits if digits else floor(value)
        with suppress(ParameterError):
            if parameter in GATES:
                MatchParams(**{parameter: lower})
            option = f"--{parameter.replace('_', '-')} {lower}"
    return {
        "name": name,
        "value": value,
        "limit": limit,
        "passed": passed,
        "option": option,
    }
