"""Determine which fields of a file contain the text, id, author, time and language of a
tweet, and the id of the tweet that it repeats.

The user names the fields, or :func:`bind` recognises them in the first records of a
file by their usual names. Values can only rule a field out, if they are not text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from provscan.errors import FieldNotFoundError
from provscan.names import snake_case
from provscan.readers.fields.binding import Binding, Fields, field_named, not_found
from provscan.readers.fields.names import NAMES, RECORDS, ROLES, in_columns
from provscan.readers.fields.paths import ANY, Path, name_of, path_of
from provscan.readers.fields.survey import Seen, reads_like_text, survey
from provscan.readers.limits import Limits, current_limits

# The URL of a tweet, which ends with its id.
PERMALINK = re.compile(r"https?://\S+/status(?:es)?/[0-9]+\S*")
# If the first records lack a role, later records are searched for it under its first
# LATE names at the top level. For "text", this is also done for records without a text
# in the field that was found, because some files mix records of the v1.1 and v2 APIs.
LATE = 2
# A list that is written as a string, and its words.
LIST, WORD = re.compile(r"[\[(][^\[\]()]*[\])]"), re.compile(r"\w+")
# Maximum number of distinct words in a field of labels; texts have more.
MOST_LABELS = 40
# Minimum share of the values of a field that must be links or lists.
SHARE = 0.9


def bind(
    records: Iterable[Any], source: str, *, fields: Fields, limits: Limits
) -> Binding:
    """Return the field of each role in a file, from its first records."""
    found = {
        path: seen for path, seen in survey(records, limits).items() if ANY not in path
    }
    known: dict[str, Path] = {}
    for path, seen in found.items():
        name = _usual_name(path)
        if seen.values or name not in known:
            known[name] = path
    if "mid" not in known:
        known.pop("uid", None)  # In other sets than Weibo's, the id of a row.
    # Names that the user gave come first, then usual names.
    roles, missing = _named_roles(fields, found, source)
    others = [role for role in ROLES if role not in roles and role not in missing]
    labels = {path for path, seen in found.items() if _are_labels(seen)}
    usual = {
        role: [known[name] for name in in_columns(NAMES[role]) if name in known]
        for role in others
    }
    if "text" in usual:
        usual["text"] = [path for path in usual["text"] if path not in labels]
    roles |= _usual_roles(usual, found)
    if "text" not in roles:
        what = "no field is named as the text of tweets usually is"
        if short := usual.get("text"):
            names = ", ".join(map(name_of, short))
            what = f"the values of {names} do not read like text"
        if likely := _with_texts(found):
            names = ", ".join(map(name_of, likely))
            what += f" (but the values of {names} read like text)"
        # Options can name the fields of a corpus and of a dataset, but not of a
        # control file.
        also = "; in a control file, rename it to text"
        raise not_found(what, found, source, also=also)
    if "id" not in roles and "id" not in missing:
        links = (path for path, seen in found.items() if seen.share(_is_link) >= SHARE)
        if (link := next(links, None)) is not None:
            roles["id"] = link
    paths: dict[str, tuple[Path, ...]] = {role: (path,) for role, path in roles.items()}
    # Later records may have other fields than the first ones.
    for role in ROLES:
        late = [(name,) for name in NAMES[role] if "." not in name][:LATE]
        if role == "text":
            if not fields.texts:
                whole = (
                    known[name] for name in RECORDS["whole_texts"] if name in known
                )
                several = dict.fromkeys([*whole, roles[role], *late])
                paths[role] = tuple(path for path in several if path not in labels)
        elif name := getattr(fields, role):
            possible = dict.fromkeys([(name,), path_of(name)])
            paths.setdefault(role, tuple(path for path in possible if ANY not in path))
        elif role not in roles:
            paths[role] = tuple(dict.fromkeys([*usual[role], *late]))
    wanted = {path: found[path].type for path in roles.values()}
    wanted[roles["text"]] = pa.large_string()
    taken = {path[0] for path in wanted}
    later = (path for role in paths for path in paths[role] if path[0] not in taken)
    return Binding(
        paths,
        wanted | dict.fromkeys(later, pa.string()),
        missing=missing,
        named=bool(fields.texts),
    )


def _usual_name(path: Path) -> str:
    """Return a path in snake case, without the parts that MongoDB (``id.$numberLong``)
    and Elasticsearch add.
    """
    return snake_case(".".join(path)).partition(".$")[0].removeprefix("_source.")


def no_tweet_by_names(record: Any) -> bool:
    """Return whether no field of a record has a usual name of an id, a date or, except
    for "title", a text of tweets.
    """
    usual = in_columns((*NAMES["text"], *NAMES["id"], *NAMES["date"]))
    names = {_usual_name(path) for path in survey([record], current_limits())}
    return names.isdisjoint({*usual} - {"title"})


def _named_roles(
    fields: Fields, found: Mapping[Path, Seen], source: str
) -> tuple[dict[str, Path], dict[str, FieldNotFoundError]]:
    """Return the fields that the user named, and an error for each that is missing."""
    roles, missing = {}, {}
    for role in ROLES:
        name = fields.texts[0] if role == "text" and fields.texts else None
        name = name or getattr(fields, role)
        if name is None:
            continue
        if (path := field_named(name, found)) is not None:
            roles[role] = path
            continue
        what = f"no field {name!r} for the {role}"
        missing[role] = not_found(what, found, source, role)
    if "text" in missing:
        raise missing["text"]
    return roles, missing


def _usual_roles(
    usual: Mapping[str, list[Path]], found: Mapping[Path, Seen]
) -> dict[str, Path]:
    """Return for each role the first field with a usual name that has values."""
    roles = {
        role: path
        for role, paths in usual.items()
        for path in reversed(paths)
        if found[path].values
    }
    if texts := usual.get("text"):
        # A field named "status" may contain "active", and one named "title" may be
        # empty.
        likely = [path for path in texts if found[path].share(_is_text)]
        strings = [path for path in texts if found[path].strings]
        roles["text"] = (likely or strings or texts)[0]
        if not likely and _with_texts(found):
            del roles["text"]
    return roles


def _are_labels(seen: Seen) -> bool:
    """Return whether the values of a field are lists of labels that are written as
    strings, such as ``['Hindi', 'Hindi']``: few words that are repeated.
    """
    if not seen.strings or seen.share(_is_list) < SHARE:
        return False
    words = [word for value in seen.strings for word in WORD.findall(value)]
    return len(set(words)) <= min(len(words) // 2, MOST_LABELS)


def _is_list(value: Any) -> bool:
    return isinstance(value, str) and LIST.fullmatch(value.strip()) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and reads_like_text(value)


def _is_link(value: Any) -> bool:
    return isinstance(value, str) and PERMALINK.fullmatch(value.strip()) is not None


def _with_texts(found: Mapping[Path, Seen]) -> list[Path]:
    """Return the fields of which most values read like text."""
    return [
        path
        for path, seen in found.items()
        if seen.share(_is_text) > 0.5
        and seen.share(_is_list) < 1
        and not _are_labels(seen)
    ]
