"""The model of ``probe.py``: a small language model with known training data, and a
server for it with an OpenAI-compatible API.

:func:`train` trains a transformer with a few million parameters over byte pairs on the
processor. :class:`Server` serves it; some of its answers fail on purpose.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

LENGTH, BATCH, EPOCHS, RATE, VOCABULARY = 64, 32, 3, 2e-3, 2048
STATE = "training.pt"
# Shares of the server's answers that fail: with status 429, with status 503, after the
# client's timeout, and cut off.
FAULTS = {"busy": 0.1, "broken": 0.05, "late": 0.02, "cut": 0.05}
# Delay of a late answer, which exceeds the client's timeout.
LATE_SECONDS = 3.0


def new_model(texts: list[str], folder: Path) -> Any:
    """Train a tokenizer on the texts, and return an untrained model for it."""
    import tokenizers
    import transformers

    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    bpe.train_from_iterator(sorted(set(texts)), trainer)
    bpe.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>"
    )
    wrapped.save_pretrained(folder)
    config = transformers.GPT2Config(
        vocab_size=len(wrapped),
        n_positions=192,
        n_embd=192,
        n_layer=4,
        n_head=4,
        bos_token_id=0,
        eos_token_id=1,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    return transformers.GPT2LMHeadModel(config)


def train(texts: list[str], folder: Path, minutes: float) -> bool:
    """Train for a number of minutes, continuing after the last call; return whether all
    epochs are done.
    """
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    fresh = not (folder / STATE).exists()
    model = (
        new_model(texts, folder)
        if fresh
        else transformers.GPT2LMHeadModel.from_pretrained(folder)
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = [[*ids, 1][:LENGTH] for ids in tokenizer(texts)["input_ids"]]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    state = {"batch": 0} if fresh else torch.load(folder / STATE, weights_only=True)
    if not fresh:
        optimizer.load_state_dict(state["optimizer"])
    batches = []
    for epoch in range(EPOCHS):
        order = list(range(len(rows)))
        Random(epoch).shuffle(order)
        # Rows of similar length are in one batch, which saves padding.
        groups = [
            sorted(order[low : low + 32 * BATCH], key=lambda r: len(rows[r]))
            for low in range(0, len(order), 32 * BATCH)
        ]
        found = [
            group[low : low + BATCH]
            for group in groups
            for low in range(0, len(group), BATCH)
        ]
        Random(epoch).shuffle(found)
        batches += found
    began, cpu, losses = time.monotonic(), time.process_time(), []
    model.train()
    at = state["batch"]
    while at < len(batches) and time.monotonic() - began < 60 * minutes:
        chosen = [rows[row] for row in batches[at]]
        longest = max(map(len, chosen))
        ids = torch.tensor([row + [1] * (longest - len(row)) for row in chosen])
        labels = torch.tensor([row + [-100] * (longest - len(row)) for row in chosen])
        warm, left = min(1.0, (at + 1) / 100), 1.0 - at / len(batches)
        for group in optimizer.param_groups:
            group["lr"] = RATE * warm * (0.05 + 0.95 * left)
        loss = model(
            input_ids=ids, attention_mask=(labels >= 0).long(), labels=labels
        ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        at += 1
        if at % 100 == 0:
            print(
                f"batch {at} of {len(batches)}, loss "
                f"{sum(losses[-100:]) / len(losses[-100:]):.3f}",
                flush=True,
            )
    model.save_pretrained(folder)
    torch.save({"batch": at, "optimizer": optimizer.state_dict()}, folder / STATE)
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    print(
        f"{sum(p.numel() for p in model.parameters()):,} parameters; batch {at} of "
        f"{len(batches)}; trained for {seconds:.0f} s, {cpu:.0f} s of processor time"
    )
    return at >= len(batches)


class Server(ThreadingHTTPServer):
    """Answers completions with the code that queries a local model; some answers fail
    on purpose.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        from provscan.probe.local import Local
        from provscan.probe.reference import Causal

        super().__init__(("127.0.0.1", 0), Handler)
        self.loaded, self.model = Causal(folder), Local(folder, "completion", 0.0)
        self.lock = threading.Lock()
        self.random, self.counts = Random(7), {"asked": 0, **dict.fromkeys(FAULTS, 0)}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def fault(self) -> str | None:
        """Draw the fault of the next answer; None if it succeeds."""
        with self.lock:
            self.counts["asked"] += 1
            draw = self.random.random()
            for name, share in FAULTS.items():
                draw -= share
                if draw < 0:
                    self.counts[name] += 1
                    return name
        return None

    def echo(self, text: str) -> tuple[dict[str, Any], dict[str, int]]:
        """Return a text with its log-probabilities and without a continuation, and the
        number of tokens.
        """
        known = self.loaded.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True
        )
        with self.lock:
            (chances,) = self.loaded.token_logprobs(
                [[self.loaded.start, *known["input_ids"]]]
            )
        tokens = [text[low:high] for low, high in known["offset_mapping"]]
        choice = {
            "text": text,
            "logprobs": {"tokens": tokens, "token_logprobs": chances},
            "finish_reason": "length",
        }
        return choice, {"prompt_tokens": len(tokens), "completion_tokens": 0}

    def complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of the model."""
        if asked.get("echo"):
            choice, usage = self.echo(asked["prompt"])
        else:
            choice, usage = self.continued(asked)
        return {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 0,
            "model": asked["model"],
            "choices": [{"index": 0, **choice}],
            "system_fingerprint": "fp_tiny",
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }

    def continued(self, asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
        """Return the continuation of a prompt and the number of tokens."""
        from provscan.probe.plan import Question

        question = Question(
            "0/0",
            asked["prompt"],
            "",
            asked["temperature"],
            asked["seed"],
            asked["max_tokens"],
        )
        with self.lock:
            answer = next(self.model.answers([question]))[0]
        usage = {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.answer_tokens,
        }
        return {
            "text": answer.text,
            "finish_reason": answer.finish,
            "logprobs": None,
        }, usage


class Handler(BaseHTTPRequestHandler):
    """A connection of the server."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fault = self.server.fault()
        if fault == "busy":
            self.reply(429, {"error": {"message": "slow down"}}, {"retry-after": "0.2"})
        elif fault == "broken":
            self.reply(503, {"error": {"message": "overloaded"}})
        elif fault == "late":
            time.sleep(LATE_SECONDS)
            self.close_connection = True
        elif fault == "cut":
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id": "cmpl-1", "cho')
            self.close_connection = True
        else:
            self.reply(200, self.server.complete(asked))

    def reply(
        self, status: int, value: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, content in {
            "content-type": "application/json",
            **(headers or {}),
        }.items():
            self.send_header(name, content)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
