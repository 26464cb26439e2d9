"""A fixture that builds indexes of invented tweets."""

import json

import pytest

import provscan


@pytest.fixture
def build(tmp_path):
    """Return a function that builds an index of texts, whose ids are their indices."""
    numbers = iter(range(1000))

    def built(texts, **options):
        folder = tmp_path / f"{next(numbers)}"
        folder.mkdir()
        rows = [
            json.dumps({"id": str(number), "text": text})
            for number, text in enumerate(texts)
        ]
        (folder / "corpus.jsonl").write_text("\n".join(rows) + "\n")
        return provscan.build_index(
            folder / "corpus.jsonl", folder / "licensed.index", **options
        )

    return built
