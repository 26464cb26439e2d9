"""Computes the numbers of a probe from its answers, and writes ``summary.json``,
``tweets.parquet``, ``recitations.parquet`` and ``run.json``.

:func:`score` collects the answers and recitations as :class:`Evidence`;
:func:`summarise` counts them (:class:`Counts`), tests them and assembles the summary. A
pair counts once all its questions are answered in both arms. A tweet is recited if any
of its answers recites it by the rule in the plan. Claims rest only on prompts for which
the two arms could not be told apart beforehand.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import math
import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provscan import estimate
from provscan.calibration.controls import Controls, no_control, with_cutoff
from provscan.errors import InputError
from provscan.index import IndexReader
from provscan.matching import Index, open_index
from provscan.options import parse_utc
from provscan.probe import statistics
from provscan.probe.answers import Answer, read_answers
from provscan.probe.draw import COPIES
from provscan.probe.extraction import best_logprobs, extraction, samples_needed
from provscan.probe.files import ANSWERS_FILE, MODEL_FILE, RECITATIONS_FILE, TWEETS_FILE
from provscan.probe.plan import ARMS, POWER, Plan, open_plan
from provscan.probe.prompts import FREE
from provscan.probe.report import write_probe_report
from provscan.probe.report.wording import ALIKE, REVERSED, final_answer
from provscan.probe.run import read_model
from provscan.probe.statistics import ALPHA
from provscan.probe.verification import Recitation, free_matches, recitations
from provscan.runs.folder import RUN_FILE, SUMMARY_FILE, write_json

SUMMARY_VERSION = 1
# False discovery rate of the list of recited tweets.
RATE = 0.05
# Minimum number of pairs that can support a claim, if in all of them only the licensed
# tweet is recited.
FEWEST_PAIRS = math.ceil(-math.log2(ALPHA))
# An estimate is withheld if its interval spans a larger factor.
WIDEST = 10.0
# Minimum number of tweets for a share: fewer recited tweets show no trend over copies,
# and a class of copies with fewer tweets has no share.
FEWEST = 20

TWEETS = pa.schema(
    [
        ("pair", pa.int64()),
        ("arm", pa.string()),
        ("tweet_id", pa.string()),
        ("author", pa.string()),
        ("day", pa.string()),
        ("lang", pa.string()),
        ("script", pa.string()),
        ("length", pa.int64()),
        ("copies", pa.int64()),
        ("stratum", pa.int64()),
        ("answers", pa.int64()),
        ("recited_answers", pa.int64()),
        ("recited", pa.bool_()),
        ("bits", pa.float64()),
        ("q_value", pa.float64()),
        ("logprob", pa.float64()),
        ("samples_50", pa.float64()),
        ("samples_90", pa.float64()),
        ("text", pa.string()),
    ]
)
RECITATIONS = pa.schema(
    [
        ("pair", pa.int64()),
        ("arm", pa.string()),
        ("kind", pa.string()),
        ("sample", pa.int64()),
        ("tweet_id", pa.string()),
        ("given", pa.string()),
        ("target", pa.string()),
        ("answer", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("level", pa.string()),
        ("similarity", pa.float64()),
        ("containment", pa.float64()),
        ("bits", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Evidence:
    """The plan, the answers, and the recitations in them."""

    plan: Plan
    answers: dict[str, Answer]  # The answers by the key of their question.
    found: list[Recitation]
    complete: list[int]  # Pairs whose questions are all answered, in both arms.

    @cached_property
    def asked(self) -> dict[str, Answer]:
        """The answers to questions of the plan, in the order of the plan."""
        keys = (question.key for question in self.plan.questions())
        return {key: self.answers[key] for key in keys if key in self.answers}

    def recited(self, kinds: list[str]) -> dict[str, np.ndarray]:
        """Return the share of answers that recite, float64[complete pairs] for each
        arm; nan if no prompt of these kinds was sent.
        """
        place = {pair: at for at, pair in enumerate(self.complete)}
        hits = {arm: np.zeros(len(place)) for arm in ARMS}
        for each in self.found:
            if each.asked.pair in place and each.asked.kind in kinds:
                hits[each.asked.arm][place[each.asked.pair]] += 1
        prompts = [
            sum(k in kinds for k in self.plan.pairs[pair]["licensed"]["prompts"])
            for pair in self.complete
        ]
        asked = np.array(prompts, np.float64) * self.plan.settings.samples
        return {
            arm: np.where(asked > 0, counts / np.maximum(asked, 1), np.nan)
            for arm, counts in hits.items()
        }


@dataclass(frozen=True)
class Counts:
    """Counts over the pairs that were asked with some kinds of prompt."""

    kinds: list[str]
    pairs: list[int]
    # For each arm, float64[pairs]: share of the answers that recite, and bits of the
    # strongest recitation, or 0.
    shares: dict[str, np.ndarray]
    bits: dict[str, np.ndarray]
    # bool[pairs]: whether the model gave an answer for both tweets. Otherwise it could
    # not have recited them.
    able: np.ndarray

    @cached_property
    def recited(self) -> dict[str, np.ndarray]:
        """Whether any answer recites the tweet, bool[pairs] for each arm."""
        return {arm: shares > 0 for arm, shares in self.shares.items()}

    @property
    def alone(self) -> tuple[int, int]:
        """The number of pairs in which only the licensed tweet is recited, and the
        number in which only the control is.
        """
        licensed, control = (self.recited[arm] for arm in ARMS)
        return int((licensed & ~control).sum()), int((control & ~licensed).sum())


def score(
    path: str | os.PathLike[str],
    index: Index | str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Compare the answers with the tweets, estimate, and write ``summary.json``, the
    report and more into the folder of the probe.

    Parameters
    ----------
    path
        Folder of the probe.
    index
        The index that the plan was made with, or its folder; by default the folder that
        the plan names. It is read only if there are answers to the prompt that names no
        tweet (``Settings.free``).

    Returns
    -------
    dict
        ``summary.json``.

    Raises
    ------
    InputError
        The folder has no plan, a line of its answers can't be read, no pair was asked
        completely, or the index is gone or was changed.
    UsageError
        The plan was changed after the first question.
    """
    plan = open_plan(path)
    answers = read_answers(plan.path, plan.digest)
    free = [answer for answer in answers.values() if answer.key.startswith(f"{FREE}/")]
    complete = _complete(plan, answers)
    if not complete:
        raise InputError(
            f"{plan.path}: no pair was asked completely: run provscan probe run first"
        )
    opened = _index_of(plan, index) if free else None
    found = Evidence(plan, answers, recitations(plan, answers.values()), complete)
    matches = free_matches(free, opened.reader) if opened is not None else []
    summary, tweets = summarise(found)
    controls = None if opened is None else _controls(plan, opened.reader)
    summary["free"] = None if controls is None else _free(free, matches, controls)
    summary["answer"] = final_answer(summary)
    pq.write_table(tweets, plan.path / TWEETS_FILE, compression="zstd")
    pq.write_table(
        _rows(found, matches, controls),
        plan.path / RECITATIONS_FILE,
        compression="zstd",
    )
    write_json(plan.path / SUMMARY_FILE, summary)
    write_json(plan.path / RUN_FILE, _info(plan))
    write_probe_report(plan.path)
    return summary


