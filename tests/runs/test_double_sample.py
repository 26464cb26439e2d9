"""Test the estimate from a random part of the tweets and a random part of the files."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
from tweets import sentence

import provscan
from provscan.estimate.design_effect import DrawnParts
from provscan.estimate.limits import SampleDesign, exactly, total
from provscan.runs.answer.layers import double_effect

# The records with copies in a dataset, the parts that it is cut into, the shares of the
# parts and of the tweets in a double sample, and the number of such samples.
COPIES, PARTS, OF_PARTS, OF_TWEETS, DRAWS = 150_000, 8_380, 0.2, 0.05, 200


def estimate(parts, texts, rng):
    """Draw a double sample of copies, given the part and the text of each, and return
    the estimate of their number as a run does.
    """
    drawn = rng.permutation(PARTS)[: round(OF_PARTS * PARTS)]
    in_parts = np.zeros(PARTS, bool)
    in_parts[drawn] = True
    in_index = rng.random(texts.max() + 1) < OF_TWEETS
    found = in_parts[parts] & in_index[texts]
    records = np.bincount(parts[found], minlength=PARTS)[drawn].astype(np.float64)
    amount = SimpleNamespace(copies=np.bincount(texts[found]))
    size = np.full(PARTS, 1000.0)
    of_files = DrawnParts(size[drawn], size[drawn], size[len(drawn) :])
    design = SampleDesign(
        of_files.fraction * OF_TWEETS,
        double_effect(of_files.design_effect(records), amount, OF_TWEETS),
    )
    return total(exactly(records.sum()), None, design)


@pytest.mark.parametrize("clustering", ["weak", "strong", "the same text in a part"])
def test_intervals_contain_the_number_of_copies(clustering):
    rng = np.random.default_rng(5)
    # The copies in a part, and those of a text: if they are clustered strongly, their
    # standard deviations are three times their means.
    weak = clustering == "weak"
    spread = np.ones(PARTS) if weak else rng.gamma(1 / 9, 9, PARTS)
    parts = rng.choice(PARTS, COPIES, p=spread / spread.sum())
    popular = np.ones(COPIES // 2) if weak else rng.lognormal(0, 1.52, COPIES // 5)
    texts = rng.choice(len(popular), COPIES, p=popular / popular.sum())
    if clustering == "the same text in a part":
        texts = np.where(rng.random(COPIES) < 0.5, parts, texts)
    found = [estimate(parts, texts, rng) for _ in range(DRAWS)]
    right = sum(each.low <= COPIES <= each.high for each in found)
    assert right >= 0.93 * DRAWS
    width = np.median([each.high - each.low for each in found]) / 2 / COPIES
    assert width <= 0.25 or clustering == "the same text in a part"


def test_a_run_of_a_part_of_the_tweets_and_the_files(latin, other, write, tmp_path):
    rng = random.Random(3)
    texts = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    half = provscan.build_index(
        [{"text": text} for text in rng.sample(texts, len(texts) // 2)],
        tmp_path / "half.index",
        fraction=0.5,
    )
    copies = 0
    for number in range(120):
        found = [rng.random() < 0.3 for _ in range(10)]
        records = [
            rng.choice(texts) if each else sentence(rng, "latin", 90) for each in found
        ]
        write(f"data/{number:03}.jsonl", [{"text": text} for text in records])
        copies += sum(found)
    control = write("c.jsonl", other)
    run = provscan.match(
        tmp_path / "data", half, tmp_path / "a.run", control=control, sample=0.5
    )
    assert run.summary["sample"]["by"] == "files"
    codes = {note["code"] for note in run.summary["answer"]["notes"]}
    assert "fraction_indexed" in codes
    estimate = run.summary["answer"]["records"]["estimate"]
    assert estimate["low"] <= copies <= estimate["high"]
    assert estimate["value"] == pytest.approx(copies, rel=0.3)
