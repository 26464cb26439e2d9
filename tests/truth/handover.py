"""Laws of what reads and hands over a run: exports, bundles, repeated and compared
runs, and commands that are given a damaged one.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from truth import adapter, writers
from truth.laws import Scan, _other_name, change, whole


@change()
def what_is_handed_over_agrees(scan: Scan) -> Iterator[str]:
    """Exports, bundles and comparisons have the findings of the run, and a run that is
    repeated on the same files under other names is the same.
    """
    case, result = scan.case, scan.result
    if (done := adapter.command("verify", result.path)).status != adapter.DONE:
        yield f"verify: {done.errors or done.output}"
    exported = adapter.exported(result.path, scan.new(".jsonl"))
    if sorted(exported) != sorted(row.place for row in result.findings):
        yield "the exported rows are not the findings"
    bundle, problems = adapter.bundle(result.path, scan.new(".zip"))
    yield from (f"check: {each}" for each in problems)
    # Names in an archive are part of its content, and so is the time in a database.
    same = whole(case) and case.layout.archive is None
    same &= case.layout.format != "duckdb"
    written = scan.rewritten(_other_name(case)) if same else scan.written
    again = scan.new()
    found = adapter.replayed(bundle, written.paths, case.index, again, **case.files())
    yield from (f"replay: {each}" for each in found)
    totals = adapter.case_totals([result.path, again], scan.new())
    texts = {row.tweet for row in result.findings}
    if totals["texts"] != len(texts):
        yield f"case: {totals} of {len(texts)} texts"


@change(lambda case: whole(case) and len(case.texts) > 2)
def a_repeated_run_on_other_records_differs(scan: Scan) -> Iterator[str]:
    case = scan.case
    records = case.records(case.layout)
    changed = writers.write(records[:-1], case.layout, scan.new())
    bundle, _ = adapter.bundle(scan.result.path, scan.new(".zip"))
    call = bundle, changed.paths, case.index, scan.new()
    if not adapter.replayed(*call, **case.files()):
        yield "a run without the last record is the same"


@change()
def a_damaged_run_is_refused(scan: Scan) -> Iterator[str]:
    """A command refuses a damaged run in one sentence, or shows exactly what it shows
    of the intact run.
    """
    rng, intact = random.Random(scan.case.number), scan.new()
    run, out = scan.result.path, scan.new()
    shutil.copytree(run, intact)
    other = scan.case.world.earlier(scan.case.options["fraction"])
    paths = {"RUN": run, "OTHER": other, "DATA": scan.written.paths[0], "OUT": out}

    def shown(words: str) -> tuple[adapter.Ended, dict[str, bytes]]:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        made = paths | {"OUT": out / "made"}
        given = []
        for word in words.split():
            name, dot, suffix = word.partition(".")
            given.append(f"{made[name]}{dot}{suffix}" if name in made else word)
        ended = adapter.command(*given)
        found = (path for path in sorted(out.rglob("*")) if path.is_file())
        return ended, {str(path.relative_to(out)): path.read_bytes() for path in found}

    for words in rng.sample(adapter.RUN_READERS, 3):
        expected = shown(words)
        for _ in range(2):
            what, damage = _damage(run, intact, other, rng)
            damage()
            ended, files = shown(words)
            if ended.status == adapter.UNUSABLE:
                if ended.errors.count("\n") != 1 or files:
                    yield f"{what}, {words}: {ended.errors} {[*files]}"
            elif (ended, files) != expected:
                yield f"{what}, {words}: {ended.status} {ended.errors}"
            shutil.rmtree(run)
            shutil.copytree(intact, run)


def _damage(
    run: Path, intact: Path, other: Path, rng: random.Random
) -> tuple[str, Callable[[], object]]:
    """Draw a damage, and return its description and a function that does it."""
    name = rng.choice(sorted(path.name for path in intact.iterdir()))
    path, data = run / name, (intact / name).read_bytes()
    at = rng.randrange(len(data))
    end = rng.randrange(at, min(at + 200, len(data))) + 1
    flipped = bytes([data[at] ^ 1 << rng.randrange(8)])
    digit = next((n for n in range(at, len(data)) if data[n : n + 1].isdigit()), at)
    other_digit = b"1" if data[digit : digit + 1] != b"1" else b"7"
    damages: dict[str, Callable[[], object]] = {
        "flip": lambda: path.write_bytes(data[:at] + flipped + data[at + 1 :]),
        "truncate": lambda: path.write_bytes(data[:at]),
        "cut": lambda: path.write_bytes(data[:at] + data[end:]),
        "append": lambda: path.write_bytes(data + data[at:end]),
        "digit": lambda: path.write_bytes(
            data[:digit] + other_digit + data[digit + 1 :]
        ),
        "swap": lambda: shutil.copy(other / name, path),
        "empty": lambda: path.write_bytes(b""),
        "folder": lambda: (path.unlink(), path.mkdir()),
        "extra": lambda: (run / f"{name}.1").write_bytes(data),
    }
    if name not in adapter.OPTIONAL_FILES:
        damages["delete"] = path.unlink
    kind = rng.choice(sorted(damages))
    return f"{kind} {name} at {at}", damages[kind]
