"""Frozen parameters, their validation and their fingerprint.

Building and matching have one set each, because they live differently: an
:class:`IndexParams` is written into the index and can't be changed afterwards, a
:class:`MatchParams` belongs to one run. A flag that contradicts the index raises
:class:`~provscan.errors.ParameterError` that quotes both values.
"""

from __future__ import annotations

import dataclasses
import json
import numbers
import os
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from provscan.errors import ParameterError
from provscan.urls import Url, source_of

CANONICAL_VERSION = 2
# Letters of a seed, and of one of an index of more than MANY_TEXTS texts.
SEED_LENGTH, LONG_SEED_LENGTH, MANY_TEXTS = 10, 14, 1_000_000
# Code points of a length, at most.
LONGEST = 1_000_000_000


def require(condition: bool, name: str, value: object, expected: str) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a parameter does not have a
    value that is expected.
    """
    if not condition:
        raise ParameterError(f"{name} must be {expected}, not {value!r}")


def require_number(name: str, value: object, *, whole: bool = False) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a parameter is not a number, or
    not a whole one.
    """
    kind = numbers.Integral if whole else numbers.Real
    known = isinstance(value, kind) and not isinstance(value, bool)
    require(known, name, value, "a whole number" if whole else "a number")


def require_path(name: str, value: object, *, remote: bool = False) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a parameter can't be the path
    of a file or folder.

    With `remote` it may be a URL, too.
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

    Arrow opens files by names that are UTF-8, and the system allows others.
    """
    require_path(name, value)
    assert isinstance(value, str | os.PathLike)
    path = os.fsencode(os.path.abspath(value))
    valid = path.decode("utf-8", "replace").encode() == path
    require(valid, name, os.fsdecode(path), "a path that is valid UTF-8 as a whole")
    if (encoding := sys.getfilesystemencoding()) != "utf-8":
        raise ParameterError(
            f"Python reads names of files as {encoding} here, and not as UTF-8: start "
            "it with PYTHONUTF8=1"
        )


class Params:
    """What all sets share: a plain dict of their values and a fingerprint of it."""

    # Of parameters that an index stores: the format that its manifest names.
    format: ClassVar[str] = "provscan-index"

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    def fingerprint(self) -> str:
        """XXH3-128 of the sorted JSON of all values, 32 hexadecimal digits."""
        import xxhash

        return xxhash.xxh3_128_hexdigest(
            json.dumps(self.as_dict(), sort_keys=True).encode()
        )


@dataclass(frozen=True)
class IndexParams(Params):
    """What an index is built with.

    Attributes
    ----------
    canonical_version
        Version of the canonical text; the tables shipped with the package define it.
    shingle
        Length of a shingle in code points of the canonical text.
    num_perm, seed
        Permutations of a signature and the seed that draws them.
    bands, rows
        LSH: ``bands`` bands of ``rows`` signature values each; ``bands * rows <=
        num_perm``.
    seed_length, seed_window
        Passages: minimizers of ``seed_length`` units, one in each window of
        ``seed_window`` of them. Without a length, they have 10 units in an index of up
        to a million texts, and 14 in a larger one.

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
        require(
            self.canonical_version == CANONICAL_VERSION,
            "canonical_version",
            self.canonical_version,
            f"{CANONICAL_VERSION}, the one version that this provscan knows",
        )
        require(
            self.shingle == 5,
            "shingle",
            self.shingle,
            "5: signatures are defined over 5-grams",
        )
        require(
            self.num_perm == 128,
            "num_perm",
            self.num_perm,
            "128: it is part of the signature's definition",
        )
        require(
            self.seed == 1,
            "seed",
            self.seed,
            "1: it is part of the signature's definition",
        )
        require(1 <= self.bands <= 128, "bands", self.bands, "between 1 and 128")
        require(1 <= self.rows <= 128, "rows", self.rows, "between 1 and 128")
        require(
            self.bands * self.rows <= self.num_perm,
            "bands * rows",
            self.bands * self.rows,
            f"at most num_perm, {self.num_perm}",
        )
        if self.seed_length is not None:
            require(
                4 <= self.seed_length <= 32,
                "seed_length",
                self.seed_length,
                "between 4 and 32",
            )
        require(
            1 <= self.seed_window <= 64,
            "seed_window",
            self.seed_window,
            "between 1 and 64",
        )

    def of_texts(self, texts: int) -> IndexParams:
        """The same with the length of seeds that an index of so many texts has.

        Parameters
        ----------
        texts
            Different licensed texts, without forgotten ones.

        Returns
        -------
        IndexParams
            With a ``seed_length``: the one that there is, else 10 or 14.
        """
        chosen = LONG_SEED_LENGTH if texts > MANY_TEXTS else SEED_LENGTH
        return dataclasses.replace(self, seed_length=self.seed_length or chosen)


