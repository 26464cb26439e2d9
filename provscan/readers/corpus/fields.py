"""Determine which fields of a file contain the text, id, author, time and language of a
tweet, and the tweet that it repeats.

The user names the fields, or :func:`bind` recognises them in the first records of a
file: by their usual names or, in a table without a header, by their values. The result
is a :class:`Binding`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from provscan.errors import FieldNotFoundError
from provscan.names import snake_case
from provscan.readers.corpus.dates import parse_date
from provscan.readers.formats.protocol import Path
from provscan.readers.texts import fields as dataset_fields
from provscan.readers.texts.fields import Fields, reads_like_text

NESTING = 6
ROLES = ("text", "id", "author", "date", "lang", "rt_of")
# Usual names in order of preference, in the form of
# :func:`~provscan.names.snake_case`.
USUAL: dict[str, tuple[str, ...]] = {
    "text": (
        "full_text",
        "fulltext",
        "text",
        "tweet_text",
        "tweet",
        "tweettext",
        "tweet_content",
        "content",
        "rawcontent",
        "body",
        "message",
        "post",
        "status",
        "status_text",
        "sentence",
        "comment",
        "mention_content",
        "hit_sentence",
        "snippet",
        "title",
    ),
    "id": (
        "id_str",
        "id",
        "tweet_id",
        "tweetid",
        "status_id",
        "status_id_str",
        "tweet_id_str",
        "post_id",
        "_id",
        "record_id",
        "key",
    ),
    "author": (
        "author",
        "user.screen_name",
        "author.username",
        "author.screen_name",
        "user.username",
        "author.name",
        "username",
        "screen_name",
        "user_name",
        "user_screen_name",
        "handle",
        "user",
        "author_id",
        "user_id",
    ),
    "date": (
        "created_at",
        "tweet_created",
        "tweet_created_at",
        "tweet_time",
        "date",
        "timestamp",
        "timestamp_ms",
        "datetime",
        "createdat",
        "created",
        "created_utc",
        "time",
        "published_at",
        "published",
        "publish_date",
    ),
    "lang": ("lang", "language", "tweet_lang", "tweet_language"),
    "rt_of": (
        "rt_of",
        "retweeted_status.id_str",
        "retweeted_status.id",
        "retweeted_status_id_str",
        "retweeted_status_id",
        "retweet_status_id",
        "retweeted_id",
        "retweet_id",
        "retweet_tweetid",
        "referenced_tweets.retweeted.id",
    ),
}
# Columns with the full text of a long tweet, or of the original of a retweet, when
# another column has only its beginning.
LONG = (
    "retweeted_status.extended_tweet.full_text",
    "retweeted_status.full_text",
    "retweeted_status.text",
    "retweet_text",
    "extended_tweet.full_text",
    "extended_tweet_full_text",
    "note_tweet.text",
    "note_tweet_text",
)
# The URL of a tweet, which ends with its id.
PERMALINK = re.compile(r"https?://\S+/status(?:es)?/[0-9]+\S*")
# Paths at which later records may have the roles that the first records of a file lack.
# If most records have a text elsewhere, it is also searched for at these paths in
# records without one, since collectors mix the two forms of the API.
LATE: dict[str, tuple[Path, ...]] = {
    "text": (("full_text",), ("text",)),
    "id": (("id_str",), ("id",), ("tweet_id",)),
    "author": (("author",), ("username",), ("screen_name",)),
    "date": (("created_at",), ("date",)),
    "lang": (("lang",), ("language",)),
    "rt_of": (("rt_of",), ("retweeted_status_id_str",)),
}
# The values of each field of a sample of records.
Survey = dict[Path, list[Any]]
# Minimum number of records in which a column without a name must show an id, a date or
# a text.
SHARE = 0.9


@dataclass(frozen=True)
class Binding:
    """The path of each role in one file; None for a role that the file lacks."""

    text: Path
    id: Path | None = None
    author: Path | None = None
    date: Path | None = None
    lang: Path | None = None
    rt_of: Path | None = None
    wanted: tuple[tuple[Path, pa.DataType], ...] = ()  # Paths to read, with types.
    guessed: str = ""  # The roles that were determined by content, for a message.
    long: tuple[Path, ...] = ()  # Paths of full texts, preferred to ``text``.
    missing: tuple[str, ...] = ()  # Roles whose named field is absent.
    # Roles that the first records lack, and their possible paths in later ones.
    late: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


def survey(records: Iterable[Mapping[str, Any]]) -> Survey:
    """Return the fields of some records, including nested ones, in order of
    appearance, with their values.
    """
    found: Survey = {}

    def add(record: Mapping[str, Any], above: Path) -> None:
        for key, value in record.items():
            path = (*above, str(key))
            values = found.setdefault(path, [])
            if isinstance(value, dict) and len(path) < NESTING:
                add(value, path)
            elif value is not None and value != "":
                values.append(value)

    for record in records:
        add(record, ())
    return found


def _share(values: list[Any], kind: Any) -> float:
    return sum(1 for value in values if kind(value)) / len(values) if values else 0.0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and reads_like_text(value)


def _is_id(value: Any) -> bool:
    return str(value).isdigit() and len(str(value)) >= 8


def _is_date(value: Any) -> bool:
    return not _is_id(value) and parse_date(value) is not None


def _by_content(found: Survey) -> dict[str, Path]:
    """Find the text, id and date of records by their values, for files whose field
    names say nothing.
    """
    roles: dict[str, Path] = {}
    texts = {path for path in found if _share(found[path], _is_text) > 0.5}
    if texts:
        lengths = {p: sum(map(len, map(str, found[p]))) / len(found[p]) for p in texts}
        roles["text"] = max((p for p in found if p in texts), key=lengths.__getitem__)
    for role, kind in (("id", _is_id), ("date", _is_date)):
        for path in (path for path in found if path not in texts):
            words = list(map(str, found[path]))
            distinct = len(set(words)) > SHARE * len(words)
            # A small number may be taken for a time since 1970 by mistake.
            long = any(len(word) > 7 for word in words)
            if distinct and long and _share(found[path], kind) >= SHARE:
                roles.setdefault(role, path)
    return roles


def bind(fields: Fields, records: Iterable[Mapping[str, Any]], source: str) -> Binding:
    """Find every role among the fields of a file, from its first records. ``source``
    names the file in messages.
    """
    found = survey(records)
    known: dict[str, Path] = {}
    for path, values in found.items():
        name = _usual_name(path)
        if values or name not in known:
            known[name] = path
    roles: dict[str, Path] = {}
    missing: tuple[str, ...] = ()
    empty: dict[str, list[Path]] = {}
    for role in ROLES:
        name = (
            fields.texts[0]
            if role == "text" and fields.texts
            else getattr(fields, role)
        )
        if name is not None:
            named = next(
                (path for path in ((name,), tuple(name.split("."))) if path in found),
                None,
            )
            if named is not None:
                roles[role] = named
            elif role == "text":
                raise not_found(role, name, found, source)
            else:
                missing += (role,)
            continue
        usual = [known[name] for name in USUAL[role] if name in known]
        kinds: Any = str if role == "text" else object
        fits = [
            path
            for path in usual
            if any(isinstance(value, kinds) for value in found[path])
        ]
        if fits or (usual and role == "text"):
            roles[role] = (fits or usual)[0]
        else:
            empty[role] = usual
    if (
        not fields.texts
        and "text" in roles
        and not any(map(_is_text, found[roles["text"]]))
    ):
        # A field named "status" may contain "active", and one named "title" may be
        # empty.
        kept = roles.pop("text")
        others = (known[name] for name in USUAL["text"] if name in known)
        other = next((path for path in others if any(map(_is_text, found[path]))), None)
        roles["text"] = other or _by_content(found).get("text", kept)
    guessed = ""
    if "text" not in roles or all(path[0].startswith("column_") for path in found):
        guesses = _by_content(found)
        guesses = {role: guesses[role] for role in guesses if role not in roles}
        guessed = ", ".join(f"{r} from {'.'.join(path)}" for r, path in guesses.items())
        roles |= guesses
    if "text" not in roles:
        raise not_found("text", None, found, source)
    if "id" not in roles and "id" not in missing:
        links = (path for path in found if _share(found[path], _is_permalink) >= SHARE)
        if (link := next(links, None)) is not None:
            roles["id"] = link
    wanted = tuple((path, _type(role, found[path])) for role, path in roles.items())
    late = {
        role: ((name,),)
        if (name := getattr(fields, role))
        else (*dict.fromkeys([*empty.get(role, []), *names]),)
        for role, names in LATE.items()
        if role not in roles or (role == "text" and not fields.texts)
    }
    long = () if fields.texts else tuple(known[name] for name in LONG if name in known)
    return Binding(
        **roles, wanted=wanted, guessed=guessed, long=long, missing=missing, late=late
    )


def _usual_name(path: Path) -> str:
    """Return a path in snake case, without the parts that MongoDB (``id.$numberLong``)
    and Elasticsearch add.
    """
    return snake_case(".".join(path)).partition(".$")[0].removeprefix("_source.")


def _is_permalink(value: Any) -> bool:
    return isinstance(value, str) and PERMALINK.fullmatch(value.strip()) is not None


def _type(role: str, values: list[Any]) -> pa.DataType:
    if role == "text":
        return pa.large_string()
    kinds = set(map(type, values))
    if kinds == {int} and max(map(abs, values)) < 2**63:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def not_found(
    role: str, name: str | None, found: Iterable[Path], source: str
) -> FieldNotFoundError:
    what = (
        "no field contains the text of tweets"
        if name is None
        else f"no field {name!r} for the {role}"
    )
    # Options can name the fields of a corpus and of a dataset, but not of a control
    # file.
    also = "; in a control file, rename it to text" if name is None else ""
    return dataset_fields.not_found(
        what, map(".".join, sorted(found, key=len)), source, role, also
    )
