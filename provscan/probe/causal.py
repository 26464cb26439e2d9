"""A causal language model in a folder, as ``save_pretrained`` writes it; nothing is downloaded."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from typing import Any

from provscan.errors import ModelError, UsageError


class Causal:
    """A model with its tokenizer; `length` is the number of tokens that it takes at most."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import torch
            import transformers
        except ImportError:
            raise UsageError("local models need torch and transformers: pip install 'provscan[probe]'") from None
        self.torch: Any = torch
        self.path = os.fspath(path)
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(self.path, local_files_only=True)
            network: Any = transformers.AutoModelForCausalLM.from_pretrained(self.path, local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{self.path} is not the folder of a causal language model: {str(error).splitlines()[0]}"
            ) from None
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.to(self.device).eval()
        self.kind = str(network.config.model_type)
        self.length = int(getattr(network.config, "max_position_embeddings", None) or 1 << 20)
        # The name changed between versions of transformers.
        self.cache_name = "cache" if "cache" in inspect.signature(network.forward).parameters else "past_key_values"

    @property
    def start(self) -> int:
        """The token that a text begins with."""
        first = self.tokenizer.bos_token_id
        return int(self.tokenizer.eos_token_id if first is None else first)

    def token_logprobs(self, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probability of each token behind those before it, together; the first token of a text has none."""
        torch = self.torch
        longest = max(map(len, rows))
        # What stands behind a text does not change what the model makes of the text.
        ids = torch.tensor([[*row, *[self.start] * (longest - len(row))] for row in rows], device=self.device)
        with torch.inference_mode():
            logits = self.network(input_ids=ids).logits[:, :-1].float()
            chances = torch.log_softmax(logits, -1).gather(2, ids[:, 1:, None])[..., 0].cpu()
        return [chances[at, : len(row) - 1].tolist() for at, row in enumerate(rows)]
