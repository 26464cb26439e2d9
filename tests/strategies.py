"""Hypothesis strategies of all tests."""

import json
import unicodedata
from pathlib import Path

from hypothesis import strategies as st

# Parts of tweets, and strings that break code that reads tweets.
PIECES = tuple(json.loads(Path(__file__).with_name("pieces.json").read_text()))


def assigned() -> st.SearchStrategy[str]:
    """Draw characters that are assigned in this Python's version of Unicode, whose
    properties are stable.
    """
    return st.characters(exclude_categories=("Cn", "Cs", "Co")).filter(
        lambda c: unicodedata.category(c) != "Cn"
    )


def texts(max_pieces: int = 12) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(PIECES) | assigned(), max_size=max_pieces).map(
        "".join
    )
