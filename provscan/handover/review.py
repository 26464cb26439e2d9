"""Lists of findings for people to judge without knowing what is expected of them, and
numbers from their verdicts.

:func:`write_review` writes a list of pairs of a passage and a tweet, and the key to it.
The list mixes a stratified sample of the findings (:class:`_Frame`) with planted copies
and planted pairs that are no copies (:class:`_Planted`), and with rows of common
wording, in random order. :func:`score_review` reads the reviewers' verdicts and writes
``review.json`` into the run folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.arrays import Numbers
from provscan.calibration.edits import EDITS
from provscan.errors import InputError, ParameterError, UsageError
from provscan.estimate.limits import Factor, clopper_pearson
from provscan.estimate.verdicts import cohen_kappa, corrected_share, stratified_share
from provscan.handover.workbook import Sheet, write_workbook
from provscan.matching.compare import comparison
from provscan.matching.matches import STRONG
from provscan.params import MatchParams, require_folder
from provscan.report.document import page
from provscan.report.files import RunFiles, replaced
from provscan.report.wording import KINDS, percent, rarity
from provscan.runs.explain import options_of
from provscan.runs.folder import (
    EVIDENCE_FILE,
    REVIEW_FILE,
    info_checksum,
    read_json,
    write_json,
)
from provscan.runs.wording import several
from provscan.sketch.signatures import minhash
from provscan.writing import new_folder

FOR_REVIEWERS, KEY_FILE = "for-reviewers", "key.json"
KEY_FORMAT = {"format": "provscan-review-key", "version": 1}
FORMAT = {"format": "provscan-review", "version": 1}
# What a pair of a list is.
FINDING, COPY, OTHER, ORDINARY = (
    "finding",
    "planted copy",
    "planted other",
    "common or known wording",
)
VERDICTS = ("copy", "not a copy", "unsure")
MEANINGS = (
    "The passage repeats the wording of the tweet, whole or in part, perhaps altered, "
    "and more of it than a common phrase.",
    "They share a common phrase, a topic or nothing.",
    "It can't be decided from these two texts.",
)
# Shares of a list: planted copies, planted pairs that are no copies, and rows of common
# wording. The rest are findings.
COPIES, OTHERS, COMMON = 0.15, 0.15, 0.1
# Minimum number of findings of each stratum.
LEAST = 3
SMALLEST_LIST = 20
# Tweets among which the most similar one is chosen for a pair that is no copy, and how
# many of the most similar are compared with the passage.
TWEETS, COMPARED = 2000, 50
# Maximum number of tweets that are edited until a copy is of the wanted kind.
TRIES = 5


def write_review(
    run: Path, out: Path, *, sample: int = 200, seed: int = 1
) -> dict[str, Any]:
    """Write a blinded list of pairs to be judged, and the key to it, to a new folder.

    Parameters
    ----------
    run
        The run folder, with the texts of its findings.
    out
        The new folder. ``for-reviewers`` in it has the list as a page and as a
        workbook; ``key.json``, which reviewers must not see, says what each pair is.
    sample
        Number of pairs.
    seed
        Seed of all random choices.

    Returns
    -------
    dict
        ``key.json``.

    Raises
    ------
    InputError
        The run was changed, or keeps no texts.
    OutputError
        `out` exists, or can't be written.
    ParameterError
        `sample` is too small.
    """
    if sample < SMALLEST_LIST:
        raise ParameterError(
            f"a list needs at least {SMALLEST_LIST} pairs, found --sample {sample}"
        )
    require_folder("run", run)
    files, rng = RunFiles.open(run), Random(seed)
    frame = _Frame(files)
    copies, others, common = (round(part * sample) for part in (COPIES, OTHERS, COMMON))
    ordinary = frame.ordinary(common, rng)
    drawn = frame.drawn(sample - copies - others - len(ordinary), rng)
    planted = _Planted(frame, drawn, options_of(files.info).params, rng)
    pairs = [
        *frame.pairs(drawn),
        *planted.copies(copies),
        *planted.others(others),
        *ordinary,
    ]
    rng.shuffle(pairs)
    shown = [{name: pair.pop(name) for name in ("passage", "tweet")} for pair in pairs]
    numbered = [{"pair": number, **pair} for number, pair in enumerate(pairs, 1)]
    listed = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]
    key = {
        **KEY_FORMAT,
        "list": listed,
        "run": files.identity,
        "run_path": str(run.resolve()),
        "seed": seed,
        "findings": frame.total,
        "with_texts": len(frame.findings),
        "strata": frame.strata(drawn),
        "ordinary_with_texts": frame.ordinary_total,
        "pairs": numbered,
    }
    key["checksum"] = info_checksum(key)
    with new_folder(out) as folder:
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
    """The findings and other matches whose texts a run keeps."""

    def __init__(self, files: RunFiles) -> None:
        findings = files.listed() if "records" in files.summary["answer"] else None
        if findings is None or not len(findings):
            raise InputError(
                f"{files.path} has no findings to review: name another run"
            )
        self.files, self.total = files, len(findings)
        with pq.ParquetFile(files.path / EVIDENCE_FILE) as evidence:
            has_text = evidence.read(["has_text"])["has_text"]
        exhibit = pa.array(np.arange(1, len(findings) + 1))
        findings = findings.append_column("exhibit", exhibit)
        self.findings = findings.filter(has_text.take(findings["place"]))
        if not len(self.findings):
            raise InputError(
                f"{files.path} keeps digests in place of texts, so nobody can review "
                "it: run match again without --no-text"
            )

    @cached_property
    def stratum(self) -> list[tuple[str, str]]:
        """The kind of match and the strength of each finding."""
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
        """Draw a stratified random sample of the findings, as rows."""
        sizes = np.array([len(rows) for rows in self._rows.values()])
        return [
            row
            for rows, n in zip(
                self._rows.values(), allocated(sizes, count), strict=True
            )
            for row in rng.sample(rows, int(n))
        ]

    def strata(self, drawn: Sequence[int]) -> list[dict[str, Any]]:
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
        """Return findings with their texts."""
        chosen = self.findings.take(pa.array(rows, pa.int64()))
        return self.files.with_texts(chosen).to_pylist()

    def pairs(self, rows: Sequence[int]) -> Iterator[dict[str, Any]]:
        for row, finding in zip(rows, self.texts(rows), strict=True):
            kind, strength = self.stratum[row]
            about = {"what": FINDING, "exhibit": finding["exhibit"]}
            yield about | {"kind": kind, "strength": strength} | _texts(finding)

    @cached_property
    def _ordinary(self) -> pa.Table:
        """The matches of common or known wording with texts."""
        others = self.files.with_texts(self.files.exhibits.slice(self.total))
        return others.filter(pc.is_valid(others["passage"]))

    @property
    def ordinary_total(self) -> int:
        return len(self._ordinary)

    def ordinary(self, count: int, rng: Random) -> list[dict[str, Any]]:
        rows = rng.sample(range(len(self._ordinary)), min(count, len(self._ordinary)))
        found = self._ordinary.take(pa.array(rows, pa.int64())).to_pylist()
        return [{"what": ORDINARY, **_texts(row)} for row in found]


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"passage": row["passage"], "tweet": row["tweet"]}


def allocated(sizes: Numbers, count: int) -> Numbers:
    """Return how many units to draw from each stratum: in proportion to its size, but
    at least :data:`LEAST`, or all.
    """
    share = count * sizes / sizes.sum()
    drawn = np.minimum(sizes, np.maximum(LEAST, np.floor(share))).astype(np.int64)
    while drawn.sum() < min(count, sizes.sum()):
        drawn[np.argmax(np.where(drawn < sizes, share - drawn, -np.inf))] += 1
    return drawn


class _Planted:
    """Pairs of which it is known whether the passage is a copy of the tweet, made of
    findings that are not in the list as far as there are enough.
    """

    def __init__(
        self, frame: _Frame, drawn: Sequence[int], params: MatchParams, rng: Random
    ) -> None:
        self._frame, self._params, self._rng = frame, params, rng
        rest = sorted(set(range(len(frame.findings))) - set(drawn))
        pool = rng.sample(rest, min(TWEETS, len(rest)))
        again = rng.sample(list(drawn), min(TWEETS - len(pool), len(drawn)))
        texts = [_texts(finding) for finding in frame.texts([*pool, *again])]
        self._pool = [
            {**finding, "listed": place >= len(pool)}
            for place, finding in enumerate(texts)
        ]
        self._findings = cycle(self._pool)

    def copies(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield tweets with edited copies, whose kinds have the shares of the kinds of
        the findings.
        """
        for wanted, _ in self._rng.choices(self._frame.stratum, k=count):
            if copy := self._copy(wanted):
                yield copy

    def _copy(self, wanted: str) -> dict[str, Any]:
        """Edit tweets until a copy is a match of the wanted kind; otherwise return a
        copy of another kind.
        """
        made: dict[str, Any] = {}
        for finding in islice(self._findings, TRIES):
            for name in self._rng.sample(list(EDITS), len(EDITS)):
                _, copy, _ = EDITS[name](finding["tweet"], self._rng)
                if (kind := self._kind(copy, finding["tweet"])) is None:
                    continue
                made = {"what": COPY, "kind": kind, "edit": name}
                made |= {**finding, "passage": copy}
                if kind == wanted:
                    return made
        return made

    def _kind(self, copy: str, tweet: str) -> str | None:
        """Return the kind of match that a copy is; None if it is no match."""
        found = comparison(copy, tweet, self._params)
        if found.way is None:
            return None
        if found.way == "stretch":
            return KINDS["partial"]
        level = "weak" if found.similarity < STRONG else "strong"
        return KINDS["near_exact" if found.similarity == 1.0 else level]

    def others(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield passages of findings, each with the tweet of another finding: the most
        similar one that the passage is no match of.
        """
        signatures = minhash([finding["tweet"] for finding in self._pool])
        for finding in islice(self._findings, count):
            own, passage = minhash([finding["passage"]])[0], finding["passage"]
            alike = np.argsort(-(signatures == own).mean(1), kind="stable")
            for place in alike[:COMPARED].tolist():
                other = self._pool[place]
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


@dataclass(frozen=True)
class _Reviewer:
    """The verdicts of one person by number of the pair."""

    name: str
    verdicts: Mapping[int, str]


def score_review(
    review: Path,
    verdicts: Sequence[Path],
    *,
    run: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Compute agreement, precision and errors from the verdicts of reviewers, and write
    ``review.json`` into the run folder.

    Parameters
    ----------
    review
        The folder of :func:`write_review`.
    verdicts
        One file per reviewer: JSON as the page saves it, or the workbook.
    run
        The run folder, if it is no longer where it was.
    overwrite
        Replace the ``review.json`` of an earlier review.

    Returns
    -------
    dict
        ``review.json``.

    Raises
    ------
    InputError
        A file is not one of this list, or the run is another.
    OutputError
        The run folder has a ``review.json`` already, or can't be written.
    """
    key = read_json(review / KEY_FILE)
    if (
        key.get("format") != KEY_FORMAT["format"]
        or info_checksum(key) != key["checksum"]
    ):
        raise InputError(
            f"{review / KEY_FILE} was changed, or is no key of a review: name the "
            "folder that provscan review wrote"
        )
    folder = run or Path(key["run_path"])
    require_folder("run", folder)
    if (found := RunFiles.open(folder).identity) != key["run"]:
        raise InputError(
            f"{folder} is run {found}, and the list is of run {key['run']}: name that "
            "run with --run"
        )
    reviewers = [_read_verdicts(path, key) for path in verdicts]
    if len({reviewer.name for reviewer in reviewers}) < len(reviewers) or not reviewers:
        raise UsageError("every reviewer needs one file and a name of their own")
    scored = {**FORMAT, "run": key["run"], **score(key, reviewers)}
    scored["checksum"] = info_checksum(scored)
    with replaced(folder / REVIEW_FILE, overwrite=overwrite) as temporary:
        write_json(temporary, scored)
    return scored


def _read_verdicts(path: Path, key: Mapping[str, Any]) -> _Reviewer:
    """Read the file of a reviewer."""
    try:
        if path.suffix.lower() == ".xlsx":
            listed, name, rows = _read_workbook(path)
        else:
            saved = json.loads(path.read_bytes())
            listed, name = saved["list"], saved["reviewer"]
            rows = [(row["pair"], row["verdict"]) for row in saved["verdicts"]]
        verdicts = {pair: verdict for pair, verdict in rows if verdict}
        pairs = [pair for pair, verdict in rows if verdict]
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise InputError(
            f"{path} can't be read as verdicts ({type(error).__name__}: {error}): name "
            "the JSON file that the page saved, or the workbook"
        ) from None
    if listed != key["list"]:
        raise InputError(
            f"{path} has verdicts on list {listed}, not on {key['list']}: name the "
            "folder of that list"
        )
    for pair, verdict in rows:
        known = isinstance(pair, int) and 1 <= pair <= len(key["pairs"])
        if not known or (verdict and verdict not in VERDICTS):
            raise InputError(
                f"{path}: pair {pair!r} has verdict {verdict!r}; expected a pair from "
                f"1 to {len(key['pairs'])} and {', '.join(VERDICTS)} or nothing"
            )
    if len(set(pairs)) < len(pairs):
        raise InputError(f"{path} has two verdicts on the same pair: leave one of them")
    return _Reviewer(str(name or path.stem), verdicts)


def _read_workbook(path: Path) -> tuple[Any, Any, list[tuple[Any, Any]]]:
    """Return list, reviewer, and pairs with verdicts of a workbook."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    about = dict(row[:2] for row in book["About"].iter_rows(values_only=True))
    heads, *rows = book["Pairs"].iter_rows(values_only=True)
    pair, verdict = (heads.index(name) for name in ("pair", "verdict"))
    found = [(row[pair], row[verdict]) for row in rows if row[pair] is not None]
    book.close()
    return about["list"], about["reviewer"], found


def score(key: Mapping[str, Any], reviewers: Sequence[_Reviewer]) -> dict[str, Any]:
    """Return the numbers of ``review.json`` for verdicts on the list of a key."""
    pairs = {pair["pair"]: pair for pair in key["pairs"]}
    judged = [n for n in pairs if all(n in each.verdicts for each in reviewers)]
    together = _precision(key, judged, reviewers)
    agreement = [_agreement(a, b) for a, b in combinations(reviewers, 2)]
    errors = [
        {
            **{name: pairs[n].get(name) for name in ("pair", "what", "kind", "edit")},
            "verdicts": {each.name: each.verdicts[n] for each in reviewers},
        }
        for n in judged
        if (right := {COPY: "copy", OTHER: "not a copy"}.get(pairs[n]["what"]))
        and any(each.verdicts[n] != right for each in reviewers)
    ]
    disputed = [
        pairs[n]["exhibit"]
        for n in judged
        if pairs[n]["what"] == FINDING
        and len({each.verdicts[n] for each in reviewers}) > 1
    ]
    scored = {
        "list": key["list"],
        "reviewers": [each.name for each in reviewers],
        "listed": len(pairs),
        "judged": len(judged),
        "findings": key["findings"],
        "with_texts": key["with_texts"],
        "together": together,
        "each": {each.name: _precision(key, judged, [each]) for each in reviewers},
        "agreement": agreement,
        "errors": errors,
        "disputed_exhibits": sorted(disputed),
    }
    return {**scored, "headline": _headline(scored)}


def _agreement(a: _Reviewer, b: _Reviewer) -> dict[str, Any]:
    table = np.zeros((len(VERDICTS), len(VERDICTS)), np.int64)
    for pair in a.verdicts.keys() & b.verdicts.keys():
        table[VERDICTS.index(a.verdicts[pair]), VERDICTS.index(b.verdicts[pair])] += 1
    kappa = cohen_kappa(table)
    return {
        "reviewers": [a.name, b.name],
        "pairs": int(table.sum()),
        "agreed": int(np.trace(table)),
        "kappa": kappa and kappa.as_dict(),
    }


def _precision(
    key: Mapping[str, Any], judged: Sequence[int], reviewers: Sequence[_Reviewer]
) -> dict[str, Any]:
    """Return what reviewers accepted who act as one: they accept a pair as a copy if
    all of them do.
    """
    pairs = {pair["pair"]: pair for pair in key["pairs"]}
    accepted = {
        n for n in judged if all(each.verdicts[n] == "copy" for each in reviewers)
    }

    def counts(what: str, **wanted: str) -> tuple[int, int]:
        chosen = [
            n
            for n in judged
            if pairs[n]["what"] == what
            and all(pairs[n][name] == value for name, value in wanted.items())
        ]
        return len(accepted.intersection(chosen)), len(chosen)

    copies, others, ordinary = (counts(what) for what in (COPY, OTHER, ORDINARY))

    def share(strata: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        found = [
            counts(FINDING, kind=item["kind"], strength=item["strength"])
            for item in strata
        ]
        sizes = np.array([item["findings"] for item in strata])
        taken, reviewed = np.array(found).T
        entry: dict[str, Any] = {"accepted": None, "precision": None}
        entry |= {"findings": int(sizes.sum()), "reviewed": int(reviewed.sum())}
        if not reviewed.all():
            return entry | {"withheld": "a stratum has no pair that all judged"}
        whole = stratified_share(taken, reviewed, sizes)
        entry["accepted"] = whole.as_dict()
        if (corrected := corrected_share(whole, copies, others)) is None:
            return entry | {"withheld": "planted copies and other pairs are not told"}
        return entry | {"precision": corrected.as_dict()}

    strata = key["strata"]
    return {
        **share(strata),
        "by": {
            name: {
                value: share([item for item in strata if item[name] == value])
                for value in dict.fromkeys(item[name] for item in strata)
            }
            for name in ("kind", "strength")
        },
        "planted_copies": _counted(copies),
        "planted_others": _counted(others),
        "common_or_known": _counted(ordinary),
    }


def _counted(counts: tuple[int, int]) -> dict[str, Any]:
    """Return how many of some pairs were accepted, and their share."""
    accepted, judged = counts
    share = None
    if judged:
        ends = clopper_pearson(accepted, judged)
        share = Factor(accepted / judged, *ends).as_dict()
    return {"accepted": accepted, "judged": judged, "share": share}


def _headline(scored: Mapping[str, Any]) -> str:
    """Return the numbers of a review in a sentence or two."""
    together, names = scored["together"], scored["reviewers"]
    people = several(len(names), "reviewer", "reviewers")
    said = (
        f"{people} judged a blinded sample of {together['reviewed']:,} of "
        f"{scored['findings']:,} findings"
    )
    if scored["with_texts"] < scored["findings"]:
        said += (
            f" (drawn from the {scored['with_texts']:,} strongest, which have texts)"
        )
    if (precision := together["precision"]) is None:
        return f"{said}. Precision is withheld: {together['withheld']}."
    ends = [percent(round(precision[name], 3)) for name in ("value", "low", "high")]
    said += (
        f": {ends[0]} repeat the wording of their tweet (95% interval {ends[1]} to "
        f"{ends[2]}, corrected for the reviewers' errors on planted pairs)."
    )
    for item in scored["agreement"]:
        if item["kappa"]:
            kappa = [item["kappa"][name] for name in ("value", "low", "high")]
            said += " Cohen's kappa of {} and {}: {:.2f} ({:.2f} to {:.2f}).".format(
                *item["reviewers"], *kappa
            )
    return said
