"""Spike-ins: licensed texts, changed as pipelines change them, planted and scanned for like everything else.

What comes back is the recall of the scan on this dataset. The texts are a random sample of the licensed ones, spread
evenly over scripts and lengths as the index has them; one half is planted as records of their own, one half inside
records of the dataset. Where few records of the dataset are as short as a tweet, fewer are records of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.calibration.controls import Controls
from provscan.calibration.edits import EDITS
from provscan.matching import Matches, scan_texts
from provscan.matching.carriers import CarrierRecord
from provscan.params import MatchParams
from provscan.scoring.lengths import SCRIPTS, bands, measured
from provscan.text.arrow import buffers

# Spike-ins of a run: one for so many records, within these bounds.
RECORDS_A_SPIKE, FEWEST, MOST = 50, 1000, 3000
# Records that are kept to plant in; each takes several, one at a time.
HOSTS = 400
# Lots drawn for one text that is wanted.
DRAWN = 4
SHORT_RECORD = 512
AROUND = (("\n", "\n"), (" ", " "), (' "', '" '), ("\n> ", "\n\n"), (" <p>", "</p> "))


@dataclass(frozen=True)
class Spikes:
    """What was planted, one entry each.

    Attributes
    ----------
    text
        int64[n], numbers of the licensed texts.
    planted
        What was scanned.
    span
        int64[n, 2], where the copy stands in it, in code points.
    kind, band, script, inside
        Name of the edit, length band (:data:`~provscan.scoring.lengths.BANDS`) and script of the text; whether it
        stands in a record of the dataset.
    """

    text: npt.NDArray[np.int64]
    planted: list[str]
    span: npt.NDArray[np.int64]
    kind: list[str]
    band: npt.NDArray[np.int64]
    script: list[str]
    inside: npt.NDArray[np.bool_]

    def scan(self, controls: Controls, params: MatchParams) -> Matches:
        """Scan for everything that the dataset was scanned for."""
        return scan_texts(*buffers(pa.array(self.planted, pa.large_string())), controls.reader, params)


def how_many(records: int, wanted: int | None) -> int:
    """Spike-ins for a dataset of so many records."""
    return wanted if wanted is not None else min(MOST, max(FEWEST, records // RECORDS_A_SPIKE))


def plant(controls: Controls, params: MatchParams, hosts: list[CarrierRecord], count: int, seed: int) -> Spikes:
    """Choose texts, change them and plant them."""
    texts, weight, script = _sample(controls, params, count, seed)
    originals = controls.licensed.raw_texts(texts).array().to_pylist() if len(texts) else []
    dice = Random(seed)
    order = list(range(len(texts)))
    dice.shuffle(order)
    names = list(EDITS)
    copies = [carrier.copies for carrier in hosts]
    small = sum(carrier.copies for carrier in hosts if carrier.length <= SHORT_RECORD)
    short = small / sum(copies) if hosts else 1.0
    planted: list[str] = []
    span = np.zeros((len(texts), 2), np.int64)
    inside = np.zeros(len(texts), np.bool_)
    kind = [""] * len(texts)
    for turn, i in enumerate(order):
        kind[i] = names[turn % len(names)]
    for i, original in enumerate(originals):
        before, copy, after = EDITS[kind[i]](original, dice)
        inside[i] = bool(hosts) and dice.random() >= short / 2
        if inside[i]:
            head, tail = _parted(dice.choices(hosts, copies)[0].text, dice)
            opening, closing = dice.choice(AROUND)
            before, after = head + opening + before, after + closing + tail
        planted.append(before + copy + after)
        span[i] = len(before), len(before) + len(copy)
    return Spikes(texts, planted, span, kind, bands(weight), [SCRIPTS[number] for number in script], inside)


def _parted(text: str, dice: Random) -> tuple[str, str]:
    """A text in two, between two words where there are any."""
    at = dice.randrange(len(text) + 1)
    while 0 < at < len(text) and not text[at - 1].isspace():
        at -= 1
    return text[:at], text[at:]


def _sample(
    controls: Controls, params: MatchParams, count: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers, lengths (as ``min_chars`` counts) and scripts of a sample of the texts that can be found."""
    size = controls.licensed.size
    rng = np.random.default_rng(seed)
    # Without an index of all numbers: an index may hold billions of texts.
    drawn = np.unique(rng.integers(0, size, DRAWN * count)) if size > DRAWN * count else np.arange(size)
    drawn = drawn[~controls.absent[drawn]]
    rng.shuffle(drawn)
    weight, script = measured(controls.licensed, drawn)
    fit = np.flatnonzero(weight >= params.min_chars)
    # A systematic sample of an ordered list is a proportional one of every class in it.
    fit = fit[np.lexsort((weight[fit], script[fit]))]
    if len(fit) > count:
        fit = fit[np.floor((np.arange(count) + rng.random()) * len(fit) / count).astype(np.int64)]
    return drawn[fit], weight[fit], script[fit]
