"""Tweets and accounts to forget, read from lists of ids and from the events with which
platforms announce deletions.

The input can be plain ids, one per line; the compliance streams of the v1.1 and v2
APIs and of the enterprise firehose, one JSON object per line; or results of batch
compliance jobs.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from provscan.errors import InputError
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.corpus.columns import WRAPPED_ID
from provscan.readers.corpus.layouts import (
    EDIT_EVENT,
    OTHER_EVENTS,
    TWEET_EVENTS,
    USER_EVENTS,
)
from provscan.readers.finding import require_stream
from provscan.readers.limits import current_limits
from provscan.readers.splits import UNKNOWN, Context, Split


@dataclass
class Withdrawals:
    """Tweets and authors to forget."""

    ids: list[str] = field(default_factory=list)
    # Names or ids of accounts, all of whose tweets are forgotten.
    authors: list[str] = field(default_factory=list)
    # The number of lines by kind: ``id`` or the name of the event.
    events: Counter[str] = field(default_factory=Counter)
    # For the id of each version of an edited tweet, the ids of all its versions.
    versions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def tweets(self) -> list[str]:
        """The ids to forget, with those of all versions of an edited tweet that an
        event lists.
        """
        return [
            version
            for named in self.ids
            for version in self.versions.get(named, [named])
        ]

    def read(self, path: str, *, users: bool = False) -> None:
        """Read the lines of a file, which may be compressed. With ``users``, plain ids
        and batch results are accounts.
        """
        split, context = Split(path, path, UNKNOWN), Context.quiet(current_limits())
        try:
            with readable(path):
                if os.path.exists(path) and not os.path.isfile(path):
                    require_stream(path, path)
                lines = b"".join(ByteStream(split, context)).decode().splitlines()
            if context.damage is not None:
                raise InputError(f"{path} can't be read: {context.damage}")
        except InputError as error:
            raise InputError(f"{error}. Nothing was forgotten") from error
        self.take(lines, path, users=users)

    def take(self, lines: Iterable[str], source: str, *, users: bool = False) -> None:
        """Add the ids and events in some lines of ``source``."""
        plain = self.authors if users else self.ids
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not line.startswith("{"):
                if line:
                    plain.append(line if users else re.sub(WRAPPED_ID, r"\1\2\3", line))
                    self.events["id"] += 1
                continue
            try:
                self._event(json.loads(line), plain)
            except (
                ValueError,
                KeyError,
                TypeError,
                AttributeError,
                RecursionError,
            ) as error:
                raise InputError(
                    f"{source}, line {number}: expected an id or a compliance event, "
                    f"found {line[:80]!r} "
                    f"({type(error).__name__}). Nothing was forgotten"
                ) from None

    def _event(self, record: dict[str, Any], plain: list[str]) -> None:
        """Add an event, or a batch result, whose id is added to ``plain``."""
        if "action" in record:
            self.events[record["action"]] += 1
            if record["action"] == "delete":
                plain.append(str(record["id"]))
            return
        record = record.get("data", record)
        (name,) = (
            name
            for name in record
            if name in (*TWEET_EVENTS, *USER_EVENTS, *OTHER_EVENTS)
        )
        event = record[name]
        if name in TWEET_EVENTS:
            self.ids.append(
                _id(event.get("status") or event.get("tweet") or event, "id")
            )
        elif name in USER_EVENTS:
            self.authors.append(_id(event.get("user") or event, "id", "user_id"))
        elif name == EDIT_EVENT:
            ids = [
                str(each)
                for each in (
                    event.get("initial_tweet_id"),
                    *(event.get("edit_tweet_ids") or ()),
                )
                if each
            ]
            versions = list(
                dict.fromkeys(
                    known for each in ids for known in self.versions.get(each, [each])
                )
            )
            self.versions.update(dict.fromkeys(versions, versions))
        self.events[name] += 1


def _id(found: dict[str, Any], *names: str) -> str:
    """Return the first of several ids that is present, as a string. A field that
    contains an id as a string is preferred, since that id can't be rounded.
    """
    for name in names:
        for key in (f"{name}_str", name):
            if found.get(key) is not None:
                return str(found[key])
    raise KeyError(names[0])
