"""What to think of each match: how surprising it is, whether chance explains it, how likely it is false.

A :class:`Judge` holds what a run knows about licensed texts. Matches of the dataset, of the control and of the
spike-ins go through the same :meth:`Judge.judged`, so that what is said of the ones holds for the others. *Evidence* is
what the estimate counts, by a :class:`Rule` that is fixed beforehand and knows nothing of the dataset's matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import Spikes
from provscan.engine.ordered_map import ordered_map
from provscan.estimate import Scores, common_text, e_value, matched_bits, q_values, score_matches
from provscan.estimate.matched import distinct, record_numbers
from provscan.matching import LEVELS, MATCHES, Matches, compared
from provscan.scoring.authorship import Holders, holders
from provscan.scoring.background import Background
from provscan.scoring.lengths import bands, measured
from provscan.text.arrow import buffers

# Error rate of the list.
Q_MAX = 0.01
# Texts that a thread looks at in one go, at most.
TEXTS = 1 << 14
# Share of the spike-ins that are evidence otherwise which the learned score may give up. Chance that is counted has to
# be subtracted again, with all its noise: of what it may match, this share holds nearly all.
GIVEN_UP = 0.01


@dataclass(frozen=True)
class Rule:
    """What is evidence: a text that is no common property, matched well enough.

    Attributes
    ----------
    e_max
        Most chance matches as good that the background model may expect in the whole scan.
    containment
        Least share of the licensed text that the match holds.
    common_sources
        Matches that may come from a source which both sides copied from, for each code point scanned and each licensed
        text, at most: lower ends allow for so many, and no more than so many are no claim.
    """

    e_max: float
    containment: float
    common_sources: float = 0.0


# Where a control measures chance, and where nothing does: letters don't come together like that by chance, but names,
# titles and sayings come from a third place, most of them as a part of a tweet. How many, nobody knows who has no
# control: benchmarks/estimates.py finds 3 to 5e-12 at most (in headlines), half of what is allowed for.
CONTROLLED = Rule(0.01, 0.0)
ALONE = Rule(1e-8, 0.8, 1e-11)

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
    threads
        How many look at texts.
    """

    controls: Controls
    background: Background
    characters: int
    threads: int = 1

    @property
    def rule(self) -> Rule:
        """By which matches are evidence."""
        return CONTROLLED if self.controls.texts else ALONE

    @property
    def common_sources(self) -> float:
        """Matches of the whole scan that may come from a source which both sides copied from."""
        return self.rule.common_sources * self.characters * self.controls.licensed_texts

    def judged(self, text: npt.NDArray[np.int64], containment: npt.NDArray[np.float64]) -> Judgement:
        """Judge matches: numbers of their texts and their containments, each [n]."""
        matched, place = np.unique(text, return_inverse=True)
        place = place.reshape(-1)
        of_text, length = self._of_texts(matched)
        held = holders(self.controls.reader, matched)
        bits = matched_bits(of_text[place], length[place], containment)
        licensed_texts = max(1, self.controls.licensed_texts)
        expected = e_value(bits, max(1, self.characters), licensed_texts)
        repeated = np.isin(matched, self.controls.repeated)
        common = common_text(held.authors, 0, repeated, np.where(np.isnan(of_text), np.inf, of_text))
        # Of unknown bits where only a control can say something of chance.
        good = np.where(np.isnan(expected), self.rule is CONTROLLED, expected <= self.rule.e_max)
        evidence = good & (containment >= self.rule.containment) & ~common[place]
        return Judgement(
            place, held, bands(length)[place], bits, expected, self.controls.absent[text], common[place], evidence
        )

    def _of_texts(self, texts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Bits and lengths of some texts, [n] each."""
        bits, length = np.empty(len(texts)), np.empty(len(texts), np.int64)
        step = max(1, min(TEXTS, -(-len(texts) // self.threads)))

        def look(low: int) -> None:
            some, reader = texts[low : low + step], self.controls.reader
            bits[low : low + step] = self.background.bits(reader, some)
            length[low : low + step], _ = measured(reader, some)

        for _ in ordered_map(look, range(0, len(texts), step), self.threads):
            pass
        return bits, length


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
    control, common, evidence
        bool: the text is a control; the text is common property; the match is evidence by the rule.
    """

    place: npt.NDArray[np.int64]
    holders: Holders
    band: npt.NDArray[np.int64]
    bits: npt.NDArray[np.float64]
    e_value: npt.NDArray[np.float64]
    control: npt.NDArray[np.bool_]
    common: npt.NDArray[np.bool_]
    evidence: npt.NDArray[np.bool_]

    def about(self) -> pa.Table:
        """Columns ``author, year, lang`` of each match, as numbers of the distinct ones."""
        rows = pa.array(self.place)
        names = ("author", "year", "lang")
        coded = [getattr(self.holders, name).combine_chunks().dictionary_encode() for name in names]
        return pa.table({name: some.take(rows) for name, some in zip(names, coded, strict=True)})

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


def spike_table(spikes: Spikes, found: Matches, judge: Judge) -> pa.Table:
    """One row a spike-in: what was planted, and the best licensed match of what stands there.

    Columns ``kind, band, script, position, planted_chars``; ``found``, ``evidence`` (the match is one that the estimate
    counts), ``same_text`` (and of the very text that was planted), ``possible`` (a word-for-word copy would count);
    ``level, similarity, containment`` of the match, or of the copy itself where none was found; and of the match
    ``start, end, tweet_id, bits, e_value, found_chars``, null where there is none.
    """
    judgement = judge.judged(found.text, found.containment)
    evidence = judgement.evidence
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
    ids = judge.controls.reader.tweet_ids(found.text).array().cast(pa.string())
    size = found.span[:, 1] - found.span[:, 0]
    missed = np.flatnonzero(~hit)
    copies = pa.array(
        [spikes.planted[i][low:high] for i in missed.tolist() for low, high in [spikes.span[i]]], pa.large_string()
    )
    looks = compared(*buffers(copies), spikes.text[missed], judge.controls.reader)
    level, similarity, containment = (
        _filled(values, rows, missed, instead)
        for values, instead in zip((found.level, found.similarity, found.containment), looks, strict=True)
    )
    match = {
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
            "possible": pa.array(judge.judged(spikes.text, np.ones(len(spikes.text))).evidence),
            "level": pa.array(np.array(LEVELS)[level], pa.string()),
            "similarity": pa.array(similarity),
            "containment": pa.array(containment),
            "found": pa.array(hit),
            "evidence": pa.array(counts),
            "same_text": pa.array(same),
            "found_chars": pa.array(np.where(counts, size[rows] if len(size) else 0, 0)),
            **{name: values.take(taken) for name, values in match.items()},
        }
    )


