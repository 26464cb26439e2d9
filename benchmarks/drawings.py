"""Draw the recorded tables as figures for the documentation.

``figures.py write`` calls :func:`draw`, which draws a figure again if its numbers have
changed. A figure contains the digest of its numbers, so a test finds out without
matplotlib whether it is current.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
# Edits that every index finds at least so often are left out of the figure of recall.
NEARLY_ALL = 0.98
PEERS = {"Lance": "s", "datasketch": "^", "rensa": "D"}
OURS, GREY = "#2a62a8", "#8a9199"
# The panels of the figure of costs: a title, and columns of SCALE.md with their names.
PANELS = {
    "Building the index, core seconds": {"build, core s": ""},
    "Index on disk, MB": {"MB on disk": ""},
    "Scanning 1 GB, core seconds": {
        "1 GB of long text, core s": "long text",
        "1 GB of tweet-sized records, core s": "tweet-sized records",
    },
}


def recall_numbers() -> dict[str, dict[str, list[float]]]:
    """Return the shares of copies found, by edit and index; an index has one share for
    each of its numbers of bands.
    """
    entry = json.loads((HERE / "figures.json").read_text("utf-8"))["peers"]
    (table,) = (each for each in entry["tables"] if each["columns"][0] == "edit")
    found: dict[str, dict[str, list[float]]] = {}
    for row in table["rows"]:
        shares: dict[str, list[float]] = {}
        for column, cell in list(zip(table["columns"], row, strict=True))[2:]:
            shares.setdefault(column.partition(",")[0], []).append(float(cell))
        if min(map(min, shares.values())) < NEARLY_ALL:
            found[row[0]] = shares
    return found


def cost_numbers() -> dict[str, list[float]]:
    """Return the columns of the table of costs in ``SCALE.md``."""
    text = (HERE / "SCALE.md").read_text("utf-8")
    found = re.search(r"<!-- costs -->\n\n(.*?)\n\n", text, re.DOTALL)
    assert found is not None
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in found[1].splitlines()
    )
    columns = ("texts", *(name for panel in PANELS.values() for name in panel))
    return {
        name: [float(row[head.index(name)].replace(",", "")) for row in rows]
        for name in columns
    }


def recall_figure(numbers: dict[str, dict[str, list[float]]]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.8 + 0.42 * len(numbers)), layout="constrained")
    axes = figure.subplots()
    ordered = sorted(numbers, key=lambda edit: min(numbers[edit]["Lance"]))[::-1]
    for place, edit in enumerate(ordered):
        for down, (peer, marker) in enumerate(PEERS.items(), 1):
            shares, y = numbers[edit][peer], place - 0.17 * down
            axes.hlines(y, min(shares), max(shares), GREY, lw=1)
            middle = shares[len(shares) // 2]
            axes.plot(middle, y, marker, color="white", mec=GREY, ms=5)
        axes.plot(numbers[edit]["provscan"][0], place + 0.1, "o", color=OURS, ms=8)
    axes.plot([], [], "o", color=OURS, ms=8, label="provscan")
    for peer, marker in PEERS.items():
        axes.plot([], [], marker, color="white", mec=GREY, ms=5, label=peer)
    axes.set_yticks(range(len(ordered)), ordered)
    axes.set(xlim=(-0.02, 1.02), xlabel="share of the copies found")
    figure.legend(loc="outside upper left", ncols=4, frameon=False)
    return figure


def cost_figure(numbers: dict[str, list[float]]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    texts = [count / 1e6 for count in numbers["texts"]]
    every = figure.subplots(1, len(PANELS))
    for axes, (title, columns) in zip(every, PANELS.items(), strict=True):
        for style, (column, name) in zip(("o-", "s--"), columns.items(), strict=False):
            axes.plot(texts, numbers[column], style, color=OURS, label=name)
        axes.set(xlabel="million licensed texts", xlim=0, ylim=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_title(title, fontsize=10)
        axes.grid(color="#e3e6ea")
        if len(columns) > 1:
            axes.legend(frameon=False, fontsize=8)
    return figure


FIGURES: dict[str, tuple[Callable[[], Any], Callable[[Any], Figure]]] = {
    "recall.svg": (recall_numbers, recall_figure),
    "cost.svg": (cost_numbers, cost_figure),
}


def digest(numbers: Any) -> str:
    return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()


def is_current(file: Path) -> bool:
    """Return whether a figure shows the recorded numbers."""
    numbers, _ = FIGURES[file.name]
    return file.exists() and digest(numbers()) in file.read_text("utf-8")


def draw(folder: Path) -> None:
    """Write the figures that are not current to a folder."""
    for name, (numbers, figure) in FIGURES.items():
        if is_current(folder / name):
            continue
        import matplotlib

        found = numbers()
        # The same numbers give the same bytes, and texts stay texts.
        fixed: dict[Any, Any] = {"svg.hashsalt": name, "svg.fonttype": "none"}
        about = {"Date": None, "Description": f"Numbers: {digest(found)}"}
        with matplotlib.rc_context(fixed):
            figure(found).savefig(folder / name, metadata=about)
