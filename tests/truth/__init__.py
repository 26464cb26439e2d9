"""A machine that searches for wrong answers: it draws cases whose truth is known, runs
them, and holds the results against laws.

:mod:`truth.machines` checks cases of scans, which :mod:`truth.draw` draws and for which
:mod:`truth.laws` has laws. :mod:`truth.ledger`, :mod:`truth.probe` and
:mod:`truth.files` draw and check others.
``python -m tests.truth --help`` runs it from the shell.
"""

import tomllib
from pathlib import Path
from typing import Any

# Values that are drawn, and command lines.
TABLES: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("tables.toml").read_text("utf-8")
)
