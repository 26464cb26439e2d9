"""Test ``provscan lookup`` and ``provscan serve``."""

import http.client
import json
import os
import signal
import subprocess
import sys

import pytest

import provscan
from provscan.lookup import look_up

TWEETS = [
    {
        "id": "1001",
        "text": "A heron on one leg at the bus stop, patient as the timetable is not.",
        "author": "ada",
        "created_at": "2015-03-02T10:20:30Z",
    },
    {
        "id": "a tweet",
        "text": "My sourdough starter has a name and a better social life than I do.",
    },
    *(
        {
            "id": f"20{n}",
            "text": "the early bird catches the worm, but the second mouse gets cheese",
            "author": f"quoter {n}",
        }
        for n in range(4)
    ),
]
HERON, SOURDOUGH, SAYING = (str(TWEETS[n]["text"]) for n in (0, 1, 2))


@pytest.fixture(scope="module")
def licensed(tmp_path_factory):
    return provscan.build_index(TWEETS, tmp_path_factory.mktemp("lookup") / "a.index")


def test_matches_are_shown_with_their_differences(run, licensed):
    text = f"So {HERON.replace('leg', 'foot')} And {SAYING}"
    done = run("lookup", text, "-i", licensed.path)
    assert done.exit_code == 0
    for shown in ("{+foot+}", "[-leg-]", "status/1001", "4 licensed tweets"):
        assert shown in done.output
    done = run("lookup", "words of my own, all of them", "-i", licensed.path)
    assert "No licensed tweet" in done.output


def test_the_standard_input_and_json(run, licensed):
    for words in ([], ["-"]):
        done = run("lookup", *words, "--json", "-i", licensed.path, input=SOURDOUGH)
        assert done.exit_code == 0
        found = json.loads(done.stdout)
        assert found["matches"] == look_up([SOURDOUGH], licensed)[0]
        assert (found["findings"], found["characters"]) == (1, len(SOURDOUGH))
        assert found["index"]["fingerprint"] == licensed.fingerprint
        assert found["matches"][0]["permalink"] is None


def test_many_matches_in_a_hostile_text(run, licensed):
    text = "\n".join(f"{n} \x1b[31m\u202e {HERON}" for n in range(30))
    done = run("lookup", text, "-i", licensed.path)
    assert "... and 10 weaker matches, which --json lists" in done.output
    assert "\x1b" not in done.output
    assert "\u202e" not in done.output


@pytest.mark.parametrize(
    ("words", "given", "status", "said"),
    [
        ([""], "", 2, "the text is empty"),
        ([], " \n", 2, "the text is empty"),
        ([], b"\xff\xfea", 3, "the standard input is not UTF-8 (byte 0)"),
        (["a text", "-i", "nowhere.index"], "", 3, "there is no index at nowhere"),
    ],
)
def test_wrong_use(run, licensed, words, given, status, said):
    index = {"PROVSCAN_INDEX": str(licensed.path)}
    done = run("lookup", *words, input=given, env=index)
    assert done.exit_code == status
    assert said in done.output


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "h11"])
def test_serving_needs_its_extra(run, licensed, monkeypatch, package):
    for name in [name for name in sys.modules if name.startswith("provscan.server.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    done = run("serve", "-i", licensed.path, "--port", "0")
    assert done.exit_code == 2
    assert f"{package} is not installed" in done.output
    assert "pip install 'provscan[serve]'" in done.output


def test_serving_to_others_needs_a_token(run, licensed):
    done = run("serve", "-i", licensed.path, "--host", "0.0.0.0")
    assert done.exit_code == 2
    assert "so a token is needed" in done.output
    done = run("serve", "-i", licensed.path, env={"PROVSCAN_TOKEN": "short"})
    assert done.exit_code == 2
    assert "can be guessed" in done.output


def test_serving_until_a_signal(licensed):
    pytest.importorskip("uvicorn")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with subprocess.Popen(
            [sys.executable, "-m", "provscan", "serve", "--port", "0"],
            env={**os.environ, "PROVSCAN_INDEX": str(licensed.path)},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            # On a new machine, the first line says that kernels are compiled.
            line = next(line for line in process.stderr if "http" in line)
            assert line.startswith("provscan: http://127.0.0.1:"), line
            port = int(line.split(":")[3].split()[0])
            # The server listens already, and answers once the index is open.
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200
            connection.close()
            process.send_signal(number)
            assert process.wait(30) == 0
            assert process.stderr.read() == ""


def test_serving_without_an_index(run, tmp_path):
    done = run("serve", "-i", tmp_path / "no.index", "--port", "0")
    assert done.exit_code == 3
    assert "there is no index at" in done.output
