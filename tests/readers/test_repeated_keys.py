"""Test that all values of a repeated key of JSON are read."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.readers.json_values import all_values, members, parsed, repeats_keys

TEXT = "zebra quixotic marmalade harbour lantern"
OTHER = "violin glacier saffron walnut compass"
FLAT = '{"text": "a few words of the record", "n": 1}'
EARLIER = "text (value 1)"
KEYS = st.sampled_from(["a", "b", "é", "", 'q"', "a (value 1)"])
VALUES = st.recursive(
    st.integers() | st.sampled_from(["", '"a": 1, "a": 2', "{", "]"]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(KEYS, inner)),
    max_leaves=12,
)


def written(value):
    """Return JSON in which lists of pairs are objects."""
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    if value and isinstance(value[0], tuple):
        pairs = (f"{json.dumps(key)}: {written(inner)}" for key, inner in value)
        return f"{{{', '.join(pairs)}}}"
    return f"[{', '.join(map(written, value))}]"


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_lines_with_repeated_keys_are_found(values):
    lines = list(map(written, values))
    found = repeats_keys("\n".join(lines).encode(), len(lines)).tolist()
    for number, line in enumerate(lines):
        repeated = []
        json.loads(
            line,
            object_pairs_hook=lambda pairs, repeated=repeated: repeated.append(
                len(dict(pairs)) < len(pairs)
            ),
        )
        assert any(repeated) == (number in found) or "\\" in line
        assert parsed(line.encode()) == all_values(line)


@given(st.lists(st.tuples(KEYS, st.integers())))
def test_no_value_is_lost(pairs):
    found = members(pairs)
    assert Counter(found.values()) == Counter(value for _, value in pairs)
    assert dict(pairs).items() <= found.items()


@pytest.mark.parametrize("before", [0, 3, 1500])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "tweets.js"])
@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (f'{{"text": "{TEXT}", "text": "{OTHER}"}}', {EARLIER: TEXT, "text": OTHER}),
        (f'{{"text": "{TEXT}", "text": 1}}', {EARLIER: TEXT}),
        (
            f'{{"text": "{OTHER}", "te\\u0078t": "{TEXT}", "text": null}}',
            {EARLIER: OTHER, "text (value 2)": TEXT},
        ),
        (
            f'{{"text": "{OTHER}", "c": [{{"d": "{TEXT}", "d": 2}}]}}',
            {"text": OTHER, "c[0].d (value 1)": TEXT},
        ),
        (
            f'{{"text": "{OTHER}", "c": ["{TEXT}"], "c": NaN}}',
            {"text": OTHER, "c (value 1)[0]": TEXT},
        ),
    ],
)
def test_all_values_are_read(before, name, line, fields, tmp_path, read_all):
    lines = [*[FLAT] * before, line, FLAT]
    path = tmp_path / name
    if name == "a.jsonl":
        path.write_text("".join(f"{line}\n" for line in lines))
    else:
        start = "window.YTD.note_tweet.part0 = " if name == "tweets.js" else ""
        path.write_text(f"{start}[\n{', '.join(lines)}\n]")
    found = read_all(path)
    rows = [row for row in found.rows if row["record"] == before]
    assert {row["field"]: row["text"] for row in rows} == fields
    assert len(found.rows) == before + len(fields) + 1


@pytest.mark.parametrize("before", [0, 1500])
def test_a_named_field_has_all_its_values(before, write, read_all):
    record = f'{{"text": "{TEXT}", "text": "{OTHER}", "n": "{TEXT}", "n": 1}}\n'
    path = write("a.jsonl", FLAT + "\n" + f"{FLAT}\n" * before + record)
    rows = read_all(path, text="text").rows[before + 1 :]
    assert {row["field"]: row["text"] for row in rows} == {EARLIER: TEXT, "text": OTHER}


def test_a_chat_in_a_text_has_all_values(write, read_all):
    chat = f'[{{"role": "assistant", "content": "{TEXT}", "content": "{OTHER}"}}]'
    path = write("a.jsonl", json.dumps({"chat": chat}) + "\n")
    found = {row["field"]: row["text"] for row in read_all(path).rows}
    assert {found["chat[0].content (value 1)"], found["chat[0].content"]} == {
        TEXT,
        OTHER,
    }
