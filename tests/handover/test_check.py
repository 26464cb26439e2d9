"""Test that ``check`` reports every change of a bundle."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nightly import NIGHTLY

import provscan
from provscan import handover
from provscan.errors import InputError, UsageError
from provscan.handover import rows
from provscan.handover.bag import PAYLOAD, Archive, Entry, write_bag
from provscan.handover.exhibit import page_bytes, read_page
from provscan.handover.statement import (
    canonical,
    make_statement,
    private_key,
    read_canonical,
    sign_statement,
)
from provscan.readers.limits import Limits
from provscan.report.files import exhibit_order
from provscan.runs.folder import info_checksum

RUN = "data/run-1"
GOLDEN = Path(__file__).parent / "golden"


def files_of(bundle):
    with Archive(bundle) as archive:
        return {name: archive.read(name) for name in archive.entries}


def forged(files, target, key=None, **about):
    """Write a bundle of changed files, with new checksums in the bag and the statement,
    and with a new signature if there is a key. The hashes and roots of rows stay.
    """
    payload = {name: text for name, text in files.items() if name.startswith(PAYLOAD)}
    predicate = read_canonical(files["statement.json"])["predicate"] | about
    if key is not None:
        public = private_key(key).public_key().public_bytes_raw().hex()
        predicate["signer"] = {"ed25519": public}

    def seal(hashes):
        made = make_statement(hashes, predicate)
        envelope = sign_statement(made, private_key(key)) if key else None
        return {
            "statement.json": made,
            **({"statement.dsse.json": envelope} if envelope else {}),
        }

    with target.open("wb") as file:
        write_bag(file, payload, seal)
    return target


def only_files(files, target):
    """Write a bundle with exactly these files, and no new checksums."""
    target.write_bytes(archive_of(files))
    return target


def archive_of(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in sorted(files):
            archive.writestr(Entry(name, 0, 0, 0).info(), files[name])
    return made.getvalue()


def problems(path, **options):
    return handover.check(path, **options)["problems"]


@pytest.fixture(scope="module")
def tiny(handed, tmp_path_factory):
    """Return a signed bundle of the run without its report, by far the largest file."""
    folder = tmp_path_factory.mktemp("tiny")
    shutil.copytree(handed.run, folder / "found.run")
    (folder / "found.run" / "report.html").unlink()
    handover.bundle(folder / "found.run", folder / "tiny.zip", sign=handed.key)
    return folder / "tiny.zip"


def test_a_folder_is_no_bundle(tmp_path):
    with pytest.raises(InputError, match="is a folder: name a bundle"):
        handover.check(tmp_path)


def test_every_flipped_byte_is_named(tiny, tmp_path):
    """Every 241st byte is flipped, one at a time; nightly, every byte."""
    data = bytearray(tiny.read_bytes())
    target, step = tmp_path / "flipped.zip", 1 if NIGHTLY else 241
    unnoticed = []
    for at in range(0, len(data), step):
        data[at] ^= 1 << at % 8
        target.write_bytes(data)
        data[at] ^= 1 << at % 8
        try:
            if not problems(target):
                unnoticed.append(at)
        except InputError as error:
            assert str(target) in str(error)  # noqa: PT017
    assert not unnoticed
    target.write_bytes(data)
    assert not problems(target)


def test_every_flipped_byte_of_a_page_is_named(handed, tmp_path):
    page = tmp_path / "exhibit.html"
    handover.write_exhibit(handed.bundle, 3, page)
    data, step = bytearray(page.read_bytes()), 1 if NIGHTLY else 61
    for at in range(0, len(data), step):
        data[at] ^= 1 << at % 8
        page.write_bytes(data)
        data[at] ^= 1 << at % 8
        try:
            assert problems(page), at
        except InputError as error:
            assert str(page) in str(error)  # noqa: PT017


def test_files_that_are_changed_missing_or_added(tiny, tmp_path):
    whole, target = files_of(tiny), tmp_path / "a.zip"
    for name in whole:
        changed = only_files({**whole, name: whole[name] + b"\n"}, target)
        assert any(name in said for said in problems(changed)), name
        rest = {each: text for each, text in whole.items() if each != name}
        missing = problems(only_files(rest, target))
        expected = "signature is missing" if name == "statement.dsse.json" else name
        assert any(expected in said for said in missing), (name, missing)
    for name in ("data/extra.txt", "data/run-1/extra.txt", "data/run-2/x", "extra.txt"):
        found = problems(only_files({**whole, name: b"more"}, target))
        assert f"{name} is not listed in statement.json" in found


def edited_summary(edit):
    """Change the summary, and recompute the checksums in run.json."""

    def change(files):
        summary = json.loads(files[f"{RUN}/summary.json"])
        edit(summary)
        text = json.dumps(summary).encode()
        return with_info({**files, f"{RUN}/summary.json": text})

    return change


def with_info(files):
    import xxhash

    info = json.loads(files[f"{RUN}/run.json"])
    for name in info["files"]:
        found = xxhash.xxh3_128_hexdigest(files[f"{RUN}/{name}"])
        info["files"][name]["xxh3"] = found
    info["checksum"] = info_checksum(info)
    return {**files, f"{RUN}/run.json": json.dumps(info).encode()}


def edited_rows(edit):
    def change(files):
        table = pq.read_table(pa.BufferReader(files[f"{RUN}/matches.parquet"]))
        target = io.BytesIO()
        pq.write_table(edit(table), target, compression="zstd")
        return with_info({**files, f"{RUN}/matches.parquet": target.getvalue()})

    return change


def replaced(name, row, value):
    def edit(table):
        values = table[name].to_pylist()
        values[row] = value
        place = table.schema.get_field_index(name)
        field = table.schema.field(name)
        return table.set_column(place, field, pa.array(values, field.type))

    return edited_rows(edit)


def number(*path, plus=1):
    def edit(summary):
        for part in path[:-1]:
            summary = summary[part]
        summary[path[-1]] += plus

    return edited_summary(edit)


def change_the_headline(summary):
    headline = summary["answer"]["headline"]
    found = f"{summary['answer']['records']['findings']:,.0f} of"
    assert found in headline
    summary["answer"]["headline"] = headline.replace(found, f"9{found}")


EDITS = {
    "matches": (number("matches"), "matches of summary.json is"),
    "levels": (number("levels", "exact"), "levels.exact of summary.json is"),
    "records": (number("records_matched"), "records_matched of summary.json is"),
    "share": (number("share_of_records", plus=0.1), "share_of_records of summary"),
    "texts": (number("texts_found"), "answer.texts.common_or_known of summary.json is"),
    "many texts": (number("texts_found", plus=99), "texts_found of summary.json is"),
    "findings": (number("findings"), "findings of summary.json is"),
    "answer": (number("answer", "records", "findings"), "answer.records.findings of"),
    "common": (
        number("answer", "texts", "common_or_known"),
        "answer.texts.common_or_known of",
    ),
    "nearly": (
        number("answer", "records", "nearly_verbatim", plus=99),
        "answer.records.nearly_verbatim of",
    ),
    "headline": (
        edited_summary(change_the_headline),
        "the headline in summary.json contradicts",
    ),
    "sources": (
        edited_summary(lambda summary: summary["sources"].pop()),
        "the matches by source in summary.json",
    ),
    "other index": (
        edited_summary(lambda summary: summary["index"].update(fingerprint="00")),
        "name different indexes",
    ),
    "no summary": (
        edited_summary(lambda summary: summary.clear()),
        "summary.json or run.json can't be read",
    ),
    "infinite": (
        number("answer", "records", "findings", plus=float("inf")),
        "answer.records.findings of summary.json is inf",
    ),
    "endless headline": (
        edited_summary(
            lambda summary: summary["answer"].update(
                status="copies_found",
                records=summary["answer"]["records"] | {"at_least": float("inf")},
            )
        ),
        "summary.json or run.json can't be read: OverflowError",
    ),
    "edited row": (
        replaced("similarity", 4, 0.99),
        "rows of matches.parquet were changed: 4, counted from 0",
    ),
    "other author": (
        replaced("record_id", 2, "someone"),
        "rows of matches.parquet were changed: 2, counted from 0",
    ),
    "control": (
        replaced("control", 0, True),
        "row 0 of matches.parquet is both a finding",
    ),
    "swapped rows": (
        edited_rows(lambda table: table.take([1, 0, *range(2, len(table))])),
        "rows of matches.parquet were moved or repeated, from row 0 on",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_edited_rows_and_figures_with_recomputed_checksums(name, handed, tmp_path):
    """Without a key, somebody can recompute all checksums of an unsigned bundle. The
    check then finds only contradictions.
    """
    edit, expected = EDITS[name]
    files = edit(files_of(handed.unsigned))
    found = problems(forged(files, tmp_path / "forged.zip"))
    assert any(expected in each for each in found), found

    # In a signed bundle, the signature does not match the new statement.
    signed = edit(files_of(handed.bundle))
    found = problems(forged(signed, tmp_path / "stripped.zip"))
    assert any("the signature is missing" in each for each in found), found
    other = forged(signed, tmp_path / "other.zip", handed.other_key)
    assert any(
        "another key" in each for each in problems(other, public_key=handed.public)
    )
    kept = files_of(forged(signed, tmp_path / "kept.zip"))
    kept["statement.dsse.json"] = files_of(handed.bundle)["statement.dsse.json"]
    found = problems(only_files(kept, tmp_path / "kept.zip"))
    assert any("it signs another statement" in each for each in found), found


def test_the_root_must_be_that_of_the_rows(handed, tmp_path):
    files = files_of(handed.unsigned)
    runs = read_canonical(files["statement.json"])["predicate"]["runs"]
    for change in ({"root": "0" * 64}, {"rows": 1}):
        found = forged(files, tmp_path / "a.zip", runs=[runs[0] | change])
        assert problems(found) == [
            f"{RUN}: statement.json does not name the root of the tree over these rows"
        ]
    assert any(RUN in each for each in problems(forged(files, found, runs=[])))


def test_keys(handed, tmp_path):
    assert handover.check(handed.bundle, public_key=handed.public)["known_signer"]
    assert not handover.check(handed.bundle)["known_signer"]
    (said,) = problems(handed.bundle, public_key=handed.other_public)
    assert said.startswith("it was signed with another key: ")
    (said,) = problems(handed.unsigned, public_key=handed.public)
    assert said == "it is not signed, but a key was given"
    with pytest.raises(InputError, match="has no public Ed25519 key"):
        handover.check(handed.bundle, public_key=handed.key)

    # If somebody else recomputed and signed everything, only the key shows it.
    files = files_of(handed.bundle)
    other = forged(files, tmp_path / "other.zip", handed.other_key)
    assert problems(other) == []
    assert problems(other, public_key=handed.public)

    # A signature of another statement, in another format, or more than one.
    envelope = json.loads(files["statement.dsse.json"])
    swapped = files_of(other)["statement.dsse.json"]
    sig = envelope["signatures"][0]
    for made in (
        swapped,
        b"{}",
        canonical(envelope | {"signatures": []}),
        canonical(envelope | {"signatures": [sig, sig]}),
        canonical(envelope | {"more": 1}),
        canonical(envelope | {"signatures": [sig | {"more": 1}]}),
        canonical(envelope | {"signatures": [sig | {"sig": "AAAA"}]}),
        json.dumps(envelope).encode(),
    ):
        bad = {**files, "statement.dsse.json": made}
        found = problems(only_files(bad, tmp_path / "bad.zip"))
        assert any("statement.dsse.json, is not valid" in each for each in found), made


def test_tables_that_expand(handed, tmp_path, monkeypatch):
    """Tables of a few bytes that would expand to many are refused."""
    few = Limits(expansion_records=1000, byte_records=1, expansion_bytes=1 << 20)
    monkeypatch.setattr(rows, "current_limits", lambda: few)
    monkeypatch.setattr(rows, "LONGEST", 1000)
    files = files_of(handed.unsigned)
    table = pq.read_table(pa.BufferReader(files[f"{RUN}/matches.parquet"])).slice(0, 1)
    place, field = (
        table.schema.get_field_index("passage"),
        table.schema.field("passage"),
    )

    def long(size):
        text = pa.array(["a" * size], pa.large_string())
        return table.set_column(place, field, text)

    for bomb, expected in (
        (table.take(pa.array([0] * 30_000)), "30,000 rows, more than the limit"),
        (long(2000), "passage has a text of 2,000 bytes, more than the limit"),
        (long(3 << 20), "expands to 3,1"),
        (table.append_column("more", pa.array([[1]])), "nested columns, such as more"),
        (table.drop_columns(["bits"]), "has no column bits of float"),
        (table.cast(changed_type(table.schema)), "has no column record of int64"),
    ):
        target = io.BytesIO()
        pq.write_table(bomb, target, compression="zstd")
        assert len(target.getvalue()) < 100_000
        made = {**files, f"{RUN}/matches.parquet": target.getvalue()}
        found = problems(forged(made, tmp_path / "bomb.zip"))
        assert any(expected in each for each in found), found


def changed_type(schema):
    return schema.set(1, pa.field("record", pa.string(), nullable=False))


def test_one_exhibit_is_proved_alone(handed, tmp_path):
    evidence = provscan.open_run(handed.run).findings.to_pylist()
    page = tmp_path / "exhibit.html"
    handover.write_exhibit(handed.bundle, 3, page)
    checked = handover.check(page, public_key=handed.public, exhibit=3)
    assert checked["problems"] == []
    row = checked["exhibit"]
    (same,) = [
        each
        for each in evidence
        if (Path(each["source"]).name, each["record"], each["start"])
        == (row["source"], row["record"], row["start"])
    ]
    assert (row["passage"], row["tweet"]) == (same["passage"], same["tweet"])
    assert checked == handover.check(
        handed.bundle, public_key=handed.public, exhibit=3
    ) | {name: checked[name] for name in ("path", "sha256", "files")}
    for wrong in (4, "1/4", "2/3", "9/3"):
        (said,) = problems(page, exhibit=wrong)
        assert f"not exhibit {wrong}" in said
        assert handover.check(page, exhibit=wrong)["exhibit"] is None
    assert problems(page, exhibit="1/3") == []
    with pytest.raises(UsageError, match="is not an exhibit"):
        handover.check(page, exhibit="third")
    assert problems(page, public_key=handed.other_public)
    # The page contains the text of no other exhibit.
    text = page.read_text()
    others = [each["tweet"] for each in evidence if each["tweet_id"] != row["tweet_id"]]
    assert not [tweet for tweet in others if tweet[:40] in text]

    # Another row with the same proof is refused, even if the page shows its data.
    data = read_page(page)
    for change in (
        {"row": data["row"] | {"tweet": "something else"}},
        {"number": data["number"] + 1},
        {"rows": data["rows"] + 1},
        {"proof": data["proof"][1:]},
        {"proof": []},
        {"row": data["row"] | {"exhibit": 4}},
        {"run": "data/run-2"},
        {"proof": [7]},
    ):
        page.write_bytes(page_bytes(data | change))
        assert problems(page), change


@pytest.mark.parametrize("version", [1])
def test_golden_files_of_every_version(version, handed):
    """Bundles and pages that were handed over must stay valid for ever. If the template
    or style of pages, or their rendering, must change, give FORMAT another number and
    keep the old template.
    """
    for path in (GOLDEN / f"signed-{version}.zip", GOLDEN / f"exhibit-{version}.html"):
        checked = handover.check(path, public_key=handed.public, exhibit=2)
        assert checked["problems"] == []
        assert checked["exhibit"]["tweet_id"] == "100"


def test_bundles_that_do_not_prove_an_exhibit(handed, tmp_path):
    files = replaced("record_id", 0, "someone")(files_of(handed.unsigned))
    bundle, page = forged(files, tmp_path / "a.zip"), tmp_path / "a.html"
    table = pq.read_table(pa.BufferReader(files[f"{RUN}/matches.parquet"]))
    number = 1 + exhibit_order(table).tolist().index(0)
    with pytest.raises(InputError, match="does not prove this exhibit: row 0 is not"):
        handover.write_exhibit(bundle, number, page)
    assert not page.exists()
    handover.write_exhibit(bundle, number % 5 + 1, page)


def test_exhibits_of_several_runs(handed, tmp_path):
    bundle, page = tmp_path / "two.zip", tmp_path / "exhibit.html"
    handover.bundle([handed.run, handed.run], bundle)
    with pytest.raises(UsageError, match="name the run as well, such as 1/3"):
        handover.write_exhibit(bundle, 3, page)
    made = handover.write_exhibit(bundle, "2/3", page)
    assert (made["run"], made["exhibit"]) == ("data/run-2", 3)
    assert problems(page, exhibit="2/3") == []
    for wrong in ("1/3", "9/3", "2/1"):
        assert problems(page, exhibit=wrong), wrong
    with pytest.raises(UsageError, match="name the run as well, such as 1/3"):
        handover.check(page, exhibit=3)
    with pytest.raises(InputError, match="has no data/run-3"):
        handover.write_exhibit(bundle, "3/1", page)
