"""Spike-ins: licensed texts that are edited, planted and scanned like the dataset.

The share of spike-ins that is found is the recall of the scan on this dataset. The
texts are a random sample of the licensed texts, with scripts and lengths in the same
proportions as in the index. If the index is small, each text is planted several times
with different edits. Half of the spike-ins are records of their own, and the other half
are inside carrier records of the dataset. If few records of the dataset are as short as
a tweet, fewer spike-ins are records of their own.

:func:`plant` makes :class:`SpikeIns`, :meth:`SpikeIns.scan` scans them, and
:func:`recovered_spike_ins` says which of them were found.
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
from provscan.calibration.edits import EDITS, edited, words_of
from provscan.estimate.damage import nearly_verbatim
from provscan.matching import Matches, compared, copied_wording, scan_texts
from provscan.matching.record_samples import CarrierRecord
from provscan.params import WHOLE_FIELD, MatchParams
from provscan.scoring.lengths import length_classes, lengths_and_scripts
from provscan.scoring.rule import MatchTraits, Scorer
from provscan.text_buffers import buffers

# A run has one spike-in per RECORDS_PER_SPIKE records, but at least FEWEST and at most
# MOST.
RECORDS_PER_SPIKE, FEWEST, MOST = 50, 2000, 3000
# Maximum number of carrier records; each is used several times, with one spike-in at a
# time.
CARRIERS = 400
# Seed of the choice of texts and of their edits.
DRAW = 1
# Number of texts that are drawn per spike-in; some are too short to be planted.
TEXTS_PER_SPIKE = 4
# Maximum number of texts of each script whose words replace words of others.
VOCABULARY = 200
# Maximum length in code points of a record that counts as being as short as a tweet.
SHORT_RECORD = 512
# Text that separates a copy from its carrier record, before and after the copy.
AROUND = (("\n", "\n"), (" ", " "), (' "', '" '), ("\n> ", "\n\n"), (" <p>", "</p> "))


@dataclass(frozen=True)
class SpikeIns:
    """Planted texts; each column has one entry per spike-in."""

    text: Numbers  # int64[n], ids of the licensed texts.
    planted: list[str]  # The scanned texts: each copy with its surroundings.
    span: Numbers  # int64[n, 2], code points of the copy in the scanned text.
    # The name of the edit; the length class (``provscan.scoring.lengths.LENGTHS``) and
    # the script (an index of ``provscan.scoring.lengths.SCRIPTS``) of the text; and
    # whether the copy is inside a carrier record.
    edit: npt.NDArray[np.str_]
    length_class: Numbers
    script: Numbers
    inside: Flags

    def __len__(self) -> int:
        return len(self.text)

    def scan(self, controls: Controls, params: MatchParams) -> Matches:
        return scan_texts(
            *buffers(pa.array(self.planted, pa.large_string())), controls.reader, params
        )

    def passages(self, rows: Numbers, span: Numbers) -> pa.LargeStringArray:
        """Return passages of the planted texts, given by row and span."""
        places = zip(rows.tolist(), *span.T.tolist(), strict=True)
        return pa.array(
            [self.planted[row][low:high] for row, low, high in places],
            pa.large_string(),
        )

    def mean_size(self, unit: str, controls: Controls) -> float:
        """Return the mean size of a copy in characters or tweets, weighted by size; for
        records and texts, it is 1.
        """
        if len(self) == 0 or unit not in ("characters", "tweets"):
            return 1.0
        tweets = unit == "tweets"
        sizes = (
            controls.reader.tweet_counts(self.text)
            if tweets
            else self.span[:, 1] - self.span[:, 0]
        )
        return float((sizes**2).sum() / sizes.sum())


@dataclass(frozen=True)
class Recovered:
    """Results of scanning spike-ins; each column has one entry per spike-in."""

    # bool: whether a licensed text matches at the position of the spike-in, and whether
    # this match is a finding.
    found: Flags
    counted: Flags
    same_text: Flags  # bool: the matched text is the planted text.
    possible: Flags  # bool: an exact copy at the same position would be a finding.
    # float64 and bool: values of the match or, if the copy was missed, of the copy.
    similarity: Floats
    containment: Floats
    pieces: Flags
    # float64: share of the copy's code points that the match covers.
    share: Floats
    # bool: the planted text is detectable: an exact copy in a field of its own would be
    # a finding.
    detectable: Flags
    # bool: the matched text is detectable, and the match is nearly verbatim.
    alike: Flags
    # bool: the match, or the copy if it was missed, is nearly verbatim, disregarding
    # words beside it.
    nearly: Flags
    # float64: bits of the match; nan if there is none or its bits are unknown.
    bits: Floats


def spike_in_count(records: int, wanted: int | None) -> int:
    return (
        wanted
        if wanted is not None
        else min(MOST, max(FEWEST, records // RECORDS_PER_SPIKE))
    )


def plant(
    controls: Controls,
    params: MatchParams,
    carriers: list[CarrierRecord],
    count: int,
    seed: int,
    edits: Sequence[str] = (),
) -> SpikeIns:
    """Choose texts, edit them and plant them; ``edits`` names the edits to use (all by
    default).
    """
    texts, weight, script = _sample(controls, params, count, seed)
    originals = (
        controls.licensed.raw_texts(texts).array().to_pylist() if len(texts) else []
    )
    rng = Random(seed)
    words = _words(originals, script, rng)
    names = list(edits) or list(EDITS)
    # Use each edit once in every group of texts with neighbouring scripts and lengths.
    edit = [
        name
        for _ in range(0, len(texts), len(names))
        for name in rng.sample(names, len(names))
    ][: len(texts)]
    # Draw carriers as often as they occur in the dataset.
    cumulative = list(accumulate(carrier.copies for carrier in carriers))
    small = sum(
        carrier.copies for carrier in carriers if carrier.length <= SHORT_RECORD
    )
    short = small / cumulative[-1] if carriers else 1.0
    planted: list[str] = []
    span = np.zeros((len(texts), 2), np.int64)
    inside = np.zeros(len(texts), np.bool_)
    planted_before = Counter[int]()
    for i, original in enumerate(originals):
        # Seed with the text and the number of times it was planted before, so that its
        # edits do not depend on other texts.
        rng.seed(
            xxh3_64_intdigest(original.encode())
            ^ seed
            ^ planted_before[number := int(texts[i])] << 64
        )
        planted_before[number] += 1
        before, copy, after = edited(edit[i], original, rng, words[int(script[i])])
        inside[i] = bool(carriers) and rng.random() >= short / 2
        if inside[i]:
            carrier = rng.choices(carriers, cum_weights=cumulative)[0]
            head, tail = _cut_in_two(carrier.text, rng)
            opening, closing = rng.choice(AROUND)
            before, after = head + opening + before, after + closing + tail
        planted.append(before + copy + after)
        span[i] = len(before), len(before) + len(copy)
    return SpikeIns(
        text=texts,
        planted=planted,
        span=span,
        edit=np.array(edit, np.str_),
        length_class=length_classes(weight),
        script=script,
        inside=inside,
    )


def recovered_spike_ins(
    spike_ins: SpikeIns, found: Matches, scorer: Scorer, control: Flags
) -> Recovered:
    """Return which spike-ins the scan found, disregarding matches of ``control``
    texts.
    """
    # Score the matches, and exact copies at the positions of the spike-ins.
    ones = np.ones(len(spike_ins))
    sizes = np.diff(spike_ins.span, axis=1)[:, 0]
    found_sizes = np.diff(found.span, axis=1)[:, 0]
    matches = MatchTraits(
        found.text,
        found.containment,
        found.whole,
        found_sizes,
        copied_wording(
            *buffers(spike_ins.passages(found.row, found.span)),
            found.text,
            scorer.reader,
        ).stretch,
    )
    whole = sizes >= WHOLE_FIELD * np.array([len(text) for text in spike_ins.planted])
    everything = np.zeros((len(spike_ins), 3), np.int64)
    copies_of = MatchTraits(
        spike_ins.text, ones, whole.astype(np.bool_), sizes, everything
    )
    scores = scorer.scores(
        MatchTraits(
            *(np.concatenate(pair) for pair in zip(matches, copies_of, strict=True))
        )
    )
    possible = scores.passes_rule[len(found.text) :]

    # Choose the best match of each spike-in among those of licensed texts of which at
    # least half is inside the copy. Findings are better than other matches, and more
    # similar matches are better than others. The last write wins, so the best is last.
    low, high = spike_ins.span[found.row, 0], spike_ins.span[found.row, 1]
    inside = np.minimum(found.span[:, 1], high) - np.maximum(found.span[:, 0], low)
    valid = np.flatnonzero((2 * inside >= found_sizes) & ~control[found.text])
    order = valid[np.lexsort((found.similarity[valid], scores.passes_rule[valid]))]
    best = np.full(len(spike_ins), -1, np.int64)
    best[found.row[order]] = order
    hit = best >= 0
    at, missed = best[hit], np.flatnonzero(~hit)

    # Compare each match with its text or, if the copy was missed, the copy with the
    # planted text.
    span, text = spike_ins.span.copy(), spike_ins.text.copy()
    span[hit], text[hit] = found.span[at], found.text[at]
    copies = spike_ins.passages(np.arange(len(spike_ins)), span)
    similarity, containment = np.full((2, len(spike_ins)), np.nan)
    similarity[hit], containment[hit] = found.similarity[at], found.containment[at]
    _, similarity[missed], containment[missed] = compared(
        *buffers(copies.take(pa.array(missed))), text[missed], scorer.reader
    )

    counted, same_text = hit.copy(), hit.copy()
    counted[hit] = scores.passes_rule[at]
    same_text[hit] = found.text[at] == spike_ins.text[hit]
    share, bits = np.zeros(len(spike_ins)), np.full(len(spike_ins), np.nan)
    share[hit] = np.clip(inside[at] / np.maximum(1, high[at] - low[at]), 0.0, 1.0)
    bits[hit] = scores.bits[at]
    wording = copied_wording(*buffers(copies), text, scorer.reader)
    nearly = nearly_verbatim(similarity, containment)
    nearly |= nearly_verbatim(wording.similarity, containment)
    nearly &= ~wording.pieces
    alike = hit & nearly
    alike[hit] &= scorer.detectable(found.text[at])
    return Recovered(
        found=hit,
        counted=counted,
        same_text=same_text,
        possible=possible,
        similarity=similarity,
        containment=containment,
        pieces=wording.pieces,
        share=share,
        detectable=scorer.detectable(spike_ins.text),
        alike=alike,
        nearly=nearly,
        bits=bits,
    )


def _words(originals: list[str], script: Numbers, rng: Random) -> dict[int, list[str]]:
    """Return words of a sample of the texts of each script."""
    result = {}
    for code in np.unique(script).tolist():
        rows = np.flatnonzero(script == code).tolist()
        chosen = rng.sample(rows, min(len(rows), VOCABULARY))
        result[code] = words_of(originals[i] for i in chosen)
    return result


def _cut_in_two(text: str, rng: Random) -> tuple[str, str]:
    """Cut a text at a random place between words."""
    at = rng.randrange(len(text) + 1)
    while 0 < at < len(text) and not text[at - 1].isspace():
        at -= 1
    return text[:at], text[at:]


def draw_texts(
    controls: Controls, count: int, seed: int, *, control: bool = False
) -> Numbers:
    """Draw a random sample of the licensed or the control texts, in random order; if
    there are fewer than ``count``, return all of them.
    """
    drawn, known = [np.zeros(0, np.int64)], 0
    for texts in controls.reader.shuffled(seed, controls.control == control):
        drawn.append(texts)
        known += len(texts)
        if known >= count:
            break
    return np.concatenate(drawn)[:count]


def _sample(
    controls: Controls, params: MatchParams, count: int, seed: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Draw a sample of the texts that are long enough to be found; return their
    numbers, lengths (as ``min_chars`` counts them) and scripts.
    """
    drawn = draw_texts(controls, TEXTS_PER_SPIKE * count, seed)
    weight, script = lengths_and_scripts(controls.licensed, drawn)
    fit = np.flatnonzero(weight >= params.min_chars)
    # A systematic sample of an ordered list represents every class in it in proportion.
    # From a list shorter than the sample, every text is drawn, some several times.
    fit = fit[np.lexsort((weight[fit], script[fit]))]
    if len(fit):
        start = np.random.default_rng(seed + 1).random()
        fit = fit[
            np.floor((np.arange(count) + start) * len(fit) / count).astype(np.int64)
        ]
    return drawn[fit], weight[fit], script[fit]
