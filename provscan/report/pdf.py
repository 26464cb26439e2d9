"""The report as a PDF file, printed by a Chromium that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from provscan.errors import OutputError
from provscan.report.document import write_report
from provscan.report.files import replaced
from provscan.runs.folder import PDF_FILE

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
SECONDS = 120


def write_pdf(
    run: Path,
    out: Path | None = None,
    *,
    texts: int | None = None,
    marks: Path | None = None,
    overwrite: bool = False,
    write: Callable[..., Path] = write_report,
) -> Path:
    """Print the report of a run, by default to ``report.pdf`` in it; see
    :func:`~provscan.report.write_report`, or what else is to `write` the page.

    A file that is there is replaced with `overwrite` only.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise OutputError(
            "no Chromium or Chrome was found, so no PDF was written: open report.html "
            "and print it from there"
        )
    target = (out or run / PDF_FILE).resolve()
    with tempfile.TemporaryDirectory() as folder:
        page = write(run, Path(folder) / "report.html", texts=texts, marks=marks)
        # Chromium refuses its sandbox to the superuser; the page runs no script but its
        # own.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        printed = Path(folder) / "report.pdf"
        arguments = [
            *(
                "--headless",
                "--disable-gpu",
                "--no-pdf-header-footer",
                "--virtual-time-budget=10000",
                *root,
            ),
            *(
                f"--user-data-dir={folder}/profile",
                f"--print-to-pdf={printed}",
                page.as_uri(),
            ),
        ]
        try:
            done = subprocess.run(
                [browser, *arguments], capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise OutputError(
                f"{browser} did not print within {SECONDS} seconds, so {target} was "
                "not written"
            ) from None
        # Chromium may end well with a full disk, and a page of an earlier run may stand
        # at the place.
        whole = printed.is_file() and printed.read_bytes()[-16:].rstrip().endswith(
            b"%%EOF"
        )
        if done.returncode or not whole:
            raise OutputError(
                f"{browser} printed nothing (exit status {done.returncode}), so "
                f"{target} was not written"
            )
        with replaced(target, overwrite=overwrite) as temporary:
            shutil.copyfile(printed, temporary)
    return target
