"""How predictable tweets are to a reference model: one that has not seen them, on this machine.

A tweet that any model would guess is recited without having been seen. So pairs are matched on the bits of their
tweets under a reference model, and the blind baseline is given these bits.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from provscan.probe.causal import Causal

BATCH = 32


class Reference:
    """A reference model: the folder of a causal language model, as ``save_pretrained`` writes it."""

    def __init__(self, path: str | os.PathLike[str], batch: int = BATCH) -> None:
        self._loaded, self._batch = Causal(path), batch

    def describe(self) -> dict[str, Any]:
        """Folder, kind, number of parameters, and SHA-256 of the weights' files in the order of their names."""
        digest = hashlib.sha256()
        for file in sorted(Path(self._loaded.path).iterdir()):
            if file.suffix in (".safetensors", ".bin"):
                with file.open("rb") as opened:
                    digest.update(hashlib.file_digest(opened, "sha256").digest())
        return {
            "path": self._loaded.path,
            "model": self._loaded.kind,
            "parameters": sum(each.numel() for each in self._loaded.network.parameters()),
            "sha256": digest.hexdigest(),
        }

    def bits(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Minus the binary logarithm of the probability of each text from its beginning.

        Of a text that is longer than the model takes, the rest is counted as its beginning.
        """
        rows = [list(ids) for ids in self._loaded.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]
        found = np.zeros(len(rows))
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        for low in range(0, len(order), self._batch):
            places = order[low : low + self._batch]
            chances = self._loaded.token_logprobs(
                [[self._loaded.start, *rows[at]][: self._loaded.length] for at in places]
            )
            for at, known in zip(places, chances, strict=True):
                found[at] = -sum(known) / math.log(2.0) * len(rows[at]) / max(len(known), 1)
        return found
