"""Draw cases of handing over results, and hold them against rules.

- A command refuses a damaged run in one sentence, or shows exactly what it shows of the
  intact run (:func:`damaged`).
- A server answers each malformed request or closes the connection, in time and without
  an error of its own (:func:`malformed_heads`).
- No command shows or writes the secrets of a URL, however it is mistyped
  (:func:`odd_url`).
- A run that is repeated on the same files under other names is the same, and a changed
  record makes it different (:func:`renamed`).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nightly import NIGHTLY
from tweets import sentence

import provscan
from provscan.handover.review import write_review
from provscan.handover.verdicts import score_review
from truth.adapter import DONE, UNUSABLE, Ended, bundle, command, replayed, scan

SEED = int(os.environ.get("PROVSCAN_TRUTH_SEED", "1"))
# Commands that read a run; RUN, OUT, DATA and OTHER are replaced by paths.
READERS = (
    "info RUN",
    "info RUN --json",
    "verify RUN",
    "explain RUN 3",
    "explain RUN 1007 --as=tweet --json",
    "export RUN -o OUT.jsonl --all",
    "export RUN -o OUT.csv",
    "export RUN -o OUT.sarif",
    "report RUN -o OUT.html",
    "review RUN -o OUT --sample=20",
    "case RUN OTHER -o OUT",
    "bundle RUN -o OUT.zip",
    "bundle RUN -o OUT.zip --no-text",
    "clean DATA RUN --dry-run --json",
)
# Files whose bytes contain a time or an order that is not determined.
VOLATILE = (".xlsx",)
# Words of ``summary.json``, characters with a meaning in patterns, shells and pages,
# names that are parts of others, and letters of several scripts.
WORDS = (
    *("text", "records", "a", "aa", "answer", "source", "is", "The", "1", "exact"),
    *("a.b", "(a", "a+", "[ab]", "a|b", "^a$", "\\d", "*", "?", "{1}", "%s", "<b>"),
    *("ä", "ⅷ", "日本", "א", "a b", "'", "&amp;", "-a", "e\u0301", "null", "0.5"),
)
# Files that a run need not have.
OPTIONAL = ("report.html", "review.json")


def cases(suite: int, night: int) -> int:
    """Return the number of cases to draw."""
    default = night if NIGHTLY else suite
    return int(os.environ.get("PROVSCAN_TRUTH_CASES", default))


class Shown(NamedTuple):
    """All that a command shows: its output, and the files that it writes."""

    ended: Ended
    files: dict[str, bytes]


@dataclass(frozen=True)
class Runs:
    """A run, and another run over other data with the same index."""

    folder: Path

    @property
    def run(self) -> Path:
        return self.folder / "a.run"

    @property
    def other(self) -> Path:
        return self.folder / "b.run"

    @property
    def intact(self) -> Path:
        return self.folder / "intact"

    @classmethod
    def made(cls, folder: Path) -> Runs:
        rng, runs = random.Random(17), cls(folder)
        tweets = [
            {
                "id": str(1000 + n),
                "text": sentence(rng, "latin", 70 + n % 50),
                "author": f"author{n % 7}",
                "created_at": f"20{10 + n % 8}-03-04",
            }
            for n in range(40)
        ]
        index = provscan.build_index(tweets, folder / "licensed.index")
        for name, first in (("a", 0), ("b", 20)):
            texts = [sentence(rng, "latin", 120) for _ in range(30)]
            texts[3 : 3 + 20 : 2] = [t["text"] for t in tweets[first : first + 10]]
            lines = (json.dumps({"text": text}) + "\n" for text in texts)
            (folder / f"{name}.jsonl").write_text("".join(lines))
            provscan.match(
                folder / f"{name}.jsonl", index, folder / f"{name}.run", spike_ins=30
            )
            _review(folder / f"{name}.run", folder / f"{name}.review")
        shutil.copytree(runs.run, runs.intact)
        return runs

    def restore(self) -> None:
        shutil.rmtree(self.run)
        shutil.copytree(self.intact, self.run)

    def shown(self, words: str) -> Shown:
        """Run a command on the run as it is now."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        paths = {
            "RUN": self.run,
            "OTHER": self.other,
            "DATA": self.folder / "a.jsonl",
            "OUT": out / "made",
        }
        given = []
        for word in words.split():
            name, dot, suffix = word.partition(".")
            given.append(f"{paths[name]}{dot}{suffix}" if name in paths else word)
        ended = command(*given)
        files = {
            str(path.relative_to(out)): path.read_bytes()
            for path in sorted(out.rglob("*"))
            if path.is_file() and path.suffix not in VOLATILE
        }
        return Shown(ended, files)


