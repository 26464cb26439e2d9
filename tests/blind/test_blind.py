"""Test blind indexes from end to end: the platform builds one, a lab scans with it, and
the platform reveals the rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import xxhash
from click.testing import CliRunner
from tweets import SCRIPTS, sentence

import provscan.blind
from provscan.blind import kernels
from provscan.blind.index import info as blind_info
from provscan.blind.index import open_blind
from provscan.blind.keys import read_key
from provscan.blind.params import BlindLimits
from provscan.blind.report import run_lines, write_report
from provscan.blind.scan import scan_blind
from provscan.cli import main
from provscan.errors import (
    IndexFormatError,
    InputError,
    OutputError,
    ParameterError,
    UsageError,
)
from provscan.index.folder import changing
from provscan.index.lock import HEAD
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams
from provscan.report.document import write_report as write_run_report
from provscan.report.export import export
from provscan.text_buffers import buffers, to_array

RNG = random.Random(21)
WORDS = [sentence(RNG, "latin", RNG.randrange(3, 9)).strip() for _ in range(900)]
TWEETS: list[dict[str, Any]] = [
    {
        "id": str(1_500_000_000_000_000_000 + n) if n % 9 else f"post-{n}",
        "author": f"a{n % 7}",
        "text": " ".join(RNG.sample(WORDS, 14))
        if n % 3
        else sentence(RNG, SCRIPTS[n // 3 % len(SCRIPTS)], 70).strip(),
    }
    for n in range(180)
]


def files(index: Path) -> Path:
    """Return the folder with the files of a blind index."""
    (folder,) = (index / "segments").iterdir()
    return folder


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a key, a full index and a blind index."""
    folder = tmp_path_factory.mktemp("platform")
    (folder / "key").write_bytes(bytes(range(32)))
    corpus = folder / "corpus.jsonl"
    again = {**TWEETS[4], "id": "99"}
    corpus.write_text("".join(json.dumps(tweet) + "\n" for tweet in [*TWEETS, again]))
    provscan.build_index(corpus, folder / "full.index")
    provscan.blind.build_index(corpus, folder / "blind.index", key=folder / "key")
    return folder


