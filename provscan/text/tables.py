"""The tables of the canonical text, loaded once (see :mod:`provscan.text.generate` for what they hold)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np

from provscan.params import CANONICAL_VERSION

_NAMES = (
    "pages",
    "entries",
    "expansions",
    "pairs",
    "composed",
    "entity_keys",
    "entity_values",
    "references",
)


@cache
def tables() -> tuple[np.ndarray, ...]:
    """The arrays that :mod:`provscan.kernels.normalize` takes, in its order."""
    name = f"canonical_v{CANONICAL_VERSION}.npz"
    with resources.files("provscan.text").joinpath(name).open("rb") as file, np.load(file) as data:
        return tuple(data[key] for key in _NAMES)
