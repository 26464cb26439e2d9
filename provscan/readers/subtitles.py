"""Reduce texts that are subtitles (SubRip or WebVTT) to their speech, so that sentences
that continue from cue to cue are found.

Everything else is replaced by other characters, code point by code point, so that
spans keep their positions. This affects numbers, names and times of cues; tags, the
header, notes and styles of WebVTT; and lines that a cue repeats from the previous one,
as in rolling captions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.kernels.reading.subtitles import timed
from provscan.readers.strings import LEFT_OUT, left_out
from provscan.text_buffers import buffers

EXTENSIONS = (".srt", ".vtt")
TIME = r"(?:\d+:\d\d:\d\d(?:[.,]\d{1,3})?|\d{1,2}:\d\d[.,]\d{1,3})"
TIMES = (
    rf"{TIME}[ \t]*-->[ \t]*{TIME}(?:[ "
    r"\t]+(?:align|line|position|region|size|vertical|[XY][12]):\S+)*"
)
LINE_OF_TIMES = re.compile(rf"\s*{TIMES}\s*")
# The times of a cue in a text that lost its line breaks. A number before them is that
# of a SubRip cue, whose times have commas.
WITHIN_LINE = re.compile(rf"(?:(?<!\S)\d+[ \t]+(?=[\d:]+,))?{TIMES}")
# Tags of WebVTT, and codes such as {\an8} that programs leave in SubRip. Canonical text
# drops HTML tags anyway.
TAG = re.compile(
    r"</?(?:c|v|lang|ruby|rt)(?:[.\s][^<>]*)?>|<(?:\d+:)?\d\d:\d\d\.\d{3}>|\{\\[^{}\s]*\}"
)
# The first words of WebVTT blocks that are not cues; the first is the file header.
BLOCK = re.compile("(\ufeff?WEBVTT|NOTE|STYLE|REGION)\\b")


def are_subtitles(head: bytes) -> bool:
    """Return whether a text with this beginning consists of subtitles: at least one
    line in ten contains the times of a cue.
    """
    lines = [line for line in head.decode(errors="replace").split("\n") if line.strip()]
    return (
        0 < len(lines) <= 10 * sum(1 for line in lines if LINE_OF_TIMES.fullmatch(line))
    )


def spoken(text: str) -> str:
    """Return a text with its subtitles reduced to their speech. Each code point of
    everything else is replaced.
    """
    lines = text.split("\n")
    result = lines.copy()
    times: list[int] = []
    for number, line in enumerate(lines):
        if "-->" in line:
            if LINE_OF_TIMES.fullmatch(line):
                times.append(number)
            elif WITHIN_LINE.search(line):
                result[number] = TAG.sub(_tag_left_out, WITHIN_LINE.sub(left_out, line))
    webvtt = len(times) > 0 and lines[0].startswith(("WEBVTT", "\ufeffWEBVTT"))
    # The lines that are left out as a whole.
    silent = set(times)
    silent.update(
        number - 1
        for number in times
        if number and _names_cue(lines, number - 1, webvtt)
    )
    silent.update(_blocks(lines) if webvtt else ())
    before: list[str] = []
    for low, high in pairwise([*times, len(lines)]):
        numbers = [number for number in range(low + 1, high) if number not in silent]
        cue = {
            number: words
            for number in numbers
            if (words := _without_tags(lines[number]).strip())
        }
        said = list(cue.values())
        repeated = _repeated(before, said)
        silent.update(list(cue)[:repeated])
        for number in list(cue)[repeated:]:
            if cue[number] != lines[number]:
                result[number] = TAG.sub(_tag_left_out, result[number])
        before = said
    for number in silent:
        words = lines[number].rstrip()
        result[number] = LEFT_OUT * len(words) + lines[number][len(words) :]
    return "\n".join(result)


def _without_tags(line: str) -> str:
    return TAG.sub("", line) if "<" in line or "{" in line else line


def _tag_left_out(found: re.Match[str]) -> str:
    # The added spaces end tokens that extend to the next space, such as URLs.
    return f" {LEFT_OUT * (len(found[0]) - 2)} "


def _blocks(lines: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the lines of the WebVTT header and of all blocks that are
    not cues.
    """
    within = False
    for number, line in enumerate(lines):
        within = within or (
            _begins_block(lines, number) and BLOCK.match(line) is not None
        )
        within = within and line.rstrip("\r") != "" and "-->" not in line
        if within:
            yield number


def _begins_block(lines: Sequence[str], number: int) -> bool:
    return number == 0 or lines[number - 1].rstrip("\r") == ""


def _names_cue(lines: Sequence[str], number: int, webvtt: bool) -> bool:
    """Return whether the line before the times of a cue is its number or, in WebVTT,
    its name.
    """
    return lines[number].strip().isdecimal() or (
        webvtt and _begins_block(lines, number)
    )


def _repeated(before: Sequence[str], cue: Sequence[str]) -> int:
    """Return the number of lines at the beginning of a cue that repeat the last lines
    of the previous cue.
    """
    longest = range(min(len(before), len(cue)), 0, -1)
    return next(
        (count for count in longest if list(before[-count:]) == list(cue[:count])), 0
    )


def without_cues(texts: pa.LargeStringArray) -> tuple[pa.LargeStringArray, Numbers]:
    """Return texts, with subtitles reduced to their speech, and the positions of the
    texts that were changed.
    """
    rows = np.zeros(len(texts), np.int64)
    rows = rows[: timed(*buffers(texts), rows)]
    if len(rows) == 0:
        return texts, rows
    before = texts.take(pa.array(rows)).to_pylist()
    after = [spoken(text) for text in before]
    mask = np.zeros(len(texts), np.bool_)
    mask[rows] = True
    changed = np.array(
        [old != new for old, new in zip(before, after, strict=True)], np.bool_
    )
    return pc.replace_with_mask(
        texts, pa.array(mask), pa.array(after, pa.large_string())
    ), rows[changed]
