"""Find licensed tweets in datasets and model outputs, with evidence and known error
rates.

>>> import provscan
>>> index = provscan.build_index(
...     [{"id": "1", "text": "The quick brown fox jumps over the lazy dog"}],
...     "fox.index"
... )
>>> found = index.match(["He said: the quick brown fox jumps over the lazy dog!"])
>>> found["tweet_id"].to_pylist()
['1']

``__all__`` lists the public names. They are loaded when they are first used, so
``import provscan`` takes almost no time.
"""

from __future__ import annotations

# Defined as in ``typing``, whose import would delay the handling of Ctrl-C by several
# milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from provscan.api import Run, match, open_run
    from provscan.cleaning import clean
    from provscan.indexing.build import build_index
    from provscan.indexing.maintain import forget, verify
    from provscan.matching import Index, open_index
    from provscan.params import IndexParams, MatchParams
    from provscan.sketch.signatures import from_datasketch, minhash, to_datasketch
    from provscan.text import canonical

__version__ = "0.1.0"

# The modules that define public names, other than provscan.api.
_HOME = {
    "Index": "provscan.matching",
    "IndexParams": "provscan.params",
    "MatchParams": "provscan.params",
    "build_index": "provscan.indexing.build",
    "canonical": "provscan.text",
    "clean": "provscan.cleaning",
    "forget": "provscan.indexing.maintain",
    "from_datasketch": "provscan.sketch.signatures",
    "minhash": "provscan.sketch.signatures",
    "open_index": "provscan.matching",
    "to_datasketch": "provscan.sketch.signatures",
    "verify": "provscan.indexing.maintain",
}

__all__ = [
    "Index",
    "IndexParams",
    "MatchParams",
    "Run",
    "build_index",
    "canonical",
    "clean",
    "forget",
    "from_datasketch",
    "match",
    "minhash",
    "open_index",
    "open_run",
    "to_datasketch",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'provscan' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME.get(name, "provscan.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
