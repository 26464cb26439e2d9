"""Random samples of the licensed and of the control texts, compared: what the one says
of the other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from provscan.arrays import Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import DRAW, draw_texts
from provscan.estimate.strata import Strata, divide, thirds
from provscan.ordered_map import ordered_map
from provscan.scoring.authorship import authorship
from provscan.scoring.background import Background
from provscan.scoring.lengths import BANDS, SCRIPTS, bands, measured

# Texts whose script and length, whose authors, times and languages, and whose wording
# is looked up.
SAMPLE, KNOWN, WORDED = 4_000, 2_000, 600
# Languages are strata where so many texts of either side have one; those of so many of
# the licensed by themselves.
HAVE_LANGUAGE, OF_ITS_OWN = 0.8, 0.05
UNSPACED = np.array([name in ("chinese", "japanese", "thai") for name in SCRIPTS])


@dataclass(frozen=True)
class Side:
    """A random sample of the licensed texts, or of the control's, that are looked for;
    the first ones in full.
    """

    total: int  # Texts that there are.
    # Script (an entry of `provscan.scoring.lengths.SCRIPTS`) and place of the length
    # class of each text.
    script: Numbers
    band: Numbers
    year: Numbers  # Years, where known.
    # "" where not known.
    author: list[str]
    lang: list[str]
    # Bits for each code point; nan where not known. Empty if there is no control.
    rarity: Floats
    # Share of all texts that are too short to be looked for, and so on no side.
    too_short: float = 0.0


def sides_of(
    controls: Controls, background: Background, min_chars: int, threads: int
) -> tuple[Side, Side]:
    """Samples of the licensed and of the control texts."""
    of = partial(_side_of, controls, background, min_chars)
    licensed, control = ordered_map(
        lambda absent: of(absent=absent), (False, True), threads
    )
    return licensed, control


def _side_of(
    controls: Controls, background: Background, min_chars: int, *, absent: bool
) -> Side:
    total = controls.texts if absent else controls.licensed_texts
    texts = draw_texts(controls, SAMPLE, DRAW, absent=absent)
    length, script = measured(controls.reader, texts)
    long = length >= min_chars
    too_short = 1.0 - float(long.mean()) if len(long) else 0.0
    total, texts, length, script = (
        round(total * (1.0 - too_short)),
        texts[long],
        length[long],
        script[long],
    )
    known = authorship(controls.reader, texts[:KNOWN])
    authors, languages = (
        ["" if name is None else str(name) for name in column.to_pylist()]
        for column in (known.author, known.lang)
    )
    # Of no use without a control.
    worded = WORDED if controls.texts else 0
    rarity = background.bits(controls.reader, texts[:worded]) / np.maximum(
        length[:worded], 1
    )
    years: Numbers = known.year.drop_null().to_numpy().astype(np.int64)
    return Side(
        total,
        script,
        band_places(bands(length)),
        years,
        authors,
        languages,
        rarity,
        too_short,
    )


def band_places(band: Numbers) -> Numbers:
    return np.searchsorted(np.array(BANDS), band).astype(np.int64)


def recall_group(script: Numbers, band: Numbers) -> Numbers:
    """Class of script and length by which recall is weighted."""
    return UNSPACED[script] * len(BANDS) + band_places(band)


@dataclass(frozen=True)
class Classes:
    """Strata, and to which each text belongs."""

    strata: Strata  # By script, length, and language where it is known.
    languages: list[
        str
    ]  # Those that are strata by themselves; none where language is not known.
    # Ends of the thirds of the licensed texts by rarity of wording, and what multiplies
    # the weights there.
    thirds: Floats
    factors: Floats
    # Share that the lengths of both sides have in common, the control's weighed by the
    # strata.
    lengths: float

    def weights(self, stratum: Numbers, rarity: Floats) -> Floats:
        """Licensed texts for which a control text of each stratum and rarity counts."""
        third = np.searchsorted(self.thirds, rarity)
        return self.strata.weights[stratum] * np.where(
            np.isnan(rarity), 1.0, self.factors[np.minimum(third, 2)]
        )

    @property
    def heaviest(self) -> float:
        """The largest weight that a text could have."""
        return float(self.strata.weights.max(initial=0.0) * self.factors.max())

    def of(self, script: Numbers, band: Numbers, lang: pa.ChunkedArray) -> Numbers:
        """Stratum of each text, by its script, length class and language."""
        code = np.zeros(len(script), np.int64)
        if self.languages:
            coded = lang.combine_chunks().dictionary_encode()
            names = _codes([*coded.dictionary.to_pylist(), ""], self.languages)
            code = names[
                coded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
            ]
        return self.strata.of_class[
            script * (len(self.languages) + 1) + code, band_places(band)
        ]


def classes_of(licensed: Side, control: Side) -> Classes:
    both = min(
        (np.mean([name != "" for name in side.lang]) if side.lang else 0.0)
        for side in (licensed, control)
    )
    count = Counter(licensed.lang)
    languages = sorted(
        n for n in count if n and count[n] >= OF_ITS_OWN * len(licensed.lang)
    )
    if both < HAVE_LANGUAGE or len(languages) < 2:
        languages = []
    codes = len(languages) + 1
    tables, cells = [], []
    for side in (licensed, control):
        table = np.zeros((len(SCRIPTS) * codes, len(BANDS)))
        used = len(side.lang) if languages else len(side.script)
        code = _codes(side.lang, languages) if languages else np.zeros(used, np.int64)
        cells.append((side.script[:used] * codes + code, side.band[:used]))
        np.add.at(table, cells[-1], side.total / max(1, used))
        tables.append(table)
    others = [*languages, "other languages"] if languages else [""]
    kinds = [
        f"{script}{f', {name}' if name else ''}"
        for script in SCRIPTS
        for name in others
    ]
    strata = divide(kinds, BANDS, *tables)
    # Only of texts in strata that are measured; each counts as its stratum does.
    rarities, weights, lengths = [], [], []
    for side, cell in zip((licensed, control), cells, strict=True):
        weight = strata.weights[strata.of_class[cell]]
        counts = (weight > 0.0).astype(np.float64) if side is licensed else weight
        lengths.append(
            np.bincount(cell[1], counts, len(BANDS)) / max(1e-9, float(counts.sum()))
        )
        weight = weight[: len(side.rarity)]
        known = (weight > 0.0) & ~np.isnan(side.rarity[: len(weight)])
        rarities.append(side.rarity[: len(weight)][known])
        weights.append(weight[known])
    common = float(np.minimum(*lengths).sum()) if lengths[1].any() else 1.0
    return Classes(
        strata, languages, *thirds(rarities[0], rarities[1], weights[1]), common
    )


def _codes(names: list[str], languages: list[str]) -> Numbers:
    place = {name: number for number, name in enumerate(languages)}
    return np.array([place.get(name, len(languages)) for name in names], np.int64)


def agreement(licensed: Side, control: Side) -> dict[str, float]:
    """How far two sides agree in what is known of both, 1 where they do not differ.

    Script, length, language, year and wording: the share that both distributions have
    in common. Author: how often a text of the control is by an author of the licensed
    sample, over how often another licensed text is.
    """
    result = {}
    pairs = {
        "script": (licensed.script, control.script),
        "length": (licensed.band, control.band),
        "year": (licensed.year, control.year),
    }
    for name, (first, second) in pairs.items():
        if len(first) and len(second):
            result[name] = _common(first, second)
    if any(licensed.lang) and any(control.lang):
        codes = {
            name: number
            for number, name in enumerate(
                sorted({*licensed.lang, *control.lang} - {""})
            )
        }
        first, second = (
            np.array([codes[name] for name in side.lang if name])
            for side in (licensed, control)
        )
        result["language"] = _common(first, second)
    rare, rest = (side.rarity[~np.isnan(side.rarity)] for side in (licensed, control))
    if len(rare) and len(rest):
        edges = np.quantile(rare, [0.2, 0.4, 0.6, 0.8])
        result["wording"] = _common(
            np.searchsorted(edges, rare), np.searchsorted(edges, rest)
        )
    half = len(licensed.author) // 2
    others, own = (
        [name for name in names if name]
        for names in (control.author, licensed.author[half:])
    )
    known = set(licensed.author[:half]) - {""}
    again = float(np.mean([name in known for name in own])) if own else 0.0
    if again > 0.0 and others:
        result["author"] = min(
            1.0, float(np.mean([name in known for name in others])) / again
        )
    return result


def _common(first: Numbers, second: Numbers) -> float:
    size = int(max(first.max(), second.max())) + 1
    shares = [np.bincount(each, minlength=size) / len(each) for each in (first, second)]
    return float(np.minimum(*shares).sum())


def span(years: Numbers) -> str:
    """Nine tenths of the years, as words."""
    low, high = (int(np.quantile(years, q, method="nearest")) for q in (0.05, 0.95))
    return f"{low}-{high}" if low < high else str(low)


def by_year(years: Numbers) -> dict[str, int]:
    """How many there are of each year."""
    names, counts = np.unique(years, return_counts=True)
    return dict(zip(map(str, names.tolist()), counts.tolist(), strict=True))


def of_control(
    years: Numbers, matched: Numbers, texts: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Years of a control, its clusters of each year, and its texts, from the years of a
    sample of its texts and of its clusters.
    """
    every = np.unique(np.concatenate([years, matched]))
    clusters = np.array([np.count_nonzero(matched == year) for year in every], np.int64)
    sizes = np.array([np.count_nonzero(years == year) for year in every], np.int64)
    return (
        every,
        clusters,
        np.maximum(1, np.round(sizes * texts / max(1, len(years)))).astype(np.int64),
    )
