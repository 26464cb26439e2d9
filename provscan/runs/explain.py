"""Why a text is or is not a match: every step of the search and every gate with its value and its limit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan import readers
from provscan.errors import InputError, UsageError
from provscan.kernels.grams import GRAM
from provscan.matching import Index
from provscan.matching.candidates import seed_keys
from provscan.params import MatchParams
from provscan.scoring.rule import BITS
from provscan.sketch.lsh import band_keys
from provscan.sketch.signatures import minhash
from provscan.text import canonical

# The widest gates there are: what passes them is close enough to explain.
WIDEST = MatchParams(threshold=0.1, min_containment=0.0, min_chars=1)
SHOWN = 5


Explanation = dict[str, Any]


def explain_text(
    text: str, index: Index, params: MatchParams, *, tweet_id: str | None = None, matches: pa.Table | None = None,
    fix_encoding: bool = False,
) -> list[Explanation]:  # fmt: skip
    """Compare a text with the licensed texts that come closest, the closest first.

    With `tweet_id` it is compared with this tweet only, however little they share. `matches` are the rows of
    ``matches.parquet`` in this text; with `fix_encoding`, the passage is the repaired one.
    """
    fixed = readers.mended(text) if fix_encoding else None
    text = text if fixed is None else fixed.text
    near = index.match(
        [text], threshold=WIDEST.threshold, min_containment=WIDEST.min_containment, min_chars=WIDEST.min_chars
    ).sort_by([("containment", "descending"), ("similarity", "descending")])
    places = [(row["start"], row["end"], row["tweet_id"]) for row in near.to_pylist()]
    if tweet_id is not None:
        places = [place for place in places if place[2] == tweet_id] or [(0, len(text), tweet_id)]
    reported = matches.to_pylist() if matches is not None else []
    explained = []
    for start, end, licensed in places[:SHOWN]:
        low, high = (start, end) if fixed is None else fixed.original(np.array([start, end])).tolist()
        found = [row for row in reported if row["tweet_id"] == licensed and row["start"] < high and low < row["end"]]
        compared = _compared(text, (start, end), licensed, index, params, found[0] if found else None)
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
    for name, field, text in _record_texts(info, record, source):
        rows = matches.filter((pc.field("source") == name) & (pc.field("record") == record) & ~pc.field("control"))
        if field is not None:
            rows = rows.filter(pc.field("field") == field)
        close = explain_text(text, index, params, tweet_id=tweet_id, matches=rows, fix_encoding=fix_encoding)
        explained += [{"source": name, "record": record, "field": field, **item} for item in close]
    return explained


def explain_tweet(info: Mapping[str, Any], matches: pa.Table, tweet_id: str, index: Index) -> list[Explanation]:
    """Explain the matches of a licensed tweet; without any, the tweet by itself."""
    rows = matches.filter((pc.field("tweet_id") == tweet_id) & ~pc.field("control")).slice(0, SHOWN)
    explained = []
    for source, record in dict.fromkeys(zip(*rows.select(["source", "record"]).to_pydict().values(), strict=True)):
        explained += explain_record(info, rows, record, index, source=source, tweet_id=tweet_id)
    return explained or [_compared("", (0, 0), tweet_id, index, params_of(info), None)]


def params_of(info: Mapping[str, Any]) -> MatchParams:
    """The gates of a run, of its ``run.json``."""
    names = ("threshold", "min_containment", "min_chars", "partial_chars")
    return MatchParams(**{name: info["parameters"][name] for name in names})


def _record_texts(info: Mapping[str, Any], record: int, source: str | None) -> Iterator[tuple[str, str | None, str]]:
    """Source, field and text of one record of the datasets of a run, read from the files again."""
    names = [item["source"] for item in info["inputs"]]
    if source is not None:
        names = [name for name in names if f"{source}/".startswith(f"{name}/")]
    folder, parameters = Path(info.get("folder") or "."), info["parameters"]
    fields = readers.Fields(
        text=parameters.get("text_field"), id=parameters.get("id_field"), outputs=parameters.get("outputs") or False
    )
    text = {name: parameters.get(name) for name in ("records", "encoding")}
    found = False
    for name in names:
        path = str(folder / name)
        for split in readers.plan(path, fields, **text) if os.path.exists(path) else []:
            member = split.source.replace(path, name, 1)
            if source not in (None, name, member):
                continue
            for batch in readers.read(split, fields, readers.ReadStats()):
                for row in np.flatnonzero(batch.column("record").to_numpy() == record).tolist():
                    found = True
                    field = batch.column("field")[row].as_py()
                    yield member, field, batch.column("text")[row].as_py()
    if not found:
        where = source or ", ".join(names) or "the datasets of the run"
        raise InputError(
            f"no record {record:,} was found in {where}: run the command where the datasets are, or give the text "
            "itself"
        )


def _tweet_text(index: Index, tweet_id: str) -> str:
    """The text of a tweet; of several with one licensed text the earliest one's."""
    number = index.reader.texts_of_ids(pa.array([tweet_id]))
    if number[0] < 0:
        raise UsageError(f"the index has no tweet {tweet_id}, or it is forgotten, so it can't be compared")
    text: str = index.reader.raw_texts(number).array()[0].as_py()
    return text


