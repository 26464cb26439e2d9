"""Find the lists with tweets in account archives, and the name of the account, which is
in a separate file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from provscan.readers.bytes.streams import ByteStream
from provscan.readers.fields.paths import value_at
from provscan.readers.formats.account_archive import AccountArchive, list_name
from provscan.readers.limits import Limits
from provscan.readers.splits import Context, Split

# Names of the lists that contain the account's tweets.
TWEET_LISTS = re.compile(r"tweets?|community_tweets?|tweets_\d{4}_\d{2}")
# The lists of archives until 2018, each of one month.
MONTH = re.compile(r"tweets_\d{4}_\d{2}")
MONTHS = "/data/js/tweets"
# The folders beside "data" that contain the pages and pictures of these archives.
PAGES = ("css", "img", "js", "lib")
OTHER_FILE = "a file of an account's archive that contains no tweets"
LONG_TEXTS = (
    "full texts of the account's long tweets; their beginnings in the list of tweets "
    "are indexed"
)


def folder_of(split: Split) -> str:
    return split.source.rpartition("/")[0]


def read_accounts(
    files: Iterable[tuple[Split, bytes]], unread: list[tuple[str, str]], limits: Limits
) -> tuple[dict[str, str], set[str]]:
    """Return the accounts' usernames by archive folder, and the beginnings of paths
    below which an archive contains no tweets.

    If a file with an account's name is cut off, or has a record without the name, the
    file is added to ``unread``.
    """
    usernames: dict[str, str] = {}
    roots = set()
    for split, head in files:
        name, folder = list_name(head), folder_of(split)
        if folder and not TWEET_LISTS.fullmatch(name):
            # Pictures and fonts are inside and next to the folder "data".
            roots.add(f"{folder.removesuffix('/data')}/")
        if MONTH.fullmatch(name) and folder.endswith(MONTHS):
            roots |= {f"{folder.removesuffix(MONTHS)}/{part}/" for part in PAGES}
        if name != "account":
            continue
        stream = ByteStream(split, context := Context.quiet(limits))
        lost = 0
        for rows in AccountArchive().read(stream, None):
            for record in rows.values:
                username = value_at(record, ("account", "username"))
                if isinstance(username, str):
                    usernames.setdefault(folder, username)
                else:
                    lost += 1
        if lost := lost + sum(context.stats.skipped.values()):
            unread.append((split.source, f"records without the username: {lost:,}"))
        if context.damage is not None:
            unread.append((split.source, context.damage))
    return usernames, roots
