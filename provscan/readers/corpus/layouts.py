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
from provscan.readers.fields.names import MARKERS, NAMES, RECORDS, in_columns
from provscan.readers.fields.survey import reads_like_text

# Keys whose values are a tweet or a list of tweets.
WRAPPERS = ("tweet", "status", "statuses", "tweets", "results")
# Keys of a tweet in the website's GraphQL, and the advice for files that contain them.
GRAPHQL = {"rest_id", "legacy"}
NO_GRAPHQL = (
    'GraphQL of a scraper is not supported: write each object "legacy" with the '
    "author and full text of its tweet as a JSON line"
)
NO_TABLE = (
    "a table stored in one JSON object is not supported: write one object per line, "
    "such as with to_json(..., orient='records', lines=True) of pandas"
)

TWEET_EVENTS, USER_EVENTS = RECORDS["tweet_events"], RECORDS["user_events"]
OTHER_EVENTS = RECORDS["other_events"]
# An edit event does not ask for a deletion. It lists the versions of a tweet; an index
# has the id of the first one.
EDIT_EVENT = "tweet_edit"
DELETIONS = frozenset((*TWEET_EVENTS, *USER_EVENTS, *OTHER_EVENTS))
OTHERS = frozenset(RECORDS["messages"])
# An object with a text and one of these keys is a tweet.
IDS = frozenset(["id_str", "id", "created_at", "user"])
# A record with one of these keys is a tweet, not a wrapper of one.
TEXT_FIELDS = frozenset(["text", "full_text"])
# A record with a text at one of these keys is a tweet, not a wrapper of one.
TEXT_KEYS = frozenset(in_columns(NAMES["text"])) - {"title"}


def is_table(record: Object) -> bool:
    """Return whether a record seems to be a table that is stored in one object: its
    columns are lists or objects, or its texts are keyed by id.
    """
    kinds = set(map(type, record.values()))
    lists = len(record) > 1 and kinds in ({dict}, {list})
    return lists or (
        kinds == {str} and all(key.isdigit() and len(key) > 7 for key in record)
    )


def is_nested(record: Object) -> bool:
    """Return whether a record has one of the layouts of this module. Otherwise, its
    fields are flat.
    """
    return tweets_in(record, lambda reason, detail: None) is not None


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
    """Return whether a value contains a GraphQL tweet at most ``depth`` levels down."""
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
