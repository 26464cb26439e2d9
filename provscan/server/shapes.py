"""The shapes of requests and answers, from which the documentation of the API is
made.
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
        None, description="An id of your own, which the answer repeats."
    )


class Batch(BaseModel):
    """Texts to look up."""

    model_config = ConfigDict(extra="forbid")
    texts: list[Text] = Field(description="The texts, in any number.")


class IndexFacts(BaseModel):
    """The index that an answer was made with."""

    fingerprint: str = Field(description="Equal for equal tweets and parameters.")
    generation: int = Field(description="How often the index was changed.")
    tweets: int = Field(description="Licensed tweets in it.")
    texts: int = Field(description="Different texts of these.")


Run = tuple[int, int, Literal["differs", "left_out", "not_compared"]]


class Differences(BaseModel):
    """Where passage and tweet differ: `[start, end, kind]` in code points."""

    passage: list[Run]
    tweet: list[Run]


class Match(BaseModel):
    """A place in the text that shares wording with a licensed tweet."""

    start: int = Field(description="Where it begins in the text, in code points.")
    end: int = Field(description="Where it ends, exclusive.")
    tweet_id: str = Field(description="The earliest tweet with this text.")
    tweets: int = Field(description="How many licensed tweets have this text.")
    authors: int = Field(description="How many authors posted it; 0 if not known.")
    level: Literal["exact", "near_exact", "strong", "weak", "partial"]
    match: str = Field(description="The level in words.")
    similarity: float = Field(description="Jaccard index of the 5-grams of both.")
    containment: float = Field(description="Share of the tweet's 5-grams found here.")
    bits: float | None = Field(
        description="How rare the wording is; null if the script is not known."
    )
    rarity: str = Field(description="The same in words.")
    why: str = Field(description="What explains these words.")
    common: bool = Field(description="Three authors or more posted the text.")
    known: bool = Field(description="Always false: there is no known data.")
    counted: bool = Field(description="It is a finding: rare wording, long enough.")
    before: str = Field(description="What stands before the passage.")
    passage: str = Field(description="The passage, up to 2,000 code points of it.")
    after: str = Field(description="What stands after it.")
    tweet: str = Field(description="The text of the tweet.")
    differences: Differences
    author: str | None
    time: str | None = Field(description="When it was posted, in UTC.")
    permalink: str | None
    lang: str | None


class Result(BaseModel):
    """What was found in one text."""

    id: str | None = Field(description="The id that the request gave.")
    characters: int = Field(description="Code points of the text.")
    findings: int = Field(description="Matches that are findings.")
    answer: str = Field(description="The result as a sentence.")
    matches: list[Match] = Field(description="Findings first, rarest first.")


class Answer(Result):
    """What was found in one text, and with which index."""

    index: IndexFacts


class BatchAnswer(BaseModel):
    """What was found in each text, in their order."""

    results: list[Result]
    index: IndexFacts


class Line(Answer):
    """A line of the answer to a stream."""

    final: bool = Field(description="Whether the text is complete.")


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str = Field(description="What happened and what to do, as a sentence.")


class Health(BaseModel):
    """Whether the server can answer."""

    status: Literal["ok", "unusable"]
    version: str = Field(description="Version of provscan.")
