"""Named tuples of arrays: the arguments and outputs of kernels.

Numba compiles a kernel once for each combination of types, and read-only arrays differ
in type from writable ones. Therefore each argument is always passed in the same form.
Texts and tables that may be mapped files are read-only (:func:`frozen`). Scratch memory
and results are writable, and remain so when another kernel reads them: a
:class:`CodeBuffer`, :class:`Grams`, :class:`Seeds`, :class:`Candidates`, and the arrays
of matches. ``n`` is a count of rows, ``m`` a count of code points or bytes.

A place in a canonical text is its index in code points or in units, which differ if
the text has wide characters (:mod:`provscan.kernels.search.minimizers`). Seeds and
postings count in units, verification and spans in code points; each field says which.
"""

from typing import Any, NamedTuple, TypeVar

import numpy as np

Record = TypeVar("Record", bound="tuple[Any, ...]")


class TextBuffer(NamedTuple):
    """UTF-8 texts in the layout of an Arrow ``large_string`` array: uint8[m] and
    int64[n + 1].
    """

    text: np.ndarray
    offsets: np.ndarray


class CodeBuffer(NamedTuple):
    """Texts as code points: uint32[m] and int64[n + 1]."""

    codes: np.ndarray
    offsets: np.ndarray


class CanonicalTables(NamedTuple):
    """Tables of the canonical text, as ``provscan.text.tables`` describes them; all
    read-only.
    """

    pages: np.ndarray
    entries: np.ndarray
    expansions: np.ndarray
    pairs: np.ndarray
    composed: np.ndarray
    entity_keys: np.ndarray
    entity_values: np.ndarray
    references: np.ndarray


class CanonicalScratch(NamedTuple):
    """Scratch for making one text of m bytes canonical."""

    # uint32[3, m + 1]: the decoded text, and the text after each of two rounds of
    # decoding character references.
    codes: np.ndarray
    # int32[4, m + 1]: where the code points of ``codes[1]`` and ``codes[2]`` come from
    # in the original: starts and ends for ``codes[1]``, then for ``codes[2]``.
    places: np.ndarray
    # uint8[2, LOOK_AHEAD], see ``provscan.kernels.canonical.ascii``.
    window: np.ndarray
    # uint32 and int32[EXPANSION * (m + 1)]: canonical code points, and for each the
    # index of the code point, in the last text of ``codes``, that it comes from; see
    # ``provscan.kernels.canonical.normalize``.
    canon: np.ndarray
    where: np.ndarray


class Grams(NamedTuple):
    """Texts as code points with the hash of the 5-gram at each: uint32[m], uint32[m]
    and int64[n + 1].
    """

    codes: np.ndarray
    hashes: np.ndarray
    offsets: np.ndarray


class EntryForm(NamedTuple):
    """The form of the uint64 entries of a range of a table that is being built.

    An entry consists of the key without its leading bits, which all entries of the
    range share; the text's row; and, for seeds, the place code.
    """

    first_bits: np.uint64  # The shared first bits, in the upper bits; 0 below.
    omitted: int  # The number of these bits.
    text_bits: int
    place_bits: int  # 8 for seeds, else 0.


class Postings(NamedTuple):
    """A table of :mod:`provscan.kernels.storage.postings`."""

    # uint32: entries and bucket offsets. The offsets are uint64 if there are 2**32
    # entries or more.
    entries: np.ndarray
    starts: np.ndarray
    # How many bits of a key select the bucket, and how many bits of an entry hold the
    # text's row.
    bits: int
    text_bits: int


class BloomFilter(NamedTuple):
    """A power of two of uint64 words, and the right shift (uint32) that turns a hash
    into the index of a word.
    """

    words: np.ndarray
    shift: np.uint32


class SeedTable(NamedTuple):
    """Postings of seeds, the code of each one's place in units (see
    :func:`provscan.kernels.search.minimizers.place_code`), and a filter of their keys.
    """

    postings: Postings
    # uint8: the codes; in a wide table uint16, with the check of the seed in the upper
    # byte (:func:`provscan.kernels.search.minimizers.seed_check`).
    places: np.ndarray
    filter: BloomFilter


class TextTable(NamedTuple):
    """Tables for the look-up of whole texts: postings of keys and of LSH bands, a
    filter of the bands, and two-bit sketches uint64[n, 2].
    """

    exact: Postings
    bands: Postings
    band_filter: BloomFilter
    sketches: np.ndarray


class Sketches(NamedTuple):
    """Hashes of canonical texts, one row per text."""

    # uint64[n, 2], see ``provscan.kernels.storage.keys.text_keys``.
    keys: np.ndarray
    bits: np.ndarray  # uint64[n, 2], two-bit sketches.
    bands: np.ndarray  # uint64[n, bands], band keys.


