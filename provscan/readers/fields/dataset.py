"""Determine which fields of a dataset's file are texts, and which fields are the id and
the date of a record.

Fields are named by the user or chosen by their values. The first records of a file are
surveyed once. Every field with strings that look like text is scanned, and so is a
string field that is empty in these records. Fields with ids, URLs, hashes, dates and
short codes are not scanned. A single value of any other unscanned field is scanned if
it reads like text (:mod:`provscan.readers.fields.later`). The verdict on each field is
counted by its code in ``names.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from provscan.kernels.reading.other_texts import LEAST_LETTERS, LEAST_WORDS, NEVER
from provscan.names import snake_case
from provscan.readers.dates import YEAR, form_of
from provscan.readers.fields.binding import Binding, Fields, field_named, not_found
from provscan.readers.fields.chats import speakers_of
from provscan.readers.fields.names import DATASET, NAMES, in_columns
from provscan.readers.fields.paths import ANY, Path, name_of, path_of
from provscan.readers.fields.survey import (
    ADDRESS,
    BINARY,
    BYTES,
    DATE,
    Seen,
    is_word,
    reads_like_text,
    survey,
)
from provscan.readers.json_values import key_in_file
from provscan.readers.limits import Limits

TEXTS, ID = frozenset(DATASET["texts"]), DATASET["ids"]
# Fields with these names are ids or addresses, unless their values are texts.
NO_TEXTS = re.compile(
    r"(^|_)(id|ids|id_str|uuid|guid|url|urls|uri|href|link|hash|sha1?|sha256|md5|digest|checksum)$"
)
# The codes of verdicts on fields, which are keys in summary.json.
SCANNED, IF_THERE, JOINED = "scanned", "scanned_if_there", "scanned_joined"
# The texts are divided over several records or elements of a list, so that copies are
# not found.
SINGLE_WORDS = "scanned_single_words"
EMPTY, ADDRESSES, DATES, CODES = "empty", "addresses", "dates", "codes"
NO_TEXT_BY_NAME, TOO_DEEP = "no_text_by_name", "too_deep"
NOT_NAMED, SPEAKER, LABELS = "not_named", "speaker", "labels"
# The strings of a list are the words of one text if lists have at least LEAST_WORDS
# strings on average, more than the share NEARLY_ALL of all strings look like words, and
# more than the share DIFFERENT are distinct: tags, such as parts of speech, recur.
NEARLY_ALL, DIFFERENT = 0.9, 0.4
# A field is reported as single words only if it has at least this many texts.
LEAST_ALONE = 100
# Objects with these names describe the object that contains them.
METADATA = frozenset(DATASET["metadata"])
# The values of a field are labels if there are at most MOST_LABELS different ones of
# fewer than LONGEST_LABEL characters in at least LEAST_LABELS of the first strings.
MOST_LABELS, LONGEST_LABEL, LEAST_LABELS = 3, 40, 100


def _last(path: Path) -> str:
    return snake_case(
        key_in_file(next((key for key in reversed(path) if key != ANY), ""))
    )


def usual_name(name: str) -> bool:
    """Return whether a field with this name is usually a text or an id."""
    return snake_case(name) in TEXTS or snake_case(name) in ID


def verdict(path: Path, seen: Seen) -> str:
    """Return "text", or the code of the reason why the field is not a text."""
    name, strings = _last(path), seen.strings
    if name in TEXTS:
        return "text"
    share = sum(map(reads_like_text, strings)) / max(len(strings), 1)
    if share >= 0.1:
        labels = (
            len(strings) >= LEAST_LABELS
            and len(set(strings)) <= MOST_LABELS
            and max(map(len, strings)) < LONGEST_LABEL
        )
        return LABELS if labels else "text"
    if NO_TEXTS.search(name):
        return NO_TEXT_BY_NAME
    if not strings:
        return EMPTY
    if all(ADDRESS.fullmatch(value.strip()) for value in strings):
        return ADDRESSES
    if all(DATE.fullmatch(value.strip()) for value in strings):
        return DATES
    return CODES


def _word_lists(found: Mapping[Path, Seen]) -> set[Path]:
    """Return the paths of elements of lists that are the words of a text."""
    return {
        path
        for path, seen in found.items()
        if len(path) > 1
        and path[-1] == ANY
        and verdict(path, seen) in ("text", CODES)
        and _differ(seen.strings)
        and seen.kinds["string"] >= LEAST_WORDS * found[path[:-1]].kinds["list"]
        and _nearly_all_words(seen.strings)
    }


def are_words(strings: Sequence[str]) -> bool:
    """Return whether the strings of one list are the words of a text."""
    return (
        len(strings) >= LEAST_WORDS and _differ(strings) and _nearly_all_words(strings)
    )


def _differ(strings: Sequence[str]) -> bool:
    return len(set(strings)) > DIFFERENT * len(strings)


def _nearly_all_words(strings: Sequence[str]) -> bool:
    return sum(map(is_word, strings)) > NEARLY_ALL * len(strings)


def bind(
    records: Iterable[Any], source: str, *, fields: Fields, limits: Limits
) -> Binding:
    """Determine from a file's first records which of its fields are texts, ids and
    dates.
    """
    found = survey(records, limits)
    strings = {
        path: seen
        for path, seen in found.items()
        if "string" in seen.kinds and not _may_be_binary(seen)
    }
    words = _word_lists(found)
    verdicts = {
        path: "text" if path in words else verdict(path, seen)
        for path, seen in strings.items()
    }
    empty, within = frozenset[Path](), None
    if fields.texts:
        texts, within = _named_texts(fields.texts, found, source)
    else:
        texts = _likely_texts(verdicts, found, source)
        empty = frozenset(path for path in verdicts if verdicts[path] == EMPTY)
    chats = [path for path, seen in strings.items() if "chat" in seen.kinds]
    # If a text that is a chat is scanned, so are all texts in it.
    turns = [
        path
        for path in strings
        if verdicts[path] == "text"
        and (outer := _stored_at(path, chats)) != path
        and outer in texts
    ]
    texts = list(dict.fromkeys([*texts, *turns]))
    speakers = speakers_of(texts, strings) if fields.outputs else ()
    others = {
        path: NEVER
        if BINARY in found[path].kinds
        else LONGEST_LABEL
        if verdicts.get(path) == LABELS
        else 0
        for path in found
        if path in strings or _may_be_binary(found[path])
    }
    others |= dict.fromkeys([*texts, *speakers], NEVER)
    verdicts |= {path: TOO_DEEP for path in found if "deeper" in found[path].kinds}
    if fields.texts:
        verdicts = dict.fromkeys(verdicts, NOT_NAMED)
    verdicts |= _scanned(texts, words, found)
    verdicts |= dict.fromkeys(speakers, SPEAKER)
    wanted = {
        _stored_at(path, chats): pa.large_string() for path in (*texts, *speakers)
    }
    joined = [path[:-1] if path in words else path for path in (*texts, *speakers)]
    others |= dict.fromkeys(joined, NEVER)
    paths = {"text": tuple(dict.fromkeys(joined))}
    missing = {}
    if (chosen := _id(fields.id, found)) is not None:
        paths["id"] = (chosen,)
        kind = found[chosen].type
        # As a column of floats, later ids that are integers would lose digits.
        wanted.setdefault(chosen, pa.string() if kind == pa.float64() else kind)
    elif fields.id is not None:
        what = f"no field {fields.id!r} for the id of a record"
        missing["id"] = not_found(what, found, source, "id")
    date_form = ""
    if (dated := _date(found, texts)) is not None:
        date, date_form = dated
        paths["date"] = (date,)
        wanted.setdefault(date, found[date].type)
    return Binding(
        paths,
        wanted,
        missing=missing,
        named=bool(fields.texts),
        verdicts={name_of(path): why for path, why in verdicts.items()},
        date_form=date_form,
        outputs=fields.outputs,
        chats=tuple(chats),
        keys=() if fields.texts else _texts_in_keys(found),
        empty=empty,
        words=frozenset(path[:-1] for path in words),
        others=others,
        within=within,
    )


def _may_be_binary(seen: Seen) -> bool:
    """Return whether a field has bytes but, in the first records, none with text."""
    return not seen.strings and not {BINARY, BYTES}.isdisjoint(seen.kinds)


def _stored_at(path: Path, chats: Iterable[Path]) -> Path:
    """Return the path of the file's field that contains a text: of the chat in JSON
    that the text is part of, or else of the text itself.
    """
    return next((chat for chat in chats if path[: len(chat)] == chat), path)


def _named_texts(
    names: Iterable[str], found: Mapping[Path, Seen], source: str
) -> tuple[list[Path], tuple[Path, ...]]:
    """Return the texts that the user named, and the fields with them. If at least one
    of them is in the first records, the others may be in later ones.
    """
    fields = {
        name: next(
            (p for p in [(name,), path_of(name)] if _within(p, found)), path_of(name)
        )
        for name in names
    }
    texts = [path for field in fields.values() for path in _below(field, found)]
    if not any(_within(field, found) for field in fields.values()):
        what = f"no field {' or '.join(map(repr, fields))} for the text"
        raise not_found(what, found, source)
    return texts, tuple(fields.values())


def _within(outer: Path, found: Iterable[Path]) -> list[Path]:
    return [path for path in found if path[: len(outer)] == outer]


def _below(field: Path, found: Mapping[Path, Seen]) -> list[Path]:
    """Return the texts of a field: the field itself, or else all texts in it."""
    strings = [p for p in _within(field, found) if "string" in found[p].kinds]
    direct = [p for p in strings if all(key == ANY for key in p[len(field) :])]
    texts = [path for path in strings if verdict(path, found[path]) == "text"]
    return direct or texts or [field]


def _likely_texts(
    verdicts: Mapping[Path, str], found: Mapping[Path, Seen], source: str
) -> list[Path]:
    """Return the fields with texts, and the fields that are empty in the first records.

    If no field has texts of several words, the fields with one or two words are
    returned, but not ids and addresses.
    """
    kinds = {"text"} if "text" in verdicts.values() else {CODES, LABELS}
    texts = [path for path, why in verdicts.items() if why in {*kinds, EMPTY}]
    # If there are none, a field named "text" or "content" is returned although its
    # values are not text but, for example, numbers: all records are then skipped and
    # counted.
    texts = texts or [path for path in (("text",), ("content",)) if path in found]
    if not texts:
        raise not_found("no field that contains text", found, source)
    return texts


def _scanned(
    texts: Iterable[Path], words: set[Path], found: Mapping[Path, Seen]
) -> dict[Path, str]:
    """Return the verdicts on the fields that are scanned."""
    there = [path for path in texts if path in found]
    verdicts = dict.fromkeys(texts, IF_THERE) | dict.fromkeys(there, SCANNED)
    strings = [word for path in there for word in found[path].strings]
    # If each text is a single word, the original texts are divided over several
    # records.
    alone = len(strings) >= LEAST_ALONE and _nearly_all_words(strings)
    for path in texts:
        if path in words:
            verdicts[path] = JOINED
        elif path in found and alone:
            verdicts[path] = SINGLE_WORDS
    return verdicts


def _texts_in_keys(found: Mapping[Path, Seen]) -> tuple[str, ...]:
    """Return the keys that are texts. A key that at least half of the objects of its
    kind have is the name of a column, such as a question of a survey.
    """
    times = {path: sum(seen.kinds.values()) for path, seen in found.items()}
    objects = dict[Path, int]()
    for path, count in times.items():
        objects[path[:-1]] = max(count, objects.get(path[:-1], 1))
    return tuple(
        path[-1]
        for path, count in times.items()
        if (count == 1 or 2 * count < objects[path[:-1]])
        and sum(map(str.isalpha, path[-1])) >= LEAST_LETTERS
        and reads_like_text(path[-1])
    )


def _id(name: str | None, found: Mapping[Path, Seen]) -> Path | None:
    """Return the field with the ids of records: the one that the user named, or the
    first with a usual name.
    """
    for usual in [name] if name else ID:
        path = field_named(usual, found)
        if path is None or ANY in path or {"object", "list"} & found[path].kinds.keys():
            continue
        return path
    return None


def _date(found: Mapping[Path, Seen], texts: Sequence[Path]) -> tuple[Path, str] | None:
    """Return the field with the dates of records, and their form: the first with a
    usual name whose values are dates. It is in an object that contains all texts of the
    record, or in metadata of this object: a date elsewhere, such as that of an account,
    is not the record's.
    """
    names = (*in_columns(NAMES["date"]), *DATASET["years"])
    rank = {name: place for place, name in enumerate(names)}
    paths = [path for path in found if snake_case(path[-1]) in rank]
    for path in sorted(paths, key=lambda path: (rank[snake_case(path[-1])], len(path))):
        outer = tuple(key for key in path[:-1] if snake_case(key) not in METADATA)
        around = all(text[: len(outer)] == outer for text in texts)
        if ANY in path or not around or {"object", "list"} & found[path].kinds.keys():
            continue
        form = form_of(found[path].values)
        # Four digits elsewhere may be no year, but a length of time.
        if form is not None and (
            form != YEAR or re.search("date|year", path[-1], re.IGNORECASE)
        ):
            return path, form
    return None
