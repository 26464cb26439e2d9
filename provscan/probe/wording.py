"""The one sentence that a probe ends in, and what must be read with it."""

from __future__ import annotations

from typing import Any

WARNINGS = {
    "arms_differ": "The licensed tweets and the controls may be told apart without the model ({areas}; limit {limit}). "
    "Nothing is claimed from this plan: give controls of the same time, authors and wording.",
    "prompts_left_out": "Prompts by which the arms may be told apart without the model were not asked: {areas}.",
    "incomplete": "{missing:,} of {pairs:,} pairs were not asked completely and take no part.",
    "refused": "The model refused {licensed:,} questions about licensed tweets, {control:,} about controls and "
    "{free:,} that name no tweet; a refusal counts as no recitation.",
    "empty": "{licensed:,} answers about licensed tweets, {control:,} about controls and {free:,} to the prompt that "
    "names no tweet are empty, and count as no recitation. A model that reasons first can use up the tokens of an "
    "answer before it says a word (answers by how they ended: {ended}).",
    "departures": "The endpoint did not accept all that the plan asks with: {what}. Its own default applied instead.",
    "several_systems": "The answers came from {systems} different models or system fingerprints: the endpoint changed "
    "during the run.",
    "unmatched": "{count:,} of the licensed tweets that were drawn have no control like them and were not asked.",
}
"""Words of the warnings, by code."""


def headline(summary: dict[str, Any]) -> dict[str, Any]:
    """The layer (``shown``, ``not_shown`` or ``withheld``), and the sentence that is shown everywhere."""
    recited, difference = summary["recited"], summary["tests"]["difference"]
    counts = (
        f"The model recites {recited['licensed']:,} of {recited['pairs']:,} licensed tweets and "
        f"{recited['control']:,} of {recited['pairs']:,} matched tweets that it cannot have seen"
    )
    if not summary["plan"]["claims"]:
        return {"layer": "withheld", "headline": f"{counts}; whether that is a difference cannot be said, since the "
                "two arms may be told apart without the model."}  # fmt: skip
    if summary["claimed"]:
        low, high = (f"{100 * difference[name]:.3g}" for name in ("low", "high"))
        return {"layer": "shown", "headline": f"{counts}: {100 * difference['value']:.3g} percentage points more (95% "
                f"interval {low} to {high})."}  # fmt: skip
    share = summary["power"]["detectable_share"]
    could = "no share of recited tweets" if share is None else f"{100 * share:.3g}% recited tweets"
    return {"layer": "not_shown", "headline": f"{counts}: no difference that this probe can show; it would have shown "
            f"{could} with a probability of 80%."}  # fmt: skip


def warnings(summary: dict[str, Any]) -> list[dict[str, str]]:
    """What must be read with the headline: ``code`` and ``message`` each."""
    plan, asked = summary["plan"], summary["asked"]
    fail = {kind: area for kind, area in plan["baseline"].items() if not area["holds"]}
    areas = ", ".join(f"{kind}: {_area(area)}" for kind, area in fail.items())
    returned = len(summary["model"]["returned"])
    drawn, matched = (sum(stratum[name] for stratum in plan["strata"]) for name in ("drawn", "matched"))
    found = []
    if fail and not plan["claims"]:
        found.append(("arms_differ", {"areas": areas, "limit": plan["settings"]["max_auc"]}))
    elif fail:
        found.append(("prompts_left_out", {"areas": areas}))
    if asked["complete_pairs"] < asked["pairs"]:
        found.append(("incomplete", {"missing": asked["pairs"] - asked["complete_pairs"], "pairs": asked["pairs"]}))
    if sum(asked["refused"].values()):
        found.append(("refused", asked["refused"]))
    if sum(asked["empty"].values()):
        ended = ", ".join(f"{how} {count:,}" for how, count in asked["ended"].items())
        found.append(("empty", {**asked["empty"], "ended": ended}))
    if asked["departures"]:
        found.append(("departures", {"what": "; ".join(map(departure, asked["departures"]))}))
    if returned > 1:
        found.append(("several_systems", {"systems": returned}))
    if drawn > matched:
        found.append(("unmatched", {"count": drawn - matched}))
    return [{"code": code, "message": WARNINGS[code].format(**values)} for code, values in found]


def departure(item: dict[str, Any]) -> str:
    """A parameter that was left out, with how often."""
    name = item["parameter"] if item["value"] is None else f"{item['parameter']} {item['value']:g}"
    why = {"seed": ", so that these answers cannot be drawn again"}.get(item["parameter"], "")
    if item["parameter"] == "temperature" and item["value"] == 0.0:
        why = ", so that these answers are not greedy"
    return f"{name} left out of {item['answers']:,} of {item['of']:,} questions{why}"


def _area(area: dict[str, Any]) -> str:
    if area["value"] is None:
        return f"not measured, {area['invalid']}"
    return f"area under the curve {area['value']:.2f}, 95% interval {area['low']:.2f} to {area['high']:.2f}"
