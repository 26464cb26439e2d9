"""Read the files of an account archive, which users download from a platform:
JavaScript files that each assign a list to a variable.

Since 2018, the assignment is ``window.YTD.tweets.part0 = [...]`` (in ``tweet.js``,
later in ``tweets.js`` and further parts). Before, it was
``Grailbird.data.tweets_2013_02 = [...]``, with one file per month.
:mod:`provscan.readers.corpus.accounts` says which lists are tweets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.json_documents import Elements
from provscan.readers.formats.jsonl import read_lines
from provscan.readers.formats.protocol import Format, Rows, Wanted

ASSIGNED = re.compile(
    rb"\A\s*(?:var\s+|window\.)?(?:YTD|Grailbird\.data)\.(\w+?)(?:\.part\d+)?\s*=\s*"
)


def list_name(head: bytes) -> str:
    """Return the name of the list in a file: "tweets", "like", "tweets_2013_02"; empty
    if the file is not part of an archive.
    """
    assigned = ASSIGNED.match(head)
    return "" if assigned is None else assigned[1].decode()


class AccountArchive(Format):
    name = "archive"
    searches = True
    extensions = ()
    overrides = ("text", "jsonl")

    def sniff(self, head: bytes) -> bool:
        return list_name(head) != ""

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from read_lines(Elements(stream, ASSIGNED), wanted)


FORMATS = (AccountArchive(),)
