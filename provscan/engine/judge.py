"""What to think of each match: how surprising it is, whether chance explains it, how likely it is false.

A :class:`Judge` holds what a run knows about licensed texts. Matches of the dataset and of the spike-ins go through the
same :meth:`Judge.judged`, so that what is said of the ones holds for the others. *Evidence* is the rule, fixed
beforehand, of what the estimate counts: few chance matches as good are expected in the whole scan, and the text is no
common property.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.engine.controls import Controls
from provscan.engine.holders import Holders, holders
from provscan.engine.lengths import bands, measured
from provscan.engine.significance import Background
from provscan.engine.spikes import Spikes
from provscan.estimate import Scores, common_text, e_value, matched_bits, q_values, score_matches
from provscan.matching import LEVELS, MATCHES, Found

# Chance matches as good that the background model may expect in the whole scan, and error rate of the list.
E_MAX = 0.01
Q_MAX = 0.01

ADDED = pa.schema(
    [
        pa.field("bits", pa.float32()),
        pa.field("e_value", pa.float64()),
        pa.field("control", pa.bool_(), nullable=False),
        pa.field("common", pa.bool_(), nullable=False),
        pa.field("q_value", pa.float64()),
    ]
)
JUDGED = pa.schema([*MATCHES, *ADDED])


@dataclass(frozen=True)
class Judge:
    """What is known about the texts of a scan.

    Attributes
    ----------
    controls, background
        Which texts are controls, how surprising they are.
    characters
        Code points scanned.
    """

    controls: Controls
    background: Background
    characters: int

    def judged(self, text: npt.NDArray[np.int64], containment: npt.NDArray[np.float64]) -> Judgement:
        """Judge matches: numbers of their texts and their containments, each [n]."""
        distinct, place = np.unique(text, return_inverse=True)
        place = place.reshape(-1)
        of_text = self.background.bits(self.controls.store, distinct)
        held = holders(self.controls.store, distinct)
        length, _ = measured(self.controls.store, distinct)
        bits = matched_bits(of_text[place], length[place], containment)
        licensed_texts = max(1, self.controls.licensed_texts)
        expected = e_value(bits, max(1, self.characters), licensed_texts)
        repeated = np.isin(distinct, self.controls.repeated)
        common = common_text(held.authors, 0, repeated, np.where(np.isnan(of_text), np.inf, of_text))
        return Judgement(place, held, bands(length)[place], bits, expected, self.controls.absent[text], common[place])


@dataclass(frozen=True)
class Judgement:
    """Of each match, [n] each.

    Attributes
    ----------
    place, holders
        Entry of `holders` that belongs to the match.
    band
        Length class of its text.
    bits, e_value
        float64, nan where not known.
    control, common
        bool: the text is a control; the text is common property.
    """

    place: npt.NDArray[np.int64]
    holders: Holders
    band: npt.NDArray[np.int64]
    bits: npt.NDArray[np.float64]
    e_value: npt.NDArray[np.float64]
    control: npt.NDArray[np.bool_]
    common: npt.NDArray[np.bool_]

    def evidence(self, controlled: bool) -> npt.NDArray[np.bool_]:
        """Whether the estimate counts a match; one of unknown bits only where a control measures chance."""
        unknown = np.isnan(self.e_value)
        good = np.where(unknown, controlled, self.e_value <= E_MAX)
        return np.asarray(good & ~self.common, np.bool_)

    def about(self) -> pa.Table:
        """Columns ``author, year, lang`` of each match."""
        rows = pa.array(self.place)
        return pa.table({name: getattr(self.holders, name).take(rows) for name in ("author", "year", "lang")})

    def columns(self, q_value: npt.NDArray[np.float64] | None) -> pa.Table:
        """The columns that are added to ``matches.parquet``."""
        unknown = np.isnan(self.bits)
        q = pa.nulls(len(self.bits), pa.float64()) if q_value is None else pa.array(q_value, mask=np.isnan(q_value))
        return pa.table(
            [
                pa.array(self.bits.astype(np.float32), mask=unknown),
                pa.array(self.e_value, mask=unknown),
                pa.array(self.control),
                pa.array(self.common),
                q,
            ],
            schema=ADDED,
        )


def spike_table(spikes: Spikes, found: Found, judge: Judge) -> pa.Table:
    """One row a spike-in: what was planted, and the best licensed match of what stands there.

    Columns ``kind, band, script, position, planted_chars``; ``found``, ``evidence`` (the match is one that the estimate
    counts), ``same_text`` (and of the very text that was planted); and of the match ``level, similarity, containment,
    start, end, tweet_id, bits, e_value, found_chars``, null where there is none.
    """
    judgement = judge.judged(found.text, found.containment)
    evidence = judgement.evidence(judge.controls.texts > 0)
    low, high = spikes.span[found.row, 0], spikes.span[found.row, 1]
    both = np.minimum(found.span[:, 1], high) - np.maximum(found.span[:, 0], low)
    mine = np.flatnonzero((2 * both >= found.span[:, 1] - found.span[:, 0]) & ~judgement.control)
    # The last write wins: the best match, one that counts before one that does not.
    order = mine[np.lexsort((found.similarity[mine], evidence[mine]))]
    best = np.full(len(spikes.text), -1, np.int64)
    best[found.row[order]] = order
    hit = best >= 0
    rows = np.maximum(best, 0)
    taken = pa.array(rows, mask=~hit)
    ids = judge.controls.store.tweet_ids(found.text).array().cast(pa.string())
    size = found.span[:, 1] - found.span[:, 0]
    match = {
        "level": pa.array(np.array(LEVELS)[found.level], pa.string()),
        "similarity": pa.array(found.similarity),
        "containment": pa.array(found.containment),
        "start": pa.array(found.span[:, 0]),
        "end": pa.array(found.span[:, 1]),
        "tweet_id": ids,
        "bits": pa.array(judgement.bits),
        "e_value": pa.array(judgement.e_value),
    }
    counts = hit & (evidence[rows] if len(evidence) else False)
    same = hit & (found.text[rows] == spikes.text if len(evidence) else False)
    return pa.table(
        {
            "kind": pa.array(spikes.kind, pa.string()),
            "band": pa.array(spikes.band),
            "script": pa.array(spikes.script, pa.string()),
            "position": pa.array(np.where(spikes.inside, "inside a record", "own record"), pa.string()),
            "planted_chars": pa.array(spikes.span[:, 1] - spikes.span[:, 0]),
            "found": pa.array(hit),
            "evidence": pa.array(counts),
            "same_text": pa.array(same),
            "found_chars": pa.array(np.where(counts, size[rows] if len(size) else 0, 0)),
            **{name: values.take(taken) for name, values in match.items()},
        }
    )


def error_rates(
    rows: pa.Table, judgement: Judgement, spikes: pa.Table, controls: Controls
) -> tuple[npt.NDArray[np.float64] | None, dict[str, Any]]:
    """The ``q_value`` of each match, nan for control matches, and how it came about; ``None`` and why not.

    Parameters
    ----------
    rows
        Columns ``start, end, tweet_id, similarity, containment``, matches of the dataset and of the control.
    spikes
        From :func:`spike_table`.
    """
    if controls.texts == 0:
        return None, {"known": False, "reason": "no control: false matches can't be counted"}
    table = rows.append_column("bits", pa.array(judgement.bits))
    real = np.flatnonzero(~judgement.control)
    names = ["start", "end", "tweet_id", "similarity", "containment", "bits"]
    came_back = spikes.filter(spikes["found"]).select(names)
    table = table.select(names)
    scores: Scores = score_matches(table.take(pa.array(real)), table.filter(pa.array(judgement.control)), came_back)
    q = np.full(len(table), np.nan)
    q[real] = q_values(scores.matches, scores.control, controls.licensed_texts / controls.texts)
    how = {"known": True, "reason": None, "score": scores.method, "score_reason": scores.reason}
    return q, how


def listed(columns: pa.Table) -> pa.ChunkedArray:
    """Which matches the report lists: a small error rate, or where that is not known few chance matches as good.

    `columns` are those of :data:`ADDED`.
    """
    if columns["q_value"].null_count == len(columns):
        small = pc.less_equal(columns["e_value"], E_MAX)
    else:
        small = pc.less_equal(columns["q_value"], Q_MAX)
    real = pc.and_(pc.invert(columns["control"]), pc.invert(columns["common"]))
    return pc.and_(pc.fill_null(small, False), real)
