"""Test that the secrets in a URL are never written to an index, a run, its log or
parts, or an error.
"""

import json
import random
import re
import traceback
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from dataset import TWEETS
from invariants import no_secret_is_written
from nightly import NIGHTLY, SEED, cases
from odd_urls import SECRET, odd_url
from readers.remote import web_server

import provscan
from provscan.cli import COMMANDS, main
from provscan.errors import ProvscanError, UsageError
from provscan.readers.bytes import remote

SECRETS = ("wh0asks", "p4ssword", "s1gnature", "fr4gment")
USER, PASSWORD, QUERY, FRAGMENT = SECRETS


def secret(address):
    """A URL with all kinds of credentials."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{USER}:{PASSWORD}@{rest}?sig={QUERY}#{FRAGMENT}"


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


DATASET = [
    {"text": f"{tweet['text']} and number {n}"} for n, tweet in enumerate(TWEETS[:60])
]
WEB = {
    "/corpus.jsonl": jsonl(TWEETS),
    "/dataset.jsonl": jsonl(DATASET),
    "/null.jsonl": jsonl(
        [{"text": f"nothing that anybody has licensed, number {n}"} for n in range(60)]
    ),
    "/known.jsonl": jsonl(
        [{"text": f"what stood somewhere before, number {n}"} for n in range(60)]
    ),
    "/control.jsonl": jsonl(
        [
            {"id": f"c{n}", "text": f"a tweet that nobody could copy, number {n}"}
            for n in range(60)
        ]
    ),
    "/a_text.txt": "".join(
        f"a line with the text of tweet number {n}\n" for n in range(20)
    ).encode(),
    "/broken.jsonl": jsonl([{"text": "a record and another one"}]) + b"{\n",
}


@pytest.fixture
def web(monkeypatch, tmp_path):
    """Return URLs of a local server, and change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "WAIT", 0.001)
    with web_server(WEB) as (address, _):
        yield lambda name: secret(f"{address}/{name}")


def said(*words, status=0):
    """Return the output of a command."""
    done = CliRunner().invoke(main, words)
    assert done.exit_code == status, done.output
    return done.output


@pytest.mark.pages
def test_an_index_and_a_run_contain_no_secret(web, tmp_path):
    options = [
        f"--{name}={web(f'{file}.jsonl')}"
        for name, file in (
            ("clean-data", "null"),
            ("control", "control"),
            ("other-sources", "known"),
        )
    ] + ["--log=log.jsonl"]
    lines = [
        said("index", web("corpus.jsonl")),
        said("inspect", web("dataset.jsonl"), f"recipe:tweeteval={web('a_text.txt')}"),
        said("match", web("dataset.jsonl"), web("nothing.jsonl"), *options, status=3),
        said("info", "dataset.run"),
        said("export", "dataset.run", "-o", "dataset.run/report.html"),
        said("export", "dataset.run", "-o", "list.csv"),
    ]
    assert json.loads(Path("dataset.run/summary.json").read_text())["records"] == len(
        DATASET
    )
    command = json.loads(Path("dataset.run/run.json").read_text())["repeat"]
    assert re.search(r"--clean-data=http://127\.0\.0\.1:\d+/null\.jsonl", command)
    no_secret_is_written(SECRETS, tmp_path, *lines)


def test_an_interrupted_run_contains_no_secret(web, tmp_path):
    said("index", web("corpus.jsonl"))
    options = [
        f"--clean-data={web('broken.jsonl')}",
        f"--control={web('control.jsonl')}",
        "--max-bad=0",
        "--log=log.jsonl",
    ]
    options += ["--workers=1"]
    line = said("match", web("dataset.jsonl"), *options, status=3)
    assert list(Path("dataset.run.unfinished/parts").iterdir())
    line += said("match", web("dataset.jsonl"), *options, "--seed=7", status=2)
    no_secret_is_written(SECRETS, tmp_path, line)


