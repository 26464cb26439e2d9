"""Write blinded lists of findings for reviewers, who don't see the expected verdicts.

:func:`write_review` writes a list of pairs of a passage and a tweet, and the key to the
list. In random order, the list contains a stratified sample of the findings
(:class:`_Frame`), planted copies and planted pairs that are not copies
(:class:`_Planted`), and matches of common or known wording.
:mod:`provscan.handover.verdicts` evaluates the verdicts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.calibration.edits import EDITS, edited, words_of
from provscan.errors import InputError, ParameterError
from provscan.matching.compare import comparison
from provscan.matching.matches import STRONG
from provscan.params import MatchParams, require_folder
from provscan.report.document import page
from provscan.report.files import RunFiles
from provscan.report.wording import KINDS, rarity
from provscan.report.workbook import Sheet, write_workbook
from provscan.runs.folder import (
    info_checksum,
    write_json,
)
from provscan.sketch.signatures import minhash
from provscan.writing import new_folder

FOR_REVIEWERS, KEY_FILE = "for-reviewers", "key.json"
FILES = (KEY_FILE, f"{FOR_REVIEWERS}/list.html", f"{FOR_REVIEWERS}/list.xlsx")
KEY_FORMAT = {"format": "provscan-review-key", "version": 1}
# The kinds of pairs in a list.
KINDS_OF_PAIRS = (FINDING, COPY, OTHER, COMMON_OR_KNOWN) = (
    "finding",
    "planted copy",
    "planted other",
    "common or known wording",
)
VERDICTS = ("copy", "not a copy", "unsure")
MEANINGS = (
    "The passage repeats all or part of the wording of the tweet, perhaps altered, and "
    "more than a common phrase.",
    "The texts share nothing, or only a common phrase or a topic.",
    "The two texts alone are not enough to decide.",
)
# Shares of a list: planted copies, planted pairs that are not copies, and matches of
# common or known wording. The other pairs are findings.
COPIES, OTHERS, COMMON = 0.15, 0.15, 0.1
# The minimum number of findings from each stratum in the sample.
LEAST = 3
SMALLEST_LIST = 20
# The tweet of a planted pair that is not a copy is chosen from TWEETS tweets. The
# COMPARED most similar ones are compared with the passage.
TWEETS, COMPARED = 2000, 50
# The maximum number of tweets that are edited to make one copy of the wanted kind.
TRIES = 5


def write_review(
    run: Path,
    out: Path,
    *,
    count: int = 200,
    seed: int = 1,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a blinded list of pairs for reviewers, and its key, to a new folder.

    Parameters
    ----------
    run
        The run folder, with the texts of its findings.
    out
        The new folder. Its folder ``for-reviewers`` contains the list as a page and as
        a workbook. ``key.json`` gives the kind of each pair; reviewers must not see it.
    count
        Number of pairs.
    seed
        Seed for all random choices.
    overwrite
        Replace an existing list.

    Returns
    -------
    dict
        ``key.json``.

    Raises
    ------
    InputError
        The run was changed, or contains no texts.
    OutputError
        ``out`` exists, or can't be written.
    ParameterError
        ``count`` is too small.
    """
    if count < SMALLEST_LIST:
        raise ParameterError(
            f"a list needs at least {SMALLEST_LIST} pairs, found --pairs {count}"
        )
    require_folder("run", run)
    files, rng = RunFiles.open(run), Random(seed)
    frame = _Frame(files)
    copies, others, wanted = (round(part * count) for part in (COPIES, OTHERS, COMMON))
    common = frame.common(wanted, rng)
    drawn = frame.drawn(count - copies - others - len(common), rng)
    planted = _Planted(frame, drawn, MatchParams(), rng)
    pairs = [
        *frame.pairs(drawn),
        *planted.copies(copies),
        *planted.others(others),
        *common,
    ]
    rng.shuffle(pairs)
    shown = [{name: pair.pop(name) for name in ("passage", "tweet")} for pair in pairs]
    numbered = [{"pair": number, **pair} for number, pair in enumerate(pairs, 1)]
    listed = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]
    key = {
        **KEY_FORMAT,
        "list": listed,
        "run": files.identity,
        # From the folder of the review, so that both can be moved together.
        "run_path": os.path.relpath(run.resolve(), out.resolve()),
        "seed": seed,
        "findings": frame.total,
        "with_texts": len(frame.findings),
        "strata": frame.strata(drawn),
        "common_or_known_with_texts": frame.common_total,
        "pairs": numbered,
    }
    key["checksum"] = info_checksum(key)
    with new_folder(out, FILES, overwrite=overwrite) as folder:
        (folder / FOR_REVIEWERS).mkdir()
        made = page(
            "review.html",
            ("page.css", "review.css"),
            ("review.js",),
            folder=Path(__file__).parent / "templates",
            identity=listed,
            pairs=shown,
            verdicts=list(zip(VERDICTS, MEANINGS, strict=True)),
        )
        (folder / FOR_REVIEWERS / "list.html").write_text(made, encoding="utf-8")
        write_workbook(folder / FOR_REVIEWERS / "list.xlsx", _sheets(listed, shown))
        write_json(folder / KEY_FILE, key)
    return key


