"""Examine the claim of a run and the control behind it (:func:`examine`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from provscan.arrays import Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import draw_texts
from provscan.estimate.background import BackgroundModel, text_sums
from provscan.estimate.examination import (
    MOST,
    STRETCH,
    Contributor,
    Examination,
    Share,
    clockwork,
    most_frequent,
    reads_like,
    repeated_wording,
    too_rare,
)
from provscan.runs.counting.matches import ScoredMatches
from provscan.runs.counting.strata import TextSamples
from provscan.runs.measures.chance import Claim, MeasuredChance
from provscan.scoring.authorship import KINDS, Authorship, coded_authors, weeks
from provscan.text import canonical

# Maximum number of texts of each kind whose wording is compared, and of code points
# that are read of each.
WORDED, LONGEST = 2_000, 400
# Order of the language models. Their texts are few, and a higher order gains nothing.
ORDER = 5
# Licensed texts and findings are compared if their wording is as common in the dataset
# as that of this share of its own texts. Other texts are in a language or of a kind
# that the dataset does not have. The share CLOSEST of the licensed texts, with the most
# common wording, is always compared. How common is measured by the bits of a text and,
# unless that leaves too few, by its share of the dataset's USUAL_WORDS most frequent
# words, which shows its language.
COMPARABLE, CLOSEST, USUAL_WORDS = 0.8, 0.05, 50
# A record is left out if one part in LEAST_SHARED of it is wording of findings.
LEAST_SHARED = 10
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

    ``until`` is the time at which the dataset was complete, if known.
    """
    claim = chance.whole.claims[0]
    first = claim.chance.clusters.first
    if not chance.claimed or len(first) == 0:
        return Examination()
    found = _taken(matches.authorship, first)
    own = [carrier.text for carrier in matches.scanned.carriers]
    licensed, control = samples
    younger = None
    if until is not None:
        times = found.time.drop_null().to_numpy()
        younger = (
            float(np.mean(times > until.timestamp() * 1000)) if len(times) else 0.0
        )
    return Examination(
        clusters=len(first),
        explained=claim.chance.limits["clusters"].high,
        like_dataset=_wording(controls, matches.text[first], own),
        contributor=_contributor(matches, chance.whole.claims, samples, controls),
        lacking=too_rare(found.kind, licensed.kind, control.kind, KINDS)
        if controls.texts
        else None,
        younger=younger,
    )


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

    ``found`` are the numbers of the found texts, and ``own`` is a sample of the
    dataset's records.
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
    drawn = draw_texts(controls, 2 * WORDED, SEED)
    drawn = drawn[~np.isin(drawn, found)]
    licensed = reader.canonical_texts(drawn).array().to_pylist()
    licensed = [text[:LONGEST] for text in licensed]
    chosen = [text[:LONGEST] for text in every[:: 1 + len(every) // WORDED]]

    # Each half of the dataset's texts and of the licensed ones is scored by models of
    # the other halves, and each finding once.
    scores: tuple[list[Floats], ...] = ([], [], [])
    for half in (0, 1):
        theirs, ours = BackgroundModel(ORDER), others[half::2]
        theirs.add(ours)
        platform = BackgroundModel(ORDER, max_chars=max(theirs.chars, 1))
        platform.add(licensed[half::2])
        if 0 in (theirs.chars, platform.chars):
            return None
        words = Counter(word for text in ours for word in text.split())
        usual = {word for word, _ in words.most_common(USUAL_WORDS)}
        most, least = -np.inf, np.inf
        for each, texts in zip(
            scores,
            (others[1 - half :: 2], licensed[1 - half :: 2], chosen[half::2]),
            strict=True,
        ):
            size = np.maximum([len(text) for text in texts], 1)
            common, rare = (
                text_sums(*model.surprisal(texts)) / size
                for model in (theirs, platform)
            )
            known = np.array([_share_of_words(text, usual) for text in texts])
            if each is not scores[2] and len(common):
                share = COMPARABLE if each is scores[0] else CLOSEST
                most = max(most, float(np.quantile(common, share)))
                least = min(least, float(np.quantile(known, 1.0 - share)))
            if (
                each is scores[1]
                and np.mean((common <= most) & (known >= least)) < CLOSEST
            ):
                least = -np.inf
            each.append((rare - common)[(common <= most) & (known >= least)])
    own_scores, licensed_scores, found_scores = map(np.concatenate, scores)
    return reads_like(found_scores, licensed_scores, own_scores)


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
    first = claims[0].chance.clusters.first
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
            claim.chance.limits
            and np.count_nonzero(every[claim.chance.clusters.first] != code)
            > claim.chance.limits["clusters"].high
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
