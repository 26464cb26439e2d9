"""Test a reference model: its bits are those of the model, and arms are matched by
them.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip(
    "torch", reason="reference models need pip install 'provscan[probe]'"
)
transformers = pytest.importorskip(
    "transformers", reason="reference models need pip install 'provscan[probe]'"
)

from sentences import sentence  # noqa: E402
from tiny import random_model  # noqa: E402

import provscan  # noqa: E402
from provscan.errors import ModelError  # noqa: E402
from provscan.probe import Plan, Settings, make_plan  # noqa: E402
from provscan.probe.reference import Reference  # noqa: E402
from provscan.probe.report.tables import plan_table  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_model(tmp_path_factory.mktemp("reference"))


def test_bits_are_those_of_the_model_and_do_not_depend_on_the_batch(
    model: Path,
) -> None:
    texts = ["", "a", *(sentence(n, 1 + n % 6) for n in range(8)), sentence(3, 80)]
    found = Reference(model, batch=4).bits(texts)
    assert found == pytest.approx(Reference(model, batch=1).bits(texts), rel=1e-4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    network = transformers.GPT2LMHeadModel.from_pretrained(model).eval()
    for text, bits in zip(texts, found, strict=True):
        ids = tokenizer(text)["input_ids"]
        # The bits of the truncated text are extrapolated.
        chances = torch.log_softmax(
            network(torch.tensor([ids[:96]])).logits[0].detach(), -1
        )
        taken = sum(
            chances[at - 1, each].item() for at, each in enumerate(ids[:96]) if at
        )
        assert bits == pytest.approx(
            -taken / math.log(2) * (len(ids) - 1) / max(min(len(ids), 96) - 1, 1),
            rel=1e-3,
        )


def apart(plan: Plan, reference: Reference) -> float:
    """Return the mean distance of the members of pairs, in bits per character."""
    texts = [
        [pair[arm]["text"] for pair in plan.pairs] for arm in ("licensed", "control")
    ]
    a, b = (
        reference.bits(arm) / np.array([len(text) for text in arm]) for arm in texts
    )
    return float(np.abs(a - b).mean())


def test_pairs_are_matched_on_the_reference_model(
    model: Path, index: provscan.Index, control: Path, tmp_path: Path
) -> None:
    settings = Settings(pairs=100, prompts=("prefix",))
    plain = make_plan(index, tmp_path / "plain", settings, control=[str(control)])
    plan = make_plan(
        index, tmp_path / "matched", settings, control=[str(control)], reference=model
    )
    reference = Reference(model)
    assert apart(plan, reference) < 0.5 * apart(plain, reference)
    for arm in ("licensed", "control"):
        bits = reference.bits([pair[arm]["text"] for pair in plan.pairs])
        assert [pair[arm]["reference_bits"] for pair in plan.pairs] == pytest.approx(
            bits, abs=0.1
        )
    assert plain.content["reference"] is None
    about = plan.content["reference"]
    assert (about["path"], about["model"]) == (str(model), "gpt2")
    assert about == Reference(model).describe()
    shown = " ".join(
        plan_table(plan.path, plan.digest, plan.content, 0, verbose=True).split()
    )
    assert f"under a reference model (gpt2, {about['parameters']:,} parameters" in shown
    assert str(model) not in shown
    assert "an index contains no numbers of followers or retweets" in shown
    shown = " ".join(
        plan_table(plain.path, plain.digest, plain.content, 0, verbose=True).split()
    )
    assert "no reference model was given" in shown


def test_a_folder_without_a_model_is_refused(
    index: provscan.Index, control: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ModelError, match="is not the folder of a causal language model"
    ):
        make_plan(index, tmp_path / "p", control=[str(control)], reference=tmp_path)
    assert not (tmp_path / "p").exists()
