"""Turn the objects of each API into tweets as flat rows. An original comes before its
retweet.

:func:`tweets_of_object` reads tweets of the v1.1 API, of archives and of scrapers;
:func:`tweets_of_page` reads those of the v2 API, with the users and tweets that a page
includes. :func:`from_activity` brings activity streams into the form of the v1.1 API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeGuard

from provscan.readers.fields.names import NAMES, RECORDS
from provscan.readers.fields.paths import value_at

Object = dict[str, Any]
Skip = Callable[[str, str], None]


class Tweet(NamedTuple):
    """One tweet with the values of its object; any of them may be None."""

    id: Any
    text: Any
    author: Any
    date: Any
    lang: Any
    rt_of: Any


# The paths of each role. The paths of complete texts come before "text", which has only
# the beginning of a long tweet.
PATHS = {
    role: [tuple(name.split(".")) for name in names]
    for role, names in {
        **NAMES,
        "text": (*RECORDS["whole_texts"], *NAMES["text"]),
        "id": (*RECORDS["first_versions"], *NAMES["id"]),
    }.items()
}


def tweets_of_object(tweet: Object) -> Iterator[Tweet]:
    """Yield a tweet of the v1.1 API, of an archive or of a scraper, after the tweets
    embedded in it.
    """
    for quoted in (
        tweet[key] for key in RECORDS["quoted"] if isinstance(tweet.get(key), dict)
    ):
        if _text(quoted) is not None:
            yield from tweets_of_object(quoted)
    original = _object(tweet, RECORDS["retweeted"])
    text = _text(original)
    if text is not None:
        yield from tweets_of_object(original)
    yield _row(tweet, text=text, rt_of=first_value(original, PATHS["id"]))


def tweets_of_page(tweets: list[Any], includes: Any, skip: Skip) -> Iterator[Tweet]:
    """Yield tweets of the v2 API. The users and tweets to which they refer are in
    ``includes`` or inside the tweets.
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
                yield from tweets_of_page([reference], None, skip)
            if reference.get("type") == "retweeted":
                rt_of = first_value(original, PATHS["id"]) or reference.get("id")
                text = _text(original)
        author = users.get(str(tweet.get("author_id")), {})
        yield _row(tweet, text=text, rt_of=rt_of, author=author.get("username"))


def is_activity(record: Any) -> TypeGuard[Object]:
    return isinstance(record, dict) and "verb" in record and "actor" in record


def from_activity(activity: Object) -> Object:
    """Return a tweet of an activity stream in the form of the v1.1 API."""
    inner, quoted = activity.get("object"), activity.get("twitter_quoted_status")
    shared = inner if activity.get("verb") == "share" else None

    def number(value: Any) -> Any:
        return value.rpartition(":")[2] if isinstance(value, str) else value

    return {
        "id_str": number(activity.get("id")),
        "text": first_value(activity, [("long_object", "body"), ("body",)]),
        "created_at": activity.get("postedTime"),
        "user": {
            "screen_name": first_value(activity, [("actor", "preferredUsername")]),
            "id_str": number(first_value(activity, [("actor", "id")])),
        },
        "lang": activity.get("twitter_lang"),
        "retweeted_status": from_activity(shared) if is_activity(shared) else None,
        "quoted_status": from_activity(quoted) if is_activity(quoted) else None,
    }


def _row(tweet: Object, **known: Any) -> Tweet:
    """Return a tweet as a row. Values in ``known`` take precedence over its own."""
    values = {role: first_value(tweet, PATHS[role]) for role in Tweet._fields}
    own = {role: value for role, value in known.items() if value is not None}
    return Tweet(**{**values, **own})


def _text(tweet: Object) -> Any:
    return first_value(tweet, PATHS["text"])


def first_value(record: Object, paths: Iterable[tuple[str, ...]]) -> Any:
    """Return the first value at one of several paths that is not an object; for a list,
    its first element counts.
    """
    for path in paths:
        if path[0] not in record:
            continue
        value = value_at(record, path)
        if isinstance(value, list):
            value = value[0] if value else None
        # MongoDB states the type of a value in an object: {"$numberLong": "7"}.
        while isinstance(value, dict) and len(value) == 1:
            ((key, inner),) = value.items()
            value = inner if key.startswith("$") else None
        if value is not None and value != "" and not isinstance(value, dict):
            return value
    return None


def _object(record: Object, keys: Iterable[str]) -> Object:
    return next(
        (value for key in keys if isinstance(value := record.get(key), dict)), {}
    )


def _objects(values: Any) -> list[Object]:
    return [v for v in values if isinstance(v, dict)] if type(values) is list else []
