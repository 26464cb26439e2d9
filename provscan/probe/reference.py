"""Predictability of tweets under a reference model: a local model that has not seen
them.

A tweet that any model would guess is recited even by a model that has not seen it.
Pairs are therefore matched on the bits of their tweets under a reference model, and the
blind baseline also uses these bits.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from provscan.arrays import Floats
from provscan.errors import ModelError, UsageError

BATCH = 32


class Causal:
    """A causal language model with its tokenizer; ``length`` is its maximum number of
    tokens.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import torch
            import transformers
        except ImportError:
            raise UsageError(
                "local models need torch and transformers: pip install "
                "'provscan[probe]'"
            ) from None
        self.torch: Any = torch
        self.path = os.fspath(path)
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                self.path, local_files_only=True
            )
            network: Any = transformers.AutoModelForCausalLM.from_pretrained(
                self.path, local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{self.path} is not the folder of a causal language model: "
                f"{str(error).splitlines()[0]}"
            ) from None
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.to(self.device).eval()
        self.kind = str(network.config.model_type)
        self.length = int(
            getattr(network.config, "max_position_embeddings", None) or 1 << 20
        )
        # The parameter's name changed between versions of transformers.
        self.cache_name = (
            "cache"
            if "cache" in inspect.signature(network.forward).parameters
            else "past_key_values"
        )

    @property
    def start(self) -> int:
        """The token with which a text begins."""
        first = self.tokenizer.bos_token_id
        return int(self.tokenizer.eos_token_id if first is None else first)

    def token_logprobs(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return the log-probability of each token given those before it, for all rows
        in one batch; the first token of a text has none.
        """
        torch = self.torch
        longest = max(map(len, rows))
        # Padding after a text does not change the probabilities of the text.
        ids = torch.tensor(
            [[*row, *[self.start] * (longest - len(row))] for row in rows],
            device=self.device,
        )
        with torch.inference_mode():
            logits = self.network(input_ids=ids).logits[:, :-1].float()
            chances = (
                torch.log_softmax(logits, -1).gather(2, ids[:, 1:, None])[..., 0].cpu()
            )
        return [chances[at, : len(row) - 1].tolist() for at, row in enumerate(rows)]


class Reference:
    """A reference model, read from the folder of a causal language model that
    ``save_pretrained`` wrote.
    """

    def __init__(self, path: str | os.PathLike[str], batch: int = BATCH) -> None:
        self._loaded, self._batch = Causal(path), batch

    def describe(self) -> dict[str, Any]:
        """Return the folder, the kind, the number of parameters, and the SHA-256 of the
        files with the weights, in the order of their names.
        """
        digest = hashlib.sha256()
        for file in sorted(Path(self._loaded.path).iterdir()):
            if file.suffix in (".safetensors", ".bin"):
                with file.open("rb") as opened:
                    digest.update(hashlib.file_digest(opened, "sha256").digest())
        return {
            "path": self._loaded.path,
            "model": self._loaded.kind,
            "parameters": sum(
                each.numel() for each in self._loaded.network.parameters()
            ),
            "sha256": digest.hexdigest(),
        }

    def bits(self, texts: Sequence[str]) -> Floats:
        """Return minus the binary logarithm of the probability of each text.

        A text that is too long for the model is truncated, and the bits of its
        beginning are extrapolated to the whole text.
        """
        rows = [
            list(ids)
            for ids in self._loaded.tokenizer(list(texts), add_special_tokens=False)[
                "input_ids"
            ]
        ]
        found = np.zeros(len(rows))
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        for low in range(0, len(order), self._batch):
            places = order[low : low + self._batch]
            chances = self._loaded.token_logprobs(
                [
                    [self._loaded.start, *rows[at]][: self._loaded.length]
                    for at in places
                ]
            )
            for at, known in zip(places, chances, strict=True):
                found[at] = (
                    -sum(known) / math.log(2.0) * len(rows[at]) / max(len(known), 1)
                )
        return found
