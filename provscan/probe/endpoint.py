"""A model behind an endpoint with an OpenAI-compatible API.

No question is sent before the endpoint has given any response, so a wrong address is
reported within seconds. Several questions are sent concurrently. After a failure, a
request is repeated, with growing pauses or after the delay that a busy endpoint
requests. A request whose answer may have been generated counts as spent, whether the
answer arrives or not (:mod:`provscan.probe.tokens`). If the run must end, the answers
under way are awaited and kept. Parameters that the endpoint refuses are left out, and
the answer records this. The key comes from the environment and is never written or
shown, even if the endpoint returns it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.parse import urlsplit

from provscan.errors import ModelError, UsageError
from provscan.probe.answers import Answer, now
from provscan.probe.plan import Question
from provscan.probe.tokens import Tokens, tokens_used, upper_bound

# Before the first question, a request waits CONTACT seconds for any response. Requests
# are repeated for PATIENCE seconds, with pauses of PAUSE seconds. The pauses between
# the attempts of a question double, up to LONGEST_PAUSE.
CONTACT, PATIENCE, PAUSE, LONGEST_PAUSE = 10.0, 4.0, 0.2, 30.0
# If an endpoint asks to wait for more than LONGEST_WAIT seconds, the run ends.
LONGEST_WAIT = 300.0
# Minimum number of questions without an answer, one after the other, that end the run.
FAILURES = 10
# Statuses of a request that was not processed and may be repeated.
BUSY = (408, 409, 425, 429)
# Words of an endpoint that refuses a question because of its content.
FILTERED = re.compile(r"content.?(filter|polic)|moderation|flagged", re.I)
# Number of refusals before the first answer after which the client gives up.
REFUSALS = 5
# Minimum length of a key that is removed from what the endpoint returns. A shorter one
# is a placeholder, such as "none", that a text may contain.
SHORTEST_KEY = 8
# Parameters that are left out if the endpoint refuses them.
OPTIONAL = ("temperature", "seed")


class _Refused(Exception):
    """The endpoint does not accept a request: it names a parameter (``param``), or
    declines the content (``declined``).
    """

    def __init__(
        self, message: str, param: Any = None, *, declined: bool = False
    ) -> None:
        super().__init__(message)
        self.param, self.declined = param, declined


class _NoAnswer(Exception):
    """A request got no answer, and may be repeated.

    ``free`` means that the endpoint generated nothing, so the request costs nothing;
    ``pause`` is the number of seconds that the endpoint asks to wait; ``gone`` means
    that no server listens any more.
    """

    def __init__(
        self,
        reason: str,
        *,
        free: bool,
        pause: float | None = None,
        gone: bool = False,
    ) -> None:
        super().__init__(reason)
        self.free, self.pause, self.gone = free, pause, gone


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
            "max_retries": 0,
            "timeout": options.timeout,
        }
        self._url, self._model, self._style, self._options = url, model, style, options
        self._limit_name = "max_tokens"
        # The number of refused questions before the first answer; -1 from then on.
        self._refusals = 0
        # Refused parameters with their values.
        self._refused: set[tuple[str, float]] = set()
        # Questions without an answer, one after the other.
        self._failures = 0
        self._stop, self._lock = threading.Event(), threading.Lock()

    def describe(self) -> dict[str, Any]:
        return {"endpoint": self._url, "model": self._model, "style": self._style}

    def answers(
        self, questions: Iterable[Question], again: Callable[[Question], bool]
    ) -> Iterator[list[Answer]]:
        waiting: set[Future[tuple[Answer, ModelError | None]]] = set()
        source = iter(questions)
        if (first := next(source, None)) is None:
            return
        source = chain([first], source)
        failure: BaseException | None = None
        # Refusals before the first answer may show a wrong request instead.
        held: list[Answer] = []
        with (
            self._openai.OpenAI(**self._connection) as self._client,
            ThreadPoolExecutor(self._options.concurrency, "probe") as pool,
        ):
            self._reach()
            while True:
                while (
                    failure is None
                    and len(waiting) < self._options.concurrency
                    and (question := next(source, None)) is not None
                ):
                    waiting.add(pool.submit(self._ask, question, again))
                if not waiting:
                    break
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for each in done:
                    if (bug := each.exception()) is not None:
                        failure = failure or bug
                        continue
                    answer, fatal = each.result()
                    failure = failure or fatal
                    held.append(answer)
                # After a failure, no question is asked, but the answers under way are
                # paid, and are kept.
                if failure is not None:
                    self._stop.set()
                if self._refusals < 0:
                    yield held
                    held = []
                elif costs := [each for each in held if each.refused is None]:
                    yield costs
                    held = [each for each in held if each.refused is not None]
        if failure is not None:
            raise failure
        yield held

    def _reach(self) -> None:
        """Wait for any response, even an error, since it shows that a server answers at
        this address.
        """
        client = self._client.with_options(timeout=min(CONTACT, self._options.timeout))
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

    def _ask(
        self, question: Question, again: Callable[[Question], bool]
    ) -> tuple[Answer, ModelError | None]:
        """Return the answer to a question, and the error that ends the run, if there is
        one. An answer that did not arrive after all attempts has the tokens of these.
        """
        lost, attempt = Tokens(), 0
        fatal: ModelError | None
        while True:
            attempt += 1
            try:
                answer = self._answer(question)
            except ModelError as error:
                reason, fatal = str(error), error
            except _NoAnswer as error:
                reason = str(error)
                if not error.free:
                    lost = lost.plus(upper_bound(question.prompt, question.max_tokens))
                pause = min(LONGEST_PAUSE, PAUSE * 2 ** (attempt - 1))
                if (
                    attempt < self._options.attempts
                    and (error.free or again(question))
                    and not self._stop.wait(error.pause or pause)
                ):
                    continue
                fatal = self._given_up(reason, gone=error.gone)
            else:
                self._failures, fatal = 0, None
                return replace(answer, attempts=attempt).spending(lost), fatal
            failed = Answer(question.key, None, now(), failed=reason, attempts=attempt)
            return failed.spending(lost), fatal

    def _given_up(self, reason: str, *, gone: bool) -> ModelError | None:
        """Count a question without an answer; return an error after too many in a row,
        or if no server listens any more.
        """
        if gone:
            return ModelError(
                f"{self._url} can't be reached any more. The answers so far are kept: "
                "start the server again and repeat the command"
            )
        with self._lock:
            self._failures += 1
            if self._failures < max(FAILURES, 2 * self._options.concurrency):
                return None
        return ModelError(
            f"{self._url} gave no answer to the last {self._failures} questions "
            f"({reason}). The answers so far are kept: repeat the command later"
        )

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
            except _Refused as error:
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
        settings: dict[str, Any] = {
            limit: question.max_tokens,
            **{name: value for name, value in given.items() if name not in without},
        }
        if self._style == "chat":
            messages = [{"role": "user", "content": question.prompt}]
            calls = self._client.chat.completions
            got = self._response(calls, messages=messages, **settings)
        else:
            got = self._response(
                self._client.completions, prompt=question.prompt, **settings
            )
        choice = _first_choice(got)
        said = choice.get("message") if self._style == "chat" else choice
        said = said if isinstance(said, dict) else {}
        text = said.get("content" if self._style == "chat" else "text")
        if isinstance(text, list):
            # Some servers return the text in parts.
            parts = [part.get("text") for part in text if isinstance(part, dict)]
            text = "".join(part for part in parts if isinstance(part, str))
        text = self._without_key(text) or ""
        declined = self._without_key(said.get("refusal"))
        # Some endpoints return the prompt before the answer.
        own = text.removeprefix(question.prompt)
        bound = upper_bound(question.prompt, question.max_tokens)
        return Answer(
            question.key,
            text,
            now(),
            self._without_key(got.get("model")),
            self._without_key(got.get("system_fingerprint")),
            self._without_key(got.get("id")),
            self._without_key(choice.get("finish_reason")),
            declined=declined and declined[:300],
            without=without,
        ).spending(tokens_used(got.get("usage"), bound, own))

    def _response(self, calls: Any, **settings: Any) -> dict[str, Any]:
        """Send a request, and return the JSON object of the response."""
        openai = self._openai
        try:
            response = calls.with_raw_response.create(model=self._model, **settings)
            found = json.loads(response.http_response.content)
        except openai.APIStatusError as error:
            self._problem(
                error.status_code, error, error, _pause(error.response.headers)
            )
        except openai.APIConnectionError as error:
            cause = type(error.__cause__).__name__
            raise _NoAnswer(
                _cause(error),
                free=cause in ("ConnectError", "ConnectTimeout"),
                gone=cause == "ConnectError",
            ) from None
        except (openai.OpenAIError, ValueError, RecursionError) as error:
            raise _NoAnswer(f"not JSON: {error}"[:300], free=False) from None
        if not isinstance(found, dict):
            raise _NoAnswer("an answer that is no JSON object", free=False)
        if problem := found.get("error"):
            about = problem if isinstance(problem, dict) else {"message": problem}
            code = str(about.get("code", ""))
            status = int(code) if re.fullmatch("[1-5][0-9]{2}", code) else 500
            self._problem(status, SimpleNamespace(**about), problem, None)
        return found

    def _problem(
        self, status: int, about: Any, shown: object, pause: float | None
    ) -> NoReturn:
        """Raise the error for a response that reports a problem."""
        code = getattr(about, "code", None)
        message = (self._without_key(str(shown)) or "")[:300]
        if code == "insufficient_quota" or status == 402:
            raise ModelError(
                f"{self._url}: the account has no quota left, so nothing more can be "
                "asked"
            )
        if 400 <= status < 500 and FILTERED.search(f"{code} {message}"):
            raise _Refused(message, declined=True)
        if status in (401, 403, 404):
            # The message of the endpoint may quote a part of the key, so it is not
            # shown.
            raise ModelError(
                f"{self._url} refuses requests for model {self._model!r} (status "
                f"{status}): check the address, the model's name, and the key in "
                f"${self._options.key_env}"
            )
        if pause is not None and pause > LONGEST_WAIT:
            raise ModelError(
                f"{self._url} asks to wait {pause / 60:,.0f} minutes. The answers so "
                "far are kept: repeat the command then"
            )
        if status in BUSY:
            raise _NoAnswer(f"status {status}", free=True, pause=pause)
        if 400 <= status < 500:
            raise _Refused(message, getattr(about, "param", None))
        raise _NoAnswer(f"status {status}", free=False, pause=pause)

    def _without_key(self, value: object) -> str | None:
        """Return a text of the endpoint without the key; None if it is no text."""
        if not isinstance(value, str):
            return None
        key = self._connection["api_key"]
        return value.replace(key, "[key]") if len(key) >= SHORTEST_KEY else value

    def _refusal(self, question: Question, error: _Refused) -> Answer:
        """Return the refusal of a question as an answer; raise if the endpoint accepts
        no question at all. Whoever declines the content has accepted the request.
        """
        with self._lock:
            if error.declined:
                self._refusals = -1
            elif self._refusals >= 0:
                self._refusals += 1
            if self._refusals >= REFUSALS:
                raise ModelError(
                    f"{self._url} refused the first {REFUSALS} questions: "
                    f"{str(error)[:300]}"
                )
        return Answer(question.key, None, now(), refused=str(error)[:300])


def _first_choice(got: dict[str, Any]) -> dict[str, Any]:
    choices = got.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _NoAnswer("an answer without a choice", free=False)
    return choices[0]


def _pause(headers: Mapping[str, str]) -> float | None:
    """Return the number of seconds that a busy endpoint asks to wait."""
    asked = headers.get("retry-after", "")
    try:
        return max(0.0, float(asked))
    except ValueError:
        with contextlib.suppress(ValueError):
            wanted = parsedate_to_datetime(asked)
            if wanted.tzinfo is not None:
                return max(0.0, (wanted - datetime.now(UTC)).total_seconds())
    return None


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
