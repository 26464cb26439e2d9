"""``provscan review``: let reviewers judge findings blindly, and score the verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan.cli import shared
from provscan.cli.shared import option
from provscan.errors import UsageError


@shared.command("review")
@shared.path_argument("run", "RUN|REVIEW")
@shared.path_argument("verdicts", "[VERDICTS]...", nargs=-1)
@shared.out_option(metavar="REVIEW", help="Folder for the list and its key.")
@option(
    "--pairs",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="200",
    help="Number of pairs: 60% findings, 30% planted pairs, 10% common wording.",
)
@shared.overwrite_folder
@shared.as_json
def command(
    run: Path,
    verdicts: tuple[Path, ...],
    out: Path | None,
    pairs: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Let reviewers judge findings blindly, and score the verdicts.

    \b
    provscan review RUN -o REVIEW
        write a blinded list, as a page and as a workbook, and the key to it
    provscan review REVIEW VERDICTS...
        compute precision, agreement and errors from the verdicts of reviewers

    VERDICTS are files with verdicts, one file per reviewer. The result is written to
    review.json in the run folder.
    """
    from provscan.cli import show

    if verdicts:
        from provscan.handover.verdicts import score_review

        given = shared.given(out=out, pairs=pairs)
        shared.refuse(given, "verdicts are scored with the list that exists")
        scored = score_review(run, verdicts, overwrite=overwrite)
        show.result(scored, as_json, _scored)
        return
    from provscan.handover.review import KEY_FILE, write_review

    if (run / KEY_FILE).is_file():
        raise UsageError(f"{run} is a review: name the files with verdicts after it")
    if out is None:
        raise UsageError("give the folder for the list with --out (-o)")
    chosen = shared.given(count=pairs, overwrite=overwrite)
    key = write_review(run, out, **chosen)
    show.result({"path": str(out), **key}, as_json, _listed)


def _listed(key: dict[str, Any]) -> Iterator[str]:
    from provscan.handover.review import FOR_REVIEWERS, KEY_FILE, KINDS_OF_PAIRS
    from provscan.names import several

    for what in KINDS_OF_PAIRS:
        number = sum(pair["what"] == what for pair in key["pairs"])
        yield f"{what:<28}{number:>6,}"
    if again := sum(pair.get("listed", False) for pair in key["pairs"]):
        yield (
            "Since there are few findings, "
            f"{several(again, 'planted pair uses', 'planted pairs use')} texts that "
            "also occur elsewhere in the list."
        )
    yield f"Give each reviewer: {key['path']}/{FOR_REVIEWERS}"
    yield f"Keep from reviewers: {key['path']}/{KEY_FILE}"


def _scored(scored: dict[str, Any]) -> Iterator[str]:
    from provscan.names import several
    from provscan.report.wording import percent

    yield scored["headline"]
    if missing := scored["listed"] - scored["judged"]:
        yield (
            f"{several(missing, 'pair lacks', 'pairs lack')} the verdict of at least "
            "one reviewer; all numbers except kappa leave such pairs out"
        )
    named = {"all reviewers": scored["together"], **scored["each"]}
    for name, found in named.items():
        copies, others, common = (
            "{accepted} of {judged}".format(**found[kind])
            for kind in ("planted_copies", "planted_others", "common_or_known")
        )
        yield (
            f"  accepted by {name}: {copies} planted copies, {others} planted other "
            f"pairs, {common} with common wording"
        )
    for rows in scored["together"]["by"].values():
        for value, row in rows.items():
            ends = [percent(round(end, 3)) for end in (row["precision"] or {}).values()]
            shown = f"{ends[0]} ({ends[1]} to {ends[2]})" if ends else "withheld"
            yield f"  precision, {value}: {shown}"
    if disputed := scored["disputed_exhibits"]:
        yield f"  Exhibits on which reviewers differ: {', '.join(map(str, disputed))}"
