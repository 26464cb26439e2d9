"""Ask a model the questions of a plan that are not answered yet."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from provscan.engine import Progress
from provscan.errors import UsageError
from provscan.probe.answers import Answer, answer_file
from provscan.probe.files import MODEL_FILE
from provscan.probe.plan import Plan, Question, open_plan
from provscan.probe.tokens import Tokens, upper_bound
from provscan.runs.folder import read_json, write_json


class Model(Protocol):
    """A language model that can be asked."""

    def describe(self) -> dict[str, Any]:
        """Return a description of the model without secrets, always the same for the
        same model.
        """

    def answers(
        self, questions: Iterable[Question], again: Callable[[Question], bool]
    ) -> Iterator[list[Answer]]:
        """Yield answers in any order. ``questions`` is consumed as questions are sent.

        The tokens of an answer count against the budget. A question without an answer
        is left out, or yielded with the reason in ``failed`` and the tokens that it
        cost. Before a question that cost something is sent again, ``again`` reserves
        its tokens, and returns whether the budget covers them.
        """


@dataclass
class Budget:
    """The budget for all runs of a probe together.

    Before a question is sent, an upper bound on its tokens is reserved
    (:mod:`provscan.probe.tokens`). So the budget is exceeded only if an endpoint uses
    more than that for a question, by what the questions under way use beyond it.
    """

    # Maximum number of tokens in prompts and answers; None: no limit.
    tokens: int | None = None
    # The tokens reserved for questions that were sent and are not answered, by key, and
    # the tokens used.
    _reserved: dict[str, Tokens] = field(default_factory=dict)
    _spent: Tokens = field(default_factory=Tokens)
    _lock: Any = field(default_factory=threading.Lock)

    def reserve(self, question: Question) -> bool:
        """Reserve tokens for sending a question once, in addition to those that were
        reserved for it before; return whether the budget covers them.
        """
        bound = upper_bound(question.prompt, question.max_tokens)
        with self._lock:
            before = self._reserved.get(question.key, Tokens())
            total = self._spent.plus(bound)
            for reserved in self._reserved.values():
                total = total.plus(reserved)
            fits = self.tokens is None or total.prompt + total.answer <= self.tokens
            if fits:
                self._reserved[question.key] = before.plus(bound)
        return fits

    def spend(self, tokens: Tokens, key: str | None = None) -> None:
        """Count tokens in place of those that were reserved for a question."""
        with self._lock:
            if key is not None:
                self._reserved.pop(key, None)
            self._spent = self._spent.plus(tokens)

    def describe(self) -> dict[str, Any]:
        prompt, answer, estimated = self._spent
        return {
            "prompt_tokens": prompt,
            "answer_tokens": answer,
            "estimated_tokens": estimated,
        }


def run(
    path: str | os.PathLike[str],
    model: Model,
    *,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Ask a model the questions of the plan that are not answered yet, and stop before
    the budget is exceeded.

    Every answer is written to disk before the next one is awaited, so an interrupted
    run can continue where it stopped.

    Parameters
    ----------
    path
        Folder of the probe.
    model
        The model to ask: :class:`provscan.probe.endpoint.Endpoint`, or anything that
        has its methods ``describe`` and ``answers``.
    budget
        The budget for all runs of the probe together; unlimited by default.
    progress
        Receives the number of answered questions.

    Returns
    -------
    dict
        Counts of the plan's ``questions``: ``answered``, including refusals;
        ``refused``; ``failed``, asked in this run but without an answer after all
        attempts; ``left``, not asked because of the budget. ``without`` maps each
        parameter that the endpoint refused to the number of answers that were requested
        without it. ``prompt_tokens`` and ``answer_tokens`` are the amounts spent;
        ``estimated_tokens`` of both are upper bounds, since the endpoint returned no
        count.

    Raises
    ------
    InputError
        The folder has no plan, or a line of its answers can't be read.
    UsageError
        Another model answered earlier questions, or the plan was changed after the
        first question.
    OutputError
        Another process runs the probe.
    ModelError
        The model can't be asked: an endpoint can't be reached, answers no questions
        any more, or refuses the key, the model's name or the first questions, or its
        account has no quota left. The answers so far are kept.
    """
    plan, budget, progress = open_plan(path), budget or Budget(), progress or Progress()
    with answer_file(plan.path, plan.digest) as file:
        _same_model(plan, model.describe())
        budget.spend(file.spent)
        questions = list(plan.questions())
        missing = [question for question in questions if question.key not in file.known]
        asked: list[str] = []

        def allowed(question: Question) -> bool:
            return not stopped.is_set() and budget.reserve(question)

        def affordable() -> Iterator[Question]:
            for question in missing:
                if not allowed(question):
                    return
                asked.append(question.key)
                yield question

        progress.start("Asking", len(missing), "questions")
        try:
            with _interrupted() as stopped:
                for answers in model.answers(affordable(), allowed):
                    file.add(answers)
                    for answer in answers:
                        budget.spend(answer.tokens, answer.key)
                    progress.advance(len(answers))
            if stopped.is_set():
                raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            error.add_note(
                f"{len(file.known):,} answers are kept: repeat the command to continue"
            )
            raise
        progress.finish()
        refused = sum(1 for answer in file.known.values() if answer.text is None)
        failed = sum(1 for key in asked if key not in file.known)
        return {
            "questions": len(questions),
            "answered": len(file.known),
            "refused": refused,
            "failed": failed,
            "left": len(missing) - len(asked),
            "without": dict(
                Counter(
                    name for answer in file.known.values() for name in answer.without
                )
            ),
            **budget.describe(),
        }


@contextlib.contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Yield an event that an interruption sets, so that the answers under way are
    awaited and kept; a second one interrupts at once.
    """
    event = threading.Event()
    # Only the main thread can change handlers, and only it is interrupted.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in numbers if main}

    def handle(number: int, frame: Any) -> None:
        usual = before[signal.Signals(number)]
        if event.is_set() and callable(usual):
            usual(number, frame)
        event.set()

    changed = {number: usual for number, usual in before.items() if callable(usual)}
    for number in changed:
        signal.signal(number, handle)
    try:
        yield event
    finally:
        for number, usual in changed.items():
            signal.signal(number, usual)


def _same_model(plan: Plan, described: dict[str, Any]) -> None:
    """Record which model is asked, or check that it is the model that was asked
    before.
    """
    file = plan.path / MODEL_FILE
    about = {**described, "plan": plan.digest}
    if not file.exists():
        versions = {"provscan": importlib.metadata.version("provscan")}
        write_json(file, {**about, "versions": versions})
        return
    before = read_model(plan.path)
    for name, value in about.items():
        if before.get(name) != value:
            raise UsageError(
                f"{plan.path} was asked with {name} {before.get(name)!r}, and now with "
                f"{value!r}: a probe asks one model. Repeat the first command, or copy "
                "the plan to another folder"
            )


def read_model(folder: Path) -> dict[str, Any]:
    """Read the description of the model that was asked; empty if none was."""
    file = folder / MODEL_FILE
    return read_json(file) if file.exists() else {}