@dataclass(frozen=True)
class SearchLimits:
    """What bounds the time and the reach of a search; look-ups that are cut short are
    counted in a run's results.

    All limits hold for each segment of an index by itself.
    """

    # Records of up to so many canonical code points are compared with licensed texts as
    # a whole, besides passages.
    whole_chars: int = 512
    band_texts: int = 64  # Texts that are read of one LSH band at most.
    # Minima of 64 in whose two bits sketches must agree. At similarity 0.4 they agree
    # in 35, give or take 4.
    sketch_minima: int = 25
    whole_candidates: int = (
        16  # Candidates of one whole record at most, the most similar ones.
    )
    # Places that are read of one key of seeds at most; a quarter of so many if more
    # share it.
    seed_places: int = 16
    # Around a match of this similarity, exact copies of variants of its text are
    # searched.
    variant_similarity: float = 0.8
    variants: int = 4  # Variants that are found around one match at most, on average.
    block_bytes: int = (
        1536 << 10
    )  # A longer text is scanned in blocks of so many bytes.
    # How far neighbouring blocks overlap, at least and at most: as far as a copy may
    # reach. It depends on the longest licensed text; a copy has links, markup and
    # character references, up to eight times as much of a short text and as much again
    # of a long one.
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
    """What one run is made with, and what a match is.

    A span of a record matches a licensed text if the two are *similar as a whole*,
    which means that they reach ``threshold``, ``min_containment`` and ``min_chars``, or
    if they have *a long enough stretch* in common, which means that it reaches
    ``partial_chars``. Lengths are canonical code points, called letters here, and a
    Chinese character, a kana or a Korean syllable counts as two.

    Attributes
    ----------
    threshold
        Minimum similarity: of all character 5-grams of span and licensed text, the
        share that both have (Jaccard index).
    min_containment
        Minimum containment: of the licensed text's 5-grams, the share that the span
        has.
    min_chars
        Minimum letters in common, which are containment times the length of the
        licensed text. A shorter licensed text is never matched, nor is a shorter
        stretch.
    partial_chars
        Minimum letters of a stretch of the licensed text, from anywhere in it. What is
        foreign to the text within the stretch is subtracted from what is in common.
        Such a match has the level ``partial``; 0 is for none. The search finds
        stretches inside other text from 35 letters on; of shorter ones it misses many.
    limits
        What bounds the search.

    Examples
    --------
    >>> MatchParams(threshold=0.6).min_chars
    20
    >>> MatchParams(threshold=60)
    Traceback (most recent call last):
    provscan.errors.ParameterError: threshold must be between 0.1 and 1, not 60
    """

    threshold: float = 0.25
    min_containment: float = 0.5
    min_chars: int = 20
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


@dataclass(frozen=True)
class FindingParams(Params):
    """What makes a match a finding; see :mod:`provscan.scoring.rule`.

    Attributes
    ----------
    min_bits
        Minimum bits of the matched wording where the span covers :data:`WHOLE_FIELD` of
        its field or more.
    min_bits_passage
        The same for a shorter span, a passage: a long field has more places for a
        coincidence.
    min_letters
        Minimum letters that span and licensed text have in common (containment times
        length, but no more than the span has), counted as ``min_chars`` counts them.

    Examples
    --------
    >>> FindingParams(min_bits=70).changed()
    {'min_bits': 70}
    """

    min_bits: float = 50.0
    min_bits_passage: float = 60.0
    min_letters: int = 25

    def __post_init__(self) -> None:
        for name in ("min_bits", "min_bits_passage"):
            require_number(name, getattr(self, name))
            require(
                0.0 <= getattr(self, name) < float("inf"),
                name,
                getattr(self, name),
                "0 or more",
            )
        require_number("min_letters", self.min_letters, whole=True)
        require(
            0 <= self.min_letters <= LONGEST,
            "min_letters",
            self.min_letters,
            f"between 0 and {LONGEST}",
        )

    def changed(self) -> dict[str, Any]:
        """The values that are not the defaults."""
        defaults = FindingParams()
        return {
            name: value
            for name, value in self.as_dict().items()
            if value != getattr(defaults, name)
        }


FINDING = FindingParams()
"""The rule of a finding unless a run changes it."""

# Share of a field from which on a span covers the whole field.
WHOLE_FIELD = 0.8
