"""Write ``report.html``, one self-contained file, from the other files of a run folder.

The page loads nothing: its content security policy (:func:`content_policy`) admits only
its style and script, by their digests. All data is escaped by Jinja, or set as text by
the script. :func:`page` fills any template, :func:`render` makes the report of a run,
and :func:`write_report` writes it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader
from jinja2.bccache import Bucket
from markupsafe import Markup
from rich.filesize import decimal

from provscan import statuses
from provscan.caches import make_folder, user_cache
from provscan.params import require_folder
from provscan.report import answers, figures, omissions, wording
from provscan.report.differences import marked
from provscan.report.files import Review, RunFiles, write_page
from provscan.report.languages import attributes
from provscan.report.packing import displayed, latin, packed_exhibits
from provscan.report.places import Places
from provscan.report.works import exclusions, works

STYLES = ("page.css", "exhibits.css", "print.css")
SCRIPTS = (
    "data.js",
    "search.js",
    "languages.js",
    "marks.js",
    "filters.js",
    "cards.js",
    "list.js",
    "browser.js",
)
TEMPLATES = Path(__file__).parent / "templates"
# Maximum number of exhibits in a page, maximum number that a browser without scripts
# shows, and number of exhibits beside the answer.
MOST, STATIC, BESIDE = 100_000, 20, 3
# Maximum number of exhibits among which those in Latin letters come first.
AMONG = 1000
# Minimum number of findings for charts.
FEW = 20


class _Compiled(FileSystemBytecodeCache):
    """Caches compiled templates if possible, since compiling takes longer than filling
    them.
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
        language=attributes,
        term=wording.term,
        xml=wording.in_xml,
        plain=wording.in_markdown,
        code=wording.as_code,
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
) -> str:
    """Return a page that loads nothing, made from a template, styles and scripts.

    Files that are not in ``folder`` are taken from the folder of the report's
    templates. ``policy`` adds rules to the content security policy.
    """
    return fill(
        template,
        folder,
        style=Markup(_style(styles, folder)),
        script=Markup(_script(scripts, folder)),
        policy=content_policy(styles, scripts, folder, policy),
        wording=wording,
        statuses=statuses.STATUSES,
        **values,
    )


def fill(template: str, folder: Path = TEMPLATES, **values: Any) -> str:
    """Return a template filled with values."""
    filled = (
        _environment(folder)
        .get_template(template)
        .render(answers=answers, omissions=omissions, **values)
    )
    # File names may be invalid Unicode, but the page must be valid UTF-8.
    return filled.encode("utf-8", "backslashreplace").decode("utf-8")


def content_policy(
    styles: Sequence[str], scripts: Sequence[str], folder: Path, rules: Sequence[str]
) -> str:
    """Return the content security policy of a page (see :func:`page`), with additional
    rules.
    """
    policy = ["default-src 'none'", f"style-src {_digest(_style(styles, folder))}"]
    policy += rules
    if scripts:
        policy.append(f"script-src {_digest(_script(scripts, folder))}")
    return "; ".join([*policy, "base-uri 'none'", "form-action 'none'"])


def _script(names: Sequence[str], folder: Path) -> str:
    """Return scripts as one script in strict mode, whose names are not global."""
    return f'"use strict";{{\n{_joined(names, folder)}}}'


