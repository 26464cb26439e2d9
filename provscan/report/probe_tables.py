"""A probe on a terminal: its plan before, its result after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provscan.report.tables import _console, _headline, _print, _text
from provscan.report.wording import count, percent


def plan_table(folder: Path, digest: str, plan: Mapping[str, Any], questions: int) -> str:
    """What will be asked, and what can be shown with it; the plan is ``plan.json`` without its pairs."""
    console, power = _console(), plan["power"]
    strata = "; ".join(f"{count(s['copies'])} or more: {count(s['matched'])}" for s in plan["strata"])
    left_out = "; ".join(f"{reason}: {count(n)}" for reason, n in plan["left_out"].items())
    shares = power["detectable_share_by_control_share"]
    _print(console, "<<", [
        ("Plan", f"{folder}/plan.json"),
        ("Digest", digest),
        ("Pairs", f"{count(power['pairs'])}, a licensed tweet and a control each"),
        ("Questions", count(questions)),
        *((f"Arms by {kind}", baseline(area)) for kind, area in plan["baseline"].items()),
        ("Predictability", predictability(plan)),
        ("Reach", plan["reach"]),
        ("Power", "; ".join(detectable(share, least) for share, least in shares.items())),
        ("By copies", strata),
        ("Not drawn from", left_out or "every text could be asked for"),
    ])  # fmt: skip
    if not plan["claims"]:
        console.print(
            "! The arms were not shown to be alike without the model, so nothing can be claimed with this plan. Give "
            "controls of the same time, authors and wording, or more pairs."
        )
    return _text(console)


def probe_table(summary: Mapping[str, Any]) -> str:
    """What a probe showed, from its ``summary.json``."""
    console = _console()
    _headline(console, summary["answer"])
    _print(console, "<<", answer_lines(summary))
    console.print(f"\nRecited tweets by number of copies, of {count(summary['recited']['pairs'])} asked for")
    _print(console, "<>><", [
        (copies(item), count(item["recited"]), count(item["tweets"]),
         f"95% interval {percent(item['low'])}-{percent(item['high'])}")
        for item in summary["dose"]["classes"]
    ])  # fmt: skip
    return _text(console)


def answer_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    tests, listed, total, power = (summary[name] for name in ("tests", "listed", "total", "power"))
    only = f"pairs with one recited: {count(tests['licensed_only'])} licensed, {count(tests['control_only'])} control"
    least = f" with {count(total['from_copies'])} or more copies" if total["from_copies"] > 1 else ""
    withheld = "" if summary["plan"]["claims"] else f"withheld: {tests['difference']['invalid']}"
    found = [
        ("Difference", inference(tests["difference"], lambda v: f"{100 * v:.3g} points") + f"; {only}"),
        ("Permutation", inference(tests["permutation"], lambda v: f"{100 * v:.3g} points of all answers")),
        ("Dose and response", inference(summary["dose"]["trend"], lambda v: f"{100 * v:.3g} points for each doubling")),
        (
            "Listed",
            withheld or f"{count(listed['tweets'])} tweets at a false discovery rate of {percent(listed['rate'])}",
        ),
        ("In the index", inference(total, lambda v: f"{count(int(v))} texts{least}", lower=True)),
        ("Power", withheld or detectable(None, power["detectable_share"])),
    ]
    found += extraction_lines(summary["extraction"])
    if summary["free"]:
        free = summary["free"]
        control, controls = free["control_texts_found"], free["control_texts"]
        beside = "" if controls is None else f"{count(control)} of the {count(controls)} control texts; "
        found.append(
            (
                "Free generation",
                f"{count(free['texts'])} licensed texts in {count(free['answers'])} answers; {beside}in all, "
                + inference(free["at_least"], lambda v: f"{count(int(v))} texts", lower=True),
            )
        )
    return found


def predictability(plan: Mapping[str, Any]) -> str:
    """Under what models the arms are as predictable as each other."""
    own = "under the background model of provscan"
    reference = plan["reference"]
    if reference is None:
        return f"matched {own} only; no reference model was given"
    about = f"{reference['model']}, {count(reference['parameters'])} parameters, SHA-256 {reference['sha256'][:12]}"
    return f"matched {own} and under the reference model {reference['path']} ({about})"


def extraction_lines(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How many licensed tweets are recited within so many samples, a line for each probability; why it is not known."""
    if item["invalid"]:
        return [("Extraction", f"not measured: {item['invalid']}")]
    known = item["tweets"]["licensed"]
    rows = []
    for probability, arms in item["within"].items():
        pieces = [f"{count(n)}: {count(k)}" for n, k in zip(item["samples"], arms["licensed"], strict=True)]
        words = (
            f"of {count(known)} licensed tweets, recited within so many samples at temperature {item['temperature']:g} "
        )
        rows.append(("Extraction", f"{words}with probability {probability}: " + "; ".join(pieces)))
    return rows


def copies(item: Mapping[str, Any]) -> str:
    """The numbers of copies of a class."""
    low, high = item["copies"], item["up_to"]
    return f"{count(low)} or more" if high is None else count(low) if low == high else f"{count(low)}-{count(high)}"


def baseline(area: Mapping[str, Any]) -> str:
    """How well the arms are told apart without the model."""
    if area["value"] is None:
        return f"not measured: {area['invalid']}"
    verdict = "alike" if area["holds"] else "not shown to be alike"
    interval = f"95% interval {area['low']:.2f}-{area['high']:.2f}"
    return f"{verdict}: area {area['value']:.2f}, {interval}, limit {area['limit']:g}"


def detectable(control: str | None, share: float | None) -> str:
    """What share of recited tweets would be detected."""
    words = "nothing" if share is None else f"{percent(round(share, 4))} recited tweets"
    given = "" if control is None else f" if {percent(float(control))} of the controls are recited"
    return f"{words} would be detected with a probability of 80%{given}"


def inference(item: Mapping[str, Any], words: Any, *, lower: bool = False) -> str:
    """A number with its interval, or why there is none."""
    if item["value"] is None:
        return f"withheld: {item['invalid']}"
    if lower:
        return f"at least {words(item['low'])} (97.5% confident)"
    text = str(words(item["value"]))
    if item["low"] is not None and item["high"] is not None:
        text += f" (95% interval {100 * item['low']:.3g} to {100 * item['high']:.3g})"
    return text if item["p_value"] is None else f"{text}, p = {item['p_value']:.2g}"
