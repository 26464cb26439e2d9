"""Laws of what reads and hands over a run: exports, bundles, repeated and compared
runs, and commands that are given a damaged one.
"""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path
from typing import Any

from invariants import contents

from truth import TABLES, adapter
from truth.core import same
from truth.laws import Scan, other_name


def what_is_handed_over_agrees(scan: Scan) -> None:
    """Exports, bundles and comparisons have the findings of the run, and a run that is
    repeated on the same files under other names is the same.
    """
    case, result = scan.case, scan.result
    done = adapter.command("verify", result.path)
    assert done.status == adapter.DONE, done
    exported = adapter.exported(result.path, scan.new(".jsonl"))
    same(sorted(exported), sorted(map(adapter.place, result.findings)), "the export")
    bundle, again = scan.new(".zip"), scan.new()
    same(adapter.bundle(result.path, bundle), [], "problems of the bundle")
    # Names in an archive are part of its content.
    renamed = case.whole and case.layout.archive is None
    written = scan.rewritten(other_name(case)) if renamed else scan.written
    # A sample of files is one of parts, whose size is no option of a run.
    with adapter.small_parts(case.options["parts"]):
        call = bundle, written.paths, case.index
        problems = adapter.replayed(*call, out=again, **case.files())
    same(problems, [], "problems of the repeated run")
    texts = {row.tweet for row in result.findings}
    counted = adapter.case_texts([result.path, again], scan.new())
    same(counted, len(texts), "texts of the case")


def a_damaged_run_is_refused(scan: Scan) -> None:
    """A command refuses a damaged run in one sentence, or shows exactly what it shows
    of the intact run.
    """
    rng, intact = random.Random(scan.case.number), scan.new()
    run, out = scan.result.path, scan.new()
    shutil.copytree(run, intact)
    other = scan.case.world.earlier(scan.case.options["fraction"])
    paths = {"RUN": run, "OTHER": other, "DATA": scan.written.paths[0]}
    paths["OUT"] = out / "made"

    def shown(words: str) -> tuple[adapter.Ended, dict[str, Any]]:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        named = (
            re.sub("^[A-Z]+", lambda found: f"{paths[found[0]]}", word)
            for word in words.split()
        )
        return adapter.command(*named), contents(out)

    for words in rng.sample(TABLES["run_readers"], 3):
        expected = shown(words)
        for _ in range(2):
            what = _damage(run, intact, other, rng)
            ended, files = shown(words)
            if ended.status == adapter.UNUSABLE:
                sentences = ended.errors.count("\n")
                same((sentences, files), (1, {}), f"{what}, {words}: {ended}")
            else:
                assert (ended, files) == expected, f"{what}, {words}: {ended}"
            shutil.rmtree(run)
            shutil.copytree(intact, run)


def _other_digit(found: re.Match[bytes]) -> bytes:
    return b"7" if found[0] == b"1" else b"1"


def _damage(run: Path, intact: Path, other: Path, rng: random.Random) -> str:
    """Damage a file of a run in a way that is drawn, and return a description."""
    name = rng.choice(sorted(path.name for path in intact.iterdir()))
    path, data = run / name, (intact / name).read_bytes()
    at = rng.randrange(len(data))
    before, after = data[:at], data[at:]
    changed = {
        "flip": before + bytes([data[at] ^ 1 << at % 8]) + after[1:],
        "truncate": before,
        "cut": before + after[1 + at % 200 :],
        "append": data + after[:200],
        "digit": before + re.sub(rb"\d", _other_digit, after, count=1),
        "empty": b"",
        "swap": (other / name).read_bytes() if (other / name).exists() else b"",
    }
    optional = name in adapter.OPTIONAL_FILES
    way = rng.choice([*changed, "folder", "extra", *["delete"] * (not optional)])
    if way == "extra":
        (run / f"{name}.1").write_bytes(data)
    elif way in changed:
        path.write_bytes(changed[way])
    else:
        path.unlink()
        if way == "folder":
            path.mkdir()
    return f"{way} {name} at {at}"
