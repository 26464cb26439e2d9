"""Frozen parameters, their validation and their fingerprint.

An :class:`IndexParams` is written into the index and can't be changed afterwards. An
option that contradicts the index raises a :class:`~provscan.errors.ParameterError` that
quotes both values. :class:`MatchParams` defines a match; every run uses the defaults,
for which its estimates were tested.
"""

from __future__ import annotations

import dataclasses
import json
import numbers
import os
import sys
from dataclasses import dataclass
from typing import Any

from provscan.errors import ParameterError
from provscan.urls import Url, source_of

CANONICAL_VERSION = 3
# The length of seeds in characters. It grows by 1 with each doubling, complete or
# begun, of the number of texts beyond MANY_TEXTS, up to LONG_SEED_LENGTH. With this
# length, the shortest text that can match has a complete window of seeds.
SEED_LENGTH, LONG_SEED_LENGTH, MANY_TEXTS = 10, 12, 1 << 19
# The maximum value of a parameter that is a length, in code points.
LONGEST = 1_000_000_000
# The parameters of an index that have only one allowed value, with the reason.
FIXED = {
    "canonical_version": "the only version that this provscan supports",
    "shingle": "signatures are defined over 5-grams",
    "num_perm": "it is part of the definition of signatures",
    "seed": "it is part of the definition of signatures",
}
# The minimum and maximum of the other parameters of an index.
RANGES = {
    "bands": (1, 128),
    "rows": (1, 128),
    "seed_length": (4, 32),
    "seed_window": (1, 64),
}


def require(condition: bool, name: str, value: object, expected: str) -> None:
    """Raise :class:`~provscan.errors.ParameterError`, which quotes the value of the
    parameter ``name``, if ``condition`` is false.
    """
    if not condition:
        raise ParameterError(f"{name} must be {expected}, not {value!r}")


def require_number(name: str, value: object, *, whole: bool = False) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a parameter is not a number or,
    with ``whole``, not a whole number.
    """
    kind = numbers.Integral if whole else numbers.Real
    valid = isinstance(value, kind) and not isinstance(value, bool)
    require(valid, name, value, "a whole number" if whole else "a number")


def require_path(name: str, value: object, *, remote: bool = False) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a parameter can't be the path
    of a file or folder. With ``remote``, it can also be a URL.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    require(
        isinstance(path, str) and "\0" not in path,
        name,
        value,
        "a path: a str without NUL, or a pathlib.Path",
    )
    if not remote and isinstance(url := source_of(value), Url):  # type: ignore[arg-type]
        raise ParameterError(
            f"{name} must be a path on this machine, not a URL ({url})"
        )


def require_folder(name: str, value: object) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a parameter can't be the path
    of an index or a run.

    The path must be UTF-8, since Arrow opens no other files.
    """
    require_path(name, value)
    assert isinstance(value, str | os.PathLike)
    path = os.fsencode(os.path.abspath(value))
    valid = path.decode("utf-8", "replace").encode() == path
    require(valid, name, os.fsdecode(path), "a path that is entirely valid UTF-8")
    if (encoding := sys.getfilesystemencoding()) != "utf-8":
        raise ParameterError(
            f"Python decodes names of files as {encoding} here, not as UTF-8: start it "
            "with PYTHONUTF8=1"
        )


class Params:
    """The base class of all sets of parameters."""

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    def fingerprint(self) -> str:
        """Return the XXH3-128 of the sorted JSON of all values, 32 hexadecimal
        digits.
        """
        import xxhash

        return xxhash.xxh3_128_hexdigest(
            json.dumps(self.as_dict(), sort_keys=True).encode()
        )