def commands():
    for name in COMMANDS:
        found = main.get_command(click.Context(main), name)
        inner = found.commands if isinstance(found, click.Group) else {}
        yield from (([name, each], command) for each, command in inner.items())
        if found is not None and not inner:
            yield [name], found


def path_params():
    """Return each argument and option that takes a path, as a command line with a URL
    for it.
    """
    for names, command in commands():
        for param in command.params:
            local = (
                isinstance(param.type, click.Path)
                and type(param.type) is not click.Path
            )
            if not (
                isinstance(param.type, click.Path)
                or param.metavar in ("PLACE", "PATH", "URL")
            ):
                continue
            words = list(names)
            for other in command.params:
                if other is not param and other.required:
                    words += (
                        ["none"]
                        if isinstance(other, click.Argument)
                        else [other.opts[0], "none"]
                    )
                if other is param:
                    words += (
                        ["{}"]
                        if isinstance(param, click.Argument)
                        else [param.opts[0], "{}"]
                    )
            yield pytest.param(words, local, id=f"{' '.join(names)} {param.opts[0]}")


PATH_PARAMS = list(path_params())


@pytest.mark.parametrize(
    "scheme",
    ["http://127.0.0.1:9/", "s3://bucket/", "file:///"]
    if NIGHTLY
    else ["http://127.0.0.1:9/"],
)
@pytest.mark.parametrize(("words", "local"), PATH_PARAMS)
def test_an_error_shows_no_secret(web, tmp_path, words, local, scheme):
    url = secret(f"{scheme}place")
    done = CliRunner().invoke(main, [word.format(url) for word in words])
    assert done.exit_code == 2 if local else done.exit_code in (2, 3), done.output
    no_secret_is_written(SECRETS, tmp_path, done.output)


@pytest.mark.parametrize(("words", "local"), PATH_PARAMS)
def test_no_error_shows_the_secret_of_a_mistyped_url(
    tmp_path, monkeypatch, words, local
):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(f"{SEED} {words}")
    for _ in range(cases(3, 40)):
        url = odd_url(rng)
        done = CliRunner().invoke(main, [word.format(url) for word in words])
        assert done.exit_code == 2 if local else done.exit_code in (2, 3), done.output
        no_secret_is_written([SECRET], tmp_path, done.output)


def test_every_option_that_takes_a_path_is_tested():
    asked = {param.id for param in PATH_PARAMS}
    assert {
        "match sources",
        "match --clean-data",
        "match --out",
        "index sources",
        "inspect sources",
    } <= asked
    assert len(asked) >= 25, asked


@pytest.mark.parametrize("name", ["out", "log", "baseline", "index"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_local_folder_must_not_be_a_url(web, tmp_path, name, kind):
    index = (
        {}
        if name == "index"
        else {"index": provscan.build_index(TWEETS, "licensed.index").path}
    )
    with pytest.raises(
        UsageError,
        match=f"{'path' if name == 'index' else name} .* a path on this machine",
    ) as error:
        provscan.match(DATASET, **{"out": "a.run", **index, name: kind(web("place"))})
    no_secret_is_written(SECRETS, tmp_path, *traceback.format_exception(error.value))


def test_python_errors_show_no_secret(web, tmp_path):
    index = provscan.build_index(web("corpus.jsonl"), "licensed.index")
    found = []
    for sources, options in (
        ([web("nothing.jsonl")], {}), ([Path(web("nothing.jsonl"))], {}),
        (DATASET, {"clean_data": web("nothing.jsonl")}), (DATASET, {"control": [web("nothing.jsonl")]}),  # noqa: E501
        (DATASET, {"clean_data": "gs://" + secret("://bucket/a").partition("://")[2]}),
    ):  # fmt: skip
        with pytest.raises(ProvscanError) as error:
            provscan.match(sources, index, "a.run", **options)
        found += traceback.format_exception(error.value)
    with pytest.raises(ProvscanError) as error:
        provscan.forget("licensed.index", [web("ids.txt")])
    no_secret_is_written(SECRETS, tmp_path, *found, str(error.value))
