"""A model behind an endpoint with an OpenAI-compatible API.

No question is sent before the endpoint has given any response, so a wrong address is
reported within seconds. Several questions are sent concurrently. After a failure, the
client repeats the request, with growing pauses or after the delay that a busy endpoint
requests (429). Parameters that the endpoint refuses are left out, and the answer
records this. If completions can echo the prompt with log-probabilities, the
log-probability of the target is read from them; the chat protocol provides none for
words that the model did not say. The key comes from the environment and is never
written.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from provscan.errors import ModelError, UsageError
from provscan.probe.answers import Answer, now
from provscan.probe.plan import Question

# Before the first question, a request waits CONTACT seconds for any response. Requests
# are repeated for PATIENCE seconds, with pauses of PAUSE seconds.
CONTACT, PATIENCE, PAUSE = 10.0, 4.0, 0.2
# Number of refusals before the first answer after which the client gives up.
REFUSALS = 5
# Parameters that are left out if the endpoint refuses them.
OPTIONAL = ("temperature", "seed")
LOGPROBS = "logprobs"
Found = TypeVar("Found")


class Echo(NamedTuple):
    """The result of an echoed text: the log-probability of its target, and the tokens
    used.
    """

    logprob: float | None
    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    concurrency: int = 4  # Number of questions sent at the same time.
    timeout: float = 120.0  # Seconds to wait for an answer.
    attempts: int = 8  # Number of times a question is sent before it is given up.
    # Environment variable that contains the key; no key is sent if it is not set.
    key_env: str = "OPENAI_API_KEY"


class Endpoint:
    """A model behind an endpoint such as ``http://localhost:8000/v1``; ``style``
    chooses between the chat and the completion call.
    """

    def __init__(
        self, url: str, model: str, style: str, options: EndpointOptions
    ) -> None:
        try:
            import openai
        except ImportError:
            raise UsageError(
                "the client for endpoints is not installed: pip install "
                "'provscan[probe]'"
            ) from None
        address = urlsplit(url)
        if address.username or address.password or address.query or address.fragment:
            raise UsageError(
                "the address of the endpoint must not contain a secret: put the key "
                f"into ${options.key_env} and give "
                f"{address.scheme}://{address.hostname}{address.path}"
            )
        if address.scheme not in ("http", "https") or not address.hostname:
            raise UsageError(
                "expected an address such as http://localhost:8000/v1 for the "
                f"endpoint, found {url!r}"
            )
        self._openai = openai
        self._client: Any = None
        self._connection: dict[str, Any] = {
            "base_url": url,
            "api_key": os.environ.get(options.key_env) or "none",
            "max_retries": options.attempts - 1,
            "timeout": options.timeout,
        }
        self._url, self._model, self._style, self._options = url, model, style, options
        self._limit_name = "max_tokens"
        # The number of refused questions before the first answer; -1 from then on.
        self._refusals = 0
        # Refused parameters with their values, and whether the endpoint returns
        # log-probabilities of a given text.
        self._refused: set[tuple[str, float]] = set()
        self._echoes: bool | None = None
        self._lock = threading.Lock()

    def describe(self) -> dict[str, Any]:
        return {"endpoint": self._url, "model": self._model, "style": self._style}

    def answers(self, questions: Iterable[Question]) -> Iterator[list[Answer]]:
        waiting: set[Future[Answer | None]] = set()
        source = iter(questions)
        if (first := next(source, None)) is None:
            return
        source = chain([first], source)
        with (
            self._openai.OpenAI(**self._connection) as self._client,
            ThreadPoolExecutor(self._options.concurrency, "probe") as pool,
        ):
            self._reach()
            while True:
                while (
                    len(waiting) < self._options.concurrency
                    and (question := next(source, None)) is not None
                ):
                    waiting.add(pool.submit(self._ask, question))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                # Keep the answers received so far, even if another question shows that
                # the run must stop.
                failure = next(
                    (error for each in done if (error := each.exception()) is not None),
                    None,
                )
                found = [each.result() for each in done if each.exception() is None]
                yield [answer for answer in found if answer is not None]
                if failure is not None:
                    raise failure

    def _reach(self) -> None:
        """Wait for any response, even an error, since it shows that a server answers at
        this address.
        """
        client = self._client.with_options(
            timeout=min(CONTACT, self._options.timeout), max_retries=0
        )
        started = time.monotonic()
        while True:
            try:
                client.models.with_raw_response.list()
            except self._openai.APIConnectionError as error:
                if time.monotonic() - started >= PATIENCE:
                    raise ModelError(
                        f"{self._url} does not answer ({_cause(error)}), so nothing "
                        "was asked: check the address, and that the server is running"
                    ) from None
                time.sleep(PAUSE)
            except self._openai.APIStatusError:
                break
            else:
                break

    def _ask(self, question: Question) -> Answer | None:
        """Return the answer to a question; None if there was none after all
        attempts.
        """
        answer = self._tried(lambda: self._answer(question))
        if (
            answer is None
            or answer.text is None
            or self._style == "chat"
            or not question.scored
        ):
            return answer
        echo = None
        if self._echoes is not False:
            echo = self._tried(lambda: self._echo(question))
        echo = echo or Echo(None, 0, 0)
        return replace(
            answer,
            logprob=echo.logprob,
            prompt_tokens=answer.prompt_tokens + echo.prompt_tokens,
            answer_tokens=answer.answer_tokens + echo.answer_tokens,
            without=answer.without
            if echo.logprob is not None
            else (*answer.without, LOGPROBS),
        )

    def _tried(self, call: Callable[[], Found]) -> Found | None:
        """Return the result of a call, whose requests the client repeats; None if all
        attempts failed.
        """
        openai = self._openai
        try:
            return call()
        except (
            openai.AuthenticationError,
            openai.PermissionDeniedError,
            openai.NotFoundError,
        ) as error:
            # The message of the endpoint may quote a part of the key, so it is not
            # shown.
            raise ModelError(
                f"{self._url} refuses requests for model {self._model!r} "
                f"(status {error.status_code}): check the address, the model's "
                f"name, and the key in ${self._options.key_env}"
            ) from None
        except (openai.OpenAIError, ValueError) as error:
            # Other errors are timeouts, broken connections, server failures and
            # incomplete answers.
            if getattr(error, "code", None) == "insufficient_quota":
                raise ModelError(
                    f"{self._url}: the account has no quota left, so nothing more can "
                    "be asked"
                ) from None
            if type(error.__cause__).__name__ == "ConnectError":
                raise ModelError(
                    f"{self._url} can't be reached any more. The answers so far are "
                    "kept: start the server again and repeat the command"
                ) from None
            return None

    def _answer(self, question: Question) -> Answer:
        """Return the answer, or the refusal, to a question that is sent without the
        parameters that the endpoint refuses.
        """
        with self._lock:
            without = tuple(
                name
                for name in OPTIONAL
                if (name, _value(name, question)) in self._refused
            )
        while True:
            # The name may change while this question is being sent with the old name.
            limit = self._limit_name
            try:
                answer = self._sent(question, without, limit)
            except (
                self._openai.BadRequestError,
                self._openai.UnprocessableEntityError,
            ) as error:
                if (
                    self._style == "chat"
                    and limit == "max_tokens"
                    and "max_completion_tokens" in str(error)
                ):
                    self._limit_name = "max_completion_tokens"
                    continue
                name = _refused_parameter(error)
                if name is None or name in without:
                    return self._refusal(question, error)
                without = (*without, name)
            else:
                with self._lock:
                    self._refusals = -1
                    # An answer shows that the endpoint refused the parameter, not the
                    # question.
                    self._refused |= {
                        (name, _value(name, question)) for name in without
                    }
                return answer

    def _sent(self, question: Question, without: tuple[str, ...], limit: str) -> Answer:
        """Send a question, and return the answer; ``limit`` is the name of the
        parameter that limits tokens.
        """
        given = {"temperature": question.temperature, "seed": question.seed}
        optional = {name: value for name, value in given.items() if name not in without}
        settings: dict[str, Any] = {
            "model": self._model,
            limit: question.max_tokens,
            **optional,
        }
        if self._style == "chat":
            messages = [{"role": "user", "content": question.prompt}]
            calls = self._client.chat.completions.with_raw_response
            response: Any = calls.create(messages=messages, **settings)
        else:
            calls = self._client.completions.with_raw_response
            response = calls.create(prompt=question.prompt, **settings)
        got = response.parse()
        if not got.choices:
            raise ValueError("an answer without a choice")
        choice, usage = got.choices[0], got.usage
        text = choice.message.content if self._style == "chat" else choice.text
        return Answer(
            question.key,
            text or "",
            now(),
            got.model,
            getattr(got, "system_fingerprint", None),
            got.id,
            choice.finish_reason,
            *_used(usage),
            attempts=response.retries_taken + 1,
            without=without,
        )

    def _echo(self, question: Question) -> Echo:
        """Return the log-probability of the target, from a text that the endpoint
        echoes.
        """
        text = question.prompt + question.target
        try:
            got: Any = self._client.completions.create(
                model=self._model, prompt=text, max_tokens=1, echo=True, logprobs=1
            )
        except (self._openai.BadRequestError, self._openai.UnprocessableEntityError):
            got = None
        choice = got.choices[0] if got is not None and got.choices else None
        used = _used(got.usage) if got is not None else (0, 0)
        if (
            choice is None
            or choice.logprobs is None
            or not (choice.text or "").startswith(text)
        ):
            with self._lock:
                # If echoing has worked before, only this text is refused.
                self._echoes = self._echoes or False
            return Echo(None, *used)
        with self._lock:
            self._echoes = True
        tokens = choice.logprobs.tokens or []
        chances = choice.logprobs.token_logprobs or []
        return Echo(
            target_logprob(tokens, chances, question.prompt, question.target), *used
        )

    def _refusal(self, question: Question, error: Any) -> Answer:
        """Return the refusal of a question as an answer; raise if the endpoint accepts
        no question at all.
        """
        with self._lock:
            if self._refusals >= 0:
                self._refusals += 1
            if self._refusals >= REFUSALS:
                raise ModelError(
                    f"{self._url} refused the first {REFUSALS} questions: "
                    f"{str(error)[:300]}"
                )
        return Answer(question.key, None, now(), refused=str(error)[:300])


def target_logprob(
    tokens: Sequence[str], chances: Sequence[float | None], prompt: str, target: str
) -> float | None:
    """Return the log-probability of a target from the tokens of an echoed text, which
    may begin with a start token.

    Return None if the target can't be separated because no token ends where the prompt
    or the target ends.
    """
    echoed = "".join(tokens)
    first = 0 if echoed.startswith(prompt + target) else len(tokens[0]) if tokens else 0
    if not echoed[first:].startswith(prompt + target):
        return None
    ends = [0, *accumulate(map(len, tokens))]
    wanted = first + len(prompt), first + len(prompt) + len(target)
    if len(chances) != len(tokens) or not set(wanted) <= set(ends):
        return None
    known = chances[ends.index(wanted[0]) : ends.index(wanted[1])]
    return (
        None
        if None in known
        else float(sum(chance for chance in known if chance is not None))
    )


def _cause(error: Any) -> str:
    """Return the reason why there was no response, in the system's words if
    possible.
    """
    return str(error.__cause__ or error).strip().rstrip(".") or type(error).__name__


def _value(name: str, question: Question) -> float:
    """Return the value to which a refusal applies: this temperature, or any seed."""
    return question.temperature if name == "temperature" else 0.0


def _refused_parameter(error: Any) -> str | None:
    """Return the parameter that an endpoint does not accept, according to its
    message.
    """
    named = getattr(error, "param", None)
    if isinstance(named, str) and named:
        return named if named in OPTIONAL else None
    return next(
        (name for name in OPTIONAL if re.search(rf"\b{name}\b", str(error))), None
    )


def _used(usage: Any) -> tuple[int, int]:
    return getattr(usage, "prompt_tokens", 0) or 0, getattr(
        usage, "completion_tokens", 0
    ) or 0
