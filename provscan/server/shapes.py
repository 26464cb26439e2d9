"""Define the fields of requests and answers. The documentation of the API is made from
them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EXAMPLE = "They say every meeting should end with one biscuit."


class Text(BaseModel):
    """A text to look up."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(description="The text.", examples=[EXAMPLE])
    id: str | None = Field(
        None, description="Your own id of the text, which the answer repeats."
    )


class Batch(BaseModel):
    """Texts to look up."""

    model_config = ConfigDict(extra="forbid")
    texts: list[Text] = Field(description="Any number of texts.")


class IndexFacts(BaseModel):
    """The index from which an answer was made."""

    fingerprint: str = Field(
        description="Identifies the tweets and parameters; equal for equal indexes."
    )
    generation: int = Field(
        description="The version of the index, which rises with each change."
    )
    tweets: int = Field(description="The number of licensed tweets.")
    texts: int = Field(description="The number of different texts of these tweets.")


Run = tuple[int, int, Literal["differs", "left_out", "not_compared"]]


class Differences(BaseModel):
    """The places at which passage and tweet differ: `[start, end, kind]` in code
    points.
    """

    passage: list[Run]
    tweet: list[Run]


class Match(BaseModel):
    """A place in the text that shares wording with a licensed tweet."""

    start: int = Field(description="Start of the place in the text, in code points.")
    end: int = Field(description="End of the place, exclusive.")
    tweet_id: str = Field(description="The earliest tweet with this text.")
    tweets: int = Field(description="The number of licensed tweets with this text.")
    authors: int = Field(
        description="The number of authors who posted it; 0 if unknown."
    )
    level: Literal["exact", "near_exact", "strong", "weak", "partial"]
    match: str = Field(description="The level in words.")
    similarity: float = Field(
        description="Jaccard index of the 5-grams of the two texts."
    )
    containment: float = Field(description="Share of the tweet's 5-grams found here.")
    bits: float | None = Field(
        description="Rarity of the wording; null if it is unknown for the script."
    )
    rarity: str = Field(description="The rarity in words.")
    why: str = Field(
        description="The bits, or why the wording counts as common, short or unknown."
    )
    common: bool = Field(description="Three authors or more posted the text.")
    known: bool = Field(
        description="Always false here; only `provscan match --other-sources` sets it."
    )
    counted: bool = Field(
        description="Whether it is a finding: its wording is rare and long enough."
    )
    before: str = Field(description="The text before the passage.")
    passage: str = Field(description="The passage, up to 2,000 code points of it.")
    after: str = Field(description="The text after the passage.")
    tweet: str = Field(description="The text of the tweet.")
    differences: Differences
    author: str | None
    time: str | None = Field(description="Time of the tweet, in UTC.")
    permalink: str | None
    lang: str | None


class Result(BaseModel):
    """The result for one text."""

    id: str | None = Field(description="The id that the request gave.")
    characters: int = Field(description="The length of the text in code points.")
    findings: int = Field(description="The number of matches that are findings.")
    answer: str = Field(description="The result as a sentence.")
    matches: list[Match] = Field(description="Findings first, rarest first.")


class Answer(Result):
    """The result for one text, and the index from which it was made."""

    index: IndexFacts


class BatchAnswer(BaseModel):
    """The results for several texts, in the order of the texts."""

    results: list[Result]
    index: IndexFacts


class Line(Answer):
    """A line of the answer to a stream."""

    final: bool = Field(description="Whether the text is complete.")


class Problem(BaseModel):
    """The reason why there is no answer."""

    detail: str = Field(
        description="A sentence that says what happened and what to do."
    )


class Health(BaseModel):
    """Whether the server can answer."""

    status: Literal["ok", "unusable"]
    version: str = Field(description="Version of provscan.")
