"""Show a probe on a terminal: its plan (:func:`plan_table`) and its result
(:func:`probe_table`), in a few lines by default, or with every number.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from provscan.names import counted, several
from provscan.probe.draw import ENDS
from provscan.probe.report.wording import area_of
from provscan.report.answers import first_sentence
from provscan.report.tables import console_text, new_console, print_columns
from provscan.report.wording import count, percent

# Number of warnings whose first sentence a terminal shows by default.
WARNINGS_SHOWN = 3


def plan_table(
    folder: Path,
    digest: str,
    plan: Mapping[str, Any],
    questions: int,
    *,
    verbose: bool = False,
) -> str:
    """Return a table of the planned questions and of what they can show; ``plan`` is
    ``plan.json`` without its pairs.
    """
    console, power = new_console(), plan["power"]
    pairs = several(power["pairs"], "pair", "pairs")
    console.print(
        f"{pairs} of a licensed tweet and a similar control are planned: "
        f"{counted(questions, 'question')}."
    )
    shares = power["detectable_share_by_control_share"]
    if plan["claims"]:
        words = detectable(next(iter(shares.values())))
        console.print(f"{words[0].upper()}{words[1:]}.")
        console.print("Next: provscan probe run, with --endpoint URL and --model NAME.")
    else:
        console.print(
            "! Licensed tweets and controls were not shown to be alike, so nothing can "
            "be claimed with this plan."
        )
        console.print(
            "Next: another plan with controls of the same time, authors and wording, "
            "or with more --pairs."
        )
    if verbose:
        strata = "; ".join(
            f"{copies({'up_to': ENDS.get(s['copies']), **s})}: {count(s['matched'])}"
            for s in plan["strata"]
        )
        left_out = "; ".join(
            f"{reason}: {count(n)}" for reason, n in plan["left_out"].items()
        )
        console.print()
        print_columns(
            console,
            "<<",
            [
                *(
                    (f"Prompt {kind}", baseline(area))
                    for kind, area in plan["baseline"].items()
                ),
                ("Predictability", predictability(plan)),
                ("Reach of authors", plan["reach"]),
                *(
                    (
                        f"If {percent(float(share))} of controls are recited",
                        detectable(least),
                    )
                    for share, least in shares.items()
                ),
                ("Pairs by copies", strata),
                ("Texts left out", left_out or "none: every text could be asked for"),
            ],
        )
        console.print()
    console.print(f"SHA-256 of the plan: {digest}")
    console.print(
        f"Plan: {folder}/plan.json"
        f"{'' if verbose else f' (more: provscan info {folder})'}"
    )
    return console_text(console)


def probe_table(summary: Mapping[str, Any], *, verbose: bool = False) -> str:
    """Return a table of the results of a probe, from its ``summary.json``."""
    console, answer = new_console(), summary["answer"]
    console.print(answer["headline"])
    for sentence in answer["details"]:
        console.print(sentence)
    if answer["next"]:
        console.print(f"Next: {answer['next']}")
    warnings = [warning["message"] for warning in answer["warnings"]]
    for message in warnings if verbose else warnings[:WARNINGS_SHOWN]:
        console.print(f"! {message if verbose else first_sentence(message)}")
    if verbose:
        for note in answer["notes"]:
            console.print(note["message"])
        _numbers(console, summary)
    elif (more := len(warnings) - WARNINGS_SHOWN) > 0:
        console.print(
            f"{several(more, 'more warning', 'more warnings')}: provscan info PROBE"
        )
    return console_text(console)


def _numbers(console: Console, summary: Mapping[str, Any]) -> None:
    """Print every number of a probe: recited tweets, the upper limit, the tests, and
    the classes of copies.
    """
    answer = summary["answer"]
    console.print("\nRecited licensed tweets")
    print_columns(console, "<><", found_lines(answer))
    console.print("\nUpper limit")
    print_columns(console, "<", [(at_most(answer),)])
    console.print("\nHow it was tested")
    print_columns(console, "<<", answer_lines(summary))
    if summary["dose"]["classes"]:
        console.print("\nRecited tweets by number of copies in the index")
        print_columns(
            console,
            "<>><",
            [
                (
                    copies(item),
                    count(item["recited"]),
                    f"of {count(item['tweets'])}",
                    share_of(item),
                )
                for item in summary["dose"]["classes"]
            ],
        )
    console.print()


def found_lines(answer: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the numbers of recited licensed tweets, in total and beyond chance, with
    their names and meanings.
    """
    tweets, withheld = answer["tweets"], answer["withheld"]
    least, estimate = tweets["at_least"], tweets["estimate"]
    asked = counted(tweets["asked"], "licensed tweet")
    rows = [("Recited", count(tweets["findings"]), f"of {asked} asked for")]
    if least is None:
        rows.append(("At least", "withheld", withheld["tweets.at_least"]))
    else:
        rows.append(("At least", count(least), "beyond chance (97.5% confident)"))
    if estimate is None:
        rows.append(("Best estimate", "withheld", withheld["tweets.estimate"]))
    else:
        value, low, high = (
            count(round(estimate[name])) for name in ("value", "low", "high")
        )
        rows.append(
            ("Best estimate", value, f"beyond chance (95% interval {low}-{high})")
        )
    return rows


