"""Which field of a file holds the text, the id, the author, the date.

A file's fields are named by the user or found by their usual names, once per file, in its first records. The
outcome is a :class:`Binding`: for each role the paths to look at, in order; the first that holds something wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from provscan.errors import FieldNotFoundError
from provscan.readers.fields import Fields
from provscan.readers.stats import ReadStats

Path = tuple[str, ...]

# What a field is seen to hold at best in the first records of a file.
OTHER, SCALAR, STRING = 0, 1, 2

HEAD_RECORDS = 1000
NESTING = 6

USUAL: dict[str, tuple[str, ...]] = {
    "text": (
        "note_tweet.text",
        "extended_tweet.full_text",
        "full_text",
        "text",
        "content",
        "body",
        "tweet",
        "tweet_text",
        "tweet_content",
        "message",
        "document",
        "raw_content",
        "raw_text",
        "output",
        "response",
        "completion",
        "generated_text",
        "generation",
        "generated",
        "answer",
        "model_output",
        "model_response",
        "prediction",
        "selftext",
        "comment",
        "title",
        "sentence",
        "post",
        "messages",
        "conversations",
        "conversation",
    ),
    "id": (
        "id_str",
        "id",
        "tweet_id",
        "tweetid",
        "status_id",
        "tweet_id_str",
        "_id",
        "uuid",
        "record_id",
        "doc_id",
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
        "date",
        "timestamp",
        "timestamp_ms",
        "datetime",
        "created",
        "created_utc",
        "time",
        "published_at",
        "published",
    ),
    "lang": ("lang", "language", "tweet_lang"),
    "rt_of": ("rt_of", "retweeted_status.id_str", "retweeted_status.id", "retweeted_status_id", "retweeted_id"),
}

# The forms a tweet's text takes in the API, the complete one first: a long tweet keeps its beginning in `text`.
LONG_FORMS = USUAL["text"][:4]


@dataclass(frozen=True, slots=True)
class Binding:
    """Where each role is found in one file: paths in order of preference, none for a role that is not there."""

    text: tuple[Path, ...]
    id: tuple[Path, ...] = ()
    author: tuple[Path, ...] = ()
    date: tuple[Path, ...] = ()
    lang: tuple[Path, ...] = ()
    rt_of: tuple[Path, ...] = ()


def _plain(path: Path) -> str:
    """A path as usual names are written: "Tweet Text" is ``tweet_text``."""
    return ".".join(path).strip().lower().replace(" ", "_").replace("-", "_")


class Found(NamedTuple):
    """The fields that a file has.

    Attributes
    ----------
    present
        The fields, nested ones too, and what each holds at best: OTHER, SCALAR or STRING.
    where
        The file, as the user named it.
    records
        How many of its first records were looked at; None if the file declares its fields.
    """

    present: Mapping[Path, int]
    where: str
    records: int | None = None


def _usual(role: str, seen: Mapping[str, tuple[Path, int]], sampled: bool) -> tuple[Path, ...]:
    found = [(name, *seen[name]) for name in USUAL[role] if name in seen]
    least = STRING if role == "text" else SCALAR
    best = next((entry for entry in found if entry[2] >= least), None)
    if best is None:
        # A text that is always null or a number is counted record by record; another role is just not there.
        return (found[0][1],) if found and role == "text" else ()
    name, path, _ = best
    if name not in LONG_FORMS or role != "text":
        return (path,)
    if sampled and "truncated" in seen:  # the API's form, whose later records may have what the first lack
        return tuple(seen[form][0] if form in seen else tuple(form.split(".")) for form in LONG_FORMS)
    return tuple(seen[form][0] for form in LONG_FORMS if form in seen)


def named_path(name: str, present: Mapping[Path, int]) -> Path | None:
    """The field that the user means by a name; a field of that very name goes before a nested one."""
    return next((path for path in ((name,), tuple(name.split("."))) if path in present), None)


def bind(fields: Fields, found: Found, *, strict: bool = True) -> Binding:
    """Find every role among the fields that a file has.

    Parameters
    ----------
    fields
        What the user named.
    found
        The fields there are.
    strict
        Whether any named field must be there, or the one of the text only.

    Raises
    ------
    FieldNotFoundError
        A named field is not there, or none of the usual names of the text is.
    """
    seen: dict[str, tuple[Path, int]] = {}
    for path, holds in found.present.items():
        seen.setdefault(_plain(path), (path, holds))
    roles: dict[str, tuple[Path, ...]] = {}
    for role in USUAL:
        name: str | None = getattr(fields, role)
        if name is None:
            roles[role] = _usual(role, seen, found.records is not None)
        else:
            named = named_path(name, found.present)
            roles[role] = () if named is None else (named,)
        if not roles[role] and (role == "text" or (strict and name is not None)):
            raise not_found(role, name, found)
    return Binding(**roles)


def not_found(role: str, name: str | None, found: Found) -> FieldNotFoundError:
    """The error that says what was looked for, and what there is."""
    # The outer fields first: nested ones are many. A name from lenient JSON may hold what can't be printed.
    names = [".".join(path).encode(errors="replace").decode() for path in sorted(found.present, key=len)]
    there = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
    looked = ""
    if found.records is not None:
        looked = f" in its first {found.records} records" if found.records > 1 else " in its first record"
    if name is not None:
        wanted = f"no field {name!r} for the {role}{looked}"
    else:
        wanted = f"no field for the {role}{looked}; looked for {', '.join(USUAL[role])}"
    return FieldNotFoundError(
        f"{found.where}: {wanted}. The fields there are: {there or 'none'}. "
        f"Name the one that holds the {role} with {role}_field (--{role.replace('_', '-')}-field)."
    )


def note_missing(fields: Fields, binding: Binding, source: str, stats: ReadStats) -> None:
    """Note the named fields that this file lacks; that some file has them was checked before."""
    for role in USUAL:
        name: str | None = getattr(fields, role)
        if name is not None and not getattr(binding, role):
            stats.note("field_missing", source, 0, f"no field {name!r} for the {role}")


def survey(records: Iterable[Mapping[str, Any]]) -> dict[Path, int]:
    """The fields of some JSON objects, nested ones too, in order of appearance, and what each holds at best."""
    present: dict[Path, int] = {}

    def look(record: Mapping[str, Any], above: Path) -> None:
        for key, value in record.items():
            path = (*above, key)
            if isinstance(value, str):
                present[path] = STRING
            elif value is None or isinstance(value, list | dict):
                present.setdefault(path, OTHER)
                if isinstance(value, dict) and len(path) < NESTING:
                    look(value, path)
            else:
                present[path] = max(present.get(path, OTHER), SCALAR)

    for record in records:
        look(record, ())
    return present
