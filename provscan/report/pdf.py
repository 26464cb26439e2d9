"""The report as a PDF file, printed by an installed Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provscan.errors import OutputError
from provscan.report.files import RunFiles, replaced
from provscan.runs.folder import PDF_FILE, RUN_FILE, read_json
from provscan.writing import require_not_input, temporary_folder

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
# Maximum time for the browser.
SECONDS = 120


def write_pdf(
    write: Callable[..., Path],
    run: Path,
    out: Path | None = None,
    *,
    overwrite: bool = False,
    **options: Any,
) -> Path:
    """Print the report of a run, by default to ``report.pdf`` in its folder.

    ``write`` writes the page, given the folder, the path of the page and the
    ``options``. An existing file is replaced only with ``overwrite``.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise OutputError(
            "no Chromium or Chrome was found, so no PDF was written: open report.html "
            "in any browser and print it from there"
        )
    target = out or run / PDF_FILE
    inputs = RunFiles(run, {}, read_json(run / RUN_FILE)).inputs(options.get("marks"))
    require_not_input(target, inputs)
    with temporary_folder() as folder:
        page = write(run, folder / "report.html", **options)
        printed = folder / "report.pdf"
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            "--virtual-time-budget=10000",
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # Chromium has no sandbox for the superuser; the page runs only its own
            # script.
            command.insert(1, "--no-sandbox")
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=SECONDS, check=False
            )
            # Chromium may report success although the disk is full.
            complete = printed.is_file() and b"%%EOF" in printed.read_bytes()[-16:]
            problem = None if complete else f"exit status {done.returncode}"
        except subprocess.TimeoutExpired:
            problem = f"no result within {SECONDS} seconds"
        if problem:
            raise OutputError(
                f"{browser} did not print a complete file ({problem}), so {target} was "
                "not written: open report.html in a browser and print it from there"
            )
        with replaced(target, overwrite=overwrite) as temporary:
            shutil.copyfile(printed, temporary)
    return target