def _style(names: Sequence[str], folder: Path) -> str:
    """Return styles as one, with the colours of statuses before those for printing."""
    return "".join(
        (statuses.style() if name == "print.css" else "") + _joined((name,), folder)
        for name in names
    )


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def render(files: RunFiles, *, digests: bool = False, marks: Path | None = None) -> str:
    """Make the report of a run, an HTML page.

    Parameters
    ----------
    files
        The run.
    digests
        Show SHA-256 digests instead of texts.
    marks
        File of marks that reviewers saved from an earlier report of this run.
    """
    places = Places(files.summary, files.info)
    summary, info = places.shown(files.summary), places.shown(files.info)
    command = places.command(files.info.get("repeat") or "")
    digests = digests or bool(files.info["parameters"].get("digests"))
    review = files.review(marks) if marks is not None else Review()
    findings = files.listed()
    shown = displayed(files.with_texts(files.exhibits.slice(0, MOST)), digests=digests)
    sources = {
        item["source"]: places.shown(item["source"])
        for item in files.summary["sources"]
    }
    first = _first(shown, sources, review)
    by_file = (summary.get("sample") or {}).get("by") == "files"
    read = None if by_file else [item["read"] for item in files.summary["sources"]]
    copies = summary["answer"]["status"] == statuses.COPIES_FOUND
    return page(
        "page.html",
        STYLES,
        SCRIPTS,
        summary=summary,
        answer=summary["answer"],
        info=info,
        identity=files.identity,
        checksum=files.origin,
        exhibits=len(files.exhibits),
        findings=len(findings),
        forgotten=files.exhibits["forgotten"].to_numpy().sum().item(),
        shown=len(shown),
        first=first,
        strongest=first[:BESIDE] if copies else [],
        names=sources,
        review=wording.review(review.marks),
        blinded_review=files.blinded_review,
        charts=summary["answer"]["records"]["findings"] >= FEW,
        histogram=figures.histogram(files.scores, summary["recall"].get("bits")),
        breakdowns={
            name: figures.breakdown(findings, name)
            for name in figures.BREAKDOWNS
            if name != "author" or not digests
        }
        | {
            "script": [
                (name, found["records"])
                for name, found in summary["by"]["script"].items()
            ]
        },
        exclusions=exclusions(works(files.exhibits), summary),
        similarity=figures.similarity(findings),
        # Records of sampled files are not numbered consecutively.
        strip=[] if by_file else figures.strip(findings, files.summary["sources"]),
        left_out=omissions.left_out(summary),
        command=wording.visible(command),
        full_paths=command == files.info.get("repeat"),
        digests=digests,
        blocks=map(Markup, packed_exhibits(shown, review, sources, read)),
    )


def _first(
    exhibits: pa.Table, sources: Mapping[str, str], review: Review
) -> list[dict[str, Any]]:
    """Return the findings that the page contains as HTML, the strongest first, and
    those in Latin letters before those in other scripts.
    """
    exhibits = exhibits.slice(0, AMONG)
    order = np.argsort(~latin(exhibits), kind="stable")
    order = order[exhibits["counted"].to_numpy()[order]][:STATIC]
    rows = exhibits.take(pa.array(order)).to_pylist()
    for place, row in zip(order.tolist(), rows, strict=True):
        row["exhibit"] = place + 1
        row["source"] = sources.get(row["source"], row["source"])
        row["verdict"] = review.marks.get(place, {}).get("verdict")
    return [as_card(row) for row in rows]


def as_card(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of an exhibit with what ``card.html`` needs: control characters are
    escaped, and ``marked`` contains the pieces of both texts; None if it has no texts.
    """
    shown = {
        name: wording.visible(value) if isinstance(value, str) else value
        for name, value in row.items()
    }
    passage, tweet = row["passage"], row["tweet"]
    texts = row.get("has_text") is not False and None not in (passage, tweet)
    shown["marked"] = texts and {
        name: [(wording.visible(text), kind) for text, kind in pieces]
        for name, pieces in marked(passage, tweet).items()
    }
    return shown


def write_report(
    run: Path,
    out: Path | None = None,
    *,
    digests: bool = False,
    marks: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of a run folder, by default as ``report.html`` in it.

    A report that no one has changed is replaced; any other file is replaced only with
    ``overwrite``. ``digests`` and ``marks`` are passed to :func:`render`.
    """
    require_folder("run", run)
    files = RunFiles.open(run)
    made = render(files, digests=digests, marks=marks)
    return write_page(
        out or run / "report.html",
        made,
        overwrite=overwrite,
        inputs=files.inputs(marks),
    )
