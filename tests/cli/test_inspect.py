"""``provscan inspect``."""

import json

from click.testing import CliRunner

from provscan.cli import main


def inspect(*arguments):
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])


def test_what_would_be_read(tmp_path):
    chat = {"id": "7", "messages": [{"role": "user", "content": "a question of some words"}]}
    (tmp_path / "chat.jsonl").write_text((json.dumps(chat) + "\n") * 5 + "not json\n")
    (tmp_path / "book.txt").write_text("schÃ¶ne GrÃ¼ÃŸe aus MÃ¼nchen\n" * 20, encoding="utf-8")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    result = inspect(tmp_path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    book, chats = found["files"]
    assert (chats["format"], chats["encoding"], chats["sampled"]["records"]) == ("jsonl", "utf-8", 5)
    assert chats["fields"] == {
        "id": "not scanned: id or address, by its name",
        "messages[].role": "not scanned: short codes or names",
        "messages[].content": "scanned",
    }
    assert chats["examples"][0] == {"record": 0, "field": "messages[0].content", "text": "a question of some words"}
    assert "skipped in the sample: 1 record, bad json (first: record 6" in chats["warnings"][0]
    assert (book["format"], book["records_are"]) == ("text", "lines")
    assert "20 texts of the sample were decoded with a wrong encoding" in book["warnings"][0]
    assert found["unread"] == [[f"{tmp_path}/logo.png", "it is an image"]]
    assert found["ignored"] == [[f"{tmp_path}/_SUCCESS", "hidden: its name starts with _"]]
    words = inspect(tmp_path).output
    for part in ("chat.jsonl", "messages[].content: scanned", "a record is line", "Will not be read", "s to match"):
        assert part in words


def test_nothing_to_read(tmp_path):
    assert inspect(tmp_path / "nowhere").exit_code == 3
    assert inspect(tmp_path).exit_code == 3