def _index_of(plan: Plan, given: Index | str | os.PathLike[str] | None) -> Index:
    """Return the given index or, by default, the one that the plan names; check that it
    is the index of the plan.
    """
    planned = plan.content["index"]
    if isinstance(given, Index):
        opened = given
    else:
        path = given or planned.get("path", "licensed.index")
        if not os.path.isdir(path):
            raise InputError(
                f"{path}, with which {plan.path} was planned, is not there, and "
                "answers that name no tweet are "
                "compared with all of it: say with --index where it is now"
            )
        opened = open_index(path, without_segment=planned["left_out"]["segments"])
    if opened.fingerprint != planned["fingerprint"]:
        raise InputError(
            f"{opened.path} has fingerprint {opened.fingerprint[:12]}, and {plan.path} "
            f"was planned with {planned['fingerprint'][:12]}: it is another index, or "
            "tweets were added or forgotten since. Name a copy of the former one with "
            "--index, or make a new plan"
        )
    return opened


def _complete(plan: Plan, answers: dict[str, Answer]) -> list[int]:
    missing = {
        int(q.key.split("/")[0])
        for q in plan.questions()
        if q.target and q.key not in answers
    }
    return [number for number in range(len(plan.pairs)) if number not in missing]


def summarise(found: Evidence) -> tuple[dict[str, Any], pa.Table]:
    """Return the numbers of a probe, and a table of the tweets that were asked for."""
    plan = found.plan
    model = read_model(plan.path)
    if not model:
        raise InputError(
            f"{plan.path / MODEL_FILE} is missing, so it is unknown which model "
            "answered: restore it"
        )
    # Count recitations.
    counts = _counted(found)
    recited = {arm: int(hits.sum()) for arm, hits in counts.recited.items()}
    able, control = int(counts.able.sum()), counts.recited["control"][counts.able]
    # Test the arms against each other.
    tests = _tests(counts, _objection(plan, counts))
    numbers = _numbers(counts, tests["difference"])
    claimed = bool(numbers["at_least"])
    power = statistics.detectable_share(able, float(control.mean())) if able else None
    q_values = np.full(len(counts.pairs), np.nan)
    if plan.content["claims"]:
        q_values = statistics.benjamini_hochberg(
            statistics.conformal_p_values(
                counts.bits["licensed"], counts.bits["control"]
            )
        )
    listed = counts.recited["licensed"] & (np.nan_to_num(q_values, nan=1.0) <= RATE)
    logprobs = {
        arm: best_logprobs(
            found.answers,
            {
                pair: [f"{pair}/{arm}/{kind}/0" for kind in counts.kinds]
                for pair in counts.pairs
            },
        )
        for arm in ARMS
    }
    # Assemble the summary.
    summary = {
        "version": SUMMARY_VERSION,
        "plan": {
            "digest": plan.digest,
            **{k: v for k, v in plan.content.items() if k not in ("pairs", "version")},
        },
        "model": {**model, "returned": _returned(found.answers)},
        "asked": _asked(found),
        "claimed": claimed,
        "answer": {"tweets": numbers},
        "recited": {"pairs": len(counts.pairs), **recited, "prompts": counts.kinds},
        "tests": tests,
        "by_prompt": {kind: _of_kind(found, kind) for kind in plan.content["baseline"]},
        "dose": _dose(plan, counts),
        "listed": {"rate": RATE, "tweets": int(listed.sum())},
        "total": _total(plan, counts, claimed),
        "power": {"pairs": able, "power": POWER, "detectable_share": power},
        "extraction": extraction(logprobs, plan.settings, "endpoint" in model),
    }
    return summary, _tweets(found, counts, q_values, logprobs)


