"""The examination of a claim and of the control behind it, like that of a witness: from
counts and arrays to :class:`Examination`.

A lower bound is valid if the control measures the chance of the texts that were found.
The checks compare what matched with what was searched for:

- :func:`reads_like`: are the found texts worded like the dataset's own texts, and not
  like the licensed ones? Then both sides have them from a third source, or the tweets
  have them from the dataset.
- :func:`most_frequent`: does one author or one week have most of the findings, although
  it has few of the licensed texts?
- :func:`repeated_wording` and :func:`clockwork`: are that author's texts variants of a
  template, or posted by a program?
- :func:`too_rare`: does the control lack the kind of text that was found?
- :func:`clumping`: do the control's chance matches come in groups that are on one side
  only, such as the quotations of one evening?

Suspicion withholds a number or widens its limits, and never raises a lower one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from provscan.arrays import Floats, Numbers, distinct

# Minimum number of texts in each set for a comparison of their wording.
FEW_WORDED = 8
# Minimum difference between the dataset's own texts and the licensed texts, in standard
# deviations, for their wording to tell anything.
LEAST_DIFFERENCE = 0.4
# Limits of the share of findings that read like the dataset: this many standard errors
# on each side (an error probability of 0.5%).
ERRORS = 2.6
# The findings are taken for the dataset's own wording if at least this share of them
# reads so, and certainly more than LIKE_LOW.
LIKE, LIKE_LOW = 0.5, 0.2
# A contributor is named only if its share of the licensed texts is less than USUAL
# times its share of the findings, and if it also accounts for more than MOST of the
# findings, or for more than SOME of them while the others alone would not be claimed.
MOST, SOME, USUAL = 0.5, 0.25, 0.5
# Code points of a stretch of wording that two texts hardly share by chance.
STRETCH = 16
# Share of a contributor's wording that is repeated, or of its texts that are posted by
# the clock, if a program made them. Of 40 real accounts, the 38 that post no template
# repeat at most 0.36 of their wording, and post at most 0.07 at one time of an hour.
MOSTLY = 0.5
# The control lacks a kind of text if the kind's share of the control is less than
# LACKING times its share of the licensed texts; that matters if at least the share
# FOUND_SO of the findings is of this kind.
LACKING, FOUND_SO = 0.5, 0.34


class Share(NamedTuple):
    """A share with its limits, which may be outside [0, 1]."""

    value: float
    low: float
    high: float


class Contributor(NamedTuple):
    """The author or the week with the most findings."""

    kind: str  # "author" or "week".
    name: str
    findings: int  # How many clusters of findings it accounts for.
    share: float  # Its share of all clusters of findings.
    # Whether the other findings alone would be claimed.
    others_claimed: bool
    # Whether the control has texts of the contributor.
    in_control: bool
    # Whether its texts are variants of a template, or were posted by a program.
    automatic: bool


@dataclass(frozen=True)
class Examination:
    """What speaks against a claim, or qualifies it.

    Attributes
    ----------
    clusters
        Number of clusters of findings.
    explained
        How many of these clusters chance explains at most.
    like_dataset
        Share of the findings that read like the dataset's own texts and not like the
        licensed ones; None if wording tells nothing.
    contributor
        The author or week with the most findings, if the claim depends on it.
    lacking
        Kind of text that was found and that the control lacks; None if there is none.
    younger
        Share of the dated findings whose tweets are younger than their records or the
        dataset; None if no finding is dated.
    dated
        Number of findings with known times of the tweet and of the record or dataset.
    """

    clusters: int = 0
    explained: float = 0.0
    like_dataset: Share | None = None
    contributor: Contributor | None = None
    lacking: str | None = None
    younger: float | None = None
    dated: int = 0

    @property
    def direction_tested(self) -> bool:
        """Whether the times of most findings are known."""
        return 2 * self.dated >= self.clusters and self.younger is not None

    @property
    def _unexplained(self) -> Share | None:
        """The share of findings that read like the dataset, if chance does not explain
        so many.
        """
        like = self.like_dataset
        if like is None or like.low <= LIKE_LOW:
            return None
        return like if like.low * self.clusters > self.explained else None

    @property
    def suspected(self) -> float:
        """Upper limit of the share of the findings that are left out of lower bounds
        although they are more than chance explains.
        """
        like = self._unexplained
        # No tweet was copied from before it was posted.
        return min(1.0, (self.younger or 0.0) + (0.0 if like is None else like.high))

    @property
    def doubts(self) -> list[str]:
        """Codes of the reasons for :attr:`suspected`."""
        codes = [] if self._unexplained is None else ["like_dataset"]
        return [*codes, "younger_tweets"] if self.younger else codes

    @property
    def objections(self) -> list[str]:
        """Codes of the reasons why the claim is withdrawn; empty if it stands."""
        codes = []
        if self.younger is not None and self.younger > MOST:
            codes.append("younger_than_data")
        like = self._unexplained
        if like is not None and (like.value >= LIKE or like.high >= 1.0):
            codes.append("like_dataset")
        if self.lacking is not None:
            codes.append("control_lacks")
        one = self.contributor
        if one is not None and one.automatic and not one.in_control:
            codes.append("automatic")
        return codes


def reads_like(findings: Floats, licensed: Floats, dataset: Floats) -> Share | None:
    """Estimate the share of the findings whose wording is that of the dataset.

    The mean score of a mixture lies between the means of its two parts. This is the
    estimator of Rogan & Gladen (1978, doi:10.1093/oxfordjournals.aje.a112510) with a
    score instead of a test.

    Parameters
    ----------
    findings, licensed, dataset
        For each finding, licensed text and text of the dataset, its likelihood under
        the wording of the dataset against that of the licensed texts: the logarithm of
        the ratio per code point.

    Returns
    -------
    Share or None
        None if there are few texts, or if the two kinds of wording hardly differ.
    """
    sets = [each[np.isfinite(each)] for each in (findings, licensed, dataset)]
    if min(map(len, sets)) < FEW_WORDED:
        return None
    found, ours, theirs = (float(each.mean()) for each in sets)
    spread = float(np.sqrt((sets[1].var() + sets[2].var()) / 2.0))
    difference = theirs - ours
    if difference <= LEAST_DIFFERENCE * spread:
        return None
    share = (found - ours) / difference
    # The delta method: the share depends on the three means.
    errors = [float(each.var()) / len(each) for each in sets]
    factors = (1.0, (1.0 - share) ** 2, share**2)
    error = float(np.sqrt(np.dot(errors, factors))) / difference
    return Share(share, share - ERRORS * error, share + ERRORS * error)


def pooled(shares: Iterable[tuple[Share, float]]) -> Share | None:
    """Return the share in all findings, given those in groups of findings, each with
    the number of its findings; None without groups. The errors are independent.
    """
    groups = [(*share, size) for share, size in shares]
    if not groups:
        return None
    values, lows, _, sizes = np.array(groups).T
    weights = sizes / sizes.sum()
    value = float(weights @ values)
    error = float(np.hypot.reduce(weights * (values - lows)))
    return Share(value, value - error, value + error)


def most_frequent(codes: Numbers, sample: Numbers) -> tuple[int, float] | None:
    """Return the code that most findings have, and its share of all findings; None if
    none stands out.

    ``codes`` contains the code of each finding, negative if unknown, and ``sample``
    those of a sample of the licensed texts.
    """
    known = codes[codes >= 0]
    if len(known) < FEW_WORDED:
        return None
    counts = np.bincount(known)
    code = int(counts.argmax())
    share = float(counts[code]) / len(codes)
    usual = float(np.mean(sample == code)) if len(sample) else 0.0
    return (code, share) if share > SOME and usual < USUAL * share else None


def repeated_wording(texts: Sequence[str]) -> bool:
    """Return whether most wording of the texts also occurs in another of them, so that
    they are variants of a template.
    """
    stretches = [
        {text[i : i + STRETCH] for i in range(max(1, len(text) - STRETCH + 1))}
        for text in texts
    ]
    seen = Counter(chain.from_iterable(stretches))
    again = [np.mean([seen[each] > 1 for each in own]) for own in stretches]
    return len(texts) >= FEW_WORDED and float(np.mean(again)) >= MOSTLY


def clockwork(times: Numbers) -> bool:
    """Return whether most times, in milliseconds, are at the same minute and second of
    an hour, though at different hours of the day (Zhang & Paxson 2011, "Detecting and
    analyzing automated activity on Twitter").
    """
    if len(times) < FEW_WORDED:
        return False
    second, hour = times // 1000 % 3600, times // 3_600_000 % 24
    most = np.bincount(second).max() / len(times)
    return bool(most >= MOSTLY) and len(distinct(hour)) > 2


def too_rare(
    found: Numbers, licensed: Numbers, control: Numbers, kinds: Sequence[str]
) -> str | None:
    """Return the kind of text that many findings are of and that the control lacks;
    None if there is none. Each array contains the kind of each text, an index into
    ``kinds``.
    """
    if min(map(len, (found, licensed, control))) < FEW_WORDED:
        return None
    for number, kind in enumerate(kinds):
        among, usual, there = (
            float(np.mean(each == number)) for each in (found, licensed, control)
        )
        # Two standard errors, since the shares are those of samples.
        error = 2.0 * np.sqrt(usual * (1.0 - usual) / len(control))
        if among >= FOUND_SO and there < LACKING * usual - error:
            return kind
    return None


def clumping(
    control: Numbers, licensed: Numbers, weight: float, sample: Numbers
) -> float:
    """Return the design effect of chance matches that come in groups, 1 if they don't.

    For each control match, it is 1 plus the mean number of other control matches of the
    same group beyond those that are expected. The expected number is the larger of two:
    how many licensed matches the group contains, since a group that is on both sides
    was divided at random; and how many follow from the group's share of the control's
    texts (Kish 1965; for pairs in clusters, Ripley's K, doi:10.2307/3212829).

    Parameters
    ----------
    control, licensed
        Group of each cluster of findings of the control and of the licensed texts;
        negative if unknown.
    weight
        Number of licensed clusters that a control cluster represents.
    sample
        Groups of a sample of the control's texts.
    """
    control, licensed, sample = (
        each[each >= 0] for each in (control, licensed, sample)
    )
    if len(control) < 2:
        return 1.0
    size = int(max(each.max(initial=0) for each in (control, licensed, sample))) + 1
    ours, theirs, usual = (
        np.bincount(each, minlength=size).astype(np.float64)
        for each in (control, licensed, sample)
    )
    usual /= max(1.0, float(usual.sum()))
    pairs = float(ours @ (ours - 1.0))
    across = float(ours @ theirs) / max(weight, 1e-9)
    expected = max(across, len(control) * (len(control) - 1) * float(usual @ usual))
    # Pairs are counted twice; three standard deviations of a Poisson number of pairs.
    if pairs <= expected + 6.0 * np.sqrt(max(1.0, expected / 2.0)):
        return 1.0
    return 1.0 + (pairs - expected) / len(control)
