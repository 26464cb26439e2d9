"""Determine which fields of a file are texts, and which field is the id of a record.

Fields are named by the user or chosen by their values. The first records of a file are
surveyed once. Every field with strings that look like text is scanned, and so is a
string field that is empty in these records; ids, URLs, hashes, dates and short codes
are not. The verdict on each field is counted, and so are texts of later records in
fields that the first records lack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from provscan.errors import FieldNotFoundError
from provscan.names import snake_case
from provscan.readers.formats.protocol import ANY, Path
from provscan.readers.limits import Limits
from provscan.readers.texts.model_outputs import chat_in, roles_of
from provscan.readers.texts.words import UNSPACED, are_words, single_words

# Fields with these names are texts, however short.
TEXTS = {
    "text",
    "full_text",
    "content",
    "contents",
    "body",
    "tweet",
    "tweet_text",
    "message",
    "messages",
    "document",
    "raw_content",
    "raw_text",
    "prompt",
    "completion",
    "response",
    "output",
    "input",
    "instruction",
    "question",
    "answer",
    "answers",
    "query",
    "title",
    "headline",
    "selftext",
    "comment",
    "sentence",
    "sentence1",
    "sentence2",
    "post",
    "value",
    "chosen",
    "rejected",
    "context",
    "passage",
    "abstract",
    "summary",
    "description",
    "caption",
    "generated",
    "generated_text",
    "generation",
    "model_output",
    "prediction",
    "utterance",
    "dialogue",
    "dialog",
    "conversation",
    "txt",
}
# Fields with these names are not texts, whatever their values look like.
NO_TEXTS = re.compile(
    r"(^|_)(id|ids|id_str|uuid|guid|url|urls|uri|href|link|hash|sha1?|sha256|md5|digest|checksum)$"
)
ID = (
    "id",
    "id_str",
    "_id",
    "uuid",
    "doc_id",
    "record_id",
    "tweet_id",
    "guid",
    "key",
    "idx",
    "warc_record_id",
    "url",
)

# Verdicts on fields that are not scanned but might have text in later records.
EMPTY = "empty in the first records"
ADDRESSES = "addresses"
DATES = "dates or numbers"
CODES = "short codes or names"
TOO_DEEP = "nested more deeply than is searched"
NOT_SCANNED = "not scanned: "
SCANNED, IF_THERE = "scanned", "scanned in later records, if it is there"
JOINED = "scanned, the words of a list as one text"
# Verdicts on fields whose texts may continue over several records or list elements, so
# that copies are not found.
SINGLE_WORDS = "scanned, but holds single words"
CUES = "scanned, but holds cues of a transcript"
AS_SCANNED = {SCANNED, IF_THERE, JOINED, SINGLE_WORDS, CUES}
BY_FIRST_RECORDS = {NOT_SCANNED + why for why in (ADDRESSES, DATES, CODES)}
# One in this many records is searched for texts in fields that the first records lack.
SEARCHED = 100

SAMPLE = 200
DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].{0,30})?|[A-Z][a-z]{2},? "
    r".{0,6}\d{1,2}.{0,6} [\d:]{4,8}.{0,14}|[\d\s:.,+-]+"
)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+|\S+@\S+\.\S+|data:\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of fields that the user gave; None for fields that are determined by
    their values.

    With ``outputs``, the records are outputs of a model, and what the model was given
    is left out (:mod:`provscan.readers.texts.model_outputs`). With ``fix_encoding``,
    garbled texts are counted as repaired (:mod:`provscan.readers.texts.garbled`). A
    dotted name such as ``user.screen_name`` names a field inside objects, and ``[]``
    the elements of a list: ``messages[].content``.
    """

    text: str | tuple[str, ...] | None = None
    id: str | None = None
    author: str | None = None
    date: str | None = None
    lang: str | None = None
    rt_of: str | None = None
    outputs: bool = False
    fix_encoding: bool = False

    def __post_init__(self) -> None:
        if self.text is not None and not isinstance(self.text, str):
            object.__setattr__(self, "text", tuple(self.text) or None)

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of the text fields; empty if they are to be determined."""
        return (
            ()
            if self.text is None
            else (self.text,)
            if isinstance(self.text, str)
            else self.text
        )


@dataclass(slots=True)
class Seen:
    """A summary of one field's values in the first records."""

    strings: list[str] = field(default_factory=list)
    texts: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """The paths of the texts and the id in one file, and the verdict on each string
    field.

    For outputs of a model, the paths of the fields that name the speakers follow those
    of the texts.
    """

    texts: tuple[Path, ...]
    id: Path | None
    verdicts: dict[str, str]
    wanted: dict[Path, pa.DataType]
    outputs: bool = False
    chats: bool = False  # Whether some texts are chats in JSON.
    # Fields that are empty in the first records; empty texts in them don't count.
    empty: frozenset[Path] = frozenset()
    # Lists whose elements are the words of a text.
    words: frozenset[Path] = frozenset()
    named: bool = False  # Whether the user named the fields.