def _counted(found: Evidence) -> Counts:
    """Count the answers to the prompts that claims rest on; if there are none, the
    answers to all prompts.
    """
    kinds = found.plan.content["claims"] or list(found.plan.content["baseline"])
    shares = found.recited(kinds)
    use = ~np.isnan(shares["licensed"])
    pairs = np.array(found.complete)[use].tolist()
    place = {pair: at for at, pair in enumerate(pairs)}
    bits = {arm: np.zeros(len(pairs)) for arm in ARMS}
    for each in found.found:
        if each.asked.pair in place and each.asked.kind in kinds:
            best, at = bits[each.asked.arm], place[each.asked.pair]
            best[at] = max(best[at], each.bits)
    said = {key.rsplit("/", 2)[0] for key, answer in found.asked.items() if answer.text}
    able = [all(f"{pair}/{arm}" in said for arm in ARMS) for pair in pairs]
    return Counts(
        kinds,
        pairs,
        {arm: values[use] for arm, values in shares.items()},
        bits,
        np.array(able, np.bool_),
    )


def _objection(plan: Plan, counts: Counts) -> str | None:
    """Return the reason why nothing can be claimed from the counts, or None."""
    if not plan.content["claims"]:
        return ALIKE
    if (able := counts.able.sum()) < FEWEST_PAIRS:
        return (
            f"{able:,} pairs with answers are too few for any claim, and "
            f"{FEWEST_PAIRS} are needed"
        )
    licensed_only, control_only = counts.alone
    more_controls = statistics.mcnemar(control_only, licensed_only) <= ALPHA
    return REVERSED if more_controls else None


