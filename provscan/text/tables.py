"""The tables of the canonical text, loaded once (see :mod:`provscan.text.generate` for what they hold)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np

from provscan.kernels.records import CanonicalTables, frozen
from provscan.params import CANONICAL_VERSION


@cache
def tables() -> CanonicalTables:
    name = f"canonical_v{CANONICAL_VERSION}.npz"
    with resources.files("provscan.text").joinpath(name).open("rb") as file, np.load(file) as data:
        return frozen(CanonicalTables(*(data[key] for key in CanonicalTables._fields)))
