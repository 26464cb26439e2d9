"""Why a text is or is not a match: every step of the search and every gate with its value and its limit."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan import readers
from provscan.errors import InputError, ParameterError, UsageError
from provscan.kernels.grams import GRAM
from provscan.kernels.minimizers import is_wide
from provscan.kernels.verify import (
    ALIKE,
    EDGE,
    HALF,
    HALF_LENGTH,
    INNER_LENGTH,
    LARGE,
    LARGE_LENGTH,
    REACH,
    SPREAD_SIMILARITY,
    UNLIKE_LENGTH,
    spread_length,
)
from provscan.matching import Index
from provscan.matching.candidates import seed_keys
from provscan.params import FINDING, MatchParams
from provscan.readers.names import printable
from provscan.sketch.lsh import band_keys
from provscan.sketch.signatures import minhash
from provscan.text import canonical

# The widest gates there are: what passes them is close enough to explain.
GATES = ("threshold", "min_containment", "min_chars", "partial_chars")
WIDEST = MatchParams(threshold=0.1, min_containment=0.0, min_chars=1)
SHOWN = 5
# The kernel in Python: a few letters are not worth a compilation.
_wide = getattr(is_wide, "py_func", is_wide)
_spread_length = getattr(spread_length, "py_func", spread_length)

Explanation = dict[str, Any]


def explain_text(
    text: str, index: Index, params: MatchParams, *, tweet_id: str | None = None, matches: pa.Table | None = None,
    fix_encoding: bool = False, offset: int = 0,
) -> list[Explanation]:  # fmt: skip
    """Compare a text with the licensed texts that come closest, the closest first.

    With `tweet_id` it is compared with this tweet only, however little they share. `matches` are the rows of
    ``matches.parquet`` in this text, which begins at `offset` in its record; by default those of a search. With
    `fix_encoding`, the passage is the repaired one.
    """
    fixed = readers.mended(text) if fix_encoding else None
    text = readers.spoken(text if fixed is None else fixed.text)

    def places_of(rows: Iterable[dict[str, Any]]) -> list[tuple[int, int]]:
        """Where rows stand, as `matches` say it."""
        spans = np.array([(row["start"], row["end"]) for row in rows], np.int64).reshape(-1, 2)
        spans = offset + (spans if fixed is None else fixed.original(spans))
        return [(low, high) for low, high in spans.tolist()]

    near = index.match([text], **_gates(WIDEST)).sort_by([("containment", "descending"), ("similarity", "descending")])
    rows = near.to_pylist()
    if tweet_id is not None:
        whole = {"start": 0, "end": len(text), "tweet_id": tweet_id}
        rows = [row for row in rows if row["tweet_id"] == tweet_id] or [whole]
    rows = rows[:SHOWN]
    if matches is None:
        found = index.match([text], **_gates(params)).to_pylist()
        places = places_of(found)
        reported = [{**row, "start": low, "end": high} for row, (low, high) in zip(found, places, strict=True)]
    else:
        reported = matches.to_pylist()
    explained = []
    for row, (low, high) in zip(rows, places_of(rows), strict=True):
        overlapping = [other for other in reported if other["start"] < high and low < other["end"]]
        overlapping.sort(key=lambda other: other["tweet_id"] != row["tweet_id"])
        compared = _compared(
            text[row["start"] : row["end"]], row["tweet_id"], index, params, overlapping[0] if overlapping else None
        )
        explained.append({**compared, "start": low, "end": high})
    return explained


def explain_record(
    info: Mapping[str, Any], matches: pa.Table, record: int, index: Index, *, source: str | None = None,
    tweet_id: str | None = None,
) -> list[Explanation]:  # fmt: skip
    """Explain every field of a record (by its number, from 0), which is read from the dataset again.

    `source` is the dataset or the member of an archive, where several have such a record; all of them by default. Each
    explanation says of which ``source`` and ``field`` it is.
    """
    params, fix_encoding = params_of(info), info["parameters"].get("fix_encoding") or False
    explained = []
    for name, field, text, offset in _record_texts(info, record, source):
        rows = matches.filter((pc.field("source") == name) & (pc.field("record") == record) & ~pc.field("control"))
        if field is not None:
            rows = rows.filter(pc.field("field") == field)
        close = explain_text(
            text, index, params, tweet_id=tweet_id, matches=rows, fix_encoding=fix_encoding, offset=offset
        )
        explained += [{"source": name, "record": record, "field": field, **item} for item in close]
    return explained


def explain_tweet(info: Mapping[str, Any], matches: pa.Table, tweet_id: str, index: Index) -> list[Explanation]:
    """Explain the matches of a licensed tweet; without any, the tweet by itself."""
    rows = matches.filter((pc.field("tweet_id") == tweet_id) & ~pc.field("control")).slice(0, SHOWN)
    explained = []
    for source, record in dict.fromkeys(zip(*rows.select(["source", "record"]).to_pydict().values(), strict=True)):
        explained += explain_record(info, rows, record, index, source=source, tweet_id=tweet_id)
    alone = {**_compared("", tweet_id, index, params_of(info), None), "start": 0, "end": 0}
    return explained or [alone]


def params_of(info: Mapping[str, Any]) -> MatchParams:
    """The gates of a run, of its ``run.json``."""
    return MatchParams(**{name: info["parameters"][name] for name in GATES})


def _gates(params: MatchParams) -> dict[str, Any]:
    """As arguments of :meth:`provscan.Index.match`."""
    return {name: getattr(params, name) for name in GATES}


def _record_texts(
    info: Mapping[str, Any], record: int, source: str | None
) -> Iterator[tuple[str, str | None, str, int]]:
    """Source, field, text and where in its record that begins, of one record of the datasets, which are read again."""
    names = {item["source"]: item.get("xxh3") for item in info["inputs"]}
    if source is not None:
        names = {name: known for name, known in names.items() if f"{source}/".startswith(f"{name}/")}
    folder, parameters = Path(info.get("folder") or "."), info["parameters"]
    fields = readers.Fields(
        text=parameters.get("text_field"), id=parameters.get("id_field"), outputs=parameters.get("outputs") or False
    )
    text = {name: parameters.get(name) for name in ("records", "encoding")}
    found = False
    for name, known in names.items():
        path = str(_on_disk(folder, name))
        if known is not None and os.path.isfile(path) and readers.checksum(path) != known:
            changed = f"{name} was changed since the run: its records may be others than those that were scanned"
            warnings.warn(changed, RuntimeWarning, stacklevel=2)
        for split in readers.plan(path, fields, **text) if os.path.exists(path) else []:
            member = split.source.replace(printable(path), name, 1)
            if source not in (None, name, member):
                continue
            for batch in readers.read(split, fields, readers.ReadStats()):
                for row in np.flatnonzero(batch.column("record").to_numpy() == record).tolist():
                    found = True
                    field, text_of = (batch.column(name)[row].as_py() for name in ("field", "text"))
                    offset = batch.column("offset")[row].as_py() if "offset" in batch.schema.names else 0
                    yield member, field, text_of, offset
    if not found:
        where = source or ", ".join(names) or "the datasets of the run"
        raise InputError(
            f"no record {record:,} was found in {where}: run the command where the datasets are, or give the text "
            "itself"
        )


def _on_disk(folder: Path, name: str) -> Path:
    """The file of a name as runs store it, with control characters and the like escaped."""
    place = folder
    for part in Path(name).parts:
        found = place / part
        if not found.exists() and place.is_dir():
            found = next((entry for entry in place.iterdir() if printable(entry.name) == part), found)
        place = found
    return place


def _tweet_text(index: Index, tweet_id: str, text: str) -> str:
    """The text of a tweet; of several with one licensed text the earliest one's, of its texts the one like `text`."""
    _, numbers = index.reader.texts_of_ids(pa.array([tweet_id]))
    if len(numbers) == 0:
        raise UsageError(f"the index has no tweet {tweet_id}, or it is forgotten, so it can't be compared")
    texts: list[str] = index.reader.raw_texts(numbers).array().to_pylist()
    ours = _grams(canonical([text])[0])

    def alike(tweet: str) -> float:
        theirs = _grams(canonical([tweet])[0])
        return len(ours & theirs) / max(1, len(ours | theirs))

    return max(texts, key=alike)