def _asked(found: Evidence) -> dict[str, Any]:
    """Return ``asked`` of ``summary.json``: the questions and how they were
    answered.
    """
    answered = list(found.asked.values())
    given = [answer for answer in answered if answer.text is not None]
    return {
        "questions": sum(1 for _ in found.plan.questions()),
        "answered": len(answered),
        "refused": _by_arm(answer for answer in answered if answer.text is None),
        "empty": _by_arm(answer for answer in given if not str(answer.text).strip()),
        "ended": dict(Counter(answer.finish or "unknown" for answer in given)),
        "departures": _departures(found.plan, found.answers),
        "pairs": len(found.plan.pairs),
        "complete_pairs": len(found.complete),
    }


def _by_arm(answers: Iterable[Answer]) -> dict[str, int]:
    """Count the answers about tweets of each arm, and those to the prompt that names no
    tweet.
    """
    found = Counter(
        FREE if answer.key.startswith(f"{FREE}/") else answer.key.split("/")[1]
        for answer in answers
    )
    return {name: found[name] for name in (*ARMS, FREE)}


def _tests(counts: Counts, objection: str | None) -> dict[str, Any]:
    """Run the two tests of the pairs; their results are withheld if there is an
    objection.
    """
    only, shares = counts.alone, counts.shares
    tests = {
        "difference": statistics.paired_difference(*only, len(counts.pairs)),
        "permutation": statistics.sign_flip(shares["licensed"] - shares["control"]),
    }
    return {
        "licensed_only": only[0],
        "control_only": only[1],
        **{
            name: dataclasses.replace(each, invalid=each.invalid or objection).as_dict()
            for name, each in tests.items()
        },
    }


def _numbers(counts: Counts, difference: dict[str, Any]) -> dict[str, Any]:
    """Return the number of recited licensed tweets, and the lower bound, estimate and
    upper bound of those beyond chance.

    A model that gave no answer might have recited the tweet, so the upper bound allows
    for that.
    """
    asked, findings = len(counts.pairs), int(counts.recited["licensed"].sum())
    numbers: dict[str, Any] = {"findings": findings, "asked": asked}
    limits: dict[str, Any] = dict.fromkeys(
        ("at_least", "at_most", "estimate", "chance")
    )
    if difference["value"] is not None:
        value, low, high = (
            asked * difference[name] for name in ("value", "low", "high")
        )
        limits["at_least"] = (
            max(0, math.floor(low)) if difference["p_value"] <= ALPHA else 0
        )
        limits |= {
            "at_most": min(asked, max(0, math.ceil(high)) + int((~counts.able).sum())),
            "chance": int(counts.recited["control"].sum()),
        }
        if 0.0 < high <= WIDEST * low:
            limits["estimate"] = {"value": value, "low": low, "high": high}
    bounds = {
        name: None if limits[name] is None else limits[name] / asked
        for name in ("at_least", "at_most")
    }
    return {
        **numbers,
        **limits,
        "share": {"findings": findings / asked, **bounds},
        "method": difference["method"],
    }


def _of_kind(found: Evidence, kind: str) -> dict[str, Any]:
    shares = found.recited([kind])
    use = ~np.isnan(shares["licensed"])
    return {
        "pairs": int(use.sum()),
        **{arm: int((values[use] > 0).sum()) for arm, values in shares.items()},
    }