def at_most(answer: Mapping[str, Any]) -> str:
    """Return a sentence with the upper limit and what it covers."""
    tweets = answer["tweets"]
    if tweets["at_most"] is None:
        return f"Withheld: {answer['withheld']['tweets.at_most']}"
    return (
        f"With these prompts, the model recites at most {count(tweets['at_most'])} of "
        f"{counted(tweets['asked'], 'licensed tweet')} beyond chance (97.5% "
        "confident). This limits what the model recites, not what it has seen."
    )


def answer_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the tests of a probe and the result for the whole index, as names and
    values.
    """
    tests, listed, total, power = (
        summary[name] for name in ("tests", "listed", "total", "power")
    )
    only = count(tests["licensed_only"]), count(tests["control_only"])
    pairs = f"pairs with only one recited tweet: {only[0]} licensed, {only[1]} control"
    least = (
        f" with {count(total['from_copies'])} or more copies"
        if total["from_copies"] > 1
        else ""
    )
    invalid = tests["difference"]["invalid"]
    withheld = "" if invalid is None else f"withheld: {invalid}"
    listed_tweets = "none: chance may explain each recited tweet"
    if listed["tweets"]:
        listed_tweets = (
            f"{several(listed['tweets'], 'tweet', 'tweets')}; on average, at most "
            f"{percent(listed['rate'])} of them are due to chance"
        )
    return [
        (
            "Difference of shares",
            inference(tests["difference"], lambda v: f"{100 * v:.3g} points")
            + f"; {pairs}",
        ),
        (
            "Recited only after its own beginning",
            inference(tests["misplaced"], lambda v: f"{100 * v:.3g} points"),
        ),
        (
            "Rise with copies",
            inference(
                summary["dose"]["trend"], lambda v: f"{100 * v:.3g} points per doubling"
            ),
        ),
        ("Listed as recited", withheld or listed_tweets),
        (
            "In the whole index",
            inference(total, lambda v: counted(int(v), "text") + least, lower=True),
        ),
        ("What could be shown", withheld or detectable(power["detectable_share"])),
    ]


def predictability(plan: Mapping[str, Any]) -> str:
    """Return the models under which the tweets of each pair are similarly
    predictable.
    """
    background, reference = "the language model of provscan", plan["reference"]
    if reference is None:
        return f"similar under {background} only; no reference model was given"
    about = (
        f"{count(reference['tweets'])} log-probabilities, "
        f"SHA-256 {reference['sha256'][:12]}"
    )
    return f"similar under {background} and under a reference model ({about})"


def copies(item: Mapping[str, Any]) -> str:
    """Return the range of copies of a class."""
    low, high = item["copies"], item["up_to"]
    return (
        f"{count(low)} or more"
        if high is None
        else count(low)
        if low == high
        else f"{count(low)}-{count(high)}"
    )


def share_of(item: Mapping[str, Any]) -> str:
    """Return the share of recited tweets of a class, or a remark that it has too few
    tweets.
    """
    if item["low"] is None:
        return "share withheld: fewer than 20 tweets were asked for"
    limits = f"{percent(round(item['low'], 4))}-{percent(round(item['high'], 4))}"
    return (
        f"{percent(round(item['recited'] / item['tweets'], 4))} (95% interval {limits})"
    )


def baseline(area: Mapping[str, Any]) -> str:
    """Return whether licensed tweets and controls are alike, judged without the
    model.
    """
    return f"{'alike' if area['holds'] else 'not shown to be alike'}; {area_of(area)}"


def detectable(share: float | None) -> str:
    """Return the share of recited tweets that a probe can detect."""
    if share is None:
        return "recitation can't be shown with so few pairs"
    return (
        f"recitation of {percent(round(share, 4))} of the licensed tweets would be "
        "shown with a probability of 80%"
    )


def inference(item: Mapping[str, Any], words: Any, *, lower: bool = False) -> str:
    """Return a number with its interval, or the reason why there is none."""
    if item["value"] is None:
        return f"withheld: {item['invalid']}"
    if lower:
        return f"at least {words(item['low'])} (97.5% confident)"
    text = str(words(item["value"]))
    if item["low"] is not None and item["high"] is not None:
        text += f" (95% interval {100 * item['low']:.3g} to {100 * item['high']:.3g})"
    return text if item["p_value"] is None else f"{text}, p = {item['p_value']:.2g}"
