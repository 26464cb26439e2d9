"""The archive that an account downloads of itself: JavaScript files that assign a list
to a variable.

``window.YTD.tweets.part0 = [...]`` since 2018 (``tweet.js``, later ``tweets.js`` and
further parts), before that ``Grailbird.data.tweets_2013_02 = [...]``, one file a month.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.json_documents import Elements
from provscan.readers.formats.jsonl import head_records, read_lines
from provscan.readers.formats.protocol import Context, Rows, Split, Undivided, Wanted
from provscan.readers.limits import Limits

ASSIGNED = re.compile(
    rb"\s*(?:var\s+|window\.)?(?:YTD|Grailbird\.data)\.(\w+?)(?:\.part\d+)?\s*=\s*"
)
# The lists that hold tweets of the account.
TWEETS = re.compile(r"tweets?|community_tweets?|tweets_\d{4}_\d{2}")


class _Value(ByteStream):
    """What a file assigns, without the variable."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream.split, stream.context)
        self._whole = stream

    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self._whole)
        first = next(chunks, b"")
        assigned = ASSIGNED.match(first)
        yield first[assigned.end() :] if assigned else first
        yield from chunks
        self.damage = self._whole.damage


class AccountArchive(Undivided):
    name = "archive"
    extensions = ()

    def sniff(self, head: bytes) -> bool:
        return ASSIGNED.match(head) is not None

    def variable(self, head: bytes) -> str:
        """What the file holds: "tweets", "like", "tweets_2013_02"."""
        assigned = ASSIGNED.match(head)
        return "" if assigned is None else assigned[1].decode()

    def fields(self, whole: Split, limits: Limits) -> list[Any]:
        return head_records(
            Elements(_Value(ByteStream(whole, Context.quiet(limits)))), limits
        )

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from read_lines(Elements(_Value(stream)), wanted)
