"""Test outputs of a model: prompts, and the words of prompts that answers repeat, are
left out and counted.
"""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import provscan
from provscan.readers import Fields, ReadStats, read_objects
from provscan.readers.strings import LEFT_OUT
from provscan.readers.texts.model_outputs import SHARED, without_shared

TWEET = (
    "Never trust a goat near the harbour, it has eaten my hat and both of my tickets"
)
OTHER = (
    "The lighthouse keeper paints his door in a new colour each time a ship forgets to "
    "greet"
)


@pytest.fixture(scope="module")
def goats(tmp_path_factory):
    rows = [{"id": "1", "text": TWEET}, {"id": "2", "text": OTHER}]
    return provscan.build_index(rows, tmp_path_factory.mktemp("goats") / "goats.index")


def chat(*turns, role="role", text="content"):
    return {"messages": [{role: who, text: said} for who, said in turns]}


def ask(said):
    return f"Please say this again, word for word, for my newspaper: {said}"


# Records, and the names of the fields in which a tweet is found.
CASES = json.loads(
    Path(__file__)
    .with_name("answers.json")
    .read_text(encoding="utf-8")
    .replace("<TWEET>", TWEET)
    .replace("<OTHER>", OTHER)
)


@pytest.mark.parametrize("columns", [False, True], ids=["objects", "columns"])
@pytest.mark.parametrize(("record", "fields"), CASES.values(), ids=CASES)
def test_only_words_that_the_model_adds_are_matched(
    record, fields, columns, goats, tmp_path
):
    data = pa.Table.from_pylist([record] * 3) if columns else [record] * 3
    run = provscan.match(data, goats, tmp_path / "a.run", outputs=True, spike_ins=0)
    assert run.matches["field"].to_pylist() == fields * 3
    assert run.summary["records"] == 3
    every = provscan.match(data, goats, tmp_path / "b.run", spike_ins=0)
    assert len(every.matches) >= len(fields) * 3
    texts = [run.findings["passage"], run.findings["tweet"]]
    assert all(len(passage) > 60 for passage in texts[0].to_pylist())


@pytest.mark.parametrize("columns", [False, True], ids=["objects", "columns"])
def test_a_record_may_be_one_turn(columns, goats, tmp_path):
    records = [
        {"role": "prompter", "text": TWEET, "prompt": None},
        {"role": "assistant", "text": TWEET, "prompt": None},
        {"role": "assistant", "text": OTHER, "prompt": TWEET},
    ]
    data = pa.Table.from_pylist(records) if columns else records
    run = provscan.match(data, goats, tmp_path / "a.run", outputs=True, spike_ins=0)
    found = zip(
        run.matches["record"].to_pylist(), run.matches["field"].to_pylist(), strict=True
    )
    assert sorted(found) == [(1, "text"), (2, "text")]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("early", [{"text": OTHER}, {"chat": [{"say": "ok"}]}])
def test_the_speakers_of_a_chat_in_a_later_record_count(
    early, as_text, goats, tmp_path
):
    chat = [
        {"from": {"role": "human"}, "say": TWEET},
        {"from": "gpt", "say": f"{TWEET} {OTHER}"},
    ]
    last = {"more": json.dumps(chat) if as_text else chat}
    run = provscan.match(
        [{"text": "some words"}, *[early] * 1500, last],
        goats,
        tmp_path / "a.run",
        outputs=True,
        spike_ins=0,
    )
    rows = run.matches.filter(pc.equal(run.matches["record"], 1501))
    assert rows["tweet_id"].to_pylist() == ["2"]
    assert rows["field"].to_pylist() == ["more[1].say"]


