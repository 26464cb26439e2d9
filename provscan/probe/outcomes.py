"""The outcome of each answer: whether it recites its tweet and, if not, whether it
could have.

An answer that was declined or cut off does not show that the model can't recite the
tweet, so it is neither a hit nor a miss (:mod:`provscan.probe.evidence`).
"""

from __future__ import annotations

import re

from provscan.probe.answers import Answer

RECITED, DECLINED, CUT_OFF, NEITHER = "recited", "declined", "cut_off", "neither"
OUTCOMES = (RECITED, DECLINED, CUT_OFF, NEITHER)
# Reasons for which an answer ends, as returned.
FILTERED, FULL = ("content_filter", "refusal"), "length"
# Words with which a model declines, at the beginning of an answer. Some answers that do
# not decline contain them, too; that can only lower the numbers.
DECLINES = re.compile(
    r"\bI\s?(can[’']?t|cannot|can not|won[’']?t|will not|(am|[’']m) (sorry|unable|not)"
    r"|(do not|don[’']?t) have)\b|\bsorry, (but )?I\b|\bas an AI\b"
    r"|lo siento|désolé|tut mir leid|mi dispiace|desculpe|извините|к сожалению"
    r"|申し訳|抱歉|对不起|對不起|죄송",
    re.IGNORECASE,
)
BEGINNING = 100
# The reasoning that some servers return before the answer, in the same text.
REASONING = re.compile(
    r"\A.*[<\[]/think(ing)?[>\]]|\A\s*[<\[]think(ing)?[>\]].*",
    re.IGNORECASE | re.DOTALL,
)
# Characters that a model may put before the words that it was asked for.
PREAMBLE = 64


def outcome_of(
    answer: Answer, recites: bool, prompt: str, target: str, style: str
) -> str:
    """Return the outcome of an answer. A model that continues texts declines nothing in
    words.
    """
    if recites:
        return RECITED
    # Some endpoints return the prompt before the answer.
    text = REASONING.sub("", (answer.text or "").removeprefix(prompt)).strip()
    full = answer.finish == FULL
    if full and len(text) < len(target) + PREAMBLE:
        return CUT_OFF
    if (
        not text
        or answer.declined
        or answer.finish in FILTERED
        or (style == "chat" and DECLINES.search(text[:BEGINNING]))
    ):
        return DECLINED
    return NEITHER