class SeedParams(NamedTuple):
    """The parameters of minimizers."""

    length: int  # The number of units in a seed: k.
    window: int  # The number of consecutive k-mers of which one is a seed.


class SeedScratch(NamedTuple):
    """Scratch for texts of up to m code points. ``provscan.kernels.search.minimizers``
    defines ROOM.
    """

    units: np.ndarray  # uint32[2m].
    origins: np.ndarray  # int32[2m]: the code point that each unit comes from.
    sums: np.ndarray  # uint32[2, ROOM]: hashes of parts of k-mers.
    ranks: np.ndarray  # uint32[3, ROOM]: keys of k-mers, their ranks, and minima.


class SeedEntriesScratch(NamedTuple):
    """Scratch for the entries of texts of up to m bytes."""

    # uint32[m]: a text. uint32[2m + 2], int32[2m + 2]: its seeds and their places.
    codes: np.ndarray
    keys: np.ndarray
    places: np.ndarray
    seeds: SeedScratch


class FieldTree(NamedTuple):
    """The known fields of the records of a file, as a tree of n nodes with e keys."""

    # uint8[m], int64[e + 1]: the keys as they are in JSON; key k is
    # names[name_ends[k]:name_ends[k + 1]].
    names: np.ndarray
    name_ends: np.ndarray
    targets: np.ndarray  # int64[e]: the node of the value of each key.
    edges: np.ndarray  # int64[n + 1]: the first key of each node.
    elements: np.ndarray  # int64[n]: the node of the elements of a list.
    unknown: np.ndarray  # int64[n]: the node of the values of other keys.
    # int64[n]: the minimum number of bytes of a text that is searched for; NEVER where
    # none is.
    least: np.ndarray


class Seeds(NamedTuple):
    """The seeds of several texts, in order."""

    keys: np.ndarray  # uint32[m].
    # uint8[m]: the check of each seed (``minimizers.seed_check``); empty if no table
    # needs it.
    checks: np.ndarray
    # int32[m]: the place of each seed in its text, in code points. A seed that begins
    # with the second unit of a wide character is at that character.
    codes: np.ndarray
    bounds: np.ndarray  # int64[n + 1]: the first seed of each text.


class Candidates(NamedTuple):
    """Unverified pairs of a record and a licensed text, ordered by record.

    The integers have 64 bits. There are many candidates for passages, so theirs have 32
    until most are rejected.
    """

    # The row of the record, and the row of the text in its segment.
    record: np.ndarray
    text: np.ndarray
    # In code points: the place of the seed in the record's canonical text; -1 for the
    # whole record.
    code: np.ndarray
    # In units: the place of the seed in the licensed text.
    place: np.ndarray


class Thresholds(NamedTuple):
    """The thresholds of a match, see :func:`provscan.kernels.search.verify.decide`;
    lengths are in units.
    """

    similarity: float  # Jaccard index.
    containment: float
    units: int  # Minimum length in common.
    stretch: int  # Minimum length of a common stretch.
    # With fewer than ``few_units`` in common, at most ``few_missing`` 5-grams may be
    # missing.
    few_units: int
    few_missing: int


class VerifiedRows(NamedTuple):
    """Verified candidates."""

    candidate: np.ndarray  # int64[n]: the row among the candidates.
    span: np.ndarray  # int64[n, 2], in canonical code points of the record.
    # int64[n, 2], the stretch that the span copies, in canonical code points of the
    # text; -1 if not known.
    copied: np.ndarray
    # int32[n, 3]: how many distinct 5-grams are in common, in the text, and in the
    # span.
    grams: np.ndarray
    similarity: np.ndarray  # float64[n], the Jaccard index.
    # uint8[n]: a way to match, see ``provscan.kernels.search.verify``.
    way: np.ndarray
    # float64[n, 2], in units: the length in common, and the length of the longest
    # common stretch (0 if it was not determined).
    letters: np.ndarray


class Counters(NamedTuple):
    """Look-ups that were cut short, int64[1] each."""

    bands_cut: np.ndarray
    seeds_cut: np.ndarray


def counters() -> Counters:
    """Return counters whose values are 0."""
    return Counters(*(np.zeros(1, np.int64) for _ in Counters._fields))


def frozen(record: Record) -> Record:
    """Return a named tuple with read-only views of its arrays, including those of
    nested tuples; nothing is copied.
    """
    return type(record)(*(_frozen(value) for value in record))


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a read-only view of an array."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def _frozen(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return read_only(value)
    return frozen(value) if isinstance(value, tuple) else value