class _Frame:
    """The sampling frame: the findings and other matches of a run that have texts."""

    def __init__(self, files: RunFiles) -> None:
        findings = files.listed()
        if not len(findings):
            raise InputError(
                f"{files.path} has no findings to review: name another run"
            )
        self.files, self.total = files, len(findings)
        exhibit = pa.array(np.arange(1, len(findings) + 1))
        findings = findings.append_column("exhibit", exhibit)
        self.findings = findings.filter(findings["has_text"])
        if not len(self.findings):
            raise InputError(
                f"{files.path} contains digests instead of texts, so it can't be "
                "reviewed: run match again without --digests"
            )

    @cached_property
    def stratum(self) -> list[tuple[str, str]]:
        """The stratum of each finding: the kind of match, and its strength."""
        levels, bits = (self.findings[name].to_pylist() for name in ("level", "bits"))
        return [
            (KINDS[level], rarity(True, bit))
            for level, bit in zip(levels, bits, strict=True)
        ]

    @cached_property
    def _rows(self) -> dict[tuple[str, str], list[int]]:
        rows: dict[tuple[str, str], list[int]] = {}
        for row, stratum in enumerate(self.stratum):
            rows.setdefault(stratum, []).append(row)
        return dict(sorted(rows.items()))

    def drawn(self, count: int, rng: Random) -> list[int]:
        """Draw a stratified random sample of the findings; return their row numbers."""
        sizes = np.array([len(rows) for rows in self._rows.values()])
        return [
            row
            for rows, n in zip(
                self._rows.values(), allocated(sizes, count), strict=True
            )
            for row in rng.sample(rows, int(n))
        ]

    def strata(self, drawn: Sequence[int]) -> list[dict[str, Any]]:
        """Return how many findings each stratum contains, and how many were sampled."""
        chosen = [self.stratum[row] for row in drawn]
        return [
            {
                "kind": stratum[0],
                "strength": stratum[1],
                "findings": len(rows),
                "listed": chosen.count(stratum),
            }
            for stratum, rows in self._rows.items()
        ]

    def texts(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return the findings in some rows, with their texts."""
        chosen = self.findings.take(pa.array(rows, pa.int64()))
        return self.files.with_texts(chosen).to_pylist()

    def pairs(self, rows: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield the pairs of the list for the findings in some rows."""
        for row, finding in zip(rows, self.texts(rows), strict=True):
            kind, strength = self.stratum[row]
            about = {"what": FINDING, "exhibit": finding["exhibit"]}
            yield about | {"kind": kind, "strength": strength} | _texts(finding)

    @cached_property
    def _common(self) -> pa.Table:
        """The matches of common or known wording that have texts."""
        others = self.files.with_texts(self.files.exhibits.slice(self.total))
        return others.filter(pc.is_valid(others["passage"]))

    @property
    def common_total(self) -> int:
        return len(self._common)

    def common(self, count: int, rng: Random) -> list[dict[str, Any]]:
        """Return a random sample of pairs with common or known wording."""
        rows = rng.sample(range(len(self._common)), min(count, len(self._common)))
        found = self._common.take(pa.array(rows, pa.int64())).to_pylist()
        return [{"what": COMMON_OR_KNOWN, **_texts(row)} for row in found]


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"passage": row["passage"], "tweet": row["tweet"]}


