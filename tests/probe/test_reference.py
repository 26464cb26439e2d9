"""Test the log-probabilities of a reference model: arms are matched by them."""

import hashlib
import math

import numpy as np
import pytest
from sentences import sentence, write

from provscan.errors import InputError
from provscan.probe import Settings, make_plan
from provscan.probe.reference import read_reference
from provscan.probe.report.tables import plan_table

SETTINGS = Settings(pairs=100, prompts=("prefix",))


@pytest.fixture(scope="module")
def bits():
    """Bits of the tweets of ``index`` and ``control``, apart from every tenth."""
    rng = np.random.default_rng(1)
    texts = {f"{n}-0": sentence(n) for n in range(400)}
    texts |= {f"c{n}": sentence(10_000 + n) for n in range(600)}
    return {
        tweet: round(len(text) * rng.uniform(1, 4), 2)
        for at, (tweet, text) in enumerate(texts.items())
        if at % 10
    }


@pytest.fixture(scope="module")
def reference(bits, tmp_path_factory):
    rows = [
        {"id": tweet, "logprob": -each * math.log(2)} for tweet, each in bits.items()
    ]
    return write(tmp_path_factory.mktemp("reference") / "reference.jsonl", rows)


def apart(plan, bits):
    """Return the mean distance of the members of pairs, in bits per character."""
    found = []
    for pair in plan.pairs:
        both = [pair[arm] for arm in ("licensed", "control")]
        if all(tweet["tweet_id"] in bits for tweet in both):
            a, b = (bits[tweet["tweet_id"]] / len(tweet["text"]) for tweet in both)
            found.append(abs(a - b))
    return float(np.mean(found))


def test_pairs_are_matched_on_the_reference(reference, bits, index, control, tmp_path):
    plain = make_plan(index, tmp_path / "plain", SETTINGS, control=[str(control)])
    plan = make_plan(
        index,
        tmp_path / "matched",
        SETTINGS,
        control=[str(control)],
        reference=reference,
    )
    assert apart(plan, bits) < 0.5 * apart(plain, bits)
    for pair in plan.pairs:
        for arm in ("licensed", "control"):
            assert pair[arm]["reference_bits"] == bits[pair[arm]["tweet_id"]]
    assert plan.content["left_out"]["not in the reference"] == 100
    # The tweets of a class that could be asked for are those that the file has.
    assert sum(s["population"] for s in plan.content["strata"]) == 360
    assert plain.content["reference"] is None
    assert plan.content["reference"] == {
        "path": str(reference),
        "sha256": hashlib.sha256(reference.read_bytes()).hexdigest(),
        "tweets": 900,
    }
    shown = " ".join(
        plan_table(plan.path, plan.digest, plan.content, 0, verbose=True).split()
    )
    assert "under a reference model (900 log-probabilities" in shown
    assert str(reference) not in shown
    shown = " ".join(
        plan_table(plain.path, plain.digest, plain.content, 0, verbose=True).split()
    )
    assert "no reference model was given" in shown


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "null",
        '{"id": "1"}',
        '{"id": null, "logprob": -1}',
        '{"id": true, "logprob": -1}',
        '{"id": "1", "logprob": true}',
        '{"id": "1", "logprob": "-1"}',
        '{"id": "1", "logprob": 1e-9}',
        '{"id": "1", "logprob": NaN}',
        '{"id": "1", "logprob": -Infinity}',
        '{"id": "0", "logprob": -2}',
        "[" * 100_000,
    ],
    ids=lambda line: line[:40],
)
def test_a_wrong_line_is_named(line, tmp_path):
    (file := tmp_path / "r.jsonl").write_text(f'{{"id": "0", "logprob": -1}}\n{line}\n')
    with pytest.raises(InputError, match=r"r\.jsonl, line 2: "):
        read_reference(file)


def test_equal_lines_and_numbers_as_ids_are_read(tmp_path):
    file = write(tmp_path / "r.jsonl", [{"id": 7, "logprob": -math.log(4)}] * 2)
    assert read_reference(file).bits == {"7": pytest.approx(2.0)}


def test_a_missing_reference_is_refused(index, control, tmp_path):
    for name in ("none", "."):
        with pytest.raises(InputError, match="can't be read"):
            make_plan(
                index, tmp_path / "p", control=[str(control)], reference=tmp_path / name
            )
    assert not (tmp_path / "p").exists()