def _dose(plan: Plan, counts: Counts) -> dict[str, Any]:
    """Return recited tweets by class of copies, and the trend per doubling of
    copies.
    """
    from scipy.optimize import isotonic_regression

    pairs, licensed = counts.pairs, counts.recited["licensed"]
    stratum = np.array([plan.pairs[pair]["stratum"] for pair in pairs])
    classes = np.unique(stratum)
    hits = [int(licensed[stratum == each].sum()) for each in classes]
    totals = [int((stratum == each).sum()) for each in classes]
    copies = np.array(
        [plan.pairs[pair]["licensed"]["copies"] for pair in pairs], np.float64
    )
    doses, place = np.unique(np.log2(np.maximum(copies, 1)), return_inverse=True)
    trend = statistics.cochran_armitage(
        doses,
        np.bincount(place, licensed, len(doses)),
        np.bincount(place, minlength=len(doses)),
    )
    below = {low: high - 1 for low, high in pairwise(COPIES)}
    if sum(hits) < FEWEST:
        why = (
            f"the model recites {sum(hits):,} licensed tweets, and {FEWEST} are needed"
        )
        return {
            "classes": [],
            "trend": dataclasses.replace(trend, invalid=why).as_dict(),
        }
    # Fit the best shares that never decrease from class to class.
    fitted = isotonic_regression(np.divide(hits, totals), weights=totals).x.tolist()
    found = []
    for least, n, k, fit in zip(classes.tolist(), totals, hits, fitted, strict=True):
        low, high = estimate.clopper_pearson(k, n)
        known = {"low": low, "high": high, "fitted": fit}
        known = known if n >= FEWEST else dict.fromkeys(known)
        found.append(
            {
                "copies": least,
                "up_to": below.get(least),
                "tweets": n,
                "recited": k,
                **known,
            }
        )
    return {"classes": found, "trend": trend.as_dict()}


def _total(plan: Plan, counts: Counts, claimed: bool) -> dict[str, Any]:
    """Return a lower bound on the licensed texts that would be recited if all were
    asked for.
    """
    hits: Counter[int] = Counter(
        plan.pairs[pair]["stratum"]
        for pair in np.array(counts.pairs)[counts.recited["licensed"]].tolist()
    )
    chance = int(counts.recited["control"].sum())
    strata = plan.content["strata"]
    size, drawn = (
        [max(s[name], s["drawn"]) for s in strata] for name in ("population", "drawn")
    )
    found, first = statistics.stratified_excess(
        size, drawn, [hits[s["copies"]] for s in strata], chance, len(counts.pairs)
    )
    total = {**found.as_dict(), "from_copies": strata[first]["copies"]}
    if not claimed:
        # The total and the test of the pairs are claimed together or not at all.
        total |= {
            "low": None,
            "value": None,
            "invalid": "nothing is claimed from the pairs that were asked",
        }
    return {**total, "population": float(sum(size))}


def _tweets(
    found: Evidence,
    counts: Counts,
    q_values: np.ndarray,
    logprobs: dict[str, dict[int, float]],
) -> pa.Table:
    """Return a table with one row for each tweet that was asked for."""
    rows = []
    for at, pair in enumerate(counts.pairs):
        entry = found.plan.pairs[pair]
        for arm in ARMS:
            tweet, logprob = entry[arm], logprobs[arm].get(pair)
            prompts = sum(
                kind in found.plan.content["baseline"] for kind in tweet["prompts"]
            )
            answers = prompts * found.plan.settings.samples
            share = float(counts.shares[arm][at])
            row = {
                **{name: tweet[name] for name in TWEETS.names if name in tweet},
                "pair": pair,
                "arm": arm,
                "stratum": entry["stratum"],
                "answers": answers,
                "recited_answers": round(share * answers),
                "recited": share > 0,
                "bits": float(counts.bits[arm][at]),
                "logprob": logprob,
            }
            if logprob is not None:
                row["samples_50"] = samples_needed(logprob, 0.5)
                row["samples_90"] = samples_needed(logprob, 0.9)
            if arm == "licensed" and not np.isnan(q_values[at]):
                row["q_value"] = float(q_values[at])
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=TWEETS)


