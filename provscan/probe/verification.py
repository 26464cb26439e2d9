"""Find the answers that recite a tweet, with the verifier of ``match``.

:func:`recitations` compares an answer with the *target* of its prompt, the words that
the prompt lacks, so repeating the prompt is not a recitation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from provscan.estimate import matched_bits
from provscan.indexing.build import build_index
from provscan.probe.answers import Answer
from provscan.probe.plan import ARMS, MISPLACED, Plan, QuestionKey
from provscan.probe.settings import RULE
from provscan.text import canonical
from provscan.writing import temporary_folder


@dataclass(frozen=True, slots=True)
class Recitation:
    """A span of an answer that recites a tweet."""

    asked: QuestionKey  # The question.
    # The span in code points of the answer.
    start: int
    end: int
    # As in a match, with the target in place of the tweet.
    level: str
    similarity: float
    containment: float
    bits: float  # The rarity of the recited wording.
    # Whether an answer to a misplaced prompt, or to that of another tweet, also recites
    # it: the model knows the wording without the tweet's beginning, as it would know a
    # saying.
    elsewhere: bool = False


def recitations(plan: Plan, answers: Iterable[Answer]) -> list[Recitation]:
    """Return the recitations in the answers to a plan, at most one per answer, in the
    order of the answers.
    """
    rows = [answer for answer in answers if answer.text]
    if not rows:
        return []
    targets = {
        f"{number}/{arm}/{kind}": prompt
        for number, pair in enumerate(plan.pairs)
        for arm in ARMS
        for kind, prompt in pair[arm]["prompts"].items()
    }
    with temporary_folder() as folder:
        # Two prompts may have one target, as of a tweet that is cut by characters. A
        # match names the first of them.
        alike: dict[str, list[str]] = {}
        texts = canonical([prompt["target"] for prompt in targets.values()])
        for key, text in zip(targets, texts, strict=True):
            alike.setdefault(text, []).append(key)
        keys = {named[0]: named for named in alike.values()}
        tweets = [{"id": key, "text": targets[key]["target"]} for key in keys]
        index = build_index(tweets, folder / "targets.index")
        # The rule requires a share of the target, so partial matches are turned off.
        found = index.match(
            [answer.text or "" for answer in rows],
            threshold=RULE.threshold,
            min_containment=RULE.min_containment,
            partial_chars=0,
        ).to_pylist()
    best: dict[str, Recitation] = {}
    elsewhere: set[tuple[int, str]] = set()
    every = ((match, key) for match in found for key in keys[match["tweet_id"]])
    for match, recited in every:
        key, prompt = rows[match["record"]].key, targets[recited]
        share = match["containment"]
        enough = (
            share * prompt["chars"] >= RULE.min_chars
            or share * prompt["words"] >= RULE.min_words
        )
        bits = float(matched_bits(share * prompt["bits"], prompt["chars"], share))
        if not enough or bits < RULE.min_bits:
            continue
        asked, tweet = QuestionKey.parse(key), QuestionKey.parse(f"{recited}/0")
        if tweet[:2] != asked[:2]:
            elsewhere.add(tweet[:2])
        arm = ARMS[0] if asked.arm == MISPLACED else asked.arm
        if tweet[:3] != (asked.pair, arm, asked.kind):
            continue
        if key not in best or bits > best[key].bits:
            best[key] = Recitation(
                asked=asked,
                start=match["start"],
                end=match["end"],
                level=match["level"],
                similarity=match["similarity"],
                containment=share,
                bits=bits,
            )
    return [
        replace(each, elsewhere=each.asked[:2] in elsewhere)
        for each in (best[answer.key] for answer in rows if answer.key in best)
    ]