@dataclass(frozen=True)
class IndexParams(Params):
    """The parameters of an index.

    Attributes
    ----------
    canonical_version
        Version of the canonical text, defined by the tables in the package.
    shingle
        Length of a shingle in code points of the canonical text.
    num_perm, seed
        Number of permutations of a signature, and the seed for drawing them.
    bands, rows
        For LSH: ``bands`` bands of ``rows`` signature values each; ``bands * rows <=
        num_perm``.
    seed_length, seed_window
        For passages: minimizers of ``seed_length`` characters, one in each window of
        ``seed_window`` k-mers. A Chinese character, a kana or a syllable of Korean or
        Ethiopic counts as two. If the length is None, it is 10 in an index of up to
        2**19 texts, 11 up to 2**20, and 12 in a larger one.

    Examples
    --------
    >>> IndexParams(bands=16, rows=8).fingerprint() == IndexParams().fingerprint()
    False
    """

    canonical_version: int = CANONICAL_VERSION
    shingle: int = 5
    num_perm: int = 128
    seed: int = 1
    bands: int = 16
    rows: int = 4
    seed_length: int | None = None
    seed_window: int = 4

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:
                require_number(field.name, value, whole=True)
        for name, reason in FIXED.items():
            value, only = getattr(self, name), getattr(IndexParams, name)
            require(value == only, name, value, f"{only} ({reason})")
        for name, (low, high) in RANGES.items():
            if (value := getattr(self, name)) is not None:
                expected = f"between {low} and {high}"
                require(low <= value <= high, name, value, expected)
        require(
            self.bands * self.rows <= self.num_perm,
            "bands * rows",
            self.bands * self.rows,
            f"at most num_perm, {self.num_perm}",
        )

    def of_texts(self, texts: int) -> IndexParams:
        """Return these parameters with the length of seeds for ``texts`` texts.

        Parameters
        ----------
        texts
            The number of distinct licensed texts, without forgotten ones.

        Returns
        -------
        IndexParams
            The parameters with a ``seed_length``: the given length, else 10 to 12.
        """
        doublings = (max(0, texts - 1) // MANY_TEXTS).bit_length()
        chosen = min(SEED_LENGTH + doublings, LONG_SEED_LENGTH)
        return dataclasses.replace(self, seed_length=self.seed_length or chosen)


@dataclass(frozen=True)
class SearchLimits:
    """The limits on the time and reach of a search. They apply to each segment of an
    index separately; the results of a run count the look-ups that they truncated.
    """

    # Records of up to this many canonical code points are compared with licensed texts
    # as a whole, in addition to passages.
    whole_chars: int = 512
    band_texts: int = 64  # The maximum number of texts read per LSH band.
    # A sketch has two bits for each of 64 minima. A record and a candidate must agree
    # in the bits of at least this many minima. At similarity 0.4, those of 35 minima
    # are equal on average, with a standard deviation of 4.
    sketch_minima: int = 25
    # The maximum number of candidates per whole record, the most similar first.
    whole_candidates: int = 16
    # The maximum number of places read per key of a seed; if the key occurs at more
    # places, only a quarter as many are read.
    seed_places: int = 16
    # Around a match of at least this similarity, the search looks for exact copies of
    # other licensed texts, which are often variants of the same text.
    variant_similarity: float = 0.8
    variants: int = 4  # The maximum number of variants per match, on average.
    # Texts longer than this number of bytes are scanned in blocks of this size.
    block_bytes: int = 1536 << 10
    # The minimum and maximum overlap of neighbouring blocks, so that a copy up to this
    # length is in one block. The overlap depends on the longest licensed text: with
    # links, markup and character references, a copy of a short text may be eight times
    # as long as the text, and a copy of a long text twice as long.
    min_overlap_bytes: int = 4 << 10
    max_overlap_bytes: int = 128 << 10

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            require(value > 0, field.name, value, "above 0")
        require(
            self.sketch_minima <= 64, "sketch_minima", self.sketch_minima, "at most 64"
        )
        require(
            self.max_overlap_bytes < self.block_bytes,
            "max_overlap_bytes",
            self.max_overlap_bytes,
            "below block_bytes",
        )


@dataclass(frozen=True)
class MatchParams(Params):
    """The parameters of a search, which define a match.

    A span of a record matches a licensed text if the two are *similar as a whole*
    (they reach ``threshold``, ``min_containment`` and ``min_chars``) or if they have *a
    long enough stretch* in common (it reaches ``partial_chars``). Lengths are canonical
    code points, called characters here; a Chinese character, a kana or a syllable of
    Korean or Ethiopic counts as two, and six letters of scripts whose spaces are
    dropped count as one more.

    Attributes
    ----------
    threshold
        Minimum similarity: the share of the character 5-grams of span and licensed
        text that are in both (Jaccard index).
    min_containment
        Minimum containment: the share of the licensed text's 5-grams that are in the
        span.
    min_chars
        Minimum number of characters in common. This number is containment times the
        length of the licensed text, but at most the length of the span, since
        containment counts repeated 5-grams only once. Shorter licensed texts and
        shorter stretches never match. Fewer than :data:`FEW_CHARS` characters in common
        suffice only if at most :data:`FEW_MISSING` 5-grams of the licensed text are
        missing, as after one typing error.
    partial_chars
        Minimum number of characters in a common stretch, which may come from any part
        of the licensed text. Characters that the span adds within the stretch are
        subtracted from those in common. Such a match has the level ``partial``; 0 turns
        these matches off. Inside other text, the search finds stretches of at least 35
        characters, and misses many shorter ones.
    limits
        The limits of the search.

    Examples
    --------
    >>> MatchParams(threshold=0.6).min_chars
    15
    >>> MatchParams(threshold=60)
    Traceback (most recent call last):
    provscan.errors.ParameterError: threshold must be between 0.1 and 1, not 60
    """

    threshold: float = 0.25
    min_containment: float = 0.5
    min_chars: int = 15
    partial_chars: int = 40
    limits: SearchLimits = SearchLimits()

    def __post_init__(self) -> None:
        for name in ("threshold", "min_containment"):
            require_number(name, getattr(self, name))
        for name in ("min_chars", "partial_chars"):
            require_number(name, getattr(self, name), whole=True)
        require(
            isinstance(self.limits, SearchLimits), "limits", self.limits, "SearchLimits"
        )
        require(
            0.1 <= self.threshold <= 1.0,
            "threshold",
            self.threshold,
            "between 0.1 and 1",
        )
        require(
            0 <= self.min_containment <= 1,
            "min_containment",
            self.min_containment,
            "between 0 and 1",
        )
        require(self.min_chars >= 1, "min_chars", self.min_chars, "at least 1")
        part = self.partial_chars
        require(part == 0 or part >= 20, "partial_chars", part, "0 or at least 20")
        for name in ("min_chars", "partial_chars"):
            require(
                getattr(self, name) <= LONGEST,
                name,
                getattr(self, name),
                f"at most {LONGEST}",
            )


# Two more parameters of a match, with one value in all searches. Fewer characters in
# common are a common phrase more often than a copy. At most FEW_MISSING 5-grams of the
# licensed text may be missing then: those that one typing error changes, if two letters
# change places.
FEW_CHARS, FEW_MISSING = 25, 6
# A span covers the whole field if it covers at least this share of the field.
WHOLE_FIELD = 0.8
