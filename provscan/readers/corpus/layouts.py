"""Turn JSON objects, as platforms and collectors write them, into tweets as flat rows.

The functions are pure and take parsed objects. :func:`tweets_in` supports the v1.1 API
(``full_text``, ``extended_tweet``, ``retweeted_status``, ``quoted_status``); the v2 API
(``data``, ``includes``, ``note_tweet``, ``referenced_tweets``) as pages, lines and as
flattened by twarc; GraphQL (``rest_id``, ``legacy``, ``core.user_results``); the lines
of snscrape and twscrape; the account archive; activity streams (``verb``, ``actor``,
``long_object``); and records that wrap one of these, as an object at any depth or as a
string of JSON. An original comes before its retweet, and the retweet takes the
original's text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeGuard

import orjson

from provscan.names import snake_case
from provscan.readers.corpus.compliance import OTHER_EVENTS, TWEET_EVENTS, USER_EVENTS
from provscan.readers.fields.paths import value_at
from provscan.readers.fields.survey import reads_like_text
from provscan.readers.fields.tweets import USUAL

Object = dict[str, Any]
Skip = Callable[[str, str], None]

# Keys whose values are a tweet or a list of tweets.
WRAPPERS = ("tweet", "status", "statuses", "tweets", "results")
# Keys of objects that are or contain tweets of GraphQL.
GRAPHQL = frozenset(
    [
        "legacy",
        "result",
        "tweet_results",
        "tweetResult",
        "tweet_result",
        "itemContent",
        "entryId",
    ]
)
RETWEETED = ("retweeted_status", "retweetedTweet")
QUOTED = ("quoted_status", "quotedTweet")

# Keys of compliance events. Streams send objects with one of these keys; in the v2 API,
# it is inside "data".
DELETIONS = frozenset((*TWEET_EVENTS, *USER_EVENTS, *OTHER_EVENTS))
# Keys of the messages between the tweets of a stream, and of the other lists of an
# account archive.
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
# A record with any of these keys is parsed by :func:`tweets_in`; a record without them
# is flat.
MARKERS = frozenset(
    [
        *RETWEETED,
        *QUOTED,
        "extended_tweet",
        "note_tweet",
        "referenced_tweets",
        "edit_history_tweet_ids",
        "edit_history",
        "edit_info",
        "includes",
        "rawContent",
        "renderedContent",
        "__twarc",
    ]
)
# An object with a text and one of these keys is a tweet.
IDS = frozenset(["id_str", "id", "created_at", "user"])
# A record with a text at one of these keys is a tweet, not a wrapper of one.
TEXTS = frozenset(USUAL["text"]) - {"title"}


# Paths of each part of a tweet in the layouts, in order of preference; a dot precedes a
# key inside an object. The ``text`` of a long tweet is only its beginning.
WHERE: dict[str, tuple[str, ...]] = {
    "text": (
        "note_tweet.text",
        "note_tweet.note_tweet_results.result.text",
        "extended_tweet.full_text",
        "full_text",
        "rawContent",
        "text",
        "content",
        "renderedContent",
    ),
    # An edited tweet gets the id of its first version, so that all versions are one
    # tweet.
    "id": (
        "edit_info.edit.initialTweetId",
        "edit_history.initial_tweet_id",
        "edit_info.initial_tweet_id",
        "edit_control.initial_tweet_id",
        "edit_history_tweet_ids",
        "edit_info.initial.editTweetIds",
        "edit_info.edit.editControlInitial.editTweetIds",
        "edit_info.edit_tweet_ids",
        "edit_history.edit_tweet_ids",
        "edit_control.edit_tweet_ids",
        "id_str",
        "id",
        "rest_id",
    ),
    "author": (
        "user.screen_name",
        "user.username",
        "user.id_str",
        "user.id",
        "author.screen_name",
        "author.username",
        "author.id_str",
        "author.id",
        "author_id",
        "username",
        "screen_name",
        "user",
        "author",
    ),
    "date": ("created_at", "date", "createdAt", "timestamp_ms"),
    "lang": ("lang",),
    "rt_of": (
        "rt_of",
        "retweeted_status_id_str",
        "retweeted_status_id",
        "retweetedTweetId",
    ),
}


class Tweet(NamedTuple):
    """One tweet with the values of its object; any of them may be None."""

    id: Any
    text: Any
    author: Any
    date: Any
    lang: Any
    rt_of: Any


PATHS = {
    role: [tuple(name.split(".")) for name in names] for role, names in WHERE.items()
}


def rows_of_table(record: Object) -> list[Any] | None:
    """Return the rows of a table that is stored in one object: its columns are lists
    or objects with numbered keys, or its rows are keyed by id. Return None for other
    objects.
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
    """Return whether a record has one of this module's layouts, rather than flat
    fields.
    """
    if not MARKERS.isdisjoint(record) or _notice(record) is not None:
        return True
    if any(
        isinstance(record.get(key), dict | list) for key in ("user", "data", *WRAPPERS)
    ):
        return True
    if bool(_graphql_in(record)) or rows_of_table(record) is not None:
        return True
    return _is_activity(record) or bool(_wrapped(record))


