"""The laws that results must obey (:data:`FACTS`, :data:`CHANGES`), and the check of a
case.

A fact is a law on one result. A change is a law on two: something is changed in the
case that must not change the result, or only in a known way.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scipy.stats import binom

from truth import adapter, writers
from truth.adapter import Result, Row
from truth.draw import Case

# A tally fails if its share of errors is above the nominal one with this p-value.
SURELY = 1e-4


@dataclass
class Scanned:
    """A case with its files and the result of its scan."""

    case: Case
    folder: Path
    written: writers.Written
    result: Result
    again: int = 0

    def new(self) -> Path:
        """Return a new path."""
        self.again += 1
        return self.folder / f"again{self.again}"

    def settings(self, **changes: Any) -> dict[str, Any]:
        return self.case.settings() | changes

    def expected(self) -> Iterator[tuple[int, int, str, Any]]:
        """Yield the record, slot, tweet and place of each exact copy or quotation of a
        text that was searched for.
        """
        case = self.case
        searched = {each.original for each in case.world.part(case.options["fraction"])}
        if case.options["control"]:
            searched |= {each.key for each in case.world.control}
        for place in case.places:
            # Words of an answer that repeat its prompt are left out.
            asked = {
                each.tweet
                for each in case.places
                if each.record == place.record and not case.scanned(each.slot)
            }
            if place.exact and place.tweet in searched - asked:
                yield place.record, place.slot, place.tweet, place


Fact = Callable[[Scanned], Iterator[str]]
FACTS: dict[str, Fact] = {}
CHANGES: dict[str, Fact] = {}
APPLIES: dict[str, Callable[[Case], bool]] = {}


def fact(law: Fact) -> Fact:
    FACTS[law.__name__] = law
    return law


def change(
    applies: Callable[[Case], bool] = lambda case: True,
) -> Callable[[Fact], Fact]:
    def register(law: Fact) -> Fact:
        CHANGES[law.__name__], APPLIES[law.__name__] = law, applies
        return law

    return register


def sampled(case: Case) -> bool:
    return case.options["sample"] is not None


# Laws on one result.


@fact
def exact_copies_are_found(scan: Scanned) -> Iterator[str]:
    """Every exact copy of 40 letters and more is found at its place."""
    case, rows = scan.case, defaultdict(list)
    for row in scan.result.rows:
        rows[row.source, row.record, row.field, row.tweet].append(row)
    drawn = {(row.source, row.record) for row in scan.result.rows}
    for record, slot, tweet, place in scan.expected():
        source, number = scan.written.places[record]
        if sampled(case) and (source, number) not in drawn:
            continue
        found = rows[source, number, case.field(slot), tweet]
        (a, b), (c, d) = place.starts, place.ends
        if not any(
            a <= row.start <= b and c <= row.end <= d and row.level in adapter.LITERAL
            for row in found
        ):
            spans = [(row.start, row.end) for row in found]
            where = f"{source}:{number} {case.field(slot)} {a}-{d}"
            yield f"copy of {tweet} at {where} not found, only {spans}"


@fact
def nothing_else_is_found(scan: Scanned) -> Iterator[str]:
    case, planted = scan.case, defaultdict(list)
    for place in filter(lambda place: case.scanned(place.slot), case.places):
        source, number = scan.written.places[place.record]
        key = source, number, case.field(place.slot), place.tweet
        planted[key].append((place.starts[0], place.ends[1]))
    keys = {place: f"r{n}" for n, place in enumerate(scan.written.places)}
    for row in scan.result.rows:
        at = planted[row.source, row.record, row.field, row.tweet]
        if row.record_id != keys[row.source, row.record] and not no_ids(case):
            yield f"the id should be {keys[row.source, row.record]}: {row}"
        if not any(row.start < end and start < row.end for start, end in at):
            yield f"a match where nothing was planted: {row}"


@fact
def flags_are_true(scan: Scanned) -> Iterator[str]:
    """Common, known and control texts are no findings, and the others are."""
    case, world = scan.case, scan.case.world
    part = world.part(case.options["fraction"])
    first, cutoff = {}, case.options["cutoff"]
    authors, sharing = defaultdict(set), Counter[str]()
    for each in part:
        first.setdefault(each.original, each.posted)
        first[each.original] = min(first[each.original], each.posted)
        authors[each.original].add(each.author)
        sharing[each.original] += 1
    for row in scan.result.rows:
        licensed = row.tweet in first
        control = not licensed or bool(cutoff and first[row.tweet] >= cutoff)
        common = len(authors[row.tweet]) >= 3
        known = bool(case.options["known"]) and row.tweet in world.known
        exact = row.level in adapter.LITERAL
        if row.control != control or (licensed and exact and row.known != known):
            yield f"control should be {control}, known {known}: {row}"
        elif licensed and not control and row.common != common:
            yield f"common should be {common}: {row}"
        elif row.finding and (control or common or (known and exact)):
            yield f"no finding: {row}"
        elif not (control or common or known) and exact and not row.finding:
            yield f"not a finding: {row}"
        elif licensed and row.tweets != sharing[row.tweet]:
            yield f"{sharing[row.tweet]} tweets have this text: {row}"


@fact
def every_record_is_counted(scan: Scanned) -> Iterator[str]:
    """Scanned and left out are what is in the files."""
    result, case = scan.result, scan.case
    if sampled(case):
        share = result.scanned / len(case.texts)
        by_records = case.options["sample"] == "records" and not result.left_out
        if not 0 < share <= 1 or (by_records and abs(share - result.share) > 0.15):
            yield f"{share} of the records scanned, {result.share} said"
        return
    wanted = Counter(source for source, _ in scan.written.places)
    if result.read != dict(wanted):
        yield f"records by source: {result.read}, written: {dict(wanted)}"
    if result.scanned + sum(result.left_out.values()) != len(case.texts):
        yield f"{result.scanned} scanned and {result.left_out} of {len(case.texts)}"
    empty = sum(not any(texts) for texts in case.texts)
    if not case.options["outputs"] and sum(result.left_out.values()) != empty:
        yield f"{empty} records are empty, left out: {result.left_out}"
    if result.incomplete:
        yield f"said to be left out: {result.incomplete}"


@fact
def figures_follow_from_rows(scan: Scanned) -> Iterator[str]:
    yield from scan.result.contradictions()


@fact
def numbers_are_in_order(scan: Scanned) -> Iterator[str]:
    result = scan.result
    yield from (f"{key} is not finite" for key in result.odd_numbers())
    for unit in ("records", "texts"):
        each = result.bounds(unit)
        low, value, high, least = each.low, each.estimate, each.high, each.at_least
        if value is not None and not low <= value <= high:
            yield f"{unit}: estimate out of its interval: {each}"
        partial = sampled(scan.case) or scan.case.options["fraction"]
        most = each.high if partial else each.findings
        if least is not None and not 0 <= least <= (most or least):
            yield f"{unit}: at least {least} of {each.findings} findings"
        if result.claims != bool(result.bounds("records").at_least):
            yield f"{result.status} with {each}"


@fact
def nothing_is_claimed_without_copies(scan: Scanned) -> Iterator[str]:
    if not scan.case.places and scan.result.rows:
        yield f"{len(scan.result.rows)} matches, but nothing was planted"
    if not scan.case.places and scan.result.claims:
        yield "claimed, but nothing was planted"


@fact
def the_page_says_the_same(scan: Scanned) -> Iterator[str]:
    said, shown = scan.result.stated()
    if said != shown:
        yield f"the summary says {said!r}, the page {shown!r}"


@fact
def evidence_shows_the_passage(scan: Scanned) -> Iterator[str]:
    """The passage is the text between start and end, and there is one per finding."""
    places = {place: n for n, place in enumerate(scan.written.places)}
    texts = {each.key: each.text for each in scan.case.world.tweets}
    slots = {scan.case.field(n): n for n in range(_width(scan.case))}
    evidence = scan.result.evidence()
    for each in evidence:
        record = places[each["source"], each["record"]]
        text = scan.case.texts[record][slots[each["field"]]]
        passage = text[each["start"] : each["end"]]
        if (
            each["passage"].replace("▒", "") != passage
            and not scan.case.options["outputs"]
        ):
            yield f"the passage is {each['passage']!r}, in the file {passage!r}"
        if each["tweet"] != texts[each["tweet_id"]]:
            yield f"the tweet is {each['tweet']!r}"
    if len(evidence) != len(scan.result.findings):
        yield f"{len(evidence)} rows of evidence, {len(scan.result.findings)} findings"


def _width(case: Case) -> int:
    return max(map(len, case.texts))


# Laws on two results.


def by_content(scan: Scanned, result: Result, written: writers.Written) -> Counter[Any]:
    """Return the rows with the numbers of their records in the case."""
    places = {place: n for n, place in enumerate(written.places)}
    return Counter(
        row._replace(source="", record=places[row.source, row.record], record_id=None)
        for row in result.rows
    )


def differences(
    scan: Scanned, result: Result, written: writers.Written
) -> Iterator[str]:
    before = by_content(scan, scan.result, scan.written)
    after = by_content(scan, result, written)
    for row in before - after:
        yield f"a row is missing: {row}"
    for row in after - before:
        yield f"a row is new: {row}"
    yield from unequal(scan.result.figures(), result.figures())


def unequal(before: Any, after: Any, key: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys(), key=str):
            yield from unequal(before.get(name), after.get(name), f"{key}.{name}")
    elif before != after and not (
        isinstance(before, float)
        and isinstance(after, float)
        and math.isclose(before, after, rel_tol=1e-9)
    ):
        yield f"{key}: {str(before)[:200]} became {str(after)[:200]}"


def rewritten(scan: Scanned, layout: writers.Layout) -> Iterator[str]:
    """Yield what differs if the records are written in another layout."""
    written = writers.write(scan.case.records(), layout, scan.new())
    result = adapter.scan(written.paths, scan.case.index, scan.new(), **scan.settings())
    yield from differences(scan, result, written)


def unsampled(case: Case) -> bool:
    return case.options["sample"] is None


def no_ids(case: Case) -> bool:
    return not writers.WRITERS[case.layout.format].ids


# A sample of records is drawn by id, so it is the same in every order; without ids, and
# for a sample of files, the place decides.
@change(
    lambda case: (
        unsampled(case) or (case.options["sample"] == "records" and not no_ids(case))
    )
)
def names_change_nothing(scan: Scanned) -> Iterator[str]:
    layout = dataclasses.replace(scan.case.layout, name="zz answer")
    yield from rewritten(scan, layout)


@change(lambda case: unsampled(case) and case.layout.format != "html")
def order_and_division_change_nothing(scan: Scanned) -> Iterator[str]:
    layout = scan.case.layout
    files = 1 if layout.files > 1 else 3
    layout = dataclasses.replace(
        layout, files=files, reverse=True, group=layout.group + 2
    )
    yield from rewritten(scan, layout)


@change(lambda case: unsampled(case) and not writers.WRITERS[case.layout.format].bare)
def compression_and_archive_change_nothing(scan: Scanned) -> Iterator[str]:
    layout = scan.case.layout
    bare = layout.compression is None and layout.archive is None
    yield from rewritten(
        scan,
        dataclasses.replace(
            layout,
            compression="zstd" if bare else None,
            archive="tar" if bare else None,
            outer="gzip" if bare else None,
            frames=2,
        ),
    )


@change(lambda case: unsampled(case) and case.layout.shape in writers.FLAT)
def the_format_changes_nothing(scan: Scanned) -> Iterator[str]:
    # CSV has no nulls.
    formats = ["jsonl", "parquet", "json", "sqlite"]
    formats += ["csv"] if all(map(any, scan.case.texts)) else []
    others = [each for each in formats if each != scan.case.layout.format]
    other = others[scan.case.number % len(others)]
    layout = writers.Layout(
        other, scan.case.layout.shape, group=scan.case.number % 40 + 5
    )
    yield from rewritten(scan, layout)


@change()
def workers_and_executors_change_nothing(scan: Scanned) -> Iterator[str]:
    changes = {"workers": 3 if scan.case.options["workers"] == 1 else 1}
    if scan.case.options["executor"] == "processes":
        changes["executor"] = "processes"
    with adapter.small_parts(4000):
        result = adapter.scan(
            scan.written.paths, scan.case.index, scan.new(), **scan.settings(**changes)
        )
    if sampled(scan.case) and scan.case.options["sample"] == "files":
        return  # Other parts are drawn.
    yield from differences(scan, result, scan.written)


@change()
def resuming_changes_nothing(scan: Scanned) -> Iterator[str]:
    call = scan.written.paths, scan.case.index, scan.new()
    with adapter.small_parts(4000) if unsampled(scan.case) else nullcontext():
        resume = adapter.stopped(call, 1 + scan.case.number % 3, **scan.settings())
        result = adapter.scan(*call, **scan.settings(resume=resume))
    yield from differences(scan, result, scan.written)


@change()
def the_command_says_the_same(scan: Scanned) -> Iterator[str]:
    other = not scan.case.by_command
    result = adapter.scan(
        scan.written.paths,
        scan.case.index,
        scan.new(),
        by_command=other,
        **scan.settings(),
    )
    yield from differences(scan, result, scan.written)


def raised(before: Result, after: Result) -> Iterator[str]:
    for unit in ("records", "texts", "tweets", "characters"):
        least, now = before.bounds(unit).at_least, after.bounds(unit).at_least
        if (now or 0) > (least or 0):
            yield f"at least {least} {unit} became {now}"


def measured(case: Case) -> bool:
    return any(case.options[name] for name in ("cutoff", "control", "null"))


@change(
    lambda case: (
        bool(case.options["control"] or case.options["null"]) and unsampled(case)
    )
)
def more_chance_never_raises_at_least(scan: Scanned) -> Iterator[str]:
    """Tweets of the dataset that a control or null dataset also has are chance."""
    case = scan.case
    name = "control" if case.options["control"] else "null"
    rows = [json.loads(line) for line in case.world.file(name).read_text().splitlines()]
    if name == "control":
        rows += [
            {"id": f"more{n}", "text": texts[case.scanned(0) - 1], "author": f"m{n}"}
            for n, texts in enumerate(case.texts[:40])
            if case.scanned(len(texts) - 1)
        ]
        if cutoff := case.options["cutoff"]:
            # Licensed tweets that were posted later are controls, whoever names them.
            later = [each for each in case.world.tweets if each.posted >= cutoff]
            rows += [each.as_dict() for each in later]
    else:
        texts = [each["passage"] for each in scan.result.evidence()[:9]]
        rows += [{"id": f"more{n}", "text": text} for n, text in enumerate(texts)]
    path = scan.new()
    path.mkdir()
    path = path / "more.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = adapter.scan(
        scan.written.paths, case.index, scan.new(), **scan.settings(**{name: path})
    )
    yield from raised(scan.result, result)


@change(lambda case: measured(case) and unsampled(case))
def data_without_tweets_never_raises_at_least(scan: Scanned) -> Iterator[str]:
    folder = scan.new()
    count = 30
    records = [
        {"id": f"empty{n}", "text": f"nobody tweeted {n} of these invented words"}
        for n in range(count)
    ]
    written = writers.write(records, writers.Layout(), folder)
    paths = [*scan.written.paths, *written.paths]
    result = adapter.scan(paths, scan.case.index, scan.new(), **scan.settings())
    yield from raised(scan.result, result)
    if result.rows != scan.result.rows:
        yield "rows changed"
    if result.scanned != scan.result.scanned + count:
        yield f"{scan.result.scanned} records and {count} are {result.scanned}"


@change(unsampled)
def repeated_files_count_again(scan: Scanned) -> Iterator[str]:
    """Records of a copy of the files count again, but no text does; a file that is
    named twice is read once.
    """
    case = scan.case
    written = writers.write(
        case.records(), dataclasses.replace(case.layout, name="copy"), scan.new()
    )
    paths = [*scan.written.paths, *written.paths, scan.written.paths[0]]
    result = adapter.scan(paths, case.index, scan.new(), **scan.settings())
    before, after = scan.result, result
    if len(after.rows) != 2 * len(before.rows):
        yield f"{len(before.rows)} rows became {len(after.rows)}"
    if after.scanned != 2 * before.scanned:
        yield f"{before.scanned} records became {after.scanned}"
    for unit, times in (("records", 2), ("texts", 1), ("tweets", 1)):
        was, now = before.bounds(unit).findings, after.bounds(unit).findings
        if now != times * was:
            yield f"{was} findings of {unit} became {now}"


@change(lambda case: case.options["fraction"] is None)
def tweets_indexed_twice_count_once(scan: Scanned) -> Iterator[str]:
    tweets = [each.as_dict() for each in scan.case.world.tweets]
    index = scan.new()
    adapter.build_index(tweets[:100], index)
    adapter.build_index(tweets[60:] + tweets[:5], index, append=True)
    result = adapter.scan(scan.written.paths, index, scan.new(), **scan.settings())
    before, after = Counter(scan.result.rows), Counter(result.rows)
    yield from (f"a row is missing: {row}" for row in before - after)
    yield from (f"a row is new: {row}" for row in after - before)


@change()
def what_is_handed_over_agrees(scan: Scanned) -> Iterator[str]:
    case, result = scan.case, scan.result
    if (done := adapter.run_problems(result.path)).status != adapter.DONE:
        yield f"verify: {done.errors or done.output}"
    rows = adapter.exported(result.path, _suffixed(scan.new(), ".jsonl"))
    if {Row.place.fget(_row(row)) for row in rows} != {
        row.place for row in result.findings
    }:
        yield f"{len(rows)} exported rows, {len(result.findings)} findings"
    bundle = adapter.bundle([result.path], _suffixed(scan.new(), ".zip"))
    yield from (f"check: {each}" for each in adapter.problems_of(bundle))
    files = {
        name: case.world.file(name)
        for name in ("control", "null", "known")
        if case.options[name]
    }
    if case.options["baseline"]:
        files["baseline"] = case.world.earlier(case.options["fraction"])
    again = scan.new()
    call = bundle, scan.written.paths, case.index, again
    yield from (f"replay: {each}" for each in adapter.replayed(*call, **files))
    totals = adapter.case_totals([result.path, again], scan.new())
    texts = {row.tweet for row in result.findings}
    if totals["texts"] != len(texts):
        yield f"case: {totals} of {len(texts)} texts"


def _row(exported: dict[str, Any]) -> Row:
    names = ("source", "record", "record_id", "field", "start", "end", "tweet_id")
    return Row(*(exported[name] for name in names), 1, "", True, False, False, False)


def _suffixed(path: Path, suffix: str) -> Path:
    return path.with_suffix(suffix)


@change(unsampled)
def a_baseline_marks_what_is_new(scan: Scanned) -> Iterator[str]:
    case = scan.case
    half = [n for n in range(len(case.texts)) if n % 2]
    before = writers.write(case.records(half), case.layout, scan.new())
    settings = {k: v for k, v in scan.settings().items() if k != "baseline"}
    try:
        earlier = adapter.scan(before.paths, case.index, scan.new(), **settings)
    except adapter.NoText:
        return
    result = adapter.scan(
        scan.written.paths, case.index, scan.new(), baseline=earlier.path, **settings
    )
    # Of several findings with the same text around them, any may be the new one.
    places = {place: n for n, place in enumerate(scan.written.places)}
    slots = {case.field(n): n for n in range(_width(case))}
    counts: dict[str, Counter[Any]] = defaultdict(Counter)
    for row in result.findings:
        record = places[row.source, row.record]
        key = row.tweet, row.start, case.texts[record][slots[row.field]]
        counts["earlier" if record % 2 else "later"][key] += 1
        counts["new"][key] += row.place in (result.new or ())
    for key, number in counts["new"].items():
        if number != counts["later"][key]:
            yield f"{number} new, {counts['later'][key]} in later records: {key}"


# The check of a case, and of all cases.


@dataclass
class Book:
    """What was checked, what was violated, and how often bounds were wrong."""

    violations: list[str] = field(default_factory=list)
    covered: Counter[tuple[str, str]] = field(default_factory=Counter)
    tallies: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: Book) -> None:
        self.violations += other.violations
        self.covered += other.covered
        for name, right in other.tallies.items():
            self.tallies[name] += right

    def unlikely(self) -> list[str]:
        """Return the bounds that are wrong more often than they may be."""
        nominal = {
            "at_least": 0.025,
            "at_most": 0.025,
            "interval": 0.05,
            "claim": 0.025,
        }
        found = []
        for name, right in self.tallies.items():
            wrong, level = right.count(False), nominal[name.split()[0]]
            if binom.sf(wrong - 1, len(right), level) < SURELY:
                found.append(f"{name} is wrong in {wrong} of {len(right)} cases")
        return found

    def table(self) -> str:
        kinds = sorted({kind for kind, _ in self.covered})
        lines = [
            "cases by kind and law; laws: "
            + ", ".join(f"{n} {law}" for n, law in enumerate((*FACTS, *CHANGES)))
        ]
        lines.append(
            " " * 22 + "".join(f"{n:>6}" for n in range(len(FACTS) + len(CHANGES)))
        )
        for kind in kinds:
            counts = (self.covered[kind, law] for law in (*FACTS, *CHANGES))
            lines.append(f"{kind:22}" + "".join(f"{n or '-':>6}" for n in counts))
        return "\n".join(lines)


def kinds(case: Case) -> list[str]:
    layout = case.layout
    return [
        f"format {layout.format}",
        f"shape {layout.shape}",
        f"compression {layout.compression or layout.outer}",
        f"archive {layout.archive}",
        *(f"{name} {value}" for name, value in case.options.items()),
    ]


def check(case: Case, folder: Path, book: Book, laws: int = 1) -> list[str]:
    """Scan a case, check all facts and some changes, and return the violations."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = writers.write(case.records(), case.layout, folder / "data")
    found = []
    call = written.paths, case.index, folder / "a.run"
    options = case.settings() | {"by_command": case.by_command}
    try:
        if case.options["resume"]:
            options |= {"resume": adapter.stopped(call, case.number % 3, **options)}
        result = adapter.scan(*call, **options)
    except Exception as error:
        book.violations.append(f"{case.repeats()}: {type(error).__name__}: {error}")
        return book.violations[-1:]
    scan = Scanned(case, folder, written, result)
    fitting = [name for name in CHANGES if APPLIES[name](case)]
    chosen = random.Random(case.number).sample(fitting, min(laws, len(fitting)))
    for name in (*FACTS, *chosen):
        law = FACTS.get(name) or CHANGES[name]
        try:
            problems = [*law(scan)]
        except Exception as error:
            problems = [f"{type(error).__name__}: {error}"]
        found += [f"{case.repeats()}: {name}: {each}" for each in problems[:3]]
        for kind in kinds(case):
            book.covered[kind, name] += 1
    tally(scan, book)
    book.violations += found
    shutil.rmtree(folder)
    return found


def tally(scan: Scanned, book: Book) -> None:
    """Compare the bounds with the truth."""
    case, result = scan.case, scan.result
    common = {key for key, names in case.world.authors.items() if len(names) >= 3}
    copied = [
        place for place in case.places if place.copied and case.scanned(place.slot)
    ]
    known = case.world.known if case.options["known"] else set()
    clear = [each for each in copied if each.tweet not in common | known]
    exact = [each for each in clear if each.exact]
    for unit in ("records", "texts"):
        name = "record" if unit == "records" else "tweet"
        every, some, same = (
            {getattr(each, name) for each in part} for part in (copied, clear, exact)
        )
        bounds = result.bounds(unit)
        if bounds.at_least is not None:
            book.tallies[f"at_least {unit}"].append(bounds.at_least <= len(every))
        if bounds.at_most is not None:
            book.tallies[f"at_most {unit}"].append(bounds.at_most >= len(same))
        if bounds.estimate is not None and some:
            right = bounds.low - 0.5 <= len(some) and len(every) <= bounds.high + 0.5
            book.tallies[f"interval {unit}"].append(right)
    if not copied and measured(case):
        book.tallies["claim"].append(not result.claims)
