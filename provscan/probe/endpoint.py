"""A model behind an endpoint that speaks the protocol of OpenAI.

Several questions are on their way at a time. An endpoint that is busy (429) is left alone for as long as it says, by
all of them; other failures are tried again with growing pauses. The key comes from the environment and is written
nowhere.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import xxhash

from provscan.errors import ModelError, UsageError
from provscan.probe.answers import Answer
from provscan.probe.plan import Question

# Pauses between attempts, in seconds: the first, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
# If so many questions are refused before the first is answered, none will be.
REFUSALS = 5


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How an endpoint is asked.

    Attributes
    ----------
    concurrency
        Questions on their way at a time.
    timeout
        Seconds to wait for an answer.
    attempts
        How often a question is sent before it is left unanswered.
    key_env
        Environment variable that holds the key; none is sent if it is not set.
    pause
        Seconds before the second attempt; each further pause is twice as long.
    """

    concurrency: int = 4
    timeout: float = 120.0
    attempts: int = 8
    key_env: str = "OPENAI_API_KEY"
    pause: float = FIRST_PAUSE


class Endpoint:
    """A model behind an endpoint.

    Parameters
    ----------
    url
        Address of the endpoint, such as ``http://localhost:8000/v1``.
    model
        Name of the model.
    style
        ``"chat"`` or ``"completion"``: which of the two calls is used.
    options
        How it is asked.

    Raises
    ------
    UsageError
        The address holds a password, or the client is not installed.
    """

    def __init__(self, url: str, model: str, style: str, options: EndpointOptions | None = None) -> None:
        try:
            import openai
        except ImportError:
            raise UsageError("the client for endpoints is not installed: pip install 'provscan[probe]'") from None
        options = options or EndpointOptions()
        address = urlsplit(url)
        if address.username or address.password or address.query:
            raise UsageError(
                f"the address of the endpoint must not hold a secret: put the key into ${options.key_env} and give "
                f"{address.scheme}://{address.hostname}{address.path}"
            )
        self._openai = openai
        self._client: Any = None
        self._connection: dict[str, Any] = {
            "base_url": url,
            "api_key": os.environ.get(options.key_env) or "none",
            "max_retries": 0,
            "timeout": options.timeout,
        }
        self._url, self._model, self._style, self._options = url, model, style, options
        self._limit_name = "max_tokens"
        self._open_at = 0.0
        self._refusals = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def describe(self) -> dict[str, Any]:
        """The address and the model's name."""
        return {"endpoint": self._url, "model": self._model, "style": self._style}

    def answers(self, questions: Iterable[Question]) -> Iterator[list[Answer]]:
        """Answers as they come; see :class:`~provscan.probe.run.Model`.

        Raises
        ------
        ModelError
            The endpoint refuses the key or the model, or everything that it is asked.
        """
        waiting: set[Future[Answer | None]] = set()
        source = iter(questions)
        self._stopped.clear()
        with (
            self._openai.OpenAI(**self._connection) as self._client,
            ThreadPoolExecutor(self._options.concurrency, "probe") as pool,
        ):
            try:
                while True:
                    while len(waiting) < self._options.concurrency and (question := next(source, None)) is not None:
                        waiting.add(pool.submit(self._ask, question))
                    if not waiting:
                        return
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    # What was answered is kept, even if another question shows that it is of no use to go on.
                    failure = next((error for each in done if (error := each.exception()) is not None), None)
                    found = [each.result() for each in done if each.exception() is None]
                    yield [answer for answer in found if answer is not None]
                    if failure is not None:
                        raise failure
            finally:
                self._stopped.set()

    def _ask(self, question: Question) -> Answer | None:
        """The answer to a question; None if none came after all attempts."""
        openai, pause = self._openai, self._options.pause
        for attempt in range(1, self._options.attempts + 1):
            self._wait_until_open()
            if self._stopped.is_set():
                return None
            try:
                answer = self._once(question, attempt)
            except openai.RateLimitError as error:
                if getattr(error, "code", None) == "insufficient_quota":
                    raise ModelError(f"{self._url}: the account has no quota left: nothing more can be asked") from None
                self._close_for(_retry_after(error) or self._jittered(pause, question, attempt))
            except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
                # The message of an endpoint may quote a part of the key.
                raise ModelError(
                    f"{self._url} refuses to be asked for model {self._model!r} (status {error.status_code}): check "
                    f"the address, the model's name, and the key in ${self._options.key_env}"
                ) from None
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if "max_completion_tokens" in str(error) and self._limit_name == "max_tokens":
                    self._limit_name = "max_completion_tokens"
                    continue
                return self._refusal(question, attempt, error)
            except (openai.OpenAIError, ValueError):
                # A timeout, a connection that was cut, a server that failed, an answer that is not whole.
                self._stopped.wait(self._jittered(pause, question, attempt))
            else:
                self._refusals = -1
                return answer
            pause = min(2.0 * pause, LONGEST_PAUSE)
        return None

    def _once(self, question: Question, attempt: int) -> Answer:
        settings: dict[str, Any] = {
            "model": self._model,
            "temperature": question.temperature,
            "seed": question.seed,
            self._limit_name: question.max_tokens,
        }
        if self._style == "chat":
            messages = [{"role": "user", "content": question.prompt}]
            got: Any = self._client.chat.completions.create(messages=messages, **settings)
        else:
            got = self._client.completions.create(prompt=question.prompt, **settings)
        if not got.choices:
            raise ValueError("an answer without a choice")
        choice, usage = got.choices[0], got.usage
        text = choice.message.content if self._style == "chat" else choice.text
        return Answer(
            question.key, text or "", _now(), got.model, getattr(got, "system_fingerprint", None), got.id,
            choice.finish_reason, getattr(usage, "prompt_tokens", 0) or 0, getattr(usage, "completion_tokens", 0) or 0,
            attempts=attempt,
        )  # fmt: skip

    def _refusal(self, question: Question, attempt: int, error: Any) -> Answer:
        """The endpoint does not accept this question; if it accepts none at all, it is of no use to go on."""
        with self._lock:
            if self._refusals >= 0:
                self._refusals += 1
            if self._refusals >= REFUSALS:
                raise ModelError(f"{self._url} refused the first {REFUSALS} questions: {str(error)[:300]}")
        return Answer(question.key, None, _now(), attempts=attempt, refused=str(error)[:300])

    def _close_for(self, seconds: float) -> None:
        with self._lock:
            self._open_at = max(self._open_at, time.monotonic() + seconds)

    def _wait_until_open(self) -> None:
        while (left := self._open_at - time.monotonic()) > 0 and not self._stopped.wait(left):
            pass

    def _jittered(self, pause: float, question: Question, attempt: int) -> float:
        """A pause of half to all of `pause`, so that those who wait do not all come at once."""
        return pause * (0.5 + xxhash.xxh32_intdigest(f"{question.key} {attempt}".encode()) / 2**33)


def _retry_after(error: Any) -> float | None:
    """Seconds that an endpoint asks to wait."""
    try:
        return max(0.0, float(error.response.headers["retry-after"]))
    except (KeyError, ValueError, AttributeError):
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
