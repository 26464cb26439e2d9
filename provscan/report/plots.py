"""Figures of a run for notebooks, drawn with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provscan.errors import UsageError
from provscan.params import require
from provscan.report import answers, figures, wording
from provscan.report.files import RunFiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR, PALE, CHANCE = "#4a78b5", "#a9c3e3", "#b4551d"


class Plots:
    """Figures of the run in a folder.

    Each method draws on the axes ``ax``, or on new ones, and returns the axes.
    """

    def __init__(self, path: Path) -> None:
        self._files = RunFiles.open(path)

    def __call__(self, ax: Axes | None = None) -> Axes:
        """Draw :meth:`answer`."""
        return self.answer(ax)

    def answer(self, ax: Axes | None = None) -> Axes:
        """Draw the findings, the lower bound, and the estimate with its interval, in
        records.

        Findings of a sample are left out: the other numbers are for the whole dataset.
        """
        summary = self._files.summary
        records = summary["answer"]["records"]
        axes = ax or _axes(1.8)
        if estimate := records["estimate"]:
            width = estimate["high"] - estimate["low"]
            axes.barh(0, width, 0.5, estimate["low"], color=PALE, label="95% interval")
            axes.vlines(estimate["value"], -0.4, 0.4, "black", lw=3, label="estimate")
        if records["at_least"] is not None:
            axes.vlines(records["at_least"], -0.3, 0.3, "black", lw=1, label="at least")
        if not summary.get("sample"):
            axes.plot(records["findings"], 0, "o", color=CHANCE, label="findings")
        axes.set(yticks=[], ylim=(-0.6, 0.6), xlabel="records")
        axes.set_xlim(left=0)
        axes.set_title(_plain(summary["answer"]["headline"]), wrap=True, fontsize=9)
        axes.legend(frameon=False, ncols=4, loc="upper center", fontsize=8)
        return axes

    def recall(self, by: str = "edit", ax: Axes | None = None) -> Axes:
        """Draw the share of the test copies that would be findings, by ``edit``,
        ``length``, ``script`` or ``position``, with 95% intervals.
        """
        classes = self._files.summary["recall"]["by"]
        if not classes:
            raise UsageError(
                "no test copies were planted in this run, so recall was not measured"
            )
        require(by in classes, "by", by, ", ".join(classes))
        rows = answers.recall_rows(by, classes[by])[::-1]
        axes = ax or _axes(0.6 + 0.3 * len(rows))
        for place, (_, item) in enumerate(rows):
            axes.hlines(place, item["low"], item["high"], PALE, lw=6)
            axes.plot(item["value"], place, "|", color="black", markersize=12)
        names = [_plain(wording.term(name)) for name, _ in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.set(xlim=(0, 1), xlabel="recall")
        return axes

    def bits(self, ax: Axes | None = None) -> Axes:
        """Draw the matches by the rarity of their wording; bars for control texts point
        down.
        """
        axes = ax or _axes(3)
        if chart := figures.histogram(self._files.scores, None):
            left = [place * chart["width"] for place in range(chart["bins"])]
            down = [-number for number in chart["control"]]
            for label, heights, bottom, color in (
                ("findings", chart["counted"], 0, BAR),
                (wording.COMMON_OR_KNOWN, chart["other"], chart["counted"], PALE),
                ("control", down, 0, CHANCE),
            ):
                width = 0.9 * chart["width"]
                axes.bar(
                    left, heights, width, bottom, align="edge", color=color, label=label
                )
            axes.legend(frameon=False)
        axes.set(xlabel="bits", ylabel="matches")
        return axes

    def similarity(self, ax: Axes | None = None) -> Axes:
        """Draw the findings by similarity to the tweet and by kind; a part of a tweet
        counts by the share of the tweet that it contains.
        """
        axes, bottom = ax or _axes(3), [0] * figures.CLASSES
        width = 100 / figures.CLASSES
        left = [place * width for place in range(figures.CLASSES)]
        for kind, counts in figures.similarity(self._files.listed()).items():
            axes.bar(left, counts, 0.9 * width, bottom, align="edge", label=kind)
            bottom = [a + b for a, b in zip(bottom, counts, strict=True)]
        axes.set(xlabel="similarity, %", ylabel="findings", xlim=(0, 100))
        if any(bottom):
            axes.legend(frameon=False)
        return axes

    def by(self, name: str, ax: Axes | None = None) -> Axes:
        """Draw the findings by ``year``, ``author``, ``lang``, ``source`` or
        ``field``.
        """
        require(name in figures.BREAKDOWNS, "name", name, ", ".join(figures.BREAKDOWNS))
        pairs = figures.breakdown(self._files.listed(), name)
        pairs = [(value, number) for value, number in pairs if value][::-1]
        axes = ax or _axes(0.6 + 0.3 * len(pairs))
        axes.barh(
            [_plain(value) for value, _ in pairs], [n for _, n in pairs], color=BAR
        )
        axes.set(xlabel="findings")
        return axes


def _plain(text: str) -> str:
    """Return a text that matplotlib does not interpret as a formula."""
    return wording.visible(text).replace("$", r"\$")


def _axes(height: float) -> Axes:
    try:
        from matplotlib.pyplot import subplots
    except ImportError:
        raise UsageError(
            "matplotlib is not installed, so there are no plots: pip install "
            "'provscan[notebook]'"
        ) from None
    axes: Axes = subplots(figsize=(6, height), layout="constrained")[1]
    return axes
