"""Test ``provscan inspect``."""

import json

from click.testing import CliRunner

from provscan.cli import main
from provscan.readers.fields.names import VERDICTS


def inspect(*arguments):
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])


def test_each_file_is_described(tmp_path):
    chat = {
        "id": "7",
        "messages": [{"role": "user", "content": "a question of some words"}],
    }
    (tmp_path / "chat.jsonl").write_text((json.dumps(chat) + "\n") * 5 + "not json\n")
    (tmp_path / "book.txt").write_text(
        "schÃ¶ne GrÃ¼ÃŸe aus MÃ¼nchen\n" * 20, encoding="utf-8"
    )
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    result = inspect(tmp_path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    book, chats = found["files"]
    assert (chats["format"], chats["encoding"], chats["sampled"]["records"]) == (
        "jsonl",
        "utf-8",
        5,
    )
    assert chats["fields"] == {
        "id": "scanned where a value reads like text: id or address, by its name",
        "messages[].role": VERDICTS["codes"],
        "messages[].content": "scanned",
    }
    assert chats["examples"][0] == {
        "record": 0,
        "field": "messages[0].content",
        "text": "a question of some words",
    }
    assert "sample: 1 record, bad json (first: record 5" in chats["warnings"][0]
    assert (book["format"], book["records_are"]) == ("text", "lines")
    assert "a wrong encoding before being written: 20 texts" in book["warnings"][0]
    assert found["unread"] == [[f"{tmp_path}/logo.png", "it is an image"]]
    assert found["ignored"] == [
        [f"{tmp_path}/_SUCCESS", "hidden: its name starts with _"]
    ]
    words = inspect(tmp_path).output
    for part in (
        "chat.jsonl",
        "messages[].content: scanned",
        "a record is a line",
        "record 0, messages[0].content: a question",
        "Will not be read",
        "s to match",
    ):
        assert part in words


def test_without_a_file_to_read_the_status_is_3(tmp_path):
    assert inspect(tmp_path / "nowhere").exit_code == 3
    assert inspect(tmp_path).exit_code == 3


def test_files_that_are_not_listed_are_counted(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text": "two texts", "title": "in a record"}) + "\n"
    )
    for number in range(53):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG")
        (tmp_path / f"_{number}").write_bytes(b"")
    words = inspect(tmp_path).output
    assert words.count(".png: it is an image") == 50
    assert "Will not be read: 3 more files, which --json lists" in words
    assert "Contains no records: 3 more files, which --json lists" in words
    assert "more" not in inspect(tmp_path / "a.jsonl").output


def test_all_counts_of_a_sample_are_of_the_same_records(tmp_path):
    (tmp_path / "a.jsonl").write_text((json.dumps({"text": "a text"}) + "\n") * 2500)
    sampled = json.loads(inspect(tmp_path / "a.jsonl", "--json").stdout)["files"][0][
        "sampled"
    ]
    assert (
        sampled["texts"] == sampled["records"] == sampled["characters"] / len("a text")
    )
    assert sampled["texts"] >= 2000


def write_parts(folder, number):
    for part in range(number):
        rows = [{"id": n, "text": f"text {n} of part {part}"} for n in range(20)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"part-{part:02}.jsonl").write_text(text)


def test_files_that_differ_are_named(tmp_path):
    write_parts(tmp_path, 9)
    for part, change in (
        (3, '{"id": 1, "body": "another field"}\n'),
        (4, ""),
        (5, '{"id": 1, "text": ["a", "list"]}\n'),
    ):
        (tmp_path / f"part-{part:02}.jsonl").write_text(change)
    with (tmp_path / "part-06.jsonl").open("a") as file:
        file.write("not json\n")
    (tmp_path / "part-07.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    output = inspect(tmp_path).output
    found = json.loads(inspect(tmp_path, "--json").stdout)
    stands_for = 0
    for line in output.splitlines():
        if line.startswith(str(tmp_path)):
            more = line.partition(" and ")[2].partition(" file")[0]
            stands_for += 1 + int(more or 0)
    assert stands_for == len(found["files"])
    for part in (3, 4, 5, 6):
        assert f"part-{part:02}.jsonl" in output
    assert "part-07.jsonl.gz" in output
    assert f"warning: {tmp_path}/part-06.jsonl: skipped in the sample" in output