@pytest.mark.parametrize("kind", ["objects", "columns", "lines", "table"])
def test_chats_that_are_texts_are_read_as_chats(kind, goats, write, tmp_path):
    turns = [("user", TWEET), ("assistant", f'{OTHER} \u2014 "and so on"')]
    chats = [chat(*turns)["messages"]] * 3
    written = [
        json.dumps(value) for value in (*chats, {"messages": chats[0]}, chats[0][1])
    ]
    # The last two are no chat, and a chat without the text that the others have.
    records = [
        {"n": n, "messages": value}
        for n, value in enumerate([*written, f"[{TWEET}", '[{"role": "user"}]'])
    ]
    data = records
    if kind == "columns":
        data = pa.Table.from_pylist(records)
    elif kind == "lines":
        data = write("chats.jsonl", records)
    elif kind == "table":
        data = tmp_path / "chats.csv"
        with data.open("w", newline="") as file:
            csv.DictWriter(file, ["n", "messages"]).writerows(
                [{"n": "n", "messages": "messages"}, *records]
            )
    found = {}
    for outputs in (False, True):
        run = provscan.match(
            data, goats, tmp_path / f"{outputs}.run", outputs=outputs, spike_ins=0
        )
        found[outputs] = list(
            zip(
                run.matches["record"].to_pylist(),
                run.matches["field"].to_pylist(),
                strict=True,
            )
        )
        assert run.summary["records"] == 7 - outputs  # the last one has no answer
    answers = [
        *((n, "messages[1].content") for n in range(3)),
        (3, "messages.messages[1].content"),
        (4, "messages.content"),
        (5, "messages"),
    ]
    assert found[True] == answers
    prompts = [
        *((n, "messages[0].content") for n in range(3)),
        (3, "messages.messages[0].content"),
    ]
    assert sorted(found[False]) == sorted(answers + prompts)
    evidence = dict(
        zip(
            run.findings["field"].to_pylist(),
            run.findings["after"].to_pylist(),
            strict=True,
        )
    )
    assert evidence["messages[1].content"] == ' \u2014 "and so on"'


def test_chats_in_other_notations_are_counted(goats, tmp_path):
    records = [
        {"chosen": f"\n\nHuman: {TWEET}\n\nAssistant: No."},
        {"chosen": f"[{{'role': 'user', 'content': '{TWEET}'}}]"},
    ]
    run = provscan.match(
        [*records, {"chosen": TWEET}],
        goats,
        tmp_path / "a.run",
        outputs=True,
        spike_ins=0,
    )
    assert run.summary["notes"] == {"chat_as_text": 2, "no_prompt": 3}
    assert len(run.matches) == 3


def test_omitted_prompts_are_counted_and_shown(goats, write, tmp_path):
    records = [CASES["repeats"][0], CASES["recites"][0], chat(("user", TWEET))]
    run = provscan.match(
        write("out.jsonl", records),
        goats,
        tmp_path / "a.run",
        outputs=True,
        spike_ins=0,
    )
    assert run.summary["notes"] == {"prompt_left_out": 3, "prompt_repeated": 1}
    assert run.summary["skipped"] == {"only_prompts": 1}
    assert run.summary["fields"]["messages[].role"] == {
        "not scanned: names the speaker": 1
    }
    assert "--outputs" in run.info["repeat"]
    from provscan.report.tables import text_table

    shown = text_table(run.summary)
    assert f"the repeated words were left out, and are shown as {LEFT_OUT}" in " ".join(
        shown.split()
    )
    assert "prompts without an answer: 1" in shown
    # Without the option, the file is read like any dataset.
    data = provscan.match(
        tmp_path / "out.jsonl", goats, tmp_path / "b.run", spike_ins=0
    )
    assert (data.summary["notes"], data.summary["records"], len(data.matches)) == (
        {},
        3,
        4,
    )


def test_spans_keep_their_positions(goats):
    record = chat(
        ("user", ask(TWEET)), ("assistant", f"You wrote: {TWEET}! Well: {OTHER}")
    )
    stats = ReadStats()
    (batch,) = read_objects([record], Fields(outputs=True), stats)
    text = batch["text"][0].as_py()
    assert len(text) == len(record["messages"][1]["content"])
    assert text.endswith(f"! Well: {OTHER}")
    assert TWEET not in text
    assert f"You wrote:  {LEFT_OUT * (len(TWEET) - 2)} ! Well:" in text
    assert [span.tweet_id for span in goats.match_document(text)] == ["2"]


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=30))
def test_only_shared_passages_are_replaced(before, shared, after):
    text = before + shared + after
    rest = without_shared(text, [shared])
    assert len(rest) == len(text)
    assert all(
        now in (char, " ", LEFT_OUT) for char, now in zip(text, rest, strict=True)
    )
    # Matching treats the replaced characters like spaces.
    spaces = "".join(
        char if now == char else " " for char, now in zip(text, rest, strict=True)
    )
    assert provscan.canonical([rest]) == provscan.canonical([spaces])
    if sum(map(str.isalnum, shared)) >= SHARED:
        assert not any(map(str.isalnum, rest[len(before) : len(before) + len(shared)]))
    assert without_shared(text, []) == text
