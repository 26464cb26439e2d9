"""Run every command with --json, and describe what it prints as a JSON Schema.

``python tests/cli/schemas.py`` writes ``provscan/cli/schemas.json`` from the outputs.
Change the version in it if a key is dropped or changes its type.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from provscan.cli import main
from provscan.probe import open_plan

sys.path.append(str(Path(__file__).parents[1] / "probe"))

from models import Lookup, Server
from sentences import sentence

PATH = Path(main.get_command.__func__.__code__.co_filename).with_name("schemas.json")
TEXTS = (
    "Never trust a goat near the harbour at low tide",
    "The fog ate my umbrella, and the umbrella had it coming",
    "Our kettle sings in Lent, and nobody has the heart to tell it",
    "A landslip closed the junction on Sunday, and the ferry sulked",
)
# The commands in the order in which they need each other's results.
LINES = (
    "index corpus.jsonl -o a.index",
    "inspect data.jsonl",
    "inspect control.jsonl -i a.index",
    "inspect --recipes",
    "match data.jsonl -i a.index -o a.run",
    "match corpus.jsonl -i a.index -o b.run --cutoff 2015-01-01",
    "compare a.run b.run",
    "explain a.run 0",
    "lookup goat -i a.index",
    "info a.index",
    "info a.run",
    "verify a.index",
    "verify a.run",
    "export a.run -o report.html",
    "export a.run -o list.csv",
    "export a.run b.run -o pages",
    "serve -i a.index --port 0",
    "bundle a.run -o a.zip",
    "verify a.zip",
    "bundle a.zip --exhibit 1 -o a.html",
    "verify a.html",
    "verify a.zip --repeat -d data.jsonl -i a.index",
    "case a.run b.run -o case",
    "review a.run -o review",
    "review review verdicts.json",
    "clean data.jsonl a.run -o cleaned",
    "index more.jsonl -o a.index --append",
    "ledger log.jsonl --facts facts.toml -o a.ledger",
    "info a.ledger",
    "forget a.index 0",
    "index many.jsonl -o many.index",
    "probe plan -i many.index --control other.jsonl -o a.probe --pairs 20",
    "info a.probe",
    "probe run a.probe --model lookup --endpoint",
    "probe score a.probe",
    "info a.probe",
)
FACTS = """[case]
name = "A case"

[[application]]
name = "Atlas"

[[holding]]
application = "Atlas"
name = "store"
date = 2022-12-31T00:00:00Z
run = "a.run"
"""
THINGS = {"zip": "bundle", "html": "exhibit"}  # By the suffix of a file.
NAMES = {dict: "object", list: "array", str: "string", bool: "boolean"}


def printed(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield the kind of each output, and the outputs, of commands run in a folder."""
    rows = [
        {"id": str(n), "text": text, "author": "a", "created_at": f"201{4 + n}-01-01"}
        for n, text in enumerate(TEXTS)
    ]
    for name, chosen in (
        ("corpus", rows[:3]),
        ("data", rows[:2]),
        ("more", rows[2:3]),
        ("control", rows[3:]),
    ):
        text = "".join(json.dumps(row) + "\n" for row in chosen)
        (folder / f"{name}.jsonl").write_text(text)
    for name, first in ("many", 0), ("other", 100):
        text = "".join(
            json.dumps({**rows[0], "id": str(n), "text": sentence(n)}) + "\n"
            for n in range(first, first + 100)
        )
        (folder / f"{name}.jsonl").write_text(text)
    (folder / "facts.toml").write_text(FACTS)
    call = {"time": "2022-03-01T00:00:00Z", "client": "1", "endpoint": "search/tweets"}
    (folder / "log.jsonl").write_text(json.dumps(call) + "\n")
    with contextlib.chdir(folder), contextlib.ExitStack() as stack:
        for line in LINES:
            words = line.split()
            if words[:2] == ["probe", "run"]:
                server = Server(open_plan("a.probe"), Lookup({}))
                stack.callback(server.close)
                words.append(server.url)
            if words[0] == "serve":
                yield kind(line), served(words)
                continue
            done = CliRunner().invoke(main, [*words, "--json"])
            assert done.exit_code in (0, 1), (line, done.output)
            value = json.loads(done.stdout)
            if line.startswith("review a.run"):
                verdicts = [{"pair": n, "verdict": "copy"} for n in range(1, 3)]
                saved = {"list": value["list"], "reviewer": "A", "verdicts": verdicts}
                (folder / "verdicts.json").write_text(json.dumps(saved))
            yield kind(line), value


def served(words: list[str]) -> Any:
    """Return what a server prints when it is ready, and end it."""
    command = [sys.executable, "-m", "provscan", *words, "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            line = server.stdout.readline()
            assert line, text
            text += line
        server.send_signal(signal.SIGINT)
    assert server.returncode == 0
    return json.loads(text)


def kind(line: str) -> str:
    """Return the key of a command line in the file of schemas."""
    words = line.split()
    if words[0] in ("info", "verify"):
        thing = Path(words[1]).suffix[1:]
        repeat = " --repeat" * ("--repeat" in words)
        return f"{words[0]} {THINGS.get(thing, thing)}{repeat}"
    if words[0] == "probe":
        return " ".join(words[:2])
    if "--exhibit" in words:
        return "bundle --exhibit"
    if words[:2] == ["review", "review"]:
        return "review VERDICTS"
    if words[0] == "inspect" and (option := {"--recipes", "-i"} & {*words}):
        return f"inspect {option.pop().replace('-i', '--index')}"
    return words[0]


def schema(values: list[Any], deep: int = 2) -> dict[str, Any]:
    """Return a schema that all values have. More keys are allowed, since a later
    version may add some, and nulls, for what is withheld or not known.
    """
    types = {NAMES.get(type(each), "number") for each in values if each is not None}
    if len(types) != 1:
        return {}
    (name,) = types
    found: dict[str, Any] = {"type": name if deep == 2 else [name, "null"]}
    if name == "object" and deep:
        names = [name for name in values[0] if all(name in each for each in values)]
        found["required"] = names
        found["properties"] = {
            name: schema([each[name] for each in values], (name == "answer") * 1)
            for name in names
        }
    elif name == "array" and deep and (items := [x for each in values for x in each]):
        found["items"] = schema(items, 1)
    return found


def described(outputs: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for name, value in outputs:
        found.setdefault(name, []).append(value)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the commands of provscan print with --json",
        "version": 1,
        "$defs": {name: schema(values) for name, values in found.items()},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        made = described(printed(Path(temporary)))
    definitions = made.pop("$defs")
    lines = (
        f"{json.dumps(name)}: {json.dumps(definitions[name])}" for name in definitions
    )
    head = json.dumps(made, indent=1).removesuffix("\n}")
    PATH.write_text(f'{head},\n "$defs": {{\n' + ",\n".join(lines) + "\n}}\n")
