"""Runs in notebooks: a small HTML table, and figures with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provscan.errors import UsageError
from provscan.params import require
from provscan.report import figures
from provscan.report.answers import upper_limits, withheld
from provscan.report.files import RunFiles
from provscan.report.wording import (
    COMMON_OR_KNOWN,
    LAYERS,
    layers,
    left_out,
    measures,
    reason,
    sampled,
    visible,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def run_html(summary: Mapping[str, Any], path: Path) -> str:
    """What a run found, as a notebook shows it."""
    answer = summary["answer"]
    names = [name for name, _ in LAYERS.values()]
    lines = [(meaning, layers(answer[name])) for name, meaning in measures(answer)]
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for name, cells in lines
    )
    first = [
        *answer.get("details", ()),
        *(f"⚠ {warning['message']}" for warning in answer["warnings"]),
    ]
    more = [f"Withheld: {reason}" for reason in withheld(answer)]
    if lines:
        more += [
            f"{name} (upper limit): {limit}" for name, limit in upper_limits(answer)
        ]
        more += [f"Next: {answer['next']}"] if answer["next"] else []
        more += [note["message"] for note in answer["notes"]]
    more += left_out(summary) + (
        [sampled(summary["sample"])] if summary.get("sample") else []
    )
    above, said = (
        "".join(f"<p>{_text(line)}</p>" for line in lines_of)
        for lines_of in (first, more)
    )
    return f"<p><b>{_text(answer['headline'])}</b></p>{above}<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>{said}<p><code>{_text(str(path / 'report.html'))}</code></p>"  # noqa: E501


def _text(text: str) -> str:
    return escape(visible(text))


class Plots:
    """Figures of a run, drawn with matplotlib; each returns its axes."""

    def __init__(self, path: Path) -> None:
        self._folder = RunFiles.open(path)

    @property
    def _measured(self) -> Mapping[str, Any]:
        """``summary.json`` of a run that measures chance and recall."""
        summary = self._folder.summary
        if "records" not in summary["answer"]:
            raise UsageError(
                "this run has neither estimate nor recall, so there is no such figure"
            )
        return summary

    def answer(self, ax: Axes | None = None) -> Axes:
        """Findings, lower bound and estimate of records. Upper limits bound something
        else, and are not drawn.
        """
        layers = self._measured["answer"]["records"]
        axes = ax or _axes(1.6)
        estimate = layers["estimate"]
        if layers["at_least"] is not None:
            axes.plot(
                [layers["at_least"]] * 2,
                [-0.3, 0.3],
                color="black",
                linewidth=1,
                label="at least",
            )
        if estimate:
            axes.barh(
                0,
                estimate["high"] - estimate["low"],
                left=estimate["low"],
                height=0.5,
                color="#a9c3e3",
            )
            axes.plot([estimate["value"]] * 2, [-0.4, 0.4], color="black", linewidth=3)
        axes.plot(layers["findings"], 0, "o", color="#b4551d", label="findings")
        axes.set(
            yticks=[],
            xlabel="records",
            title=self._folder.summary["answer"]["headline"],
        )
        axes.legend(frameon=False)
        return axes

    def recall(self, by: str = "edit", ax: Axes | None = None) -> Axes:
        """Share of the spike-ins that would be findings, by class, with 95%
        intervals.
        """
        classes = self._measured["recall"]["by"].get(by) or {}
        axes = ax or _axes(0.6 + 0.3 * len(classes))
        items = sorted(classes.items(), key=lambda item: item[1]["value"])
        for place, (_, item) in enumerate(items):
            axes.plot(
                [item["low"], item["high"]],
                [place, place],
                color="#a9c3e3",
                linewidth=6,
            )
            axes.plot(item["value"], place, "|", color="black", markersize=12)
        axes.set(
            yticks=range(len(items)),
            yticklabels=[reason(name) for name, _ in items],
            xlim=(0, 1),
            xlabel="recall",
        )
        return axes

    def bits(self, ax: Axes | None = None) -> Axes:
        """Matches by bits: findings and other matches up, matches of control texts
        down.
        """
        axes = ax or _axes(3)
        chart = figures.histogram(self._folder.read, None)
        if chart:
            left = [place * chart["width"] for place in range(chart["bins"])]
            wide = {"width": 0.9 * chart["width"], "align": "edge"}
            axes.bar(left, chart["counted"], color="#4a78b5", label="findings", **wide)
            axes.bar(
                left,
                chart["other"],
                bottom=chart["counted"],
                color="#a9c3e3",
                label=COMMON_OR_KNOWN,
                **wide,
            )
            axes.bar(
                left,
                [-n for n in chart["control"]],
                color="#b4551d",
                label="control",
                **wide,
            )
            axes.legend(frameon=False)
        axes.set(xlabel="bits", ylabel="matches")
        return axes

    def by(self, name: str, ax: Axes | None = None) -> Axes:
        """Findings by ``year``, ``author``, ``lang``, ``source`` or ``field``."""
        require(name in figures.BREAKDOWNS, "name", name, ", ".join(figures.BREAKDOWNS))
        breakdown = figures.Breakdown(name)
        for batch in self._folder.licensed():
            breakdown.add(batch)
        pairs = [(key, n) for key, n in breakdown.shown if key][::-1]
        axes = ax or _axes(0.6 + 0.3 * len(pairs))
        # Dollar signs would begin a formula.
        names = [key.replace("$", r"\$") for key, _ in pairs]
        axes.barh(names, [n for _, n in pairs], color="#4a78b5")
        axes.set(xlabel="findings")
        return axes


def _axes(height: float) -> Axes:
    try:
        from matplotlib.figure import Figure
        from matplotlib.pyplot import subplots
    except ImportError:
        raise UsageError(
            "matplotlib is not installed, so there are no plots: pip install "
            "'provscan[notebook]'"
        ) from None
    figure: tuple[Figure, Axes] = subplots(figsize=(6, height), layout="constrained")
    return figure[1]
