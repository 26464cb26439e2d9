"""Count the tokens that a language model's tokenizer makes of matched texts."""

from __future__ import annotations

import os
from collections.abc import Callable

from provscan.errors import InputError, UsageError

Tokens = Callable[[list[str]], int]


def tokens_of(tokenizer: str | os.PathLike[str] | None) -> Tokens | None:
    """Return a function that counts the tokens of texts with a tokenizer of the library
    tokenizers (``tokenizer.json``).
    """
    if tokenizer is None:
        return None
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise UsageError(
            "--tokenizer needs one more package: pip install 'provscan[tokens]'"
        ) from None
    try:
        loaded = Tokenizer.from_file(os.fspath(tokenizer))
    except Exception as error:
        raise InputError(
            f"{os.fspath(tokenizer)} can't be read as a tokenizer: {error}. Give the "
            "tokenizer.json of a model"
        ) from None
    # The file may specify truncation, or padding to the length of the model's batches.
    loaded.no_truncation()
    loaded.no_padding()
    return lambda texts: sum(
        len(found.ids) for found in loaded.encode_batch(texts, add_special_tokens=False)
    )


def characters_per_token(tokens: Tokens, texts: list[str]) -> float | None:
    """Return the code points per token in texts; None if they have no token."""
    count = tokens(texts)
    return sum(map(len, texts)) / count if count else None
