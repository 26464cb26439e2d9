"""Hooks that the user supplies for licensed texts other than tweets: functions that
prepare a text before its canonical text is computed.

A hook blanks or replaces the parts in which copies of a text differ (stage directions
in lyrics, datelines in news, markup and comments in code). Its result is as long as the
text, so that spans refer to the original text. Applying a hook to its own result must
change nothing: this is how an index checks that a hook prepared its texts.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from provscan.errors import ParameterError
from provscan.text_buffers import TextBuffer, buffers, from_buffers

Hook = Callable[[str], str]


def hook_name(hook: Hook) -> str:
    """Return the name of a hook that an index stores."""
    name = getattr(hook, "__qualname__", "<none>")
    if not callable(hook) or "<" in name:
        raise ParameterError(
            f"canonical must be a function with a name of its own, not {hook!r}: the "
            "index records it"
        )
    return str(name)


def prepared_texts(texts: pa.Array, hook: Hook) -> pa.LargeStringArray:
    """Return texts after a hook has prepared them.

    Raises
    ------
    ParameterError
        A result is not a string, or its length in code points differs from that of its
        text.
    """
    return pa.array(
        [None if text is None else _prepared(text, hook) for text in texts.to_pylist()],
        pa.large_string(),
    )


def prepared_buffers(text: TextBuffer, hook: Hook) -> TextBuffer:
    """Return a text buffer after a hook has prepared it."""
    return buffers(prepared_texts(from_buffers(*text), hook))


def prepared_batch(batch: pa.RecordBatch, hook: Hook) -> pa.RecordBatch:
    """Return a batch of tweets whose texts a hook has prepared, after checking that
    preparing the texts again does not change them.
    """
    place = batch.schema.get_field_index("text")
    texts = prepared_texts(batch.column(place), hook)
    require_prepared(texts, hook)
    return batch.set_column(
        place, batch.schema.field(place), texts.cast(batch.schema.field(place).type)
    )


def require_prepared(texts: pa.Array, hook: Hook) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a hook changes texts that it
    should have prepared before.
    """
    for text, again in zip(
        texts.to_pylist(), prepared_texts(texts, hook).to_pylist(), strict=True
    ):
        if text != again:
            raise ParameterError(
                f"the hook {hook_name(hook)} changes a text that it should have "
                f"prepared before, {text[:60]!r}: give the hook that the index was "
                "built with, whose result does not change when it is applied again"
            )


def _prepared(text: str, hook: Hook) -> str:
    made = hook(text)
    if not isinstance(made, str) or len(made) != len(text):
        found = len(made) if isinstance(made, str) else type(made).__name__
        raise ParameterError(
            f"the hook {hook_name(hook)} must return a str as long as its text: it "
            f"returned {found} for the {len(text):,} characters of {text[:60]!r}. "
            "Replace omitted parts with spaces"
        )
    return made
