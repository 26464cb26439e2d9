"""The outcome of each answer: whether it recites its tweet and, if not, whether it
could have.

An answer that was declined or cut off does not show that the model can't recite the
tweet, so it is neither a hit nor a miss (:mod:`provscan.probe.evidence`).

A refusal in words is recognised in any language by what it has in common with other
answers: a model that continues many different tweets writes many different texts, and
one that declines repeats itself. The text that a model puts before its continuations
recurs, too, but the continuation after it does not. Wording is compared as windows of
``WINDOW`` bytes of the canonical text, which are some three words of an alphabet or
seven Chinese characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from provscan.arrays import Flags, Numbers, distinct
from provscan.probe.answers import Answer
from provscan.probe.plan import Question, QuestionKey
from provscan.text import canonical

RECITED, DECLINED, CUT_OFF, NEITHER = "recited", "declined", "cut_off", "neither"
OUTCOMES = (RECITED, DECLINED, CUT_OFF, NEITHER)
# Reasons for which an answer ends, as returned.
FILTERED, FULL = ("content_filter", "refusal"), "length"
WINDOW = 20
# A window recurs if it is in at least this share of the answers, and in answers about
# at least so many pairs.
RECURRING, FEWEST_PAIRS = 0.02, 5
# An odd multiplier of hashes: 2**64 divided by the golden ratio.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
# The reasoning that some servers return before the answer, in the same text.
REASONING = re.compile(
    r"\A.*[<\[]/think(ing)?[>\]]|\A\s*[<\[]think(ing)?[>\]].*",
    re.IGNORECASE | re.DOTALL,
)
# Characters that a model may put before the words that it was asked for.
PREAMBLE = 64


class Asked(NamedTuple):
    """A question, its answer, and whether the answer recites the tweet."""

    question: Question
    answer: Answer
    recites: bool


def outcomes_of(asked: Iterable[Asked], style: str) -> dict[QuestionKey, str]:
    """Return the outcome of each answer. A model that continues texts (``style`` is
    ``"completion"``) declines nothing in words.
    """
    rows = list(asked)
    keys = [QuestionKey.parse(row.question.key) for row in rows]
    # Some endpoints return the prompt before the answer.
    texts = [
        REASONING.sub("", (row.answer.text or "").removeprefix(row.question.prompt))
        for row in rows
    ]
    refusals = np.zeros(len(rows), np.bool_)
    if style == "chat" and rows:
        refusals = _recurring(
            np.array([key.pair for key in keys]),
            texts,
            [row.question.prompt for row in rows],
        )
    return {
        key: _outcome(row, text.strip(), bool(refused))
        for key, row, text, refused in zip(keys, rows, texts, refusals, strict=True)
    }


def _outcome(row: Asked, text: str, refused: bool) -> str:
    answer = row.answer
    if row.recites:
        return RECITED
    full = answer.finish == FULL
    if full and len(text) < len(row.question.target) + PREAMBLE:
        return CUT_OFF
    if not text or refused or answer.declined or answer.finish in FILTERED:
        return DECLINED
    return NEITHER


def _recurring(pairs: Numbers, texts: list[str], prompts: list[str]) -> Flags:
    """Return for each answer whether it contains wording that recurs in answers about
    other tweets, and less than a window of any other; wording of its own prompt is not
    counted.
    """
    answers = _Windows(texts)
    _, window = np.unique(answers.hashes, return_inverse=True)
    often = (
        _spread(window, answers.owner[answers.starts]) >= RECURRING * len(texts)
    ) & (_spread(window, pairs[answers.owner[answers.starts]]) >= FEWEST_PAIRS)
    given = np.isin(answers.of_owner(), _Windows(prompts).of_owner())
    own = (answers.data != 0) & ~answers.covered(given)
    recurs = answers.covered(often[window])
    repeated, other = (
        np.bincount(answers.owner[own & flags], minlength=len(texts))
        for flags in (recurs, ~recurs)
    )
    return (repeated > 0) & (other < WINDOW)


def _spread(window: Numbers, owner: Numbers) -> Numbers:
    """Return the number of distinct owners of each window."""
    owners = int(owner.max()) + 1
    return np.bincount(distinct(window * owners + owner) // owners)


class _Windows:
    """The windows of some texts. A text that is shorter than a window is filled up with
    zeros.
    """

    def __init__(self, texts: list[str]) -> None:
        rows = [text.encode().ljust(WINDOW, b"\0") for text in canonical(texts)]
        self.data = np.frombuffer(b"".join(rows), np.uint8)  # uint8[bytes]
        # The text of each byte, int64[bytes].
        self.owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        # The first byte of each window, int64[windows].
        last = len(self.data) - WINDOW + 1
        self.starts = np.flatnonzero(self.owner[:last] == self.owner[WINDOW - 1 :])
        hashes = np.zeros(last, np.uint64)
        for at in range(WINDOW):
            hashes = hashes * _MULTIPLIER + self.data[at : at + last]
        self.hashes: npt.NDArray[np.uint64] = hashes[self.starts]

    def of_owner(self) -> npt.NDArray[np.uint64]:
        """Return hashes that are equal only if the text is the same, too."""
        owner = self.owner[self.starts].astype(np.uint64)
        return self.hashes ^ (owner * _MULTIPLIER)

    def covered(self, windows: Flags) -> Flags:
        """Return the bytes in any of the windows, bool[bytes]."""
        change = np.zeros(len(self.data) + 1, np.int64)
        change[self.starts[windows]] += 1
        change[self.starts[windows] + WINDOW] -= 1
        return np.cumsum(change[:-1]) > 0