def name_of(path: Path) -> str:
    """``("messages", ANY, "content")`` -> ``messages[].content``."""
    return f".{'.'.join(path)}".replace(f".{ANY}", "[]").removeprefix(".")


def survey(records: Iterable[Any], limits: Limits) -> dict[Path, Seen]:
    """Return the fields of some records in order of appearance, including those within
    objects and lists.
    """
    found: dict[Path, Seen] = {}

    def visit(value: Any, path: Path) -> None:
        if isinstance(value, dict):
            if path:
                count(path, "object")
            if len(path) < limits.nesting:
                for key, inner in value.items():
                    visit(inner, (*path, str(key)))
            elif value:
                count(path, "deeper")
        elif isinstance(value, list):
            count(path, "list")
            if len(path) < limits.nesting:
                for inner in value[:50]:
                    visit(inner, (*path, ANY))
            elif value:
                count(path, "deeper")
        else:
            if isinstance(value, bytes):
                try:
                    value = value.decode()
                except UnicodeDecodeError:
                    value = None
            kind = (
                "string"
                if isinstance(value, str)
                else "null"
                if value is None
                else type(value).__name__
            )
            seen = count(path, kind)
            if isinstance(value, str) and value and len(seen.strings) < SAMPLE:
                seen.strings.append(value[:2000])
                if (chat := chat_in(value)) is not None:
                    seen.kinds["chat"] = 1
                    visit(chat, path)

    def count(path: Path, kind: str) -> Seen:
        seen = found.setdefault(path, Seen())
        seen.kinds[kind] = seen.kinds.get(kind, 0) + 1
        return seen

    for record in records:
        visit(record, ())
    return found


def _last(path: Path) -> str:
    return snake_case(next((key for key in reversed(path) if key != ANY), ""))


def usual_name(name: str) -> bool:
    """Return whether fields with this name are usually texts or ids."""
    return snake_case(name) in TEXTS or snake_case(name) in ID


def reads_like_text(value: str) -> bool:
    """Return whether a value has three words, or eight characters of a script without
    spaces, and is not a date or an address.
    """
    value = value.strip()
    if len(value.split(None, 3)) < 3 and len(UNSPACED.findall(value[:200])) < 8:
        return False
    return DATE.fullmatch(value) is None and ADDRESS.fullmatch(value) is None


def verdict(path: Path, seen: Seen) -> str:
    """Return "text", or the reason why the field is not a text."""
    name, strings = _last(path), seen.strings
    if name in TEXTS:
        return "text"
    if NO_TEXTS.search(name):
        return "id or address, by its name"
    if not strings:
        return EMPTY
    share = sum(map(reads_like_text, strings)) / len(strings)
    if share >= 0.1 and not (
        len(strings) >= 100 and len(set(strings)) <= 3 and max(map(len, strings)) < 40
    ):
        return "text"
    if all(ADDRESS.fullmatch(value.strip()) for value in strings):
        return ADDRESSES
    if all(DATE.fullmatch(value.strip()) for value in strings):
        return DATES
    return CODES


def _word_lists(found: dict[Path, Seen]) -> set[Path]:
    """Return the lists whose elements are the words of a text."""
    elements = [
        (path, seen)
        for path, seen in found.items()
        if path[-1:] == (ANY,) and seen.strings
    ]
    return {
        path
        for path, seen in elements
        if verdict(path, seen) in ("text", CODES)
        and are_words(
            seen.strings, seen.kinds["string"], found[path[:-1]].kinds["list"]
        )
    }


def _timed(found: dict[Path, Seen]) -> set[Path]:
    """Return the objects that have a start time and an end time or duration in
    seconds, like the cues of transcripts.
    """
    seconds: dict[Path, set[str]] = {}
    for path, seen in found.items():
        if "float" in seen.kinds:
            seconds.setdefault(path[:-1], set()).add(_last(path))
    ends = {"end", "end_time", "duration", "dur"}
    return {
        path
        for path, names in seconds.items()
        if names & {"start", "start_time", "offset"} and names & ends
    }


def path_of(name: str) -> Path:
    """``messages[].content`` -> ``("messages", ANY, "content")``."""
    return tuple(name.replace("[]", f".{ANY}").split("."))


def _named(name: str, found: dict[Path, Seen]) -> list[Path]:
    """Return the paths to which a name given by the user refers: a field with exactly
    that name, a path, or all texts below it.
    """
    for candidate in ((name,), path_of(name)):
        below = [
            found_path
            for found_path in found
            if found_path[: len(candidate)] == candidate
        ]
        strings = [p for p in below if "string" in found[p].kinds]
        direct = [p for p in strings if all(key == ANY for key in p[len(candidate) :])]
        if direct:
            return direct
        if texts := [p for p in strings if verdict(p, found[p]) == "text"]:
            return texts
        if below:
            return [candidate]
    return []


