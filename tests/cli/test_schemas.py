"""Test the schemas of what commands print with --json against what they print."""

import contextlib
import json

import jsonschema
import schemas
from click.testing import CliRunner

from provscan.cli import main


def replaced(folder, line):
    """Return whether a command replaces its own result with --overwrite."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, [*line.split(), "--overwrite"])
    return done.exit_code in (0, 1)


def test_every_output_has_its_schema(tmp_path):
    shipped = json.loads(schemas.PATH.read_text("utf-8"))
    outputs = list(schemas.printed(tmp_path))
    refused = [
        " ".join(line.split()[:2])
        for line in schemas.LINES
        if " -o " in line and "--append" not in line and not replaced(tmp_path, line)
    ]
    # Verdicts and answers, which cost work, are not replaced.
    assert refused == ["match data.jsonl", "probe plan"]
    for name, value in outputs:
        jsonschema.validate(value, shipped["$defs"][name])
    assert schemas.described(iter(outputs)) == shipped, (
        "run python tests/cli/schemas.py; raise its version if a key is gone"
    )


def test_every_command_prints_json_with_a_schema():
    shipped = json.loads(schemas.PATH.read_text("utf-8"))["$defs"]
    commands = {name: main.get_command(None, name) for name in main.list_commands(None)}
    for name, command in commands.pop("probe").commands.items():
        commands[f"probe {name}"] = command
    for name, command in commands.items():
        assert any(each.name == "as_json" for each in command.params), name
        assert any(f"{each} ".startswith(f"{name} ") for each in shipped), name
