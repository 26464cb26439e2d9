"""Hooks for licensed texts other than tweets: functions of the user that prepare a text
before its canonical text is computed.

A hook blanks or replaces the parts in which copies of a text differ (stage directions
in lyrics, datelines in news, markup and comments in code). Its result must be as long
as the text, since spans refer to the original text. A hook must not change its own
results: provscan applies it to the texts of an index, to check that it prepared them.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from provscan.errors import ParameterError
from provscan.text_buffers import TextBuffer, buffers, from_buffers

Hook = Callable[[str], str]


def hook_name(hook: Hook) -> str:
    """Return the name of a hook, which an index stores."""
    name = getattr(hook, "__qualname__", "<none>")
    if not callable(hook) or "<" in name:
        raise ParameterError(
            f"canonical must be a function with a name, not {hook!r}, since the index "
            "stores the name"
        )
    return str(name)


def prepared_texts(texts: pa.Array, hook: Hook) -> pa.LargeStringArray:
    """Prepare texts with a hook.

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
    """Prepare a text buffer with a hook."""
    return buffers(prepared_texts(from_buffers(*text), hook))


def prepared_batch(batch: pa.RecordBatch, hook: Hook) -> pa.RecordBatch:
    """Prepare the texts of a batch of tweets with a hook, and check that the hook does
    not change its own results.
    """
    column = batch.schema.get_field_index("text")
    texts = prepared_texts(batch.column(column), hook)
    require_prepared(texts, hook)
    field = batch.schema.field(column)
    return batch.set_column(column, field, texts.cast(field.type))


def require_prepared(texts: pa.Array, hook: Hook) -> None:
    """Raise :class:`~provscan.errors.ParameterError` if a hook changes texts that it
    should already have prepared.
    """
    for text, again in zip(
        texts.to_pylist(), prepared_texts(texts, hook).to_pylist(), strict=True
    ):
        if text != again:
            raise ParameterError(
                f"the hook {hook_name(hook)} changes a text that it should already "
                f"have prepared, {text[:60]!r}: give the hook that the index was built "
                "with, which must not change its own results"
            )


def _prepared(text: str, hook: Hook) -> str:
    made = hook(text)
    if not isinstance(made, str) or len(made) != len(text):
        found = (
            f"{len(made):,} characters"
            if isinstance(made, str)
            else type(made).__name__
        )
        raise ParameterError(
            f"the hook {hook_name(hook)} must return a str as long as its text: it "
            f"returned {found} for the {len(text):,} characters of {text[:60]!r}. "
            "Replace omitted parts with spaces"
        )
    return made
