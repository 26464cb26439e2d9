"""The plan of a probe, which is written with a digest before the first question.

A probe is a folder. ``plan.json`` contains the tweets, the prompts, the number of
answers, the rule for recitations, the blind baseline and the power. Its SHA-256 is the
digest of the plan. Every answer repeats the digest, so a later change of the plan is
detected.

:func:`make_plan` draws the tweets and writes the plan, :func:`open_plan` reads it, and
:meth:`Plan.questions` yields the questions in order.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from provscan.calibration.controls import no_control, with_cutoff, with_files
from provscan.errors import InputError, OutputError, ProvscanError, UsageError
from provscan.matching import Index
from provscan.opening import LARGE, read_small
from provscan.options import default_workers, parse_utc
from provscan.params import require
from provscan.probe.baseline import blind_baseline
from provscan.probe.draw import REACH, Candidate, Draw, Target, arms, draw
from provscan.probe.files import PLAN_FILE
from provscan.probe.prompts import make_prompt, max_tokens
from provscan.probe.reference import read_reference
from provscan.probe.settings import RULE, Settings
from provscan.probe.statistics import POWER, detectable_share
from provscan.readers import Fields
from provscan.runs.folder import write_json
from provscan.urls import source_of
from provscan.writing import EXISTS, new_folder, temporary_folder

VERSION = 2
ARMS = ("licensed", "control")
# The arm of the licensed tweets with misplaced prompts, which begin with another tweet.
MISPLACED = "misplaced"
ASKED = (*ARMS, MISPLACED)
# Shares of controls recited by chance for which the power is computed.
CHANCE = (0.0, 0.01, 0.05)
# The values of a tweet in the plan, in addition to its prompts.
TWEET_FIELDS = (
    "tweet_id",
    "author",
    "day",
    "lang",
    "script",
    "length",
    "copies",
    "reach",
    "text",
)


class QuestionKey(NamedTuple):
    """The name of a question in a plan."""

    pair: int
    arm: str
    kind: str  # The kind of prompt.
    sample: int  # 0 for the greedy answer, 1 and up for sampled ones.

    def __str__(self) -> str:
        return "/".join(map(str, self))

    @classmethod
    def parse(cls, key: str) -> QuestionKey:
        pair, arm, kind, sample = key.split("/")
        return cls(int(pair), arm, kind, int(sample))


class Question(NamedTuple):
    """One question to the model."""

    key: str  # A :class:`QuestionKey` as a string.
    prompt: str  # The text that is sent to the model.
    target: str  # The exact text that would follow, with the white space before it.
    temperature: float  # 0 for a greedy answer.
    seed: int  # Seed of the model's random choices.
    max_tokens: int  # Maximum number of tokens in the answer.

    @property
    def sample(self) -> int:
        return QuestionKey.parse(self.key).sample


@dataclass(frozen=True)
class Plan:
    """A plan as read from its file.

    Attributes
    ----------
    path
        Folder of the probe.
    content
        ``plan.json``.
    digest
        SHA-256 of the file, in hexadecimal digits.
    """

    path: Path
    content: dict[str, Any]
    digest: str

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_dict(self.content["settings"])

    @property
    def pairs(self) -> list[dict[str, Any]]:
        return self.content["pairs"]

    def questions(self) -> Iterator[Question]:
        """Yield all questions in the order in which they are asked: pair by pair, so
        that a spent budget leaves complete pairs.

        Yields
        ------
        Question
        """
        for number, pair in enumerate(self.pairs):
            for kind in pair["licensed"]["prompts"]:
                for sample in range(self.settings.samples):
                    # The arm that is asked first alternates from pair to pair.
                    first = ARMS if number % 2 == 0 else ARMS[::-1]
                    for arm in (*first, MISPLACED):
                        prompt = pair[arm]["prompts"][kind]
                        yield self._question(
                            QuestionKey(number, arm, kind, sample),
                            prompt["prompt"],
                            prompt["gap"] + prompt["target"],
                            prompt["max_tokens"],
                            sample,
                        )

    def _question(
        self, key: QuestionKey, prompt: str, target: str, tokens: int, sample: int
    ) -> Question:
        temperature = self.settings.temperature if sample else 0.0
        seed = (
            int.from_bytes(
                hashlib.sha256(f"{self.settings.seed} {key}".encode()).digest()[:4],
                "big",
            )
            >> 1
        )
        return Question(str(key), prompt, target, temperature, seed, tokens)


def make_plan(
    index: Index,
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    control_after: str | None = None,
    control: str | Sequence[str] = (),
    reference: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Plan:
    """Draw the tweets, make the prompts, compute the baseline and the power, and write
    everything to a new folder.

    Parameters
    ----------
    index
        The open index of the licensed tweets.
    out
        Folder of the probe.
    settings
        Settings of the experiment; by default ``Settings()``.
    control_after
        The licensed tweets of this day or later are the controls, which the model can't
        have seen.
    control
        Files of tweets that the model can't have seen for another reason, instead of
        ``control_after``.
    reference
        File of JSON lines with the ``id`` and the ``logprob`` of each tweet, the
        natural logarithm of its probability under a model that has not seen the tweets.
        The arms are then also matched and compared on this predictability; tweets that
        the file lacks are left out.
    overwrite
        Replace an existing plan that has no answers.

    Returns
    -------
    Plan
        The plan as it was written.

    Raises
    ------
    UsageError
        Neither or both of ``control_after`` and ``control`` are given.
    ParameterError
        ``control_after`` is not a date.
    OutputError
        The folder exists.
    InputError
        A file of controls or the reference can't be read, or no licensed tweet has a
        similar control.
    """
    settings, path = settings or Settings(), Path(out)
    files = [
        source_of(name) for name in ([control] if isinstance(control, str) else control)
    ]
    if (control_after is None) == (not files):
        raise UsageError(
            "a probe needs tweets that the model can't have seen: give either "
            "control_after or control files"
        )
    if os.path.lexists(path) and not overwrite:
        raise OutputError(EXISTS.format(path))
    known = None if reference is None else read_reference(reference)
    with temporary_folder() as folder:
        controls = no_control(index.reader)
        if control_after is not None:
            controls = with_cutoff(
                controls, parse_utc(control_after, "control_after"), "control_after"
            )
        else:
            threads = default_workers(None)
            controls, read = with_files(
                controls, files, Fields(), folder / "control", threads
            )
            for unread in read["unread"]:
                raise InputError(
                    f"control {unread['path']} can't be read: {unread['reason']}. No "
                    "plan was made"
                )
        drawn = draw(controls, settings, None if known is None else known.bits)
    content = {
        "version": VERSION,
        "index": {
            "path": os.path.abspath(index.path),
            "fingerprint": index.fingerprint,
            "texts": index.reader.texts,
            "tweets": index.reader.tweets,
        },
        "control": {"after": control_after, "files": files, "texts": controls.texts},
        "reference": None if known is None else known.describe(),
        "reach": REACH,
        "settings": settings.as_dict(),
        "rule": RULE._asdict(),
        **_described(drawn, settings),
    }
    with new_folder(path, [PLAN_FILE], overwrite=overwrite) as folder:
        write_json(folder / PLAN_FILE, content)
    return open_plan(path)


def open_plan(path: str | os.PathLike[str]) -> Plan:
    """Read the plan of a probe.

    Parameters
    ----------
    path
        Folder of the probe.

    Returns
    -------
    Plan
        The plan as read from its file.

    Raises
    ------
    InputError
        The folder has no plan, or a plan of another version, or one that was changed
        and can't be read any more.
    """
    file = Path(path) / PLAN_FILE
    try:
        raw = read_small(file, LARGE)
        content = json.loads(raw)
        version = content["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file} is not a plan that provscan wrote ({error}): run provscan probe "
            "plan first"
        ) from None
    if version != VERSION:
        raise InputError(
            f"{file} has version {version!r}, and this provscan knows {VERSION}: use "
            "the one that wrote it"
        )
    plan = Plan(Path(path), content, hashlib.sha256(raw).hexdigest())
    try:
        require(content["rule"] == RULE._asdict(), "rule", content["rule"], str(RULE))
        _ = plan.settings, [pair[arm] for pair in plan.pairs for arm in ASKED]
    except (KeyError, TypeError, ProvscanError) as error:
        raise InputError(
            f"{file} was changed, and is no longer a plan ({error}): make a new plan"
        ) from None
    return plan


def _described(drawn: Draw, settings: Settings) -> dict[str, Any]:
    """Return the entries of the plan that follow from the drawn tweets."""
    baselines = {}
    for kind in settings.prompts:
        able = [
            pair for pair in drawn.pairs if all(kind in tweet.targets for tweet in pair)
        ]
        both = arms(
            [licensed for licensed, _ in able], [control for _, control in able], kind
        )
        if both.licensed:
            area = blind_baseline(both, arms(*drawn.others, kind))
            holds = area.high is not None and area.high <= settings.max_auc
            limit = {"limit": settings.max_auc, "holds": holds}
            baselines[kind] = {"pairs": len(both.licensed), **area.as_dict(), **limit}
    fit = [kind for kind, area in baselines.items() if area["holds"]]
    # If the arms differ for every kind of prompt, all kinds are asked, but nothing is
    # claimed from the answers.
    asked = fit or list(baselines)
    pairs = [
        entry
        for pair in drawn.pairs
        if (entry := _pair(*pair, asked, settings.style)) is not None
    ]
    if not pairs:
        reasons = ", ".join(
            f"{reason}: {count:,}" for reason, count in drawn.left_out.items()
        )
        raise InputError(
            "no licensed tweet has a control like it, so nothing can be asked "
            f"({reasons or 'no texts'}). Give more controls of the same language and "
            "length"
        )
    matched: dict[int, int] = {}
    for pair in pairs:
        least = max(
            s.copies for s in drawn.strata if s.copies <= pair["licensed"]["copies"]
        )
        pair["stratum"] = least
        matched[least] = matched.get(least, 0) + 1
    shares = {f"{share:g}": detectable_share(len(pairs), share) for share in CHANCE}
    return {
        "claims": fit,
        "baseline": baselines,
        "power": {
            "pairs": len(pairs),
            "power": POWER,
            "detectable_share_by_control_share": shares,
        },
        "strata": [
            {**dataclasses.asdict(s), "matched": matched.get(s.copies, 0)}
            for s in drawn.strata
        ],
        "left_out": drawn.left_out,
        "pairs": pairs,
    }


def _pair(
    licensed: Candidate, control: Candidate, kinds: Sequence[str], style: str
) -> dict[str, Any] | None:
    """Return a pair as it is written to the plan; None if no kind of prompt fits both
    tweets.
    """
    both = [
        kind for kind in kinds if kind in licensed.targets and kind in control.targets
    ]
    if not both:
        return None
    arms = {
        arm: {
            **{name: getattr(tweet, name) for name in TWEET_FIELDS},
            "reference_bits": tweet.reference and round(tweet.reference, 2),
            "prompts": {kind: _prompt(tweet.targets[kind]) for kind in both},
        }
        for arm, tweet in zip(ARMS, (licensed, control), strict=True)
    }
    misplaced = {}
    for kind in both:
        prompt = make_prompt(
            kind, style, licensed.text, control.author, control.day, control.text
        )
        if prompt is not None:
            target = dataclasses.replace(licensed.targets[kind], prompt=prompt)
            misplaced[kind] = _prompt(target)
    return {**arms, MISPLACED: {"prompts": misplaced}}


def _prompt(target: Target) -> dict[str, Any]:
    """Return a prompt as it is written to the plan."""
    return {
        "prompt": target.prompt.text,
        "gap": target.prompt.gap,
        "target": target.prompt.target,
        "bits": round(target.bits, 2),
        "words": target.words,
        "chars": target.chars,
        "max_tokens": max_tokens(target.prompt.target),
    }