def _filled(
    values: npt.NDArray[Any], rows: npt.NDArray[np.int64], missed: npt.NDArray[np.int64], instead: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """``values[rows]``, but for the missed ones."""
    result = values[rows] if len(values) else np.zeros(len(rows), values.dtype)
    result[missed] = instead
    return result


@dataclass(frozen=True)
class Scored:
    """What the learned score says of a scan.

    Attributes
    ----------
    q_value
        float64, one a match, nan for matches of the control; ``None`` where it can't be known.
    evidence
        bool, one a match: evidence that the score does not take for chance.
    spikes
        The table of the spike-ins, by the same rule.
    how
        How it came about, for ``summary.json``.
    given_up
        Share of the spike-ins that the score may give up; 0 where nothing was learned.
    """

    q_value: npt.NDArray[np.float64] | None
    evidence: npt.NDArray[np.bool_]
    spikes: pa.Table
    how: dict[str, Any]
    given_up: float = 0.0


def scored(rows: pa.Table, judgement: Judgement, spikes: pa.Table, controls: Controls) -> Scored:
    """Learn to tell spike-ins from the control, and what that says of each match.

    The least score of evidence is the one that all but :data:`GIVEN_UP` of the spike-ins reach that are evidence
    otherwise: the dataset's matches have no say in it.

    Parameters
    ----------
    rows
        Columns ``start, end, tweet_id, similarity, containment``, matches of the dataset and of the control.
    spikes
        From :func:`spike_table`.
    """
    if controls.texts == 0:
        how = {"known": False, "reason": "no control: false matches can't be counted"}
        return Scored(None, judgement.evidence, spikes, how)
    table = rows.append_column("bits", pa.array(judgement.bits))
    real, chance = np.flatnonzero(~judgement.control), np.flatnonzero(judgement.control)
    names = ["start", "end", "tweet_id", "similarity", "containment", "bits"]
    came_back = spikes["found"].to_numpy()
    table = table.select(names)
    scores: Scores = score_matches(
        table.take(pa.array(real)), table.take(pa.array(chance)), spikes.filter(pa.array(came_back)).select(names)
    )
    q = np.full(len(table), np.nan)
    q[real] = q_values(scores.matches, scores.control, controls.licensed_texts / controls.texts)
    evidence, planted = judgement.evidence.copy(), spikes["evidence"].to_numpy().copy()
    least = None
    if scores.method == "logistic" and planted.any():
        least = float(np.quantile(scores.spikes[planted[came_back]], GIVEN_UP))
        evidence[real] &= scores.matches >= least
        evidence[chance] &= scores.control >= least
        planted[came_back] &= scores.spikes >= least
        at = spikes.column_names.index("evidence")
        spikes = spikes.set_column(at, "evidence", pa.array(planted))
        under = np.where(planted, spikes["found_chars"].to_numpy(), 0)
        spikes = spikes.set_column(spikes.column_names.index("found_chars"), "found_chars", pa.array(under))
    how = {
        "known": True, "reason": None, "score": scores.method, "score_reason": scores.reason, "least_score": least,
    }  # fmt: skip
    return Scored(q, evidence, spikes, how, 0.0 if least is None else GIVEN_UP)


def listed(rows: pa.Table, judgement: Judgement, answer: Scored, judge: Judge) -> npt.NDArray[np.bool_]:
    """bool, one a match: which ones the report lists.

    With a control those of a small error rate. Without one those that are evidence, if more records hold some than may
    do so because both sides copied from a third (:attr:`Rule.common_sources`, and 97.5 % of the Poisson distribution).
    """
    if answer.q_value is not None:
        with np.errstate(invalid="ignore"):
            return (answer.q_value <= Q_MAX) & ~judgement.control & ~judgement.common
    from scipy.special import pdtr

    evidence = answer.evidence & ~judgement.control
    held = len(distinct(record_numbers(rows["source"], rows["record"])[evidence]))
    claimed = held > 0 and pdtr(held - 1, judge.common_sources) >= 0.975
    return evidence & bool(claimed)