def bind(fields: Fields, found: dict[Path, Seen], source: str) -> Binding:
    strings = {path: seen for path, seen in found.items() if "string" in seen.kinds}
    words = _word_lists(found)
    deeper = [path for path, seen in found.items() if "deeper" in seen.kinds]
    verdicts = {
        name_of(path): "text" if path in words else verdict(path, seen)
        for path, seen in strings.items()
    }
    empty: set[Path] = set()
    if fields.texts:
        paths = {name: _named(name, found) for name in fields.texts}
        # If the user gave several names, a field that the first records lack may be in
        # later ones.
        texts = [
            path for name, there in paths.items() for path in there or [path_of(name)]
        ]
        if not any(paths.values()):
            raise not_found(
                f"no field {' or '.join(map(repr, fields.texts))} for the text",
                names_of(found),
                source,
            )
    else:
        # If no field has longer texts, choose every field that is neither id nor
        # address: it has texts of one or two words.
        kind = "text" if "text" in verdicts.values() else CODES
        texts = [path for path in strings if verdicts[name_of(path)] in (kind, EMPTY)]
        empty = {path for path in strings if verdicts[name_of(path)] == EMPTY}
        # Choose a field whose values are never text, such as numbers, too, so that its
        # records are counted one by one.
        texts = texts or [path for path in (("text",), ("content",)) if path in found]
        if not texts:
            raise not_found("no field that holds text", names_of(found), source)
    chats = [path for path, seen in strings.items() if "chat" in seen.kinds]

    def stored(path: Path) -> Path:
        return next((chat for chat in chats if path[: len(chat)] == chat), path)

    # Naming a text that is a chat selects all texts in it.
    known = set(texts)
    turns = [
        path
        for path in strings
        if path != stored(path) in known and verdicts[name_of(path)] == "text"
    ]
    texts = list(dict.fromkeys([*texts, *turns]))
    verdicts |= dict.fromkeys(map(name_of, deeper), TOO_DEEP)
    if fields.texts:
        verdicts = dict.fromkeys(verdicts, "not named")
    for path in texts:
        verdicts[name_of(path)] = (
            JOINED if path in words else SCANNED if path in found else IF_THERE
        )
    if single_words(
        [value for path in texts if path in found for value in found[path].strings]
    ):
        verdicts.update(
            {
                name_of(path): SINGLE_WORDS
                for path in texts
                if path in found and path not in words
            }
        )
    timed = _timed(found)
    verdicts.update({name_of(path): CUES for path in texts if path[:-1] in timed})
    ids = (
        _named(fields.id, found)
        if fields.id
        else [(name,) for name in ID if (name,) in found]
    )
    chosen = next(
        (
            path
            for path in ids
            if ANY not in path and not {"object", "list"} & found[path].kinds.keys()
        ),
        None,
    )
    if fields.outputs:
        known = set(texts)
        roles = roles_of(texts, [path for path in strings if path not in known])
        verdicts.update({name_of(path): "tells who speaks" for path in roles})
        texts += roles
    wanted: dict[Path, pa.DataType] = {
        stored(path): pa.large_string() for path in texts
    }
    if chosen is not None and chosen not in wanted:
        kinds = found[chosen].kinds
        wanted[chosen] = (
            pa.int64() if "int" in kinds and "string" not in kinds else pa.string()
        )
    return Binding(
        tuple(dict.fromkeys(path[:-1] if path in words else path for path in texts)),
        chosen,
        {n: v if v in AS_SCANNED else NOT_SCANNED + v for n, v in verdicts.items()},
        wanted,
        fields.outputs,
        bool(chats),
        frozenset(empty),
        frozenset(path[:-1] for path in words),
        bool(fields.texts),
    )


def binding_in(
    records: list[Any], fields: Fields, source: str, limits: Limits
) -> Binding:
    """Survey the first records and bind the fields."""
    return bind(fields, survey(records, limits), source)


def later_texts(records: Iterable[Any], binding: Binding, limits: Limits) -> list[str]:
    """Return the fields that contain text in these records but are in none of the first
    records of the file.
    """
    found = {} if binding.named else survey(records, limits)
    later = {
        name_of(path): path for path, seen in found.items() if "string" in seen.kinds
    }
    new = later.keys() - binding.verdicts.keys()
    return [
        name
        for name, path in later.items()
        if name in new and verdict(path, found[path]) == "text"
    ]


def names_of(found: Iterable[Path]) -> list[str]:
    # Outer fields come first, since nested ones are many.
    return [name_of(path) for path in sorted(found, key=len) if path]


def not_found(
    what: str, names: Iterable[str], source: str, role: str = "text", also: str = ""
) -> FieldNotFoundError:
    """Return an error that names the expected field and the existing fields; ``also``
    adds another remedy.
    """
    # A name from lenient JSON may contain characters that can't be printed.
    known = [name.encode(errors="replace").decode() for name in names]
    there = ", ".join(known[:40]) + (
        f" and {len(known) - 40} more" if len(known) > 40 else ""
    )
    option = role.replace("_", "-")
    return FieldNotFoundError(
        f"{source}: {what} in its first records. The fields there are: "
        f"{there or 'none'}. Name the one that holds the {role} with {role}_field "
        f"(--{option}-field){also}."
    )
