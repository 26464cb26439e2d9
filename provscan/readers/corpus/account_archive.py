"""Account archives, which platforms let their users download: JavaScript files that
each assign a list to a variable.

``window.YTD.tweets.part0 = [...]`` since 2018 (``tweet.js``, later ``tweets.js`` and
further parts); before that ``Grailbird.data.tweets_2013_02 = [...]`` in one file per
month. :class:`AccountArchive` reads the files of tweets; :func:`read_accounts` reads
what completes the tweets from the other files: the username, and the full text of long
tweets.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from provscan.readers.bytes.streams import ByteStream
from provscan.readers.dates import parse_date
from provscan.readers.fields.paths import value_at
from provscan.readers.formats.json_documents import Elements
from provscan.readers.formats.jsonl import read_lines
from provscan.readers.formats.protocol import Format, Rows, Wanted
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Split

ASSIGNED = re.compile(
    rb"\A\s*(?:var\s+|window\.)?(?:YTD|Grailbird\.data)\.(\w+?)(?:\.part\d+)?\s*=\s*"
)
# Names of the lists that contain the account's tweets.
TWEET_LISTS = re.compile(r"tweets?|community_tweets?|tweets_\d{4}_\d{2}")

OTHER_FILE = "a file of an account's archive that contains no tweets"
# Number of code points that are compared to match a long text to its tweet; and the
# usernames at the beginning of a reply.
OPENING = 20
REPLY = re.compile(r"\A(?:@\w+\s+)+")


@dataclass
class Account:
    """The username and the long texts of an account, which are not in the files of the
    tweets.
    """

    username: str | None = None
    # Full texts, by the second in which they were posted.
    long_texts: dict[int, str] = field(default_factory=dict)

    def whole_text(self, text: Any, date: Any) -> Any:
        """Return the full text of a tweet whose text may be cut off in the archive."""
        if not self.long_texts or not isinstance(text, str):
            return text
        posted = (parse_date(date) or 0) // 1000
        # The long text is stored just before its tweet, perhaps in the second before.
        near = (self.long_texts.get(posted - before) for before in (0, 1, 2))
        opening = _opening(text)
        return next(
            (long for long in near if long is not None and _opening(long) == opening),
            text,
        )


def _opening(text: str) -> str:
    """Return the beginning of a tweet without HTML entities and without the usernames
    at the beginning of a reply.
    """
    return html.unescape(REPLY.sub("", text))[:OPENING]


class AccountArchive(Format):
    name = "archive"
    extensions = ()

    def sniff(self, head: bytes) -> bool:
        return ASSIGNED.match(head) is not None

    def variable(self, head: bytes) -> str:
        """Return the name of the list in a file: "tweets", "like",
        "tweets_2013_02".
        """
        assigned = ASSIGNED.match(head)
        return "" if assigned is None else assigned[1].decode()

    def read(self, stream: ByteStream, wanted: Wanted) -> Iterator[Rows]:
        yield from read_lines(Elements(stream, ASSIGNED), wanted)


def folder_of(split: Split) -> str:
    return split.source.rpartition("/")[0]


def read_accounts(
    files: Iterable[tuple[Split, bytes]], unread: list[tuple[str, str]], limits: Limits
) -> tuple[dict[str, Account], set[str]]:
    """Return the accounts by the folder of their archive, and the folders of complete
    archives, which are recognised by lists other than tweets.

    Lists that are cut off or contain unexpected records are added to ``unread``.
    """
    accounts: dict[str, Account] = {}
    folders = set()
    for split, head in files:
        name, folder = AccountArchive().variable(head), folder_of(split)
        if folder and not TWEET_LISTS.fullmatch(name):
            folders.add(folder)
        if name not in ("account", "note_tweet"):
            continue
        account = accounts.setdefault(folder, Account())
        stream = ByteStream(split, context := Context.quiet(limits))
        lost = 0
        for rows in AccountArchive().read(stream, None):
            lost += sum(not _take(record, account) for record in rows.values)
        if lost := lost + sum(context.stats.skipped.values()):
            what = "username" if name == "account" else "dated text of a long tweet"
            unread.append((split.source, f"records without the {what}: {lost:,}"))
        if context.damage is not None:
            unread.append((split.source, context.damage))
    return accounts, folders


def _take(record: Any, account: Account) -> bool:
    """Add the username or the long text of a record to its account. Return whether the
    record has one.
    """
    username = value_at(record, ("account", "username"))
    if isinstance(username, str):
        account.username = account.username or username
        return True
    note = value_at(record, ("noteTweet",))
    texts = (value_at(note, (key, "text")) for key in ("core", "noteTweetResults"))
    text = next((text for text in texts if isinstance(text, str)), None)
    time = parse_date(value_at(note, ("createdAt",)))
    if text is None or time is None:
        return False
    account.long_texts[time // 1000] = text
    return True