def _compared(
    text: str, tweet_id: str, index: Index, params: MatchParams, reported: dict[str, Any] | None
) -> Explanation:
    """A passage and a licensed tweet, and the match that is reported there, of this tweet or of another one."""
    tweet = _tweet_text(index, tweet_id, text)
    ours, theirs = canonical([text, tweet])
    left, right = _grams(ours), _grams(theirs)
    shared = len(left & right)
    similarity = shared / max(1, len(left | right))
    containment = shared / max(1, len(right))
    keys = band_keys(minhash([text, tweet]), index.params.bands, index.params.rows)
    length, stretch = _length(theirs), _longest_stretch(ours, theirs)
    large = LARGE_LENGTH if containment >= LARGE else 1.0
    in_common = (shared + GRAM - 1) * length / max(1, len(theirs)) if shared else 0.0
    unlike = UNLIKE_LENGTH if similarity < ALIKE else 1.0
    gates = [
        _gate("length of the licensed text", length, params.min_chars, "min_chars"),
        _gate("length in common", in_common, unlike * params.min_chars, "min_chars", unlike),
        _gate("similarity", similarity, params.threshold, "threshold"),
        _gate("containment", containment, params.min_containment, "min_containment"),
    ]
    if params.partial_chars:
        others = [("or a stretch", float(stretch.units), large if stretch.at_edge else INNER_LENGTH)]
        if containment >= HALF:
            others.append(("or half of the text", in_common, HALF_LENGTH))
        if stretch.reach >= REACH and similarity >= SPREAD_SIMILARITY:
            others.append(("or all over the text", in_common, _spread_length(containment)))
        gates += [
            _gate(name, value, part * params.partial_chars, "partial_chars", part) for name, value, part in others
        ]
    match = reported if reported is not None and reported["tweet_id"] == tweet_id else None
    if match is not None and match.get("bits") is not None:
        gates.append(_gate("bits, to be counted", match["bits"], FINDING.min_bits))
    seeds = [set(seed_keys(side, index.params).tolist()) for side in (ours, theirs)]
    return {
        # The licensed side.
        "tweet_id": tweet_id,
        "tweet": tweet,
        "canonical_tweet": theirs,
        # The place in the text that comes closest; where it stands is added.
        "passage": text,
        "canonical_passage": ours,
        # LSH bands in which the signatures of both agree, of all. One band makes a whole record a candidate.
        "bands_met": int(np.count_nonzero(keys[0] == keys[1])),
        "bands": index.params.bands,
        # Seeds of the licensed text that stand in the passage, of all. Neighbouring seeds make a passage a candidate.
        "seeds_met": len(seeds[0] & seeds[1]),
        "seeds": len(seeds[1]),
        "shared": shared,  # 5-character sequences that both have.
        "gates": gates,  # In the order in which they are checked.
        # The match of this tweet that overlaps this place, a row of ``matches.parquet`` or, without its score, of a
        # search; else that of another one.
        "match": match,
        "instead": reported if match is None else None,
        # Whether it is a match, or would be one if the search came across it.
        "passed": match is not None or _passed(gates),
    }


