"""Make a small run, bundles of it, and signing keys."""

from __future__ import annotations

import json
import random
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tweets import sentence

import provscan
from provscan import handover


def write_keys(folder: Path, name: str, seed: int) -> tuple[Path, Path]:
    """Write a private and a public key to files."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


class Handed:
    """The paths of a dataset, its run, bundles and keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.public = write_keys(folder, "key", 1)
        self.other_key, self.other_public = write_keys(folder, "other", 2)
        rng = random.Random(41)
        tweets = [
            {
                "id": str(1000 + n),
                "text": sentence(rng, "latin", 70 + n % 50),
                "author": f"author{n}",
                "created_at": f"20{10 + n % 8}-03-04",
            }
            for n in range(60)
        ]
        self.index = folder / "licensed.index"
        provscan.build_index(tweets, self.index)
        self.datasets = [folder / name for name in ("a.jsonl", "b.jsonl", "c.jsonl")]
        for number, path in enumerate(self.datasets):
            texts = [sentence(rng, "latin", 120) for _ in range(40)]
            for at in range(number, 40, 5):
                tweet = rng.choice(tweets)["text"]
                texts[at] = f"þ {tweet[: 70 if at % 2 else None]}\n{texts[at][:30]}"
            path.write_text("".join(f"{json.dumps({'text': t})}\n" for t in texts))
        self.run = folder / "found.run"
        provscan.match(
            list(map(str, self.datasets)), self.index, self.run, spike_ins=30
        )
        self.bundle = folder / "case.zip"
        handover.bundle(self.run, self.bundle, sign=self.key)
        self.unsigned = folder / "unsigned.zip"
        handover.bundle(self.run, self.unsigned)
