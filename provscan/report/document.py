"""``report.html``: one self-contained file, written from the four other files of a run
folder.

The page loads nothing: a content security policy admits its own style and script by
their digests and nothing else. Everything that comes from data is escaped by Jinja, or
set as text by the script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader
from jinja2.bccache import Bucket
from markupsafe import Markup
from rich.filesize import decimal

from provscan.caches import make_folder, user_cache
from provscan.errors import InputError
from provscan.params import require_folder
from provscan.report import answers, figures, wording
from provscan.report.files import Review, RunFiles, write_page
from provscan.report.packing import CHUNK, displayed, packed_exhibits
from provscan.report.places import Places

STYLES = ("page.css", "exhibits.css", "print.css")
SCRIPTS = (
    "data.js",
    "search.js",
    "marks.js",
    "filters.js",
    "cards.js",
    "list.js",
    "browser.js",
)
TEMPLATES = Path(__file__).parent / "templates"
# Exhibits that the page can hold, and those that stand in it for browsers that run no
# script.
MOST, STATIC = 100_000, 20


class _Compiled(FileSystemBytecodeCache):
    """Templates as Jinja compiled them, which takes longer than filling them; where
    they can't be kept, again.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            make_folder(Path(self.directory))
            super().dump_bytecode(bucket)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        bytecode_cache=_Compiled(str(user_cache() / "templates")),
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=wording.count,
        percent=wording.percent,
        reason=wording.reason,
        size=decimal,
        value=wording.value,
        amount=wording.amount,
        day=wording.day,
        term=wording.term,
    )
    return environment


@cache
def _joined(names: Sequence[str], folder: Path) -> str:
    return "\n".join(
        (folder / name if (folder / name).exists() else TEMPLATES / name).read_text(
            encoding="utf-8"
        )
        for name in names
    )


def page(
    template: str,
    styles: Sequence[str],
    scripts: Sequence[str] = (),
    folder: Path = TEMPLATES,
    policy: Sequence[str] = (),
    **values: Any,
) -> Iterator[str]:
    """A page with its style and script, which loads nothing, piece by piece.

    Templates and styles of another room are in a `folder` of its own; what is not there
    is taken from that of the report. The `policy` is what the page may do beside that.
    """
    style = _joined(styles, folder)
    policy = [f"style-src {_digest(style)}", *policy]
    if scripts:
        values["script"] = Markup(
            script := f'"use strict";{{\n{_joined(scripts, folder)}}}'
        )
        policy.append(f"script-src {_digest(script)}")
    pieces = (
        _environment(folder)
        .get_template(template)
        .generate(
            style=Markup(style),
            policy="; ".join(
                ["default-src 'none'", *policy, "base-uri 'none'", "form-action 'none'"]
            ),
            wording=wording,
            answers=answers,
            **values,
        )
    )
    # A file name on disk need not be valid Unicode; the page must be.
    return (
        piece.encode("utf-8", "backslashreplace").decode("utf-8") for piece in pieces
    )


def _digest(text: str) -> str:
    return (
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    )


def render(
    folder: RunFiles, *, texts: int | None = None, marks: Path | None = None
) -> Iterator[str]:
    """The report of a run as one HTML page, piece by piece, so that no more than a
    piece of it is held.

    `texts` is the number of exhibits that may show texts, the strongest first; the
    others show SHA-256 digests. `marks` is a file that reviewers saved from an earlier
    report of this run.
    """
    found, places = (
        figures.Figures(folder.summary["sources"]),
        Places(folder.summary, folder.info),
    )
    summary, info = places.shown(folder.summary), places.shown(folder.info)
    parameters = folder.info["parameters"]
    known = 0 if parameters.get("no_text") else parameters.get("texts")
    if known is not None:
        texts = known if texts is None else min(texts, known)
    review = folder.review(marks) if marks is not None else Review()
    shown = folder.first(MOST, found.add)
    first = next(
        displayed(folder.batches(STATIC, shown.slice(0, STATIC)), texts, len(shown))
    ).to_pylist()
    held = Review(
        {row: mark for row, mark in review.marks.items() if row < len(shown)},
        review.about,
    )
    batches = displayed(folder.batches(CHUNK, shown), texts, len(shown))
    sources = {
        item["source"]: places.shown(item["source"])
        for item in folder.summary["sources"]
    }
    return page(
        "page.html",
        STYLES,
        SCRIPTS,
        summary=summary,
        answer=summary["answer"],
        info=info,
        identity=folder.identity,
        exhibits=found.exhibits,
        shown=len(shown),
        first=_first(first, sources),
        findings=found.findings,
        names=sources,
        reviewed=review.marks,
        about=review.about,
        review=wording.review(review.marks),
        interval=figures.interval(
            summary["answer"]["records"], sampled=bool(summary.get("sample"))
        ),
        histogram=figures.histogram(folder.read, summary["recall"].get("bits")),
        breakdowns={
            name: breakdown.shown for name, breakdown in found.breakdowns.items()
        },
        strip=found.strip,
        left_out=wording.left_out(summary),
        command=wording.visible(info.get("repeat") or ""),
        whole_paths=info.get("repeat") == folder.info.get("repeat"),
        texts=texts,
        blocks=map(Markup, packed_exhibits(shown, batches, held, sources)),
    )


def _first(
    rows: Iterable[dict[str, Any]], sources: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The findings that stand in the page itself, with control characters spelled
    out.
    """
    return [
        {
            name: wording.visible(
                sources.get(value, value) if name == "source" else value
            )
            if isinstance(value, str)
            else value
            for name, value in row.items()
        }
        for row in rows
        if row["counted"]
    ]


def write_report(
    run: Path,
    out: Path | None = None,
    *,
    texts: int | None = None,
    marks: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of a run folder; by default as ``report.html`` in it. See
    :func:`render`.

    A report that is there is replaced; another file, or a report that somebody changed,
    with `overwrite` only.
    """
    require_folder("run", run)
    folder = RunFiles.open(run)
    if "records" not in folder.summary["answer"]:
        raise InputError(
            f"{run} makes no estimate, so that it has another report: `provscan report "
            f"{run}` writes it"
        )
    pieces = render(folder, texts=texts, marks=marks)
    return write_page(out or run / "report.html", pieces, overwrite=overwrite)
