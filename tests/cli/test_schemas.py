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
    described = {name.split()[0] for name in shipped}
    for name in main.list_commands(None):
        command = main.get_command(None, name)
        if any(each.name == "as_json" for each in command.params):
            assert name in described
