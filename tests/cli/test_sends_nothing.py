"""Test that commands on local files work when every connection is refused.

The refusal is an audit hook of Python in each process, so libraries in C++ that open
their own connections are not observed. None of these commands uses one for local files.
"""

import os
import subprocess
import sys

import pytest
from house import ROOT

pytestmark = pytest.mark.untraced

TINY = ROOT / "corpora" / "tiny"
# Exit status of a process that tries to connect or to resolve a name.
CONNECTED = 77
# Processes of one machine talk to each other by addresses that are paths (AF_UNIX).
REFUSE = f"""
import os, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        refused = isinstance(arguments[1], tuple)
    else:
        refused = event in ("socket.getaddrinfo", "socket.gethostbyname")
    if refused:
        with open(os.environ["CONNECTIONS"], "a") as file:
            print(event, arguments, file=file)
        os._exit({CONNECTED})

sys.addaudithook(refuse)
"""


@pytest.fixture
def refusing(tmp_path):
    """Return an environment in which processes of Python may not connect."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(REFUSE)
    folders = [str(hook), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folder for folder in folders if folder),
        "CONNECTIONS": str(tmp_path / "connections"),
    }


def run(words, folder, env):
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=env,
        capture_output=True,
        check=False,
        timeout=300,
    )
    return done.returncode


@pytest.mark.parametrize(
    "program",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.socket().connect(('127.0.0.1', 9))",
        "import urllib.request as r; r.urlopen('http://provscan.invalid/')",
    ],
)
def test_the_refusal_notices_connections(program, tmp_path, refusing):
    assert run(["-c", program], tmp_path, refusing) == CONNECTED
    assert (tmp_path / "connections").exists()


def test_commands_send_nothing(tmp_path, refusing):
    dataset = str(TINY / "dataset.jsonl")
    commands = (
        ["index", str(TINY / "corpus"), "-o", "tiny.index"],
        ["inspect", dataset],
        ["match", dataset, "--index", "tiny.index", "-o", "tiny.run", "--workers", "2"],
        ["export", "tiny.run", "-o", "findings.csv"],
        ["verify", "tiny.index"],
        ["verify", "tiny.run"],
    )
    program = (
        "from provscan.cli import main\n"
        f"for words in {commands}: main(words, standalone_mode=False)"
    )
    assert run(["-c", program], tmp_path, refusing) == 0
    assert not (tmp_path / "connections").exists()