def siphash(key: bytes, message: bytes) -> int:
    """Compute SipHash-2-4 as in its paper."""
    mask = (1 << 64) - 1
    k0, k1 = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def turn(x: int, by: int) -> int:
        return (x << by | x >> (64 - by)) & mask

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = turn(v[1], 13) ^ v[0]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = turn(v[1], 17) ^ v[2]
            v[2] = turn(v[2], 32)

    size = len(message)
    message += bytes(7 - size % 8) + bytes([size & 255])
    for at in range(0, len(message), 8):
        word = int.from_bytes(message[at : at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 255
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_the_hash_is_siphash() -> None:
    # The test vector of the paper's appendix.
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    rng = random.Random(1)
    for count in range(12):
        key, salt = rng.randbytes(16), rng.randrange(1 << 64)
        codes = np.array([rng.randrange(1 << 20) for _ in range(count)], np.uint32)
        message = salt.to_bytes(8, "little") + codes.astype("<u4").tobytes()
        found = kernels.siphash(
            np.frombuffer(key, "<u8"), np.uint64(salt), codes, 0, count
        )
        assert int(found) == siphash(key, message)


def copies() -> list[tuple[str, dict[str, Any]]]:
    """Return texts that contain a tweet, and the tweet."""
    rng = random.Random(3)
    made = []
    for tweet in TWEETS[1::3]:
        words = tweet["text"].split()
        words[rng.randrange(len(words))] = "altered"
        made += [
            (tweet["text"], tweet),
            (f"He wrote: {tweet['text'].upper()}!! And then he left the room.", tweet),
            (" ".join(words), tweet),
        ]
    return made


def test_a_blind_index_finds_what_the_full_index_finds(platform: Path) -> None:
    blind = open_blind(platform / "blind.index", bytes(range(32)))
    full = provscan.open_index(platform / "full.index").reader
    made = copies()
    texts = [text for text, _ in made] + [
        " ".join(RNG.sample(WORDS, 30)) for _ in range(50)
    ]
    rows = []
    asked = buffers(to_array(texts))
    by_sketches = scan_blind(*asked, blind, MatchParams(), BlindLimits())
    for names, found in (
        (full, scan_texts(*asked, full, MatchParams())),
        (blind, by_sketches),
    ):
        ids = names.tweet_ids(found.text).array().to_pylist()
        counts = names.tweet_counts(found.text).tolist()
        columns = (found.row.tolist(), ids, found.span.tolist(), counts)
        rows.append(
            {
                (row, key): (span, count)
                for row, key, span, count in zip(*columns, strict=True)
            }
        )
        assert found.characters.tolist() == [len(text) for text in texts]
    plain, sketched = rows
    assert len(plain) == len(made)
    assert sketched.keys() <= plain.keys()
    assert len(sketched) >= 0.98 * len(plain)
    for key, ((start, end), count) in sketched.items():
        (low, high), expected = plain[key]
        assert count == expected == (2 if key[1] == TWEETS[4]["id"] else 1)
        assert min(end, high) - max(start, low) >= 0.5 * (high - low)
    # A blind index recognises equal canonical texts. The spans of both indexes may
    # differ in punctuation at their ends.
    levels = zip(by_sketches.row.tolist(), by_sketches.level.tolist(), strict=True)
    equal = {row for row, level in levels if level == 1}
    assert equal == {row for row in range(len(made)) if row % 3 < 2}


def test_no_text_and_no_plain_hash_is_stored(platform: Path) -> None:
    content = b"".join(
        path.read_bytes()
        for path in (platform / "blind.index").rglob("*")
        if path.is_file()
    )
    for tweet in TWEETS:
        (canonical,) = provscan.canonical([tweet["text"]])
        codes = canonical.encode("utf-32-le")
        for at in range(0, max(1, len(canonical) - 4), 7):
            gram = canonical[at : at + 5]
            assert len(gram.encode()) < 5 or gram.encode() not in content
            assert gram.encode("utf-32-le") not in content
        for digest in (
            xxhash.xxh64_digest(codes),
            xxhash.xxh3_64_digest(codes),
            hashlib.md5(codes).digest(),
        ):
            assert digest not in content
            assert digest[::-1] not in content
    assert bytes(range(32)) not in content
    # With another key, no file is similar.
    (platform / "other").write_bytes(bytes(range(1, 33)))
    provscan.blind.build_index(
        platform / "corpus.jsonl",
        platform / "b.index",
        key=platform / "other",
    )
    for name in ("texts.hashes", "texts.fingerprints", "seeds.entries"):
        first, second = (
            np.fromfile(files(platform / index) / name, np.uint8)
            for index in ("blind.index", "b.index")
        )
        size = min(len(first), len(second))
        assert (first[:size] == second[:size]).mean() < 0.3, name
    # With the same key, all files are equal.
    provscan.blind.build_index(
        platform / "corpus.jsonl",
        platform / "b.index",
        key=platform / "key",
        overwrite=True,
    )
    assert files(platform / "blind.index").name == files(platform / "b.index").name
    for path in files(platform / "blind.index").iterdir():
        assert (
            path.read_bytes() == (files(platform / "b.index") / path.name).read_bytes()
        ), path.name
    shutil.rmtree(platform / "b.index")


def test_a_lab_scans_and_the_platform_reveals(
    platform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = tmp_path / "lab"
    lab.mkdir()
    shutil.copytree(platform / "blind.index", lab / "blind.index")
    shutil.copy(platform / "key", lab)
    made = copies()
    (lab / "data.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text, _ in made)
    )
    run = provscan.blind.match(
        lab / "data.jsonl", lab / "blind.index", lab / "data.run", key=lab / "key"
    )
    assert run.summary["records"] == len(made)
    # Two tweets have the same text.
    assert [run.summary["index"][name] for name in ("tweets", "texts")] == [
        len(TWEETS) + 1,
        len(TWEETS),
    ]
    assert run.summary["matches"] == run.matches.num_rows >= 0.98 * len(made)
    assert not any(run.matches["counted"].to_pylist())
    assert run.evidence.num_rows == 0
    assert provscan.verify(run.path)["matches"] == run.matches.num_rows
    page = (run.path / "report.html").read_text()
    assert all(cost.split(":")[0] in page for cost in run.summary["blind"]["costs"])
    with pytest.raises(UsageError, match="has no exhibits to mark"):
        write_report(run.path, marks=tmp_path / "marks.json")
    changed = shutil.copytree(run.path, tmp_path / "changed.run")
    pq.write_table(run.matches.slice(1), changed / "matches.parquet")
    with pytest.raises(
        InputError, match=r"matches\.parquet was changed: expected XXH3-128"
    ):
        write_report(changed)
    assert reasons(run.path) == {"not yet compared with the tweet"}
    wrong = made[7][1]["id"]
    revealed = provscan.blind.reveal(run.path, platform / "full.index")
    assert revealed.path == lab / "data.revealed.run"
    assert revealed.summary["blind"]["revealed"] == {
        "rows": run.matches.num_rows,
        "confirmed": run.matches.num_rows,
        "refuted": 0,
        "unknown": 0,
    }
    for figure in (run.plot.answer, revealed.plot.recall):
        with pytest.raises(UsageError, match="neither estimate nor recall"):
            figure()
    texts = {tweet["id"]: tweet["text"] for tweet in TWEETS}
    for row in revealed.evidence.to_pylist():
        assert row["tweet"] == texts[row["tweet_id"]]
        assert row["passage"] == made[row["record"]][0][row["start"] : row["end"]]
    assert (
        "report.html is not checked"
        in CliRunner().invoke(main, ["verify", str(revealed.path)]).stdout
    )
    assert revealed.summary["answer"]["headline"] in revealed._repr_html_()
    with pytest.raises(InputError, match="makes no estimate"):
        write_run_report(run.path)
    # The sentences about a blind run do not appear in a revealed run.
    for path, found in ((run.path, run.summary), (revealed.path, revealed.summary)):
        printed = CliRunner().invoke(main, ["info", str(path)])
        assert printed.exit_code == 0
        assert found["answer"]["headline"] in printed.stdout
        assert "of the heavily edited copies" in printed.stdout
        assert ("not yet compared" in printed.stdout) == (path == run.path)
        assert ("are candidates" in (path / "report.html").read_text()) == (
            path == run.path
        )
    monkeypatch.chdir(run.path)
    assert (
        provscan.blind.reveal(".", platform / "full.index", overwrite=True).path
        == revealed.path
    )
    # A forgotten tweet is not evidence.
    shutil.copytree(platform / "full.index", tmp_path / "later.index")
    provscan.forget(tmp_path / "later.index", [wrong])
    later = provscan.blind.reveal(
        run.path, tmp_path / "later.index", tmp_path / "later.run"
    )
    assert later.summary["blind"]["revealed"]["unknown"] == 3
    assert wrong not in later.evidence["tweet_id"].to_pylist()
    # A tweet in a segment that is left out is not evidence either.
    provscan.build_index(
        [{"id": "9", "text": "a tweet that came later"}],
        tmp_path / "later.index",
        append=True,
    )
    name = provscan.open_index(tmp_path / "later.index").info()["segments"][0]["name"]
    rest = provscan.blind.reveal(
        run.path, tmp_path / "later.index", tmp_path / "rest.run", without_segment=name
    )
    assert rest.summary["blind"]["revealed"]["unknown"] == run.matches.num_rows
    assert rest.info["revealed_with"]["left_out"]["segments"] == [name]
    # A passage that differs from the tweet is refuted.
    strict = provscan.blind.reveal(
        run.path, platform / "full.index", tmp_path / "strict.run", threshold=1.0
    )
    counts = strict.summary["blind"]["revealed"]
    assert 0 < counts["refuted"] == run.matches.num_rows - counts["confirmed"]
    assert strict.summary["answer"]["headline"].startswith(
        f"{counts['confirmed']} matches of "
    )
    assert strict.info["revealed_with"]["threshold"] == 1.0
    assert reasons(strict.path) == {
        "confirmed by the full index",
        "not confirmed by the full index",
    }
    table = pq.read_table(run.path / "passages.parquet")
    pq.write_table(table.slice(1), run.path / "passages.parquet")
    with pytest.raises(InputError, match=r"passages\.parquet was changed"):
        provscan.blind.reveal(run.path, platform / "full.index", tmp_path / "no.run")
    with pytest.raises(InputError, match=r"passages\.parquet was changed"):
        provscan.verify(run.path)


def reasons(run: Path) -> set[str]:
    """Return the descriptions of rarity in the exported list of a run."""
    export(run, run.parent / "list.jsonl", everything=True, overwrite=True)
    return {
        json.loads(line)["wording"]
        for line in (run.parent / "list.jsonl").read_text().splitlines()
    }


def test_a_row_is_compared_with_the_most_similar_text_of_its_tweet(
    tmp_path: Path,
) -> None:
    texts = [
        "the ferry to the northern island is late again tonight",
        "my grandmother keeps seven geese and feeds them plums",
    ]
    tweets = [{"id": "1", "text": text} for text in texts]
    (tmp_path / "key").write_bytes(bytes(range(32)))
    provscan.blind.build_index(tweets, tmp_path / "blind.index", key=tmp_path / "key")
    full = provscan.build_index(tweets, tmp_path / "full.index")
    run = provscan.blind.match(
        tweets, tmp_path / "blind.index", tmp_path / "a.run", key=tmp_path / "key"
    )
    revealed = provscan.blind.reveal(run.path, full)
    assert revealed.summary["blind"]["revealed"] == {
        "rows": 2,
        "confirmed": 2,
        "refuted": 0,
        "unknown": 0,
    }
    assert revealed.evidence.select(["passage", "tweet"]).to_pylist() == [
        {"passage": t, "tweet": t} for t in texts
    ]


def test_a_blind_run_says_what_was_left_out(platform: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    lines = [
        json.dumps({"prompt": "say it", "response": text}) for text, _ in copies()[:40]
    ]
    (data / "a.jsonl").write_text("\n".join([*lines, "not JSON"]))
    (data / "b.parquet").write_bytes(b"not Parquet")
    run = provscan.blind.match(
        data,
        platform / "blind.index",
        tmp_path / "a.run",
        key=platform / "key",
        outputs=True,
        allow_unread=True,
    )
    said = [
        "1 file was not scanned.",
        "1 record was not scanned (line that is not JSON: 1).",
        "Prompts, which are not outputs of the model: 40",
    ]
    terminal = "\n".join(run_lines({"run": str(run.path), **run.summary}))
    page = (run.path / "report.html").read_text()
    for line in said:
        assert line in terminal
        assert line in page
    assert "b.parquet</bdi> was not scanned: " in page
    # On a phone, only the table of matches is scrolled sideways. The page can be
    # printed.
    assert 'class="scroll" tabindex="0" role="region" aria-label="Matches"' in page
    assert "@media print" in page
    manifest = json.loads((platform / "blind.index" / "manifest.json").read_text())
    assert (
        run.summary["index"]["fingerprint"]
        == run.info["index"]["fingerprint"]
        == manifest["fingerprint"]
    )


def test_texts_that_are_too_long_or_too_many_are_refused(
    platform: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provscan.blind.build.LONGEST", 50)
    monkeypatch.setattr("provscan.blind.build.MAX_TEXTS", 1)
    for size, words in (
        (50, f"a text of fifty characters {'x' * 23}"),
        (51, f"a text of fifty characters {'x' * 24}"),
    ):
        assert len(words) == size
        with (
            pytest.raises(ParameterError, match="up to 50 char")
            if size > 50
            else contextlib.nullcontext()
        ):
            provscan.blind.build_index(
                [{"text": words}],
                tmp_path / f"{size}.index",
                key=platform / "key",
            )
    with pytest.raises(
        ParameterError,
        match="a blind index can contain at most 1 texts, not 2: build several",
    ):
        provscan.blind.build_index(
            TWEETS[:2], tmp_path / "two.index", key=platform / "key"
        )


def test_wrongly_decoded_tweets_are_repaired(platform: Path, tmp_path: Path) -> None:
    text = "schön ist der Tag am großen See im tiefen Wald, sagt der alte Förster"
    tweets = [{"id": "1", "text": text.encode().decode("latin-1")}]
    provscan.blind.build_index(
        tweets,
        tmp_path / "b.index",
        key=platform / "key",
        fix_encoding=True,
    )
    run = provscan.blind.match(
        [{"text": text}], tmp_path / "b.index", tmp_path / "b.run", key=platform / "key"
    )
    assert run.matches["similarity"].to_pylist() == [1.0]


def test_wrong_keys_indexes_and_folders_are_refused(
    platform: Path, tmp_path: Path
) -> None:
    blind = platform / "blind.index"
    (tmp_path / "short").write_bytes(b"secret")
    (tmp_path / "hex").write_text(bytes(range(100, 132)).hex() + "\n")
    assert read_key(tmp_path / "hex") == bytes(range(100, 132))
    for guess in (bytes(32), b"\xab" * 32, b"0" * 64, b"password" * 4):
        (tmp_path / "guess").write_bytes(guess)
        with pytest.raises(
            ParameterError,
            match=r"guess is not a key: it has only \d different bytes, so it can be "
            r"guessed",
        ):
            read_key(tmp_path / "guess")
    with pytest.raises(
        ParameterError,
        match=r"short is not a key: expected 32 bytes or 64 hexadecimal digits, found "
        r"6",
    ):
        read_key(tmp_path / "short")
    with pytest.raises(ParameterError, match="can't be read"):
        read_key(tmp_path / "none")
    data = [{"text": TWEETS[0]["text"]}]
    with pytest.raises(ParameterError, match="the key is not that of"):
        provscan.blind.match(data, blind, tmp_path / "a.run", key=tmp_path / "hex")
    with pytest.raises(
        IndexFormatError,
        match="found 'provscan-blind'",
    ):
        provscan.match(data, blind, tmp_path / "a.run")
    with pytest.raises(IndexFormatError, match="expected format 'provscan-blind'"):
        provscan.blind.match(
            data, platform / "full.index", tmp_path / "a.run", key=platform / "key"
        )
    with pytest.raises(ParameterError, match="index must be a path"):
        provscan.blind.match(
            data,
            provscan.open_index(platform / "full.index"),  # type: ignore[arg-type]
            tmp_path / "a.run",
            key=platform / "key",
        )
    with pytest.raises(OutputError, match="exists already"):
        provscan.blind.build_index(data, blind, key=platform / "key")
    copy = shutil.copytree(blind, tmp_path / "copy.index")
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(
        OutputError, match=r"contains notes\.txt, which provscan did not write"
    ):
        provscan.blind.build_index(data, copy, key=platform / "key", overwrite=True)
    with pytest.raises(InputError, match="is not a finished run"):
        provscan.blind.reveal(tmp_path, platform / "full.index")
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="is not a blind run"):
        provscan.blind.reveal(tmp_path, platform / "full.index")


def test_commands_name_the_options_that_a_blind_index_does_not_support(
    platform: Path, tmp_path: Path
) -> None:
    def refused(command: str, *words: object) -> str:
        place = tmp_path / "a"
        done = CliRunner().invoke(
            main,
            [
                command,
                str(platform / "corpus.jsonl"),
                "-o",
                str(place),
                *map(str, words),
            ],
        )
        assert done.exit_code == 2
        assert not place.exists()
        return done.stderr

    key = ("--key", platform / "key")
    index = ("-i", platform / "blind.index")
    for words in (
        ("--sample", "50%"), ("--executor", "processes"), ("--no-text",), ("--texts", 3), ("--edits", "heavy"),  # noqa: E501
        ("--seed", 2), ("--tokenizer", "t.json"), ("--parts", "p"), ("--partial-chars", 60), ("--resume",),  # noqa: E501
        ("--fix-encoding",), ("--cutoff", "2020-01-01"),
    ):  # fmt: skip
        said = refused("match", *index, *key, *words)
        assert f"keeps the passages of its matches: leave out {words[0]}." in said
    for words in (
        ("--append",),
        ("--seed-length", 14),
        ("--fraction", "10%"),
        ("--shards", 2),
    ):
        said = refused("index", "--blind", *key, *words)
        assert f"leave out {words[0]}." in said
    for words in (("--blind",), key):
        assert "give both --blind and --key, or neither" in refused("index", *words)


def reseal(folder: Path) -> None:
    """Write the current size and checksum of every file to the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, entry in manifest["segments"][0]["files"].items():
        content = (files(folder) / name).read_bytes()
        entry["bytes"], entry["xxh3"] = len(content), xxhash.xxh3_128_hexdigest(content)
    body = {
        key: value
        for key, value in manifest.items()
        if key not in ("format", "version", "checksum")
    }
    manifest["checksum"] = xxhash.xxh3_128_hexdigest(
        json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    )
    (folder / "manifest.json").write_text(json.dumps(manifest))


Forge = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("name", "forge", "problem"),
    [
        ("texts.hashes", lambda content: content[::-1], "do not ascend"),
        (
            "texts.lengths",
            lambda content: b"\0\0" + content[2:],
            "a text has no length",
        ),
        (
            "texts.fingerprints",
            lambda content: content[1:],
            "its size does not fit the lengths of the texts",
        ),
        ("seeds.starts", lambda content: content[:-4], "not a valid number of buckets"),
        (
            "seeds.starts",
            lambda content: content[:4] + b"\xff\xff\xff\x7f" + content[8:],
            "do not cover the entries",
        ),
        (
            "seeds.entries",
            lambda content: b"\xff" * len(content),
            "names a text that does not exist",
        ),
        (
            "ids.blocks",
            lambda content: content[:8] + b"\xff" * 8 + content[16:],
            "its blocks do not fit its words",
        ),
        (
            "ids.offsets",
            lambda content: content[:8] + b"\xff" * 8 + content[16:],
            "its offsets do not ascend",
        ),
        ("ids.utf8", lambda content: b"\xff" + content[1:], "not valid UTF-8"),
        (
            "tweets.blocks",
            lambda content: b"\0" * 8 + content[8:],
            "a text has no tweet",
        ),
    ],
)
def test_a_damaged_file_of_a_blind_index_is_named(
    platform: Path, tmp_path: Path, name: str, forge: Forge, problem: str
) -> None:
    copy = shutil.copytree(platform / "blind.index", tmp_path / "a.index")
    (files(copy) / name).write_bytes(forge((files(copy) / name).read_bytes()))
    with pytest.raises(IndexFormatError, match=name):
        open_blind(copy, bytes(range(32)))
    with pytest.raises(IndexFormatError, match=name):
        provscan.blind.verify(copy)
    reseal(copy)
    with pytest.raises(IndexFormatError, match=f"{name} is damaged: .*{problem}"):
        open_blind(copy, bytes(range(32)))
    with pytest.raises(IndexFormatError, match=f"{name} is damaged: .*{problem}"):
        provscan.blind.verify(copy)


def test_forged_numbers_never_crash_the_process(platform: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(platform / "blind.index", tmp_path / "a.index")
    rng = random.Random(8)
    texts = buffers(to_array([text for text, _ in copies()]))
    opened = 0
    for _ in range(60):
        path = files(copy) / rng.choice(
            [
                "texts.fingerprints",
                "seeds.entries",
                "texts.hashes",
                "seeds.starts",
                "tweets.words",
            ]
        )
        content = path.read_bytes()
        forged = bytearray(content)
        forged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(forged)
        reseal(copy)
        with contextlib.suppress(IndexFormatError):
            scan_blind(
                *texts, open_blind(copy, bytes(range(32))), MatchParams(), BlindLimits()
            )
            opened += 1
        path.write_bytes(content)
    assert opened > 0


def test_info_and_verify_need_no_key(platform: Path) -> None:
    blind = platform / "blind.index"
    # If this fails, the format has changed and needs a new version.
    assert files(blind).name == "4cf004d72b0752c6"
    info = blind_info(blind)
    assert info == open_blind(blind, bytes(range(32))).info()
    assert info["bytes"] == sum(path.stat().st_size for path in files(blind).iterdir())
    size = (files(blind) / "ids.utf8").stat().st_size
    assert info["bytes_per_text"]["ids.utf8"] == round(size / 180, 1) != size / 180
    checked = provscan.blind.verify(blind)
    expected = {
        "index": str(blind),
        "blind": True,
        "texts": 180,
        "tweets": 181,
        "fingerprint": info["fingerprint"],
    }
    assert expected.items() <= checked.items()
    shown = CliRunner().invoke(main, ["info", str(blind)])
    assert f"Blind index {blind}: 180 texts of 181 tweets" in shown.stdout
    shown = CliRunner().invoke(main, ["verify", str(blind)])
    assert shown.exit_code == 0
    assert "is sound (a blind index: checksums and ranges of numbers" in shown.stdout


def test_a_blind_index_is_written_under_the_lock_of_an_index(
    platform: Path, tmp_path: Path
) -> None:
    """The next writer removes the files of a killed writer, which contain texts. Until
    then, the old index is unchanged.
    """
    folder = tmp_path / "a.index"
    data = [{"id": "1", "text": "the only tweet of this corpus, which somebody copied"}]
    options: dict[str, Any] = {"key": platform / "key"}
    with (
        changing(folder, "create"),
        pytest.raises(OutputError, match="is being written by process"),
    ):
        provscan.blind.build_index(data, folder, overwrite=True, **options)
    provscan.blind.build_index(data, folder, **options)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    left = "segments/.new-0123456789abcdef"
    shutil.copytree(platform / "full.index", folder / left)
    (folder / "lock").write_text(f"{HEAD}process 1\n{left}\n")
    with pytest.raises(ParameterError, match="a blind index takes texts of up to"):
        provscan.blind.build_index(
            [{"id": "2", "text": "word " * 20_000}], folder, overwrite=True, **options
        )
    assert {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file()
    } == before
    index = provscan.blind.build_index(data * 2, folder, overwrite=True, **options)
    assert index.info()["generation"] == 2
    assert {path.relative_to(folder).parts[0] for path in folder.rglob("*")} == {
        "segments",
        "manifest.json",
        "lock",
    }
    assert len(list(folder.rglob("*"))) == 4 + len(list(files(folder).iterdir()))
