"""Write ``report.html`` of a probe, one self-contained file, from the files that
``provscan probe score`` wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from provscan.names import several
from provscan.probe.files import RECITATIONS_FILE, TWEETS_FILE, read_score
from provscan.probe.plan import ARMS
from provscan.probe.report import tables
from provscan.report import wording
from provscan.report.document import page
from provscan.report.files import write_page
from provscan.runs.folder import REPORT_FILE

STYLES = ("page.css", "exhibits.css", "probe.css", "print.css")
# Maximum number of tweets of each arm whose strongest recitation the page shows.
SHOWN = 200


def write_probe_report(
    folder: Path,
    out: Path | None = None,
    *,
    digests: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write the report of a probe, by default as ``report.html`` in its folder.

    With ``digests``, it shows no texts. ``overwrite`` works as in
    :func:`~provscan.report.document.write_report`.
    """
    target = out or folder / REPORT_FILE
    summary, info = read_score(folder, (TWEETS_FILE, RECITATIONS_FILE))
    tweets = pq.read_table(
        folder / TWEETS_FILE,
        columns=["pair", "arm", "author", "day", "copies", "q_value"],
    )
    recitations = pq.read_table(folder / RECITATIONS_FILE).to_pylist()
    strongest, answer = _strongest(recitations), summary["answer"]
    made = page(
        "probe.html",
        STYLES,
        folder=Path(__file__).parent / "templates",
        summary=summary,
        answer=answer,
        info=info,
        model=_named(summary["model"]["model"]),
        systems=[
            (
                _named(item["model"]),
                wording.visible(item["fingerprint"] or ""),
                item["answers"],
            )
            for item in summary["model"]["returned"]
        ],
        tables=tables,
        explained=_explained(summary),
        recitations=[_shown(row, not digests) for row in strongest],
        total=sum(row["arm"] == "licensed" for row in recitations),
        tweets={
            arm: len({row["tweet_id"] for row in recitations if row["arm"] == arm})
            for arm in ARMS
        },
        most=SHOWN,
        about={(row["pair"], row["arm"]): row for row in tweets.to_pylist()},
    )
    inputs = [path for path in folder.iterdir() if path.name != REPORT_FILE]
    return write_page(target, made, overwrite=overwrite, inputs=inputs)


def _named(model: str | None) -> str:
    """Return the name of a model; if a server reports a path, its last part."""
    return wording.visible(
        Path(model).name if model and Path(model).is_absolute() else model or "unnamed"
    )


def _explained(summary: Mapping[str, Any]) -> str:
    """Return a sentence on the number of recitations that chance explains; empty if no
    licensed tweet is recited.
    """
    tweets, listed = summary["answer"]["tweets"], summary["listed"]
    if not tweets["findings"]:
        return ""
    if tweets["chance"] is None:
        return "The number of coincidences among them was not measured."
    chance = "none, since no control is recited"
    if tweets["chance"] >= tweets["findings"]:
        chance = "all, since as many controls or more are recited"
    elif tweets["chance"]:
        chance = (
            f"about {wording.count(tweets['chance'])}, since as many controls are "
            "recited"
        )
    recited = several(
        tweets["findings"], "recited licensed tweet", "recited licensed tweets"
    )
    marked = "None is strong enough to be listed."
    if listed["tweets"]:
        verb = several(listed["tweets"], "tweet is", "tweets are")
        marked = (
            f"{verb} marked as listed: on average, at most "
            f"{wording.percent(listed['rate'])} of the listed tweets are due to chance."
        )
    return f"Of {recited}, chance explains {chance}. {marked}"


def _strongest(recitations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the strongest recitation of each tweet, licensed tweets first and ordered
    by bits, up to a maximum per arm.
    """
    strongest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(
        recitations,
        key=lambda row: (
            row["arm"] != "licensed",
            -row["bits"],
            row["kind"],
            row["sample"],
        ),
    ):
        strongest.setdefault((row["arm"], row["tweet_id"]), row)
    return [
        row
        for arm in ARMS
        for row in [row for row in strongest.values() if row["arm"] == arm][:SHOWN]
    ]


def _shown(row: dict[str, Any], with_text: bool) -> dict[str, Any]:
    """Return a recitation with the model's words in three parts: the words before the
    recited ones, the recited ones, and the words after them.
    """
    if not with_text:
        return {**row, "given": None, "target": None, "parts": None}
    answer, start, end = row["answer"], row["start"], row["end"]
    parts = [
        wording.visible(part)
        for part in (answer[:start], answer[start:end], answer[end:])
    ]
    return {
        **row,
        "given": wording.visible(row["given"]),
        "target": wording.visible(row["target"]),
        "parts": parts,
    }