def tweets_in(record: Object, skip: Skip) -> Iterator[Tweet]:
    """Yield the tweets in an object, embedded originals first.

    ``skip`` is called with a reason and a detail for each part that is not a tweet:
    ``deletion``, ``not_a_tweet``.
    """
    if (reason := _notice(record)) is not None:
        skip(*reason)
        return
    if found := _graphql_in(record):
        for tweet in found:
            yield from _tweet(tweet)
        return
    data = record.get("data")
    if isinstance(data, dict | list):
        yield from _page(
            data if isinstance(data, list) else [data], record.get("includes"), skip
        )
        return
    if "text" not in record and "full_text" not in record:
        if _is_activity(record):
            if record["verb"] in ("post", "share"):
                yield from _tweet(_activity(record))
            else:
                skip(
                    "deletion" if record["verb"] == "delete" else "not_a_tweet",
                    f"activity: {record['verb']}",
                )
            return
        if found := _wrapped(record):
            for tweet in found:
                yield from tweets_in(
                    _named(tweet, record) if len(found) == 1 else tweet, skip
                )
            return
        if "errors" in record:
            skip("not_a_tweet", "an error message of the API")
            return
        if "meta" in record or any(record.get(key) == [] for key in WRAPPERS):
            return  # An empty page.
    if "referenced_tweets" in record or "includes" in record:
        yield from _page([record], record.get("includes"), skip)
    else:
        yield from _tweet(record)


def _graphql_in(record: Object) -> list[Object]:
    """Return the tweets in a GraphQL record; an empty list if it has another layout."""
    data = record.get("data")
    page = isinstance(data, dict) and "text" not in data
    return list(_graphql(record)) if page or not GRAPHQL.isdisjoint(record) else []


