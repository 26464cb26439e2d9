"""Test the contents of a bundle, with provscan and with other programs."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chromium import options_in
from click.testing import CliRunner
from invariants import no_secret_is_written

import provscan
from provscan import handover
from provscan.cli import main
from provscan.errors import InputError, OutputError, UsageError
from provscan.handover import statement as statements
from provscan.handover.bundle import CASE_FILES
from provscan.handover.case import write_case
from provscan.handover.review import write_review
from provscan.indexing.maintain import verify
from provscan.report.document import write_report
from provscan.report.files import RunFiles, write_page
from provscan.runs.folder import info_checksum, seal, write_json

TEXTS = ("before", "passage", "after", "tweet")


def read(bundle, name):
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(f"bundle/{name}")


def names_in(bundle):
    with zipfile.ZipFile(bundle) as archive:
        return {name.removeprefix("bundle/") for name in archive.namelist()}


def table(bundle, name):
    return pq.read_table(
        pa.BufferReader(read(bundle, f"data/run-1/{name}"))
    ).to_pylist()


def test_files_are_those_of_the_run(handed):
    assert (
        read(handed.bundle, "data/run-1/report.html")
        == (handed.run / "report.html").read_bytes()
    )
    before = pq.read_table(handed.run / "matches.parquet").to_pylist()
    # The folder of this machine is left out.
    short = [row | {"source": Path(row["source"]).name} for row in before]
    assert table(handed.bundle, "matches.parquet") == short
    rows = len(before)
    hashes = read(handed.bundle, "data/run-1/rows.sha256").decode()
    assert re.fullmatch(r"([0-9a-f]{64}\n)*", hashes)
    assert hashes.count("\n") == rows > 10
    readme = read(handed.bundle, "data/README.txt").decode()
    assert "do not prevent forgery" in readme
    paper = read(handed.bundle, "data/certification.txt").decode()
    run = provscan.open_run(handed.run)
    assert run.summary["answer"]["headline"] in " ".join(paper.split())
    assert "30 test copies were planted" in paper
    assert "Chance was not measured" in paper
    assert "not legal advice" in paper


def test_the_same_folders_give_the_same_bytes(handed, tmp_path):
    copy = tmp_path / "elsewhere" / "found.run"
    shutil.copytree(handed.run, copy)
    again = tmp_path / "again.zip"
    handover.bundle(copy, again, sign=handed.key)
    assert again.read_bytes() == handed.bundle.read_bytes()


def test_without_texts(handed, tmp_path):
    bundle = tmp_path / "no-text.zip"
    handover.bundle(handed.run, bundle, digests=True)
    checked = handover.check(bundle)
    assert (checked["problems"], checked["texts"]) == ([], False)
    whole = pq.read_table(handed.run / "matches.parquet").to_pylist()
    known = [
        row[name] for row in whole for name in TEXTS if row[name] and len(row[name]) > 9
    ]
    texts = {text.strip()[:40].encode() for text in known}
    assert len(texts) > 20
    for name in names_in(bundle):
        found = read(bundle, name)
        if name.endswith(".parquet"):
            rows = pq.read_table(pa.BufferReader(found)).to_pylist()
            found = json.dumps(rows, default=str, ensure_ascii=False).encode()
        assert not [text for text in texts if text in found], name

    # Digests of both texts of each finding, positions, ids and figures remain.
    for before, now in zip(whole, table(bundle, "matches.parquet"), strict=True):
        if not before["has_text"]:
            assert now == before | {"source": now["source"]}
            continue
        assert now["has_text"] is False
        assert now["passage"] == hashlib.sha256(before["passage"].encode()).hexdigest()
        assert now["tweet"] == hashlib.sha256(before["tweet"].encode()).hexdigest()
        assert (now["before"], now["after"]) == (None, None)
        kept = before.keys() - {*TEXTS, "has_text", "source"}
        assert {name: now[name] for name in kept} == {
            name: before[name] for name in kept
        }
    info = json.loads(read(bundle, "data/run-1/run.json"))
    original = json.loads((handed.run / "run.json").read_bytes())
    assert info["original"]["files"] == original["files"]
    assert "were left out" in read(bundle, "data/README.txt").decode()

    # provscan can open the run folder in the bundle.
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
    provscan.verify(tmp_path / "bundle" / "data" / "run-1")


def test_inputs_are_hashed_on_request(handed, tmp_path):
    bundle = tmp_path / "hashed.zip"
    handover.bundle(handed.run, bundle, hash_inputs=True)
    hashes = json.loads(read(bundle, "data/run-1/inputs.json"))
    for path in (*handed.datasets, *handed.index.rglob("*")):
        if path.is_file() and path.name not in ("manifest.json", "lock"):
            found = [hashes[name] for name in hashes if name.endswith(path.name)]
            assert hashlib.sha256(path.read_bytes()).hexdigest() in found, path
    text = handed.datasets[1].read_bytes()
    try:
        handed.datasets[1].write_bytes(text + b"\n")
        with pytest.raises(InputError, match=r"b\.jsonl was removed or changed after"):
            handover.bundle(handed.run, tmp_path / "x.zip", hash_inputs=True)
    finally:
        handed.datasets[1].write_bytes(text)
    assert not (tmp_path / "x.zip").exists()


def dat_rows(data):
    """Read a Concordance DAT by the rules of the format."""
    text = data.decode("utf-8-sig")
    assert text.endswith("\r\n")
    rows = []
    for line in text.removesuffix("\r\n").split("\r\n"):
        values = line.split("\x14")
        assert all(value[0] == value[-1] == "þ" for value in values)
        rows.append([value[1:-1].replace("®", "\n") for value in values])
    return rows


def test_the_load_file(handed, tmp_path):
    bundle = tmp_path / "two.zip"
    handover.bundle([handed.run, handed.run], bundle, bates="ACME-")
    names, *lines = dat_rows(read(bundle, "data/loadfile.dat"))
    found = [dict(zip(names, line, strict=True)) for line in lines]
    rows = table(handed.bundle, "matches.parquet")
    findings = [row for row in rows if row["counted"]]
    assert len(found) == 2 * len(findings)
    numbers = [f"ACME-{n:08}" for n in range(1, len(found) + 1)]
    assert sorted(row["BEGBATES"] for row in found) == numbers
    for row, finding in zip(found, findings * 2, strict=True):
        assert row["ENDBATES"] == row["BEGBATES"]
        # The texts contain the delimiters of the format: thorns and line breaks.
        assert "þ" not in row["PASSAGE"]
        passage = finding["passage"].replace("þ", "th")
        assert (row["PASSAGE"], row["TWEETID"]) == (passage, finding["tweet_id"])
        assert (row["SPANSTART"], row["AUTHOR"]) == (
            str(finding["start"]),
            finding["author"],
        )
    exhibits = [row["EXHIBIT"] for row in found if row["RUN"] == "data/run-2"]
    assert sorted(map(int, exhibits)) == list(range(1, len(findings) + 1))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_reads_keys_and_signature(handed, tmp_path):
    envelope = json.loads(read(handed.bundle, "statement.dsse.json"))
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    (tmp_path / "signed").write_bytes(
        b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    )
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    (tmp_path / "signature").write_bytes(signature)
    words = f"pkeyutl -verify -pubin -inkey {handed.public} -rawin -in signed"
    subprocess.run(
        ["openssl", *words.split(), "-sigfile", "signature"], cwd=tmp_path, check=True
    )
    der = subprocess.run(
        f"openssl pkey -pubin -in {handed.public} -outform DER".split(),
        check=True,
        capture_output=True,
    ).stdout
    assert hashlib.sha256(der).hexdigest() == envelope["signatures"][0]["keyid"]

    # Keys that openssl made can sign, and other keys are refused.
    words = "openssl genpkey -algorithm ed25519 -out own.pem"
    subprocess.run(words.split(), cwd=tmp_path, check=True)
    handover.bundle(handed.run, tmp_path / "own.zip", sign=tmp_path / "own.pem")
    for kind_of_key in ("x25519", "rsa"):
        words = f"openssl genpkey -algorithm {kind_of_key} -out bad.pem -quiet"
        subprocess.run(words.split(), cwd=tmp_path, check=True)
        with pytest.raises(InputError, match="has no private Ed25519 key"):
            handover.bundle(handed.run, tmp_path / "x.zip", sign=tmp_path / "bad.pem")
    words = "openssl pkey -in own.pem -aes256 -passout pass:x -out locked.pem"
    subprocess.run(words.split(), cwd=tmp_path, check=True)
    with pytest.raises(InputError, match="is encrypted"):
        handover.bundle(handed.run, tmp_path / "x.zip", sign=tmp_path / "locked.pem")


def test_what_is_refused(handed, tmp_path):
    with pytest.raises(UsageError, match="at least one"):
        handover.bundle([], tmp_path / "x.zip")
    with pytest.raises(InputError, match="folder of a run, a case"):
        handover.bundle(tmp_path, tmp_path / "x.zip")
    with pytest.raises(UsageError, match="prefix of Bates numbers"):
        handover.bundle(handed.run, tmp_path / "x.zip", bates="þ")
    with pytest.raises(OutputError, match="exists already"):
        handover.bundle(handed.run, handed.bundle)
    copy = tmp_path / "edited.run"
    shutil.copytree(handed.run, copy)
    text = (copy / "summary.json").read_text().replace('"matches": ', '"matches": 1')
    (copy / "summary.json").write_text(text)
    with pytest.raises(InputError, match=r"summary\.json was changed"):
        handover.bundle(copy, tmp_path / "x.zip")
    with pytest.raises(InputError, match="No such file"):
        handover.check(tmp_path / "x.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["edited.run"]


def test_a_missing_extra_is_named(handed, tmp_path, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name=name.partition(".")[0])

    monkeypatch.setattr(statements, "import_module", missing)
    told = r"{} is not installed, .*: pip install 'provscan\[handover\]'"
    with pytest.raises(UsageError, match=told.format("rfc8785")):
        handover.bundle(handed.run, tmp_path / "x.zip")
    with pytest.raises(UsageError, match=told.format("cryptography")):
        handover.bundle(handed.run, tmp_path / "x.zip", sign=handed.key)
    with pytest.raises(UsageError, match=told.format("rfc8785")):
        handover.check(handed.bundle)
    assert not list(tmp_path.iterdir())


def test_cases_and_reviews_are_bundled(handed, tmp_path):
    run, case = tmp_path / "found.run", tmp_path / "my.case"
    shutil.copytree(handed.run, run)
    review = {"run": RunFiles.open(run).identity, "headline": "all agree"}
    write_json(run / "review.json", review | {"checksum": info_checksum(review)})
    (run / "notes.txt").write_text("private")
    case.mkdir()
    for name in (*CASE_FILES, "other.txt"):
        (case / name).write_text("{}")
    about = {}
    seal(case, about, CASE_FILES)
    write_json(case / "case.json", about)
    bundle = tmp_path / "all.zip"
    handover.bundle([run, case], bundle)
    assert handover.check(bundle)["problems"] == []
    found = names_in(bundle)
    assert {"data/run-1/review.json", "data/case-1/case.html"} < found
    assert not [name for name in found if "notes" in name or "other" in name]
    cases = json.loads(read(bundle, "statement.json"))["predicate"]["cases"]
    assert cases == [{"folder": "data/case-1", "name": "my.case"}]
    for changed in (case / "texts.parquet", case / "case.json", run / "review.json"):
        whole = changed.read_bytes()
        changed.write_bytes(whole.replace(b"{", b'{"a": 1', 1))
        with pytest.raises(InputError):
            handover.bundle([run, case], tmp_path / "never.zip")
        changed.write_bytes(whole)


def test_ledgers_are_bundled_without_their_key(tmp_path):
    ledger = tmp_path / "my.ledger"
    (ledger / "tables").mkdir(parents=True)
    for name in ("tables/totals.parquet", "ledger.xlsx", "report.html", "key.txt"):
        (ledger / name).write_text(name)
    (ledger / "report.html").unlink()
    write_page(ledger / "report.html", "page")
    (tmp_path / "private.txt").touch()
    named = ["tables/totals.parquet", "ledger.xlsx", "key.txt", "../private.txt"]
    described = {"calls": 1}
    seal(ledger, described, named)
    write_json(ledger / "ledger.json", described)
    bundle = tmp_path / "all.zip"
    handover.bundle(ledger, bundle)
    assert handover.check(bundle)["problems"] == []
    assert {name for name in names_in(bundle) if "ledger" in name} == {
        "data/ledger-1/ledger.json",
        "data/ledger-1/ledger.xlsx",
        "data/ledger-1/report.html",
        "data/ledger-1/tables/totals.parquet",
    }
    for name in ("ledger.xlsx", "report.html", "ledger.json"):
        whole = (ledger / name).read_bytes()
        (ledger / name).write_bytes(whole.replace(b"e", b"a", 1))
        with pytest.raises(InputError):
            handover.bundle(ledger, tmp_path / "again.zip")
        (ledger / name).write_bytes(whole)


def test_the_command(handed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def said(*words, status=0):
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == status, done.output
        return done.output

    made = said("bundle", handed.run, "-o", "a.zip", "--sign", handed.key)
    assert "Signed with the key" in made
    assert hashlib.sha256(Path("a.zip").read_bytes()).hexdigest() in made
    assert "which is from the bundle itself" in said("verify", "a.zip")
    assert "with the given key" in said(
        "verify", "a.zip", "--public-key", handed.public
    )
    said("verify", "a.zip", "--public-key", handed.other_public, status=1)
    made = said("bundle", handed.run, "-o", "b.zip")
    assert "Not signed: anyone could have made this bundle" in made
    assert said("verify", "b.zip").startswith("NOT SIGNED: b.zip is consistent")
    assert said("bundle", "a.zip", "--exhibit", 2, "-o", "2.html")
    assert options_in(Path("2.html").read_text(encoding="utf-8")) == []
    assert "Proved: exhibit 2" in said("verify", "2.html")
    assert json.loads(said("verify", "a.zip", "--json"))["problems"] == []
    for words, message in (
        (["a.zip", "-o", "c.zip"], "is already a bundle"),
        (["a.zip", "--digests", "--exhibit", 2, "-o", "c.zip"], "leave out --digests"),
        ([handed.run, "--exhibit", "2", "-o", "c.zip"], "--exhibit needs a bundle"),
        (["a.zip", "--exhibit", "x", "-o", "c.zip"], "'x' is not an exhibit"),
    ):
        assert message in said("bundle", *words, status=2)
    assert "has no exhibit 999" in said(
        "bundle", "a.zip", "--exhibit", 999, "-o", "c.zip", status=3
    )
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "b.zip", "2.html"}


def test_nothing_that_is_handed_over_names_a_folder_of_the_machine(handed, tmp_path):
    out = tmp_path / "it's out"
    out.mkdir()
    runs = [out / "x" / "a.run", out / "y" / "a.run"]
    for n, run in enumerate(runs):
        data = [str(path) for path in handed.datasets[: n + 1]]
        null = str(handed.datasets[2])
        provscan.match(data, handed.index, run, spike_ins=20, clean_data=null)
    for options in ({}, {"digests": True}, {"hash_inputs": True}):
        handover.bundle(runs, out / "a.zip", overwrite=True, **options)
        assert handover.check(out / "a.zip")["problems"] == []
        handover.write_exhibit(out / "a.zip", "2/1", out / "a.html", overwrite=True)
        made = out / f"made {options}"
        with zipfile.ZipFile(out / "a.zip") as archive:
            archive.extractall(made)
        assert "a.jsonl" in (out / "a.html").read_text()
        shutil.copy(out / "a.html", made)
    write_case(runs, out / "a.case")
    write_review(runs[0], out / "a.review", count=20)
    write_report(runs[0], out / "report.html")
    for book in [*out.rglob("*.xlsx")]:
        with zipfile.ZipFile(book) as archive:
            archive.extractall(out / "a.case" / book.stem)
    for place in ("made", "a.case", "a.review", "report.html"):
        for path in out.glob(f"{place}*"):
            folders = [str(handed.folder), str(tmp_path)]
            found = path.parent / "only" / path.name
            found.parent.mkdir(exist_ok=True)
            path.rename(found)
    no_secret_is_written(folders, out / "only")
    # A run from a bundle is a run, and can be bundled again.
    again = out / "only" / "made {}" / "bundle" / "data" / "run-1"
    handover.bundle(again, out / "again.zip")
    assert handover.check(out / "again.zip")["problems"] == []
    verify(again)
