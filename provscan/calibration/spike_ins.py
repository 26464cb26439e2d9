"""Spike-ins: licensed texts, edited, planted and scanned for like everything else.

What is found of them is the recall of the scan on this dataset. The texts are a random
sample of the licensed ones, spread evenly over scripts and lengths as the index has
them; where there are few, each is planted several times, edited otherwise. One half is
planted as records of their own, one half inside carrier records of the dataset. Where
few records of the dataset are as short as a tweet, fewer are records of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from provscan.arrays import Flags, Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.calibration.edits import EDITS
from provscan.estimate.damage import nearly_verbatim
from provscan.matching import Matches, compared, in_pieces, scan_texts
from provscan.matching.record_samples import CarrierRecord
from provscan.params import WHOLE_FIELD, MatchParams
from provscan.scoring.lengths import bands, measured
from provscan.scoring.rule import Scored, Scorer
from provscan.text_buffers import buffers

# Spike-ins of a run: one per so many records, within these bounds.
RECORDS_A_SPIKE, FEWEST, MOST = 50, 2000, 3000
# Records that are kept to plant in; each takes several, one at a time.
CARRIERS = 400
# Seed of the texts and of what becomes of them.
DRAW = 1
# Random texts drawn per text that is wanted.
DRAWN = 4
SHORT_RECORD = 512
AROUND = (("\n", "\n"), (" ", " "), (' "', '" '), ("\n> ", "\n\n"), (" <p>", "</p> "))


@dataclass(frozen=True)
class SpikeIns:
    """What was planted, one entry each."""

    text: Numbers  # int64[n], numbers of the licensed texts.
    planted: list[str]  # What was scanned.
    span: Numbers  # int64[n, 2], where the copy stands in it, in code points.
    # Name of the edit, length class (`provscan.scoring.lengths.BANDS`) and script (an
    # entry of `provscan.scoring.lengths.SCRIPTS`) of the text; whether it stands in a
    # record of the dataset.
    edit: npt.NDArray[np.str_]
    band: Numbers
    script: Numbers
    inside: Flags

    def __len__(self) -> int:
        return len(self.text)

    def scan(self, controls: Controls, params: MatchParams) -> Matches:
        return scan_texts(
            *buffers(pa.array(self.planted, pa.large_string())), controls.reader, params
        )

    def unit(self, measure: str, controls: Controls) -> float:
        """Mean size of a copy, by its own weight: in characters or tweets; 1 of
        measures that count units.
        """
        if len(self) == 0 or measure not in ("characters", "tweets"):
            return 1.0
        tweets = measure == "tweets"
        sizes = (
            controls.reader.tweet_counts(self.text)
            if tweets
            else self.span[:, 1] - self.span[:, 0]
        )
        return float((sizes**2).sum() / sizes.sum())


@dataclass(frozen=True)
class Recovered:
    """What was found of spike-ins, one entry each."""

    # bool: a licensed match stands there; a finding does.
    found: Flags
    counted: Flags
    same_text: Flags  # bool: and it is of the very text that was planted.
    detectable: Flags  # bool: a word-for-word copy would be a finding.
    # float64 and bool, of the match, or of the copy itself where none was found.
    similarity: Floats
    containment: Floats
    pieces: Flags
    share: (
        Floats  # float64, code points of the copy that lie under the match, as a share.
    )
    # float64, of the match; nan where none was found or the bits are not known.
    bits: Floats

    @property
    def nearly(self) -> Flags:
        """bool: the match, or the copy where none was found, is nearly verbatim."""
        return nearly_verbatim(self.similarity, self.containment) & ~self.pieces


def how_many(records: int, wanted: int | None) -> int:
    return (
        wanted
        if wanted is not None
        else min(MOST, max(FEWEST, records // RECORDS_A_SPIKE))
    )


def plant(
    controls: Controls,
    params: MatchParams,
    carriers: list[CarrierRecord],
    count: int,
    seed: int,
    edits: Sequence[str] = (),
) -> SpikeIns:
    """Choose texts, edit them and plant them; `edits` names those to take, all by
    default.
    """
    texts, weight, script = _sample(controls, params, count, seed)
    originals = (
        controls.licensed.raw_texts(texts).array().to_pylist() if len(texts) else []
    )
    rng = Random(seed)
    names = list(edits) or list(EDITS)
    # Each edit once among as many neighbours in script and length.
    edit = [
        name
        for _ in range(0, len(texts), len(names))
        for name in rng.sample(names, len(names))
    ][: len(texts)]
    copies = list(accumulate(carrier.copies for carrier in carriers))
    small = sum(
        carrier.copies for carrier in carriers if carrier.length <= SHORT_RECORD
    )
    short = small / copies[-1] if carriers else 1.0
    planted: list[str] = []
    span = np.zeros((len(texts), 2), np.int64)
    inside = np.zeros(len(texts), np.bool_)
    again = Counter[int]()
    for i, original in enumerate(originals):
        # By the text, so that what becomes of it depends on no other text, and by how
        # often it was planted.
        rng.seed(
            xxh3_64_intdigest(original.encode())
            ^ seed
            ^ again[number := int(texts[i])] << 64
        )
        again[number] += 1
        before, copy, after = EDITS[edit[i]](original, rng)
        inside[i] = bool(carriers) and rng.random() >= short / 2
        if inside[i]:
            head, tail = _parted(rng.choices(carriers, cum_weights=copies)[0].text, rng)
            opening, closing = rng.choice(AROUND)
            before, after = head + opening + before, after + closing + tail
        planted.append(before + copy + after)
        span[i] = len(before), len(before) + len(copy)
    return SpikeIns(
        texts, planted, span, np.array(edit, np.str_), bands(weight), script, inside
    )


def recovered(
    spike_ins: SpikeIns, found: Matches, scorer: Scorer, absent: Flags
) -> Recovered:
    """What the scan of spike-ins found of them; matches of `absent` texts find
    nothing.
    """
    whole = np.ones(len(spike_ins))
    # Of the matches, and of word-for-word copies of what was planted in these places.
    sizes = np.diff(spike_ins.span, axis=1)[:, 0]
    matches = Scored(
        found.text,
        found.containment,
        found.similarity,
        found.whole,
        np.diff(found.span, axis=1)[:, 0],
    )
    covered = sizes >= WHOLE_FIELD * np.array([len(text) for text in spike_ins.planted])
    copies_of = Scored(spike_ins.text, whole, whole, covered.astype(np.bool_), sizes)
    scores = scorer.scores(
        Scored(*(np.concatenate(pair) for pair in zip(matches, copies_of, strict=True)))
    )
    detectable = scores.counted[len(found.text) :]
    low, high = spike_ins.span[found.row, 0], spike_ins.span[found.row, 1]
    both = np.minimum(found.span[:, 1], high) - np.maximum(found.span[:, 0], low)
    valid = np.flatnonzero(
        (2 * both >= found.span[:, 1] - found.span[:, 0]) & ~absent[found.text]
    )
    # The last write wins: the best match, one that counts before one that does not.
    order = valid[np.lexsort((found.similarity[valid], scores.counted[valid]))]
    best = np.full(len(spike_ins), -1, np.int64)
    best[found.row[order]] = order
    hit = best >= 0
    at = best[hit]
    missed = np.flatnonzero(~hit)
    span, text = spike_ins.span.copy(), spike_ins.text.copy()
    span[hit], text[hit] = found.span[at], found.text[at]
    copies = pa.array(
        [spike_ins.planted[i][low:high] for i, (low, high) in enumerate(span.tolist())],
        pa.large_string(),
    )
    pieces = in_pieces(*buffers(copies), text, scorer.reader)
    left = np.full((2, len(spike_ins)), np.nan)
    left[:, hit] = found.similarity[at], found.containment[at]
    left[:, missed] = compared(
        *buffers(copies.take(pa.array(missed))), text[missed], scorer.reader
    )[1:]
    counted, same, share, bits = (
        hit.copy(),
        hit.copy(),
        np.zeros(len(spike_ins)),
        np.full(len(spike_ins), np.nan),
    )
    bits[hit] = scores.bits[at]
    counted[hit], same[hit] = scores.counted[at], found.text[at] == spike_ins.text[hit]
    share[hit] = np.clip(both[at] / np.maximum(1, high[at] - low[at]), 0.0, 1.0)
    return Recovered(
        hit, counted, same, detectable, left[0], left[1], pieces, share, bits
    )


def _parted(text: str, rng: Random) -> tuple[str, str]:
    at = rng.randrange(len(text) + 1)
    while 0 < at < len(text) and not text[at - 1].isspace():
        at -= 1
    return text[:at], text[at:]


def draw_texts(
    controls: Controls, count: int, seed: int, *, absent: bool = False
) -> Numbers:
    """A random sample of the licensed texts, or of the control's, in random order; all
    where there are fewer.
    """
    drawn, known = [np.zeros(0, np.int64)], 0
    for texts in controls.reader.shuffled(seed, controls.absent == absent):
        drawn.append(texts)
        known += len(texts)
        if known >= count:
            break
    return np.concatenate(drawn)[:count]


def _sample(
    controls: Controls, params: MatchParams, count: int, seed: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Numbers, lengths (as ``min_chars`` counts) and scripts of a sample of the texts
    that can be found.
    """
    drawn = draw_texts(controls, DRAWN * count, seed)
    weight, script = measured(controls.licensed, drawn)
    fit = np.flatnonzero(weight >= params.min_chars)
    # A systematic sample of an ordered list is a proportional one of every class in it,
    # and of a short list all of it, several times.
    fit = fit[np.lexsort((weight[fit], script[fit]))]
    if len(fit):
        start = np.random.default_rng(seed + 1).random()
        fit = fit[
            np.floor((np.arange(count) + start) * len(fit) / count).astype(np.int64)
        ]
    return drawn[fit], weight[fit], script[fit]
