"""Test a model on this machine: greedy and sampled answers, and log-probabilities of
the target.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip(
    "torch", reason="local models need pip install 'provscan[probe]'"
)
transformers = pytest.importorskip(
    "transformers", reason="local models need pip install 'provscan[probe]'"
)

from sentences import sentence  # noqa: E402
from tiny import random_model  # noqa: E402

from provscan.errors import ModelError, UsageError  # noqa: E402
from provscan.probe.local import Local  # noqa: E402
from provscan.probe.plan import Question  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_model(tmp_path_factory.mktemp("model"))


def question(
    key: str, prompt: str, temperature: float = 0.0, seed: int = 3
) -> Question:
    return Question(key, prompt, " " + sentence(7, 3), temperature, seed, 12)


def asked(model: Local, questions: list[Question]) -> list[Any]:
    return [answer for batch in model.answers(questions) for answer in batch]


def test_answers_do_not_depend_on_the_batch(folder: Path) -> None:
    questions = [
        question(f"{n}/licensed/prefix/{n % 3}", sentence(n, 2 + n % 5), n % 3 / 2, n)
        for n in range(7)
    ]
    questions.append(question("free/1", "\n", 1.0))
    together = asked(Local(folder, "completion", batch=8), questions)
    alone = asked(Local(folder, "completion", batch=1), questions)
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert all(
        0 < answer.answer_tokens <= 12 or answer.finish == "stop" for answer in together
    )
    assert len({answer.text for answer in together}) > 4
    assert [answer.logprob is not None for answer in together] == [
        n % 3 == 0 for n in range(7)
    ] + [False]


def test_a_greedy_answer_consists_of_the_likeliest_tokens(folder: Path) -> None:
    """Each token is the likeliest one after the text before it, computed without a
    cache.
    """
    (answer,) = asked(
        Local(folder, "completion"), [question("0/licensed/prefix/0", sentence(2, 5))]
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    ids = list(tokenizer(sentence(2, 5))["input_ids"])
    given = len(ids)
    while len(ids) < given + 12 and ids[-1] != 1:
        ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    assert answer.text == tokenizer.decode(ids[given:], skip_special_tokens=True)


def test_the_log_probability_is_that_of_the_target(folder: Path) -> None:
    (answer,) = asked(
        Local(folder, "completion", temperature=0.7),
        [question("0/licensed/prefix/0", sentence(1, 4))],
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.GPT2LMHeadModel.from_pretrained(folder)
    prompt, target = sentence(1, 4), " " + sentence(7, 3)
    ids = [0, *tokenizer(prompt + target, add_special_tokens=False)["input_ids"]]
    given = 1 + len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    chances = torch.log_softmax(model(torch.tensor([ids])).logits[0] / 0.7, -1)
    expected = sum(chances[at - 1, ids[at]].item() for at in range(given, len(ids)))
    assert answer.logprob == pytest.approx(expected, abs=1e-3)


def test_any_of_several_tokens_can_end_an_answer(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "model")
    file = copy / "generation_config.json"
    settings = json.loads(file.read_text())
    vocabulary = json.loads((copy / "config.json").read_text())["vocab_size"]
    file.write_text(json.dumps({**settings, "eos_token_id": list(range(vocabulary))}))
    (answer,) = asked(Local(copy, "completion"), [question("0/licensed/prefix/0", "a")])
    assert (answer.text, answer.finish) == ("", "stop")


def test_targets_too_long_for_the_model_have_no_log_probability(folder: Path) -> None:
    (answer,) = asked(
        Local(folder, "completion"),
        [question("0/licensed/prefix/0", sentence(1, 30))._replace(max_tokens=1)],
    )
    assert answer.logprob is None


def test_folders_without_a_usable_model_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ModelError, match="is not the folder of a causal language model"
    ):
        Local(tmp_path, "completion")
    with pytest.raises(
        UsageError, match="has no chat template: plan the probe in completion style"
    ):
        Local(folder, "chat")
