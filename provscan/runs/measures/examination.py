"""Examine the claim of a run and the control behind it (:func:`examine`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from provscan.arrays import Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.estimate.examination import (
    MOST,
    Contributor,
    Examination,
    clockwork,
    most_frequent,
    pooled,
    repeated_wording,
    too_rare,
)
from provscan.runs.counting.matches import NO_DATE, ScoredMatches
from provscan.runs.counting.strata import TextSamples
from provscan.runs.measures.chance import Claim, MeasuredChance
from provscan.runs.measures.wording import WORDED, worded_like_dataset
from provscan.scoring.authorship import KINDS, Authorship, coded_authors, weeks

# The control may lack a year of the findings if the year has this share of the licensed
# texts or more: a control of later tweets is fair.
RARE_YEAR = 0.1


def examine(
    matches: ScoredMatches,
    chance: MeasuredChance,
    samples: TextSamples,
    controls: Controls,
    until: datetime | None,
) -> Examination:
    """Examine a claim. Without one, there is nothing to examine.

    ``until`` is the time at which the dataset was complete, if given.
    """
    claim = chance.claims[0]
    first = claim.clusters.first
    if not chance.claimed or len(first) == 0:
        return Examination()
    found = _taken(matches.authorship, first)
    contributor = _contributor(matches, chance.claims, samples, controls)
    certain, possible = (times[first] for times in _latest(matches, until))
    posted = found.time.fill_null(-1).to_numpy()
    younger = posted > possible
    dated = (posted >= 0) & np.isfinite(possible) & (younger | (posted <= certain))
    return Examination(
        clusters=len(first),
        explained=claim.limits["clusters"].high,
        like_dataset=pooled(worded_like_dataset(matches, first, controls)),
        contributor=contributor,
        lacking=_lacking(found, samples, years=contributor is None)
        if controls.texts
        else None,
        younger=float(np.mean(younger[dated])) if dated.any() else None,
        dated=int(dated.sum()),
    )


def _lacking(found: Authorship, samples: TextSamples, *, years: bool) -> str | None:
    """Return a kind of text (with ``years``, also a year) to which many findings belong
    and which the control lacks; None if there is none.
    """
    licensed, control = samples
    kind = too_rare(found.kind, licensed.kind, control.kind, KINDS)
    if kind is not None or not years:
        return kind
    rare = [
        year
        for year in distinct(found.year.drop_null().to_numpy()).tolist()
        if np.mean(licensed.year == year) < RARE_YEAR
    ]

    def codes(every: Numbers) -> Numbers:
        return np.array([rare.index(y) if y in rare else -1 for y in every.tolist()])

    every = found.year.fill_null(-1).to_numpy()
    names = [f"tweets of {year}" for year in rare]
    return too_rare(codes(every), codes(licensed.year), codes(control.year), names)


def _latest(matches: ScoredMatches, until: datetime | None) -> tuple[Floats, Floats]:
    """Return two times for each text, in milliseconds, infinite if unknown: if it was
    posted before the first, it is certainly old enough to be the source of all its
    findings; if after the second, it certainly is not. Certainly a day after the date
    of the earliest record, since dates may lack the time or the time zone; possibly at
    the end of its month or year, if the date is the first day of one, since dates may
    lack the day or the month. Neither is after ``until``.
    """
    end = np.inf if until is None else until.timestamp() * 1000.0
    certain, possible = np.full((2, len(matches.text)), end)
    rows = matches.rows
    dated = rows.passes_rule & (rows.date != NO_DATE)
    texts, times = rows.text_index[dated], rows.date[dated].astype("datetime64[ms]")
    days = times + np.timedelta64(1, "D")
    np.minimum.at(certain, texts, days.astype(float))
    ends = days
    for unit in ("M", "Y"):
        starts = times.astype(f"datetime64[{unit}]")
        after = (starts + 1).astype(times.dtype) + np.timedelta64(1, "D")
        ends = np.where(starts == times, after, ends)
    np.minimum.at(possible, texts, ends.astype(float))
    return certain, possible


def _taken(known: Authorship, texts: Numbers) -> Authorship:
    rows = pa.array(texts)
    return Authorship(
        author=known.author.take(rows),
        year=known.year.take(rows),
        lang=known.lang.take(rows),
        time=known.time.take(rows),
        kind=known.kind[texts],
    )


def _contributor(
    matches: ScoredMatches,
    claims: Sequence[Claim],
    samples: TextSamples,
    controls: Controls,
) -> Contributor | None:
    """Return the author or week on which the claim depends, or None."""
    licensed, control = samples
    first = claims[0].clusters.first
    for kind in ("author", "week"):
        if kind == "author":
            author = matches.authorship.author
            every, usual, there = coded_authors(author, licensed.author, control.author)
        else:
            every, usual, there = (
                weeks(each.time) for each in (matches.authorship, licensed, control)
            )
        most = most_frequent(every[first], usual)
        if most is None:
            continue
        code, share = most
        others = any(
            claim.limits
            and np.count_nonzero(every[claim.clusters.first] != code)
            > claim.limits["clusters"].high
            for claim in claims
        )
        if share <= MOST and others:
            continue
        texts = first[every[first] == code]
        times = matches.authorship.time.take(pa.array(texts)).drop_null().to_numpy()
        some = matches.text[texts[:WORDED]]
        wording = controls.reader.canonical_texts(some).array()
        name = (
            str(author[int(texts[0])])
            if kind == "author"
            else str(np.datetime64(code * 7, "D"))
        )
        return Contributor(
            kind=kind,
            name=name,
            findings=len(texts),
            share=share,
            others_claimed=others,
            in_control=bool((there == code).any()),
            automatic=kind == "author"
            and (clockwork(times) or repeated_wording(wording.to_pylist())),
        )
    return None
