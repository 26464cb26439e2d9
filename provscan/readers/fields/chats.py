"""Recognise chats: fields that name the speaker, and texts that are chats in JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from provscan.readers.fields.names import CHATS
from provscan.readers.json_values import parsed

SPEAKER_FIELDS = CHATS["speaker_fields"]
PROMPTERS, MODELS = frozenset(CHATS["prompters"]), frozenset(CHATS["models"])
# The field of an object in these fields that names the speaker.
INNER = "role"


def chat_in(text: str | bytes) -> Any:
    """Return the chat that a JSON text contains: a turn, a list of turns, or an object
    with such a list; None for other texts.
    """
    if text[:100].lstrip()[:1] not in ("[", "{", b"[", b"{"):
        return None
    try:
        value = parsed(text.encode() if isinstance(text, str) else text)
    except ValueError:
        return None
    parts = [value, *value.values()] if isinstance(value, dict) else [value]
    turns = [
        turn for part in parts for turn in (part if isinstance(part, list) else [part])
    ]
    speakers = (
        turn.get(name)
        for turn in turns
        if isinstance(turn, dict)
        for name in SPEAKER_FIELDS
    )
    is_chat = any(
        isinstance(speaker, str) and speaker.lower() in PROMPTERS | MODELS
        for speaker in speakers
    )
    return value if is_chat else None


def speakers_of(
    texts: Sequence[tuple[str, ...]], strings: Collection[tuple[str, ...]]
) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the fields that name the speakers of some texts. Such a field
    is a sibling of a text, or of an object that contains the text, and is not itself
    one of the texts. A record may be one turn.
    """
    above = (path[:depth] for path in texts for depth in range(len(path)))
    speakers = (
        (*outer, name, *inner)
        for outer in above
        for name in SPEAKER_FIELDS
        for inner in ((), (INNER,))
    )
    return tuple(
        dict.fromkeys(
            path for path in speakers if path in strings and path not in texts
        )
    )
