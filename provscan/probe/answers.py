"""The file of a model's answers: one JSON line per answer, appended when the answer
arrives and never changed.

An interrupted run continues after the last complete line. Each line has the plan's
digest, so answers to another plan are detected.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from provscan.errors import InputError, OutputError, UsageError
from provscan.probe.files import ANSWERS_FILE
from provscan.probe.plan import QuestionKey
from provscan.probe.tokens import Tokens
from provscan.readers.strings import without_surrogates


@dataclass(frozen=True, slots=True)
class Answer:
    key: str  # Key of the question.
    text: str | None  # The answer; None if the model refused the question.
    time: str  # Time of arrival, in UTC.
    # Name of the model, its system fingerprint and the id of the answer, as returned.
    model: str | None = None
    fingerprint: str | None = None
    id: str | None = None
    finish: str | None = None  # Reason why the answer ends, as returned.
    # Tokens used by all requests for this answer, and the part of both that is an upper
    # bound, since the endpoint returned no count (``provscan.probe.tokens``).
    prompt_tokens: int = 0
    answer_tokens: int = 0
    estimated_tokens: int = 0
    # Number of times that the question was sent before this answer arrived.
    attempts: int = 1
    refused: str | None = None  # Message of an endpoint that refused the question.
    declined: str | None = None  # The model's refusal, if it is not in the text.
    # Reason why no answer arrived after all attempts. The line only records the tokens,
    # and the question is asked again.
    failed: str | None = None
    # Parameters that the endpoint refused, and without which the question was sent.
    without: tuple[str, ...] = ()

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.prompt_tokens, self.answer_tokens, self.estimated_tokens)

    def spending(self, tokens: Tokens) -> Answer:
        """Return the answer with more tokens."""
        prompt, answer, estimated = self.tokens.plus(tokens)
        return dataclasses.replace(
            self,
            prompt_tokens=prompt,
            answer_tokens=answer,
            estimated_tokens=estimated,
        )


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class AnswerFile:
    """The open file of answers while a model is asked."""

    file: BinaryIO
    digest: str
    known: dict[str, Answer]
    spent: Tokens  # The tokens of all lines.

    def add(self, answers: list[Answer]) -> None:
        """Write answers to disk before returning."""
        for answer in answers:
            if answer.failed is not None and not any(answer.tokens):
                continue
            line = json.dumps({"plan": self.digest, **dataclasses.asdict(answer)})
            self.file.write(line.encode() + b"\n")
            self.spent = self.spent.plus(answer.tokens)
            if answer.failed is None:
                self.known[answer.key] = answer
        self.file.flush()
        os.fsync(self.file.fileno())


@contextlib.contextmanager
def answer_file(folder: Path, digest: str) -> Iterator[AnswerFile]:
    """Open the answers of a probe for appending; raise an error if another process has
    opened them, or if they answer another plan.
    """
    with (folder / ANSWERS_FILE).open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(
                f"{folder} is being run by another process: wait for it"
            ) from error
        file.seek(0)
        # Remove an incomplete last line, which is not an answer.
        file.truncate(file.read().rfind(b"\n") + 1)
        yield AnswerFile(file, digest, *_read(folder, digest))


def read_answers(folder: Path, digest: str) -> dict[str, Answer]:
    """Read the answers to a plan, by the key of their question; the first answer to a
    question counts.
    """
    return _read(folder, digest)[0]


def spent_tokens(folder: Path, digest: str) -> Tokens:
    """Return the tokens of all answers, and of all questions without one."""
    return _read(folder, digest)[1]


def _read(folder: Path, digest: str) -> tuple[dict[str, Answer], Tokens]:
    path = folder / ANSWERS_FILE
    names = {each.name for each in dataclasses.fields(Answer)}
    known: dict[str, Answer] = {}
    spent = Tokens()
    if not path.exists():
        return known, spent
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                stored: dict[str, Any] = json.loads(line)
                plan = stored.pop("plan")
                stored["without"] = tuple(stored.get("without", ()))
                # The file keeps lone surrogates, but tables and pages are UTF-8.
                stored["text"] = stored["text"] and without_surrogates(stored["text"])
                answer = Answer(
                    **{name: value for name, value in stored.items() if name in names}
                )
                QuestionKey.parse(answer.key)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InputError(
                    f"{path}, line {number}: expected an answer as provscan writes it, "
                    f"found something else ({error}): restore the file"
                ) from None
            if plan != digest:
                raise UsageError(
                    f"{path}, line {number} answers plan {plan[:12]}, and the plan in "
                    f"this folder is {digest[:12]}: it was changed after the first "
                    "question. Restore it, or make a new probe"
                )
            spent = spent.plus(answer.tokens)
            if answer.failed is None:
                known.setdefault(answer.key, answer)
    return known, spent
