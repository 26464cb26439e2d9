"""Examine the claim of a run and the control behind it (:func:`examine`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from provscan.arrays import Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import draw_texts
from provscan.estimate.background import BackgroundModel, text_sums
from provscan.estimate.examination import (
    FEW_WORDED,
    MOST,
    STRETCH,
    Contributor,
    Examination,
    Share,
    clockwork,
    most_frequent,
    pooled,
    reads_like,
    repeated_wording,
    too_rare,
)
from provscan.runs.counting.matches import NO_DATE, ScoredMatches
from provscan.runs.counting.strata import TextSamples
from provscan.runs.measures.chance import Claim, MeasuredChance
from provscan.scoring.authorship import KINDS, Authorship, coded_authors, weeks
from provscan.scoring.lengths import lengths_and_scripts, letters
from provscan.text import canonical

# Maximum number of texts of each kind whose wording is compared, and of code points
# that are read of each.
WORDED, LONGEST = 2_000, 400
# Number of licensed texts among which those in the script of the findings are sought.
DRAWN = 20_000
# Order of the language models. Their texts are few, and a higher order gains nothing.
ORDER = 5
# A licensed text or a finding is compared only if its wording is no rarer in the
# dataset than that of the share COMPARABLE of the dataset's own texts. Other texts are
# in a language or of a kind that the dataset does not contain. The share CLOSEST of the
# licensed texts, with the most common wording, is always compared, or more, so that
# they are FEW_WORDED in each half. How common is measured by the bits of a text and,
# unless that leaves too few, by its share of the dataset's USUAL_WORDS most frequent
# words, which shows its language.
COMPARABLE, CLOSEST, USUAL_WORDS = 0.8, 0.05, 50
# A record is left out if 1 / LEAST_SHARED of it, or more, is wording of findings.
LEAST_SHARED = 10
# The control may lack a year of the findings if the year has this share of the licensed
# texts or more: a control of later tweets is fair.
RARE_YEAR = 0.1
# Seed of the sample of licensed texts.
SEED = 3


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
    own = [carrier.text for carrier in matches.scanned.carriers]
    contributor = _contributor(matches, chance.claims, samples, controls)
    certain, possible = (times[first] for times in _latest(matches, until))
    posted = found.time.fill_null(-1).to_numpy()
    younger = posted > possible
    dated = (posted >= 0) & np.isfinite(possible) & (younger | (posted <= certain))
    return Examination(
        clusters=len(first),
        explained=claim.limits["clusters"].high,
        like_dataset=_wording(controls, matches.text[first], own),
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


def _wording(controls: Controls, found: Numbers, own: list[str]) -> Share | None:
    """Compare the wording of the findings with that of the licensed texts and of the
    dataset's own texts, those without a stretch of the findings.

    ``found`` are the ids of the found texts, and ``own`` is a sample of the dataset's
    records. Texts of each script are compared with each other.
    """
    reader = controls.reader
    every = reader.canonical_texts(found).array().to_pylist()
    # A record that contains a finding says nothing about the dataset's own wording.
    stretches = {
        text[i : i + STRETCH] for text in every for i in range(0, len(text), STRETCH)
    }
    others = []
    for text in canonical(own):
        short = text[:LONGEST]
        shared = sum(short[i : i + STRETCH] in stretches for i in range(len(short)))
        if short and LEAST_SHARED * STRETCH * shared < len(short):
            others.append(short)
    # Texts in other scripts say nothing about the wording of those in this one.
    texts = draw_texts(controls, DRAWN, SEED)
    texts = texts[~np.isin(texts, found)]
    of_found, of_licensed = (
        lengths_and_scripts(reader, each)[1] for each in (found, texts)
    )
    of_others = np.array([letters([text]).argmax() for text in others], np.int64)
    shares, numbers = [], []
    for script in distinct(of_found).tolist():
        same = np.flatnonzero(of_found == script)
        chosen = [every[n][:LONGEST] for n in same[:: 1 + len(same) // WORDED].tolist()]
        some = texts[of_licensed == script][: 2 * WORDED]
        licensed = reader.canonical_texts(some).array().to_pylist()
        licensed = [text[:LONGEST] for text in licensed]
        own_texts = [others[n] for n in np.flatnonzero(of_others == script).tolist()]
        if min(map(len, (chosen, licensed, own_texts))) < FEW_WORDED:
            continue
        share = reads_like(*_scores(chosen, licensed, own_texts))
        if share is not None:
            shares.append(share)
            numbers.append(len(same))
    return pooled(shares, numbers)


def _bits(model: BackgroundModel, texts: list[str]) -> Floats:
    """Return the bits per character of each text."""
    size = np.maximum([len(text) for text in texts], 1)
    return text_sums(*model.surprisal(texts)) / size


def _scores(
    chosen: list[str], licensed: list[str], others: list[str]
) -> tuple[Floats, Floats, Floats]:
    """Return the scores of findings, of licensed texts and of the dataset's own texts
    for :func:`~provscan.estimate.examination.reads_like`, of comparable texts only.
    """
    # Each half of the dataset's texts and of the licensed ones is scored by models of
    # the other halves, and each finding once.
    scores: tuple[list[Floats], ...] = ([], [], [])
    for half in (0, 1):
        training = ours, _ = others[half::2], licensed[half::2]
        size = max(LONGEST, min(sum(map(len, texts)) for texts in training))
        theirs, platform = (BackgroundModel(ORDER, max_chars=size) for _ in training)
        for model, texts in zip((theirs, platform), training, strict=True):
            model.add(texts)
        words = Counter(word for text in ours for word in text.split())
        usual = {word for word, _ in words.most_common(USUAL_WORDS)}
        most, least = -np.inf, np.inf
        closest = min(1.0, max(CLOSEST, 2 * FEW_WORDED / len(licensed)))
        for each, texts in zip(
            scores,
            (others[1 - half :: 2], licensed[1 - half :: 2], chosen[half::2]),
            strict=True,
        ):
            common, rare = _bits(theirs, texts), _bits(platform, texts)
            known = np.array([_share_of_words(text, usual) for text in texts])
            if each is not scores[2] and len(common):
                share = COMPARABLE if each is scores[0] else closest
                most = max(most, float(np.quantile(common, share)))
                least = min(least, float(np.quantile(known, 1.0 - share)))
            if (
                each is scores[1]
                and np.mean((common <= most) & (known >= least)) < closest
            ):
                least = -np.inf
            each.append((rare - common)[(common <= most) & (known >= least)])
    own_scores, licensed_scores, found_scores = map(np.concatenate, scores)
    return found_scores, licensed_scores, own_scores


def _share_of_words(text: str, words: set[str]) -> float:
    own = text.split()
    return sum(word in words for word in own) / max(1, len(own))


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