def _compared(
    text: str, span: tuple[int, int], tweet_id: str, index: Index, params: MatchParams, match: dict[str, Any] | None
) -> Explanation:
    start, end = span
    passage, tweet = text[start:end], _tweet_text(index, tweet_id)
    ours, theirs = canonical([passage, tweet])
    left, right = _grams(ours), _grams(theirs)
    shared = len(left & right)
    similarity = shared / max(1, len(left | right))
    containment = shared / max(1, len(right))
    keys = band_keys(minhash([passage, tweet]), index.params.bands, index.params.rows)
    length, stretch = _length(theirs), _longest_stretch(ours, theirs)
    gates = [
        _gate("length of the licensed text", length, params.min_chars, "--min-chars"),
        _gate("similarity", similarity, params.threshold, "--threshold"),
        _gate("containment", containment, params.min_containment, "--min-containment"),
        _gate("or a stretch", stretch, params.partial_chars, "--partial-chars"),
    ]
    gates[3]["passed"] &= params.partial_chars > 0
    long, alike, held, stretched = (gate["passed"] for gate in gates)
    if match is not None and match["bits"] is not None:
        gates.append(_gate("bits, to be counted", match["bits"], BITS, ""))
    seeds = [set(seed_keys(side, index.params).tolist()) for side in (ours, theirs)]
    return {
        # The licensed side.
        "tweet_id": tweet_id,
        "tweet": tweet,
        "canonical_tweet": theirs,
        # The place in the text that comes closest, in code points.
        "start": start,
        "end": end,
        "passage": passage,
        "canonical_passage": ours,
        # LSH bands in which the signatures of both agree, of all. One band makes a whole record a candidate.
        "bands_met": int(np.count_nonzero(keys[0] == keys[1])),
        "bands": index.params.bands,
        # Seeds of the licensed text that stand in the passage, of all. Neighbouring seeds make a passage a candidate.
        "seeds_met": len(seeds[0] & seeds[1]),
        "seeds": len(seeds[1]),
        "shared": shared,  # 5-character sequences that both have.
        "gates": gates,  # In the order in which they are checked.
        # The row of ``matches.parquet`` that overlaps this place, if the run reports one.
        "match": match,
        # Whether the gates of a match are passed; a long stretch stands for similarity and containment.
        "passed": long and (stretched or (alike and held)),
    }


def _gate(name: str, value: float, limit: float, option: str) -> dict[str, Any]:
    """A condition: the value, the least value that passes, and the option that moves it, if there is one."""
    return {"name": name, "value": value, "limit": limit, "passed": value >= limit, "option": option}


def _grams(text: str) -> set[str]:
    return {text[i : i + GRAM] for i in range(max(1, len(text) - GRAM + 1))} if text else set()


def _longest_stretch(text: str, other: str) -> int:
    block = SequenceMatcher(None, text, other, autojunk=False).find_longest_match()
    return _length(text[block.a : block.a + block.size])


def _length(text: str) -> int:
    return sum(2 if _wide(letter) else 1 for letter in text)


def _wide(letter: str) -> bool:
    """Whether a letter counts two: Chinese characters, kana, Korean syllables."""
    return "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3"