def _passed(gates: list[dict[str, Any]]) -> bool:
    """Whether the gates of a match are passed; a long stretch or half of the text stands for both shares."""
    long, common, alike, held, *others = (gate["passed"] for gate in gates)
    return long and ((common and alike and held) or any(others))


def _gate(name: str, value: float, limit: float, parameter: str = "", part: float = 1.0) -> dict[str, Any]:
    """A condition: the value, the least that passes, and what would let it pass: an option with its value.

    The limit is a part of the parameter, if there is one.
    """
    passed, option = value >= limit, None
    if parameter and not passed:
        digits = 0 if parameter.endswith("_chars") else 3
        lower: Any = floor(value / part * 10**digits) / 10**digits if digits else floor(value / part)
        with suppress(ParameterError):
            MatchParams(**{parameter: lower})
            option = f"--{parameter.replace('_', '-')} {lower}"
    return {"name": name, "value": value, "limit": limit, "passed": passed, "option": option}


class _Stretch(NamedTuple):
    """The longest stretch that two canonical texts have in common."""

    units: int
    at_edge: bool  # At begin or end of the second text.
    reach: float  # How much of that all stretches reach over.


def _grams(text: str) -> set[str]:
    return {text[i : i + GRAM] for i in range(max(1, len(text) - GRAM + 1))} if text else set()


def _longest_stretch(text: str, other: str) -> _Stretch:
    blocks = SequenceMatcher(None, text, other, autojunk=False).get_matching_blocks()
    longest = max(blocks, key=lambda block: block.size)
    kept = [block for block in blocks if block.size >= GRAM]
    return _Stretch(
        _length(text[longest.a : longest.a + longest.size]),
        longest.b <= EDGE or longest.b + longest.size >= len(other) - EDGE,
        (kept[-1].b + kept[-1].size - kept[0].b) / len(other) if kept else 0.0,
    )


def _length(text: str) -> int:
    return sum(2 if _wide(ord(letter)) else 1 for letter in text)
