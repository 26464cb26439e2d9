"""``provscan export``: write the report or the exhibits of a run in a format that the
name of the file chooses, or all of them and a start page to a folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from provscan.cli import shared
from provscan.cli.shared import option
from provscan.errors import UsageError

# The suffix of a report; the other formats are lists of exhibits.
PAGE = ".html"
# The options of the command by the parameters of the library.
OPTIONS = {"digests": "digests", "marks": "reviewed"}


@shared.command("export")
@shared.path_argument("runs", "RUN...", nargs=-1, required=True)
@shared.out_option(
    required=True,
    metavar="FILE|FOLDER",
    help="File to write: .html (the report); .csv, .xlsx, .jsonl or .parquet; or, for "
    "the checks of a pipeline, .sarif, .xml (JUnit) or .md (one page of Markdown). In "
    "a .csv file, an apostrophe precedes long ids, which spreadsheets would round. A "
    "name without an ending is a folder: a start page over all runs and, for each, its "
    "report and lists of exhibits, tweets, authors and exclusions.",
)
@option(
    "--all",
    "everything",
    is_flag=True,
    help="Also list the matches of common or known wording, after the findings.",
)
@shared.digests
@shared.reviewed
@shared.overwrite
@shared.as_json
def command(
    runs: tuple[Path, ...],
    out: Path,
    everything: bool,
    digests: bool,
    reviewed: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the findings of RUN as a report or a list, the strongest first.

    RUN is the folder of a run; the index and the dataset are not needed. RUN can also
    be a probe or a ledger if FILE is .html. An exhibit has the same number in every
    format. Several runs are written to a folder with a start page.
    """
    from provscan.cli import show

    chosen = shared.given(digests=digests, marks=reviewed, overwrite=overwrite)
    done: dict[str, Any] = {"exhibits": None, "left_out": None}
    if not out.suffix:
        shared.refuse(["all"] * everything, "the report always shows all matches")
        from provscan.report.overview import write_overview

        if reviewed is not None and len(runs) > 1:
            raise UsageError("marks belong to one run: leave out --reviewed")
        done |= {"what": "Start page", "path": write_overview(runs, out, **chosen)}
    elif len(runs) > 1:
        raise UsageError(f"{out} is a file for one run: name a folder for several runs")
    elif out.suffix.lower() == PAGE:
        shared.refuse(["all"] * everything, "the report always shows all matches")
        done |= {"what": "Report", "path": _write_page(runs[0], out, **chosen)}
    else:
        from provscan.report.export import export

        rows, others = export(runs[0], out, everything=everything, **chosen)
        done |= {"what": "List", "path": out, "exhibits": rows, "left_out": others}
    show.result({**done, "path": str(done["path"])}, as_json, _lines)


def _write_page(run: Path, out: Path, **options: Any) -> Path:
    from provscan import probe
    from provscan.report.document import write_report

    write: Callable[..., Path] = write_report
    if probe.is_probe(run):
        from provscan.probe.report import write_probe_report

        what, without, write = "probe", {"marks"}, write_probe_report
    elif (run / "ledger.json").is_file():
        from provscan.ledger import write_ledger_report

        what, without, write = "ledger", {"digests", "marks"}, write_ledger_report
    else:
        what, without = "run", set[str]()
    refused = sorted(OPTIONS[name] for name in options.keys() & without)
    shared.refuse(refused, f"the report of a {what} has no place for this")
    return write(run, out, **options)


def _lines(done: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    rows = done["exhibits"]
    what = done["what"] if rows is None else counted(rows, "exhibit")
    yield f"{what}: {done['path']}"
    if done["left_out"]:
        yield (
            f"{counted(done['left_out'], 'match')} of common or known wording left "
            "out: use --all to list them too"
        )