def _rows(
    found: Evidence, matches: list[Recitation], controls: Controls | None
) -> pa.Table:
    """Return a table of all recitations, with the words of the model."""
    known = []
    for each in found.found:
        tweet = found.plan.pairs[each.asked.pair][each.asked.arm]
        prompt = tweet["prompts"][each.asked.kind]
        known.append(
            (
                each,
                "/".join(map(str, each.asked)),
                tweet["tweet_id"],
                prompt["prompt"],
                prompt["target"],
            )
        )
    if matches and controls is not None:
        tweets = controls.reader.earliest_tweets(
            np.array([match.text for match in matches])
        ).to_pylist()
        for match, tweet in zip(matches, tweets, strict=True):
            key, given = (
                f"{FREE}/{match.asked.sample}",
                found.plan.content["free_prompt"],
            )
            if controls.control[match.text]:
                match = dataclasses.replace(
                    match, asked=match.asked._replace(arm="control")
                )
            known.append((match, key, tweet["tweet_id"], given, tweet["tweet"]))
    rows = [
        {
            **each.asked._asdict(),
            "pair": each.asked.pair if each.text < 0 else None,
            "tweet_id": tweet_id,
            "given": given,
            "target": target,
            "answer": found.answers[key].text,
            **{name: getattr(each, name) for name in RECITATIONS.names[8:]},
        }
        for each, key, tweet_id, given, target in known
    ]
    return pa.Table.from_pylist(rows, schema=RECITATIONS)


def _controls(plan: Plan, reader: IndexReader) -> Controls:
    """Return the texts of the index, and which of them the model cannot have seen."""
    controls, after = no_control(reader), plan.content["control"]["after"]
    return controls if after is None else with_cutoff(controls, parse_utc(after))


def _free(
    answers: list[Answer], matches: list[Recitation], controls: Controls
) -> dict[str, Any]:
    """Return what free generation showed: licensed texts, control texts, and lower
    bounds for texts that did not appear.
    """
    draws: dict[int, set[int]] = defaultdict(set)
    control: set[int] = set()
    for match in matches:
        if controls.control[match.text]:
            control.add(match.text)
        else:
            draws[match.text].add(match.asked.sample)
    texts, mass = statistics.unseen_texts(
        [len(samples) for samples in draws.values()], len(answers)
    )
    return {
        "answers": len(answers),
        "texts": len(draws),
        "licensed_texts": controls.licensed_texts,
        "control_texts_found": len(control) if controls.texts else None,
        "control_texts": controls.texts or None,
        "at_least": texts.as_dict() if answers else None,
        "new_in_next": mass.as_dict() if answers else None,
    }


def _returned(answers: dict[str, Answer]) -> list[dict[str, Any]]:
    """Return the models and system fingerprints that the endpoint reported, with the
    number of answers of each.
    """
    seen = Counter(
        (answer.model, answer.fingerprint)
        for answer in answers.values()
        if answer.text is not None
    )
    return [
        {"model": m, "fingerprint": f, "answers": n}
        for (m, f), n in sorted(seen.items(), key=lambda x: -x[1])
    ]


def _departures(plan: Plan, answers: dict[str, Answer]) -> list[dict[str, Any]]:
    """Return the settings of the plan that the endpoint refused: the parameter, its
    value, and the number of answers that were asked for without it.
    """
    asked, without = (
        Counter[tuple[str, float | None]](),
        Counter[tuple[str, float | None]](),
    )
    for question in plan.questions():
        if question.key in answers:
            planned: list[tuple[str, float | None]] = [
                ("temperature", question.temperature),
                ("seed", None),
            ]
            asked.update(planned)
            without.update(
                each for each in planned if each[0] in answers[question.key].without
            )
    return [
        {"parameter": name, "value": value, "answers": count, "of": asked[name, value]}
        for (name, value), count in without.items()
    ]


def _info(plan: Plan) -> dict[str, Any]:
    with (plan.path / ANSWERS_FILE).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    packages = ("provscan", "numpy", "pyarrow", "scipy")
    return {
        "version": SUMMARY_VERSION,
        "plan": plan.digest,
        "answers": digest,
        "finished": datetime.now(UTC).isoformat(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        # The command that the page shows, to be run next to the folder of the probe.
        "repeat": shlex.join(["provscan", "probe", "score", plan.path.resolve().name]),
    }
