"""Reduce records to the outputs of a model.

Prompts are recognised by the names of fields (``prompt``, ``instruction``,
``question``) and, in chats, by the speaker (``role``, ``from``). They are left out. In
an answer, passages that also occur in a prompt of its record are replaced by other
characters, code point by code point, so that spans keep their positions. Prompts and
repetitions are counted. A text that is a chat in JSON is treated like a chat of
objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from provscan.names import snake_case
from provscan.readers.fields.chats import INNER, PROMPTERS, SPEAKER_FIELDS
from provscan.readers.fields.names import DATASET
from provscan.readers.json_values import key_in_file
from provscan.readers.stats import Counts
from provscan.readers.strings import LEFT_OUT

PROMPTS = frozenset(DATASET["prompts"])
# The beginnings of texts that are probably chats but were not parsed as JSON.
CHAT = re.compile(
    r"\s*(\[?\s*\{\s*['\"](role|from|content|value)['\"]\s*:|<\|\w+\|>|(Human|User): )"
)
# A passage of an answer is a repetition if at least this many consecutive letters and
# digits also occur in a prompt; other characters are ignored.
SHARED = 12


def without_prompts(batch: pa.RecordBatch, counts: Counts) -> pa.RecordBatch:
    """Return the answers among the texts of complete records, without the passages that
    repeat their prompts.

    The counts are ``prompt_left_out`` (texts), ``no_prompt`` (records),
    ``prompt_repeated`` (answers), ``chat_as_text`` (answers that seem to be a whole
    chat in an unsupported notation) and ``only_prompts`` (records that are skipped).
    """
    record = batch.column("record").to_numpy()
    names, texts = (batch.column(name).to_pylist() for name in ("field", "text"))
    kept: list[int] = []
    starts = np.flatnonzero(np.diff(record, prepend=-1)).tolist()
    for low, high in zip(starts, [*starts, len(record)][1:], strict=True):
        rows = range(low, high)
        answers = list(_answers(rows, names, texts))
        number = int(record[low])
        speakers = sum(_names_speaker(names[row]) for row in rows)
        prompts = len(rows) - speakers - len(answers)
        if prompts:
            counts.note("prompt_left_out", number, count=prompts)
        elif answers:
            counts.note("no_prompt", number)
        if not answers:
            counts.skip("only_prompts", number)
        for row, given in answers:
            kept.append(row)
            if CHAT.match(texts[row]):
                counts.note("chat_as_text", number, names[row])
            rest = without_shared(texts[row], given)
            if rest != texts[row]:
                counts.note("prompt_repeated", number, names[row])
                texts[row] = rest
    columns = [column.take(pa.array(kept, pa.int64())) for column in batch.columns]
    columns[batch.schema.get_field_index("text")] = pa.array(
        [texts[row] for row in kept], pa.large_string()
    )
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _answers(
    rows: range, names: list[str], texts: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the answers of a record, each with what the model was given before it."""
    speakers = {
        _turn(names[row]): texts[row].strip().lower()
        for row in rows
        if _names_speaker(names[row])
    }
    given: list[tuple[str, str]] = []
    answers = []
    for row in rows:
        if _names_speaker(names[row]):
            continue
        # The turn "" is the whole record.
        turns = (
            turn for turn in speakers if not turn or names[row].startswith(f"{turn}.")
        )
        turn = max(turns, key=len, default=None)
        chat = "" if turn is None else turn.rpartition("[")[0]
        prompt = turn is not None and speakers[turn] in PROMPTERS
        # In a record that is one turn, a prompt may be in a field of its own.
        if not turn and _last(key_in_file(names[row])) in PROMPTS:
            prompt = True
        if prompt:
            given.append((chat, texts[row]))
        else:
            answers.append((row, chat, len(given)))
    for row, chat, before in answers:
        # Later turns of a chat were not given to the model. A prompt in a separate
        # field may come after its answer.
        yield (
            row,
            [
                text
                for at, (where, text) in enumerate(given)
                if at < before or where != chat or not chat
            ],
        )


def _names_speaker(name: str) -> bool:
    return _last(name) in SPEAKER_FIELDS


def _turn(speaker: str) -> str:
    """Return the path of the turn whose speaker a field names."""
    turn, _, last = speaker.rpartition(".")
    outer, _, above = turn.rpartition(".")
    return outer if last == INNER and above in SPEAKER_FIELDS else turn


def _last(name: str) -> str:
    return snake_case(re.sub(r"\[\d*\]", "", name).rpartition(".")[2])


def without_shared(text: str, given: Sequence[str]) -> str:
    """Return a text in which every passage that also occurs in the prompts is replaced,
    with spaces at its ends.
    """
    grams = {
        letters[at : at + SHARED]
        for part in given
        for letters in [_letters(part)[0]]
        for at in _places(letters)
    }
    if not grams:
        return text
    letters, positions = _letters(text)
    result, last = list(text), -1
    for at in _places(letters):
        if letters[at : at + SHARED] in grams:
            low, high = positions[at], positions[at + SHARED - 1]
            # The added spaces end tokens that extend to the next space, such as URLs.
            result[max(low, last) : high + 1] = LEFT_OUT * (high + 1 - max(low, last))
            if low > last:
                result[low] = " "
            result[high], last = " ", high
    return "".join(result)


def _places(letters: str) -> range:
    return range(len(letters) - SHARED + 1)


def _letters(text: str) -> tuple[str, list[int]]:
    """Return the letters and digits of a text in lower case, and their positions."""
    positions = [at for at, char in enumerate(text) if char.isalnum()]
    return "".join(text[at].lower()[0] for at in positions), positions
