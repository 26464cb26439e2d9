"""``provscan lookup``: find the licensed tweets that share wording with one text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan.cli import shared
from provscan.errors import InputError, UsageError

# Maximum number of matches that are printed, the strongest first.
SHOWN = 20
# Marks around the words that only one of the two texts has, as in git's word diff.
MARKS = {"passage": ("{+", "+}"), "tweet": ("[-", "-]")}


@shared.command("lookup")
@click.argument("text", required=False)
@shared.index_option("--index", "-i", help="Index of the licensed tweets.")
@shared.as_json
def command(text: str | None, index: Path, as_json: bool) -> None:
    """Find the licensed tweets that share wording with one text.

    The output shows the passage and the tweet, marks the words in which they differ,
    and gives the rarity of the wording and the number of tweets and authors that use
    it. Without TEXT, or with "-", the text is read from the standard input.
    """
    if text is None or text == "-":
        text = _standard_input()
    if not text.strip():
        raise UsageError(
            "the text is empty, so there is nothing to look up: give a text, or pipe "
            "one in"
        )
    if os.path.isfile(text) or os.path.isdir(text):
        kind = "file" if os.path.isfile(text) else "folder"
        raise UsageError(
            f"{text} is a {kind}, and a text is looked up; to look up this text, pipe "
            "it in"
        )
    from provscan.cli.compiling import compile_kernels

    compile_kernels()
    from provscan.cli import show
    from provscan.lookup import look_up, summary
    from provscan.matching import open_index

    licensed = open_index(index)
    (matches,) = look_up([text], licensed)
    found = {
        "index": {
            "path": str(licensed.path),
            "tweets": licensed.reader.tweets,
            "fingerprint": licensed.fingerprint,
        },
        "characters": len(text),
        "findings": sum(match["counted"] for match in matches),
        "answer": summary(matches),
        "matches": matches,
    }
    show.result(found, as_json, _lines)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"the standard input is not UTF-8 (byte {error.start:,}), so it can't be "
            "looked up: convert it, or save it to a file and use `provscan match`"
        ) from None


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    matches = found["matches"]
    yield (
        f"{counted(found['characters'], 'character')} compared with "
        f"{counted(found['index']['tweets'], 'licensed tweet')}. {found['answer']}"
    )
    for number, match in enumerate(matches[:SHOWN], 1):
        yield ""
        yield from _match_lines(number, match)
    if len(matches) > SHOWN:
        more = counted(len(matches) - SHOWN, "weaker match")
        yield f"\n... and {more}, which --json lists"
    if any(map(_has_differences, matches[:SHOWN])):
        yield (
            "\n{+ +} marks words that only the text has, [- -] words that only the "
            "tweet has."
        )


def _match_lines(number: int, match: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted
    from provscan.report.wording import alike, visible

    share = (
        f"{alike(match['containment'])} of the tweet"
        if match["level"] == "partial"
        else f"{alike(match['similarity'])} alike"
    )
    yield (
        f"{number}. {match['match'].capitalize()} ({share}): {match['rarity']} "
        f"({match['why'].removesuffix('.')})"
    )
    yield (
        f"   Text, characters {match['start']:,} to {match['end']:,}: "
        f"{_marked(match, 'passage')}"
    )
    by = f" by {visible(match['author'])}" if match["author"] else ""
    time = f", {match['time'][:16].replace('T', ' ')} UTC" if match["time"] else ""
    yield (
        f"   Tweet {visible(match['tweet_id'])}{by}{time}: {_marked(match, 'tweet')}"
    )
    # Retweets and tweets without a known author do not count as authors.
    authors = f" by {counted(match['authors'], 'author')}" if match["authors"] else ""
    yield f"   In {counted(match['tweets'], 'licensed tweet')}{authors}"
    if match["permalink"]:
        yield f"   {match['permalink']}"


def _has_differences(match: dict[str, Any]) -> bool:
    return any(
        kind == "differs"
        for runs in match["differences"].values()
        for _, _, kind in runs
    )


def _marked(match: dict[str, Any], name: str) -> str:
    """Return a text on one line, with marks around words that the other text lacks."""
    from provscan.report.wording import visible

    text, (begin, end), parts, done = match[name], MARKS[name], [], 0
    for low, high, kind in match["differences"][name]:
        if kind == "differs":
            words = text[low:high].strip()
            # Spaces at both ends of a difference stay outside the marks.
            before, after = text[low:high].split(words) if words else ("", "")
            parts += [text[done:low], before, begin, words, end, after]
            done = high
    return visible(" ".join("".join([*parts, text[done:]]).split()))