def allocated(sizes: Numbers, count: int) -> Numbers:
    """Return the number of findings to draw from each stratum. It is proportional to
    the size of the stratum, but at least :data:`LEAST`; from a stratum with
    fewer, all are drawn.
    """
    share = count * sizes / sizes.sum()
    drawn = np.minimum(sizes, np.maximum(LEAST, np.floor(share))).astype(np.int64)
    while drawn.sum() < min(count, sizes.sum()):
        drawn[np.argmax(np.where(drawn < sizes, share - drawn, -np.inf))] += 1
    return drawn


class _Planted:
    """Makes planted pairs, for which it is known whether the passage is a copy.

    They are made from findings that are not in the list, if there are enough of these.
    """

    def __init__(
        self, frame: _Frame, drawn: Sequence[int], params: MatchParams, rng: Random
    ) -> None:
        self._frame, self._params, self._rng = frame, params, rng
        rest = sorted(set(range(len(frame.findings))) - set(drawn))
        pool = rng.sample(rest, min(TWEETS, len(rest)))
        # If there are few findings, also use some that are in the list.
        listed = rng.sample(list(drawn), min(TWEETS - len(pool), len(drawn)))
        texts = [_texts(finding) for finding in frame.texts([*pool, *listed])]
        self._pool = [
            {**finding, "listed": position >= len(pool)}
            for position, finding in enumerate(texts)
        ]
        self._words = words_of(finding["tweet"] for finding in self._pool)
        self._findings = cycle(self._pool)

    def copies(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield tweets with edited copies. The kinds of match are drawn from those of
        the findings.
        """
        for wanted, _ in self._rng.choices(self._frame.stratum, k=count):
            if copy := self._copy(wanted):
                yield copy

    def _copy(self, wanted: str) -> dict[str, Any]:
        """Edit tweets until a copy is a match of the wanted kind. If there is none
        after TRIES tweets, return a copy of another kind.
        """
        made: dict[str, Any] = {}
        for finding in islice(self._findings, TRIES):
            for name in self._rng.sample(list(EDITS), len(EDITS)):
                copy = edited(name, finding["tweet"], self._rng, self._words).copy
                if (kind := self._kind(copy, finding["tweet"])) is None:
                    continue
                made = {"what": COPY, "kind": kind, "edit": name}
                made |= {**finding, "passage": copy}
                if kind == wanted:
                    return made
        return made

    def _kind(self, copy: str, tweet: str) -> str | None:
        """Return the kind of match between a copy and its tweet, or None if there is no
        match.
        """
        found = comparison(copy, tweet, self._params)
        if found.way is None:
            return None
        if found.way == "stretch":
            return KINDS["partial"]
        level = "weak" if found.similarity < STRONG else "strong"
        return KINDS["near_exact" if found.similarity == 1.0 else level]

    def others(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield passages of findings, each with the tweet of another finding: the most
        similar tweet that does not match the passage.
        """
        signatures = minhash([finding["tweet"] for finding in self._pool])
        for finding in islice(self._findings, count):
            passage = finding["passage"]
            signature = minhash([passage])[0]
            nearest = np.argsort(-(signatures == signature).mean(1), kind="stable")
            for position in nearest[:COMPARED].tolist():
                other = self._pool[position]
                if comparison(passage, other["tweet"], self._params).way is None:
                    listed = finding["listed"] or other["listed"]
                    texts = {"passage": passage, "tweet": other["tweet"]}
                    yield {"what": OTHER, "listed": listed, **texts}
                    break


def _sheets(listed: str, pairs: Sequence[Mapping[str, str]]) -> Iterator[Sheet]:
    """Yield the sheets of the workbook that reviewers fill in."""
    heads = {"pair": 6, "verdict": 12, "note": 30, "passage": 70, "tweet": 70}
    rows: list[list[Any]] = [
        [number, None, None, pair["passage"], pair["tweet"]]
        for number, pair in enumerate(pairs, 1)
    ]
    yield Sheet("Pairs", heads, rows, {"verdict": VERDICTS})
    about: list[list[Any]] = [["list", listed], ["reviewer", None]]
    about += [list(meaning) for meaning in zip(VERDICTS, MEANINGS, strict=True)]
    yield Sheet("About", {"name": 16, "value": 100}, about)