def _review(run: Path, review: Path) -> None:
    """Write a review of a run, with verdicts."""
    key = write_review(run, review, sample=20)
    pairs = [{"pair": pair["pair"], "verdict": "copy"} for pair in key["pairs"]]
    verdicts = {"list": key["list"], "reviewer": "Ada", "verdicts": pairs}
    (review / "verdicts.json").write_text(json.dumps(verdicts))
    score_review(review, [review / "verdicts.json"], run=run)


def damages(runs: Runs, rng: random.Random) -> tuple[str, Callable[[], None]]:
    """Draw a damage, and return its description and a function that does it."""
    names = sorted(p.name for p in runs.intact.iterdir())
    name = rng.choice(names)
    path, whole = runs.run / name, (runs.intact / name).read_bytes()
    at = rng.randrange(len(whole))
    bit = 1 << rng.randrange(8)
    flipped = whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
    end = rng.randrange(at, min(at + 200, len(whole))) + 1
    kind, do = rng.choice(
        [
            ("flip", lambda: path.write_bytes(flipped)),
            ("flip", lambda: path.write_bytes(flipped)),
            ("truncate", lambda: path.write_bytes(whole[:at])),
            ("cut", lambda: path.write_bytes(whole[:at] + whole[end:])),
            ("append", lambda: path.write_bytes(whole + whole[at:end])),
            ("digit", lambda: path.write_bytes(_other_digit(whole, at))),
            ("swap", lambda: shutil.copy(runs.other / name, path)),
            *([] if name in OPTIONAL else [("delete", path.unlink)]),
            ("empty", lambda: path.write_bytes(b"")),
            ("folder", lambda: (path.unlink(), path.mkdir())),
            ("extra", lambda: (runs.run / f"{name}.1").write_bytes(whole)),
        ]
    )
    return f"{kind} {name} at {at}", do


def _other_digit(whole: bytes, at: int) -> bytes:
    """Change the first digit from a position on, which keeps JSON valid."""
    for place in range(at, len(whole)):
        if whole[place] in b"0123456789":
            other = b"1" if whole[place] != ord("1") else b"7"
            return whole[:place] + other + whole[place + 1 :]
    return whole + b" "


def damaged(runs: Runs, seed: int, cases: int) -> Iterator[str]:
    """Yield the violations: internal errors, and differences that no error names."""
    rng = random.Random(seed)
    # The first use of a kernel says that it is compiled.
    intact = {words: (runs.shown(words), runs.shown(words))[1] for words in READERS}
    for words, shown in intact.items():
        if shown.ended.status != DONE:
            yield f"{words}: {shown.ended}"
    for case in range(cases):
        what, do = damages(runs, rng)
        do()
        for words in READERS:
            found = runs.shown(words)
            ended, files = found
            if ended.status == UNUSABLE:
                if ended.errors.count("\n") != 1 or files:
                    yield f"case {case}, {what}, {words}: {ended.errors} {[*files]}"
            elif found != intact[words]:
                yield f"case {case}, {what}, {words}: {ended.status} {ended.errors}"
        runs.restore()


def _named(folder: Path, rng: random.Random, count: int) -> list[Path]:
    """Draw different names of files, some with the same last part in other folders."""
    names: dict[Path, None] = {}
    while len(names) < count:
        parts = [rng.choice(WORDS) for _ in range(rng.choice((1, 1, 1, 2)))]
        if names and rng.random() < 0.3:
            parts[-1] = rng.choice([*names]).name.partition(".jsonl")[0]
        drawn = folder.joinpath(*parts)
        suffixed = drawn.with_name(drawn.name + rng.choice([".jsonl", "", ""]))
        if not any(suffixed in (p, *p.parents) or p in suffixed.parents for p in names):
            names[suffixed] = None
    return [*names]


