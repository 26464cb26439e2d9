"""Recognise the layouts of JSON objects in which platforms and collectors write tweets.

The functions take parsed objects. :func:`tweets_in` returns the tweets in an object as
flat rows (:mod:`provscan.readers.corpus.apis`). It supports the v1.1 API
(``full_text``, ``extended_tweet``, ``retweeted_status``, ``quoted_status``); the v2 API
(``data``, ``includes``, ``note_tweet``, ``referenced_tweets``) as pages, as lines and
as twarc flattens them; the lines of snscrape and twscrape; the account archive;
activity streams (``verb``, ``actor``, ``long_object``); and records that wrap one of
these, as an object at any depth or as a string of JSON. An original comes before its
retweet, and the retweet takes the original's text.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import orjson

from provscan.names import snake_case
from provscan.readers.corpus.apis import (
    PATHS,
    Object,
    Skip,
    Tweet,
    first_value,
    from_activity,
    is_activity,
    tweets_of_object,
    tweets_of_page,
)
from provscan.readers.fields.names import MARKERS, NAMES, in_columns
from provscan.readers.fields.survey import reads_like_text

# Keys whose values are a tweet or a list of tweets.
WRAPPERS = ("tweet", "status", "statuses", "tweets", "results")
# Keys that a tweet has in the GraphQL of the platform's website, and what to do.
GRAPHQL = {"rest_id", "legacy"}
NO_GRAPHQL = (
    'GraphQL of a scraper is not supported: write each object "legacy" with the '
    "author and full text of its tweet as a JSON line"
)

# Keys of compliance events (:mod:`provscan.indexing.withdrawals`). Streams send objects
# with one of these keys; in the v2 API, it is inside "data".
TWEET_EVENTS = ("delete", "status_withheld", "withheld", "drop")
USER_EVENTS = ("user_delete", "user_suspend", "user_protect", "user_withheld")
# An edit event does not ask for a deletion. It lists the versions of a tweet; an index
# has the id of the first one.
EDIT_EVENT = "tweet_edit"
# Events that require no action, or that an index can't apply: it stores no locations,
# and does not restore forgotten tweets.
OTHER_EVENTS = (
    "scrub_geo",
    "undrop",
    "user_undelete",
    "user_unsuspend",
    "user_unprotect",
    "user_profile_modification",
    EDIT_EVENT,
)
DELETIONS = frozenset((*TWEET_EVENTS, *USER_EVENTS, *OTHER_EVENTS))
# Keys of the messages between the tweets of a stream, and of records in the other lists
# of an account archive.
OTHERS = frozenset(
    [
        "limit",
        "warning",
        "disconnect",
        "friends",
        "friends_str",
        "for_user",
        "like",
        "dmConversation",
        "follower",
        "following",
        "block",
        "mute",
        "ad",
        "bookmark",
        "noteTweet",
        "account",
        "profile",
        "deletedTweet",
        "info",
    ]
)
# Minimum number of digits of a key that is an id.
ID_DIGITS = 8
# An object with a text and one of these keys is a tweet.
IDS = frozenset(["id_str", "id", "created_at", "user"])
# A record with one of these keys is a tweet, not a wrapper of one.
TEXT_FIELDS = frozenset(["text", "full_text"])
# A record with a text at one of these keys is a tweet, not a wrapper of one.
TEXT_KEYS = frozenset(in_columns(NAMES["text"])) - {"title"}


def rows_of_table(record: Object) -> list[Any] | None:
    """Return the rows of a table that is stored in one object: its columns are lists
    or objects with numbered keys, or its rows or texts are keyed by id. Return None for
    other objects.
    """
    values = list(record.values())
    if isinstance(names := record.get("columns"), list) and isinstance(
        rows := record.get("data"), list
    ):
        return [
            dict(zip(map(str, names), row, strict=False))
            for row in rows
            if isinstance(row, list)
        ]
    # Shorter keys may be the numbers of columns.
    by_id = values and all(key.isdigit() and len(key) >= ID_DIGITS for key in record)
    if by_id and all(isinstance(value, str) for value in values):
        return [{"id": key, "text": text} for key, text in record.items()]
    if (
        len(values) < 2
        or type(values[0]) not in (dict, list)
        or len(set(map(type, values))) > 1
    ):
        return None
    if isinstance(values[0], dict) and all(key.isdigit() for key in record):
        return [{"id": key, **value} for key, value in record.items()]
    if len(set(map(len, values))) > 1 or any(
        isinstance(value, dict | list) for value in (*values[0],)
    ):
        return None
    columns = [
        list(value.values()) if isinstance(value, dict) else value for value in values
    ]
    return [dict(zip(record, row, strict=True)) for row in zip(*columns, strict=True)]


def is_nested(record: Object) -> bool:
    """Return whether a record has one of the layouts of this module. Otherwise, its
    fields are flat.
    """
    return rows_of_table(record) is not None or (
        tweets_in(record, lambda reason, detail: None) is not None
    )


def tweets_in(record: Object, skip: Skip) -> Iterable[Tweet] | None:
    """Return the tweets in an object, embedded originals first; None if its fields are
    flat.

    ``skip`` is called with a reason and a detail for each part that is not a tweet:
    ``deletion``, ``not_a_tweet``.
    """
    if (message := _message_in(record)) is not None:
        skip(*message)
        return ()
    data = record.get("data")
    outer = data if isinstance(data, dict) else record
    if has_graphql(record, depth=100 if TEXT_FIELDS.isdisjoint(outer) else 1):
        skip("not_a_tweet", NO_GRAPHQL)
        return ()
    if isinstance(data, dict | list):
        page = data if isinstance(data, list) else [data]
        return tweets_of_page(page, record.get("includes"), skip)
    if TEXT_FIELDS.isdisjoint(record):
        if is_activity(record):
            if record["verb"] in ("post", "share"):
                return tweets_of_object(from_activity(record))
            kind = "deletion" if record["verb"] == "delete" else "not_a_tweet"
            skip(kind, f"activity: {record['verb']}")
            return ()
        if found := _wrapped(record):
            found = [_with_id(found[0], record)] if len(found) == 1 else found
            return chain.from_iterable(
                tweets_of_object(inner) if tweets is None else tweets
                for inner in found
                for tweets in [tweets_in(inner, skip)]
            )
        if any(record.get(key) == [] for key in WRAPPERS):
            return ()  # An empty page.
    if MARKERS.isdisjoint(record) and not any(
        isinstance(record.get(key), dict | list) for key in ("user", *WRAPPERS)
    ):
        return None
    if "referenced_tweets" in record or "includes" in record:
        return tweets_of_page([record], record.get("includes"), skip)
    return tweets_of_object(record)


def has_graphql(value: Any, depth: int = 100) -> bool:
    """Return whether a value has a tweet of GraphQL, in up to some objects and lists
    inside each other.
    """
    if isinstance(value, str):
        value = _parsed(value)
    if depth == 0 or not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return (isinstance(value, dict) and value.keys() >= GRAPHQL) or any(
        has_graphql(each, depth - 1) for each in inner
    )


def _wrapped(record: Object) -> list[Object]:
    """Return the tweets that a record without a text contains, as objects or as strings
    of JSON.
    """
    if not TEXT_FIELDS.isdisjoint(record):
        return []
    found, waiting = [], [*reversed(record.values())]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            value = _parsed(value)
        if isinstance(value, dict) and _is_tweet(value):
            found.append(value)
        elif isinstance(value, dict | list):
            waiting += reversed(value.values() if isinstance(value, dict) else value)
    return [] if found and any(map(_is_text, record, record.values())) else found


def _with_id(tweet: Object, record: Object) -> Object:
    """Return a tweet with the id of the record around it, unless it has an id of its
    own.
    """
    outer = first_value(record, PATHS["id"])
    known = first_value(tweet, PATHS["id"]) is not None
    return tweet if known or outer is None else {**tweet, "id": outer}


def _parsed(value: str) -> Any:
    value = value.strip()
    if not (value.startswith("{") and value.endswith("}")):
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _is_tweet(value: Object) -> bool:
    texts = isinstance(value.get("text"), str) or isinstance(
        value.get("full_text"), str
    )
    return (
        (texts and not IDS.isdisjoint(value))
        or not MARKERS.isdisjoint(value)
        or is_activity(value)
    )


def _is_text(key: str, value: Any) -> bool:
    return (
        snake_case(str(key)) in TEXT_KEYS
        and isinstance(value, str)
        and _parsed(value) is None
        and reads_like_text(value)
    )


def _message_in(record: Object) -> tuple[str, str] | None:
    """Return the reason to skip a record, with a detail, if it is a message instead of
    a tweet; None for other records.
    """
    if "redacted_at" in record and "action" in record:
        return "deletion", f"compliance result: {record['action']}"
    data = record.get("data")
    for level in (record, data):
        if isinstance(level, dict) and len(level) <= 2 and "text" not in level:
            if not DELETIONS.isdisjoint(level):
                return "deletion", f"compliance event: {', '.join(map(str, level))}"
            if not OTHERS.isdisjoint(level):
                return "not_a_tweet", ", ".join(map(str, level))
    return None