def _graphql(value: Any) -> Iterator[Object]:
    """Yield the tweets of GraphQL anywhere in a value, in the form of the v1.1 API."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if (
            isinstance(value, dict)
            and isinstance(legacy := value.get("legacy"), dict)
            and "full_text" in legacy
        ):
            result = value_at(value, ("core", "user_results", "result")) or {}
            user = {
                "id_str": result.get("rest_id"),
                **_object(result, ["core"]),
                **_object(result, ["legacy"]),
            }
            yield {
                **value,
                "id_str": value.get("rest_id"),
                **legacy,
                "user": user if result else legacy.get("user_id_str"),
                "retweeted_status": next(
                    _graphql(legacy.get("retweeted_status_result")), None
                ),
                "quoted_status": next(
                    _graphql(value.get("quoted_status_result")), None
                ),
            }
        elif isinstance(value, dict | list):
            waiting += reversed(value.values() if isinstance(value, dict) else value)


def _wrapped(record: Object) -> list[Object]:
    """Return the tweets that a record without a text contains, as objects or as strings
    of JSON.
    """
    if "text" in record or "full_text" in record:
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


def _named(tweet: Object, record: Object) -> Object:
    """Return the tweet, with the id of the surrounding record if it has none."""
    names = ("id_str", "id", "tweet_id", "_id")
    outer = _first(record, ((name,) for name in names))
    # The value of a key such as ``id`` may be the object with the tweet.
    known = outer is not None and not isinstance(outer, dict | list)
    return (
        {"id": outer, **tweet}
        if known and "id" not in tweet and _first(tweet, PATHS["id"]) is None
        else tweet
    )


def _parsed(value: str) -> Any:
    value = value.strip()
    if not (value.startswith("{") and value.endswith("}")):
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _is_tweet(value: Object) -> bool:
    if "legacy" in value and "rest_id" in value:
        return bool(_graphql_in(value))
    texts = isinstance(value.get("text"), str) or isinstance(
        value.get("full_text"), str
    )
    return (
        (texts and not IDS.isdisjoint(value))
        or not MARKERS.isdisjoint(value)
        or _is_activity(value)
    )


def _is_text(key: str, value: Any) -> bool:
    return (
        snake_case(str(key)) in TEXTS
        and isinstance(value, str)
        and _parsed(value) is None
        and reads_like_text(value)
    )


def _is_activity(record: Any) -> TypeGuard[Object]:
    return isinstance(record, dict) and "verb" in record and "actor" in record


def _activity(activity: Object) -> Object:
    """Return a tweet of an activity stream in the form of the v1.1 API."""
    inner, quoted = activity.get("object"), activity.get("twitter_quoted_status")
    shared = inner if activity.get("verb") == "share" else None

    def number(value: Any) -> Any:
        return value.rpartition(":")[2] if isinstance(value, str) else value

    return {
        "id_str": number(activity.get("id")),
        "text": _first(activity, [("long_object", "body"), ("body",)]),
        "created_at": activity.get("postedTime"),
        "user": {
            "screen_name": _first(activity, [("actor", "preferredUsername")]),
            "id_str": number(_first(activity, [("actor", "id")])),
        },
        "lang": activity.get("twitter_lang"),
        "retweeted_status": _activity(shared) if _is_activity(shared) else None,
        "quoted_status": _activity(quoted) if _is_activity(quoted) else None,
    }


def _notice(record: Object) -> tuple[str, str] | None:
    """Return why a record is a message about tweets; None if it is not one."""
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


def _first(record: Object, paths: Iterable[tuple[str, ...]]) -> Any:
    """Return the first value found at one of several paths; for a list, its first
    element.
    """
    for path in paths:
        value = value_at(record, path)
        if isinstance(value, list):
            value = value[0] if value else None
        if value is not None and value != "":
            return _scalar(value)
    return None


def _scalar(value: Any) -> Any:
    """Return the value, unwrapped from an object in which MongoDB states its type:
    ``{"$numberLong": "7"}``.
    """
    while (
        isinstance(value, dict)
        and len(value) == 1
        and next(iter(value)).startswith("$")
    ):
        (value,) = value.values()
    return value


def _object(record: Object, keys: Iterable[str]) -> Object:
    return next(
        (value for key in keys if isinstance(value := record.get(key), dict)), {}
    )


def _objects(values: Any) -> list[Object]:
    return [v for v in values if isinstance(v, dict)] if type(values) is list else []


def _text(tweet: Object) -> Any:
    return _first(tweet, PATHS["text"])


def _row(tweet: Object, **known: Any) -> Tweet:
    """Return a tweet as a row; ``known`` values take precedence over its own."""
    return Tweet(
        *(
            _first(tweet, PATHS[role]) if (value := known.get(role)) is None else value
            for role in Tweet._fields
        )
    )


def _tweet(tweet: Object) -> Iterator[Tweet]:
    """Yield a tweet of the v1.1 API, of an archive or of a scraper, after the tweets
    embedded in it.
    """
    for quoted in (tweet[key] for key in QUOTED if isinstance(tweet.get(key), dict)):
        if _text(quoted) is not None:
            yield from _tweet(quoted)
    original = _object(tweet, RETWEETED)
    text = _text(original)
    if text is not None:
        yield from _tweet(original)
    yield _row(tweet, text=text, rt_of=_first(original, PATHS["id"]))


def _page(tweets: list[Any], includes: Any, skip: Skip) -> Iterator[Tweet]:
    """Yield tweets of the v2 API, completed with the users and tweets to which they
    refer, which are on the page or expanded in place.
    """
    includes = includes if isinstance(includes, dict) else {}
    included = _objects(includes.get("tweets"))
    users, known = (
        {str(value["id"]): value for value in values if "id" in value}
        for values in (_objects(includes.get("users")), included)
    )
    for tweet in [*included, *tweets]:
        if not isinstance(tweet, dict):
            skip("not_a_tweet", type(tweet).__name__)
            continue
        text = rt_of = None
        for reference in _objects(tweet.get("referenced_tweets")):
            inline = _text(reference) is not None
            original = reference if inline else known.get(str(reference.get("id")), {})
            if inline:
                yield from _page([reference], None, skip)
            if reference.get("type") == "retweeted":
                rt_of = _first(original, PATHS["id"]) or reference.get("id")
                text = _text(original)
        author = users.get(str(tweet.get("author_id")), {})
        yield _row(tweet, text=text, rt_of=rt_of, author=author.get("username"))
