"""How predictable tweets are to a reference model: one that has not seen them, on this
machine.

A tweet that any model would guess is recited without having been seen. So pairs are
matched on the bits of their tweets under a reference model, and the blind baseline is
given these bits.
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
    """A model with its tokenizer; `length` is the number of tokens that it takes at
    most.
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
        # The name changed between versions of transformers.
        self.cache_name = (
            "cache"
            if "cache" in inspect.signature(network.forward).parameters
            else "past_key_values"
        )

    @property
    def start(self) -> int:
        """The token that a text begins with."""
        first = self.tokenizer.bos_token_id
        return int(self.tokenizer.eos_token_id if first is None else first)

    def token_logprobs(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of each token behind those before it, together; the first
        token of a text has none.
        """
        torch = self.torch
        longest = max(map(len, rows))
        # What stands behind a text does not change what the model makes of the text.
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
    """A reference model: the folder of a causal language model, as ``save_pretrained``
    writes it.
    """

    def __init__(self, path: str | os.PathLike[str], batch: int = BATCH) -> None:
        self._loaded, self._batch = Causal(path), batch

    def describe(self) -> dict[str, Any]:
        """Folder, kind, number of parameters, and SHA-256 of the weights' files in the
        order of their names.
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
        """Minus the binary logarithm of the probability of each text from its
        beginning.

        Of a text that is longer than the model takes, the rest is counted as its
        beginning.
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
