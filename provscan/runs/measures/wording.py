"""Compare the wording of texts that were found with that of the licensed texts and of
the dataset's own texts (:func:`worded_like_dataset`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from provscan.arrays import Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import draw_texts
from provscan.estimate.background import BackgroundModel, text_sums
from provscan.estimate.examination import FEW_WORDED, STRETCH, Share, reads_like
from provscan.runs.counting.matches import ScoredMatches
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
# Seed of the sample of licensed texts.
SEED = 3


def worded_like_dataset(
    matches: ScoredMatches, texts: Numbers, controls: Controls
) -> Iterator[tuple[Share, float]]:
    """Yield, for each script, the share of the ``texts`` of the matches that are worded
    like the dataset's own texts and not like the licensed ones, and the number of texts
    that were compared. A text whose wording tells nothing is not compared.

    Records that contain a stretch of the texts are not the dataset's own.
    """
    reader, found = controls.reader, matches.text[texts]
    every = reader.canonical_texts(found).array().to_pylist()
    stretches = {
        text[i : i + STRETCH] for text in every for i in range(0, len(text), STRETCH)
    }
    others = []
    for text in canonical([carrier.text for carrier in matches.scanned.carriers]):
        short = text[:LONGEST]
        shared = sum(short[i : i + STRETCH] in stretches for i in range(len(short)))
        if short and LEAST_SHARED * STRETCH * shared < len(short):
            others.append(short)
    # Texts in other scripts say nothing about the wording of those in this one.
    drawn = draw_texts(controls, DRAWN, SEED)
    drawn = drawn[~np.isin(drawn, found)]
    of_found, of_licensed = (
        lengths_and_scripts(reader, each)[1] for each in (found, drawn)
    )
    of_others = np.array([letters([text]).argmax() for text in others], np.int64)
    for script in distinct(of_found).tolist():
        same = np.flatnonzero(of_found == script)
        chosen = [every[n][:LONGEST] for n in same[:: 1 + len(same) // WORDED].tolist()]
        some = drawn[of_licensed == script][: 2 * WORDED]
        licensed = reader.canonical_texts(some).array().to_pylist()
        licensed = [text[:LONGEST] for text in licensed]
        own_texts = [others[n] for n in np.flatnonzero(of_others == script).tolist()]
        if min(map(len, (chosen, licensed, own_texts))) < FEW_WORDED:
            continue
        scores = _scores(chosen, licensed, own_texts)
        if (share := reads_like(*scores)) is not None:
            yield share, len(same) * len(scores[0]) / len(chosen)


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