def renamed(runs: Runs, seed: int, cases: int) -> Iterator[str]:
    """Yield the violations of a repeated run on files with other names."""
    rng = random.Random(seed)
    lines = (runs.folder / "a.jsonl").read_bytes().splitlines(keepends=True)
    for case in range(cases):
        count = rng.randint(1, 4)
        # Each file has a finding in its first line.
        contents = [b"".join(lines[3 + 2 * n : 5 + 2 * n]) for n in range(count)]
        if rng.random() < 0.3:
            contents[-1] += b'{"text": "'
        work = runs.folder / "renamed"
        os.chdir(runs.folder)
        shutil.rmtree(work, ignore_errors=True)
        places = {}
        for name in ("old", "new"):
            places[name] = _named(work / name, rng, count)
            for path, content in zip(places[name], contents, strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        changed = case % 3 == 2
        if changed:
            places["new"][0].write_bytes(contents[0].replace(b" ", b" zz ", 3))
        given = {}
        for name, paths in places.items():
            rng.shuffle(paths)
            below = rng.choice([work / name, work / name, work])
            given[name] = [path.relative_to(below) for path in paths]
            if rng.random() < 0.1:
                given[name], below = list(paths), work
            os.chdir(below)
            if name == "old":
                index = runs.folder / "licensed.index"
                scan(given[name], index, work / "a.run", planted=0, accept_unread=True)
                bundle([work / "a.run"], work / "a.zip")
            else:
                found = replayed(work / "a.zip", given[name], index, work / "b.run")
                if bool(found) != changed:
                    yield f"case {case}, {given}: {len(found)} problems, {found[:3]}"
    os.chdir(runs.folder)


# The parts of requests, separated by white space, in which escapes are decoded.
_TARGETS = r"""/ /health /api/lookup /api/stream /docs /metrics * //[ http://[/ /%ff%00
    /api/lookup?%zz /../../etc \xff \x00"""
_VALUES = r"""[ ] [::1 [::1] http://[ http://[v1] null localhost 127.0.0.1:99999999 a@b
    %5B localhost:x \xe2\x84\x80 http://\xe2\x84\x80 \x00 \t -1 0 5 99999999999999999999
    1e3 chunked gzip,chunked 100-continue close upgrade Bearer Bearer\x20\xff text/plain
    application/json;charset=\xff"""
_NAMES = r"""Host Origin Authorization Content-Length Transfer-Encoding Expect
    Connection Upgrade Content-Type Cookie a\x20b \xff"""
_BODIES = r"""{ {"text":"a"} 5\r\nhello\r\n0\r\n\r\n \xff\xff \x20"""


def _request(rng: random.Random) -> bytes:
    """Draw a request, most often one with a malformed head."""

    def drawn(choices: str) -> bytes:
        chosen = rng.choice(choices.split()).encode()
        return chosen.decode("unicode_escape").encode("latin-1")

    end = rng.choice((b"\r\n",) * 6 + (b"\n", b"\r", b"\r\n "))
    method = drawn("GET POST GET POST HEAD OPTIONS \\x00")
    version = drawn("HTTP/1.1 " * 6 + "HTTP/1.0 HTTP/9 HTTP/1.1\\x20x")
    lines = [b" ".join((method, drawn(_TARGETS), version))]
    if rng.random() < 0.7:
        lines.append(b"Host: localhost")
    for _ in range(rng.randint(0, 4)):
        many = 9000 if rng.random() < 0.02 else 1
        lines.append(drawn(_NAMES) + b": " + many * drawn(_VALUES))
    whole = end.join(lines) + rng.choice((2 * end,) * 8 + (end, b"")) + drawn(_BODIES)
    if rng.random() < 0.2:
        at = rng.randrange(len(whole))
        whole = whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :]
    return whole


def malformed_heads(port: int, seed: int, cases: int) -> Iterator[str]:
    """Send malformed requests to a server, and yield the violations."""
    rng = random.Random(seed)

    def problem(request: bytes) -> str | None:
        answer = b""
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(30)
            try:
                connection.sendall(request)
                while piece := connection.recv(1 << 16):
                    answer += piece
            except TimeoutError:
                return f"no end: {request[:300]!r}"
            except ConnectionError:
                pass
        if b"HTTP/1.1 500" in answer or b"Traceback" in answer:
            return f"{request[:300]!r}: {answer[:300]!r}"
        return None

    with ThreadPoolExecutor(20) as threads:
        drawn = [_request(rng) for _ in range(cases)]
        yield from filter(None, threads.map(problem, drawn))


SECRET = "s3cr3t"


def odd_url(rng: random.Random) -> str:
    """Draw a URL with secrets, most often a mistyped one."""
    user = rng.choice(
        (f"me:{SECRET}@", f"{SECRET}@", f"me:a/{SECRET}@", f"a%3A{SECRET}%40")
    )
    ends = ("?", ";", "%3F", "%3b", "?a=1&", "#", "/;", "&", "?a;")
    names = ("sig=", "token=", "X-Amz-Signature=", "key%3D", "access_token=a b")
    query = rng.choice(ends) + rng.choice(names) + SECRET
    with_user, with_query = rng.choice(((True, False), (False, True), (True, True)))
    scheme = rng.choice(("http", "https", "HTTP", "s3", "gs", "ftp", "file", "mylake"))
    start = scheme + rng.choice((":/", ":///", "://", ":////", ":\\\\", "%3A%2F%2F"))
    if rng.random() < 0.2:
        start = "//"
    if rng.random() < 0.2:
        start = rng.choice(("zip://a.csv::", "recipe:tweeteval=")) + start
    if not with_user and rng.random() < 0.3:
        start = rng.choice(("", "./", "a/", "/tmp/"))
    place = rng.choice(("h/a.jsonl", "127.0.0.1:9/a", "h", "[::1]/b/c.csv"))
    return start + with_user * user + place + with_query * query
