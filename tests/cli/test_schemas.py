"""Test the schemas of what commands print with --json against what they print."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import schemas

from provscan.cli import main


def test_every_output_has_its_schema(tmp_path: Path) -> None:
    shipped = json.loads(schemas.PATH.read_text("utf-8"))
    outputs = list(schemas.printed(tmp_path))
    for name, value in outputs:
        jsonschema.validate(value, shipped["$defs"][name])
    assert schemas.described(iter(outputs)) == shipped, (
        "run python tests/cli/schemas.py; raise its version if a key is gone"
    )


def test_every_command_with_json_has_a_schema() -> None:
    shipped = json.loads(schemas.PATH.read_text("utf-8"))["$defs"]
    commands = {name: main.get_command(None, name) for name in main.list_commands(None)}
    for name, command in main.get_command(None, "probe").commands.items():
        commands[f"probe {name}"] = command
    for name, command in commands.items():
        if any(each.name == "as_json" for each in command.params):
            assert any(f"{each} ".startswith(f"{name} ") for each in shipped), name
