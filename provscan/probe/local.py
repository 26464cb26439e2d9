"""A local Hugging Face model, which also provides log-probabilities."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from provscan.errors import UsageError
from provscan.probe.answers import Answer, now
from provscan.probe.plan import Question
from provscan.probe.reference import Causal

BATCH = 16


class Local:
    """A causal language model in a folder that ``save_pretrained`` wrote; nothing is
    downloaded.

    With the first sample of each prompt, the log-probability of the target is also
    computed: the logarithm of the probability that a sample at ``temperature`` recites
    the target (Hayes et al. 2024, arXiv 2410.19482).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        style: str,
        temperature: float = 1.0,
        batch: int = BATCH,
    ) -> None:
        loaded = Causal(path)
        if style == "chat" and not loaded.tokenizer.chat_template:
            raise UsageError(
                f"{loaded.path} has no chat template: plan the probe in completion "
                "style"
            )
        self._loaded = loaded
        self._torch = loaded.torch
        self._tokenizer = loaded.tokenizer
        self._model = loaded.network
        self._device = loaded.device
        self._length = loaded.length
        self._style, self._temperature, self._batch = style, temperature, batch
        # A model may have several tokens that end an answer.
        ends = getattr(loaded.network.generation_config, "eos_token_id", None)
        self._ends = {
            self._tokenizer.eos_token_id,
            *(ends if isinstance(ends, list) else [ends]),
        }

    def describe(self) -> dict[str, Any]:
        return {
            "path": self._loaded.path,
            "model": self._loaded.kind,
            "style": self._style,
        }

    def answers(self, questions: Iterable[Question]) -> Iterator[list[Answer]]:
        source = iter(questions)
        while batch := list(islice(source, self._batch)):
            with self._torch.inference_mode():
                fits = [question for question in batch if self._room(question) > 0]
                answers = self._generated(fits) if fits else []
                yield [
                    replace(answer, logprob=self._logprob(question))
                    if question.scored and self._temperature > 0
                    else answer
                    for question, answer in zip(fits, answers, strict=True)
                ] + [
                    Answer(
                        question.key,
                        None,
                        now(),
                        refused="the prompt is too long for the model",
                    )
                    for question in batch
                    if question not in fits
                ]

    def _ids(self, question: Question) -> list[int]:
        """Return the tokens of the prompt; an empty prompt becomes the start token."""
        if self._style == "chat":
            messages = [{"role": "user", "content": question.prompt}]
            text = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
            return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        if not question.prompt.strip():
            return [self._loaded.start]
        return list(self._tokenizer(question.prompt)["input_ids"])

    def _generated(self, questions: list[Question]) -> list[Answer]:
        """Generate one answer to each question, greedily or sampled with the seed of
        the question.
        """
        torch = self._torch
        prompts = [self._ids(question) for question in questions]
        longest = max(map(len, prompts))
        ids = torch.zeros((len(prompts), longest), dtype=torch.long)
        mask = torch.zeros((len(prompts), longest), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        generators = [
            torch.Generator().manual_seed(question.seed) for question in questions
        ]
        limits = [
            min(question.max_tokens, self._room(question)) for question in questions
        ]
        texts: list[list[int]] = [[] for _ in questions]
        unfinished, cache = set(range(len(questions))), None
        for _ in range(max(limits)):
            output = self._model(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                position_ids=positions.clamp(max=self._length - 1).to(self._device),
                use_cache=True,
                **({self._loaded.cache_name: cache} if cache is not None else {}),
            )
            cache = getattr(output, self._loaded.cache_name)
            logits = output.logits[:, -1].float().cpu()
            ids = torch.zeros((len(prompts), 1), dtype=torch.long)
            for row in sorted(unfinished):
                question = questions[row]
                if question.temperature > 0:
                    chances = torch.softmax(logits[row] / question.temperature, 0)
                    ids[row, 0] = torch.multinomial(
                        chances, 1, generator=generators[row]
                    )[0]
                else:
                    ids[row, 0] = logits[row].argmax()
                token = int(ids[row, 0])
                if token not in self._ends:
                    texts[row].append(token)
                if token in self._ends or len(texts[row]) >= limits[row]:
                    unfinished.discard(row)
            if not unfinished:
                break
            mask = torch.cat([mask, torch.ones((len(prompts), 1), dtype=torch.long)], 1)
            positions = positions[:, -1:] + 1
        time = now()
        return [
            Answer(
                question.key,
                self._tokenizer.decode(text, skip_special_tokens=True),
                time,
                self._loaded.kind,
                finish="length" if len(text) >= limits[row] else "stop",
                prompt_tokens=len(prompt),
                answer_tokens=len(text),
            )
            for row, (question, prompt, text) in enumerate(
                zip(questions, prompts, texts, strict=True)
            )
        ]

    def _room(self, question: Question) -> int:
        """Return the number of tokens that the model can add to the prompt."""
        return self._length - len(self._ids(question))

    def _logprob(self, question: Question) -> float | None:
        """Return the log-probability of sampling the target after the prompt at the
        temperature; None if the two together are too long for the model.
        """
        torch = self._torch
        prompt = self._ids(question)
        together = list(self._tokenizer(question.prompt + question.target)["input_ids"])
        # Tokenise the target separately if a token spans the end of the prompt.
        joined = (
            self._style == "completion"
            and together[: len(prompt)] == prompt
            and len(together) > len(prompt)
        )
        alone = self._tokenizer(question.target, add_special_tokens=False)["input_ids"]
        target = together[len(prompt) :] if joined else alone
        while joined and target and target[-1] in self._ends:
            target = target[:-1]
        if len(target) > self._room(question) or not target:
            return None
        ids = torch.tensor([[*prompt, *target]], device=self._device)
        logits = self._model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float()
        chances = torch.log_softmax(logits / self._temperature, -1)
        return float(
            chances.gather(1, torch.tensor(target, device=self._device)[:, None]).sum()
        )
