"""Test that texts stored word by word in lists are read as texts, and that files with
one word per line are refused or reported.
"""

import itertools
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provscan.errors import InputError
from provscan.inspection import inspect_sources

TEXTS = [
    "nobody on the old bridge had seen the river so high",
    "@ann said : the mill stopped turning in 1984 !",
    "вчера вечером мы долго ждали автобус под дождём",
    "we left after a long and rather cold evening by tram",
]
SENTENCES = [text.split() for text in TEXTS]
TAGS = ["O", "B-PER", "I-PER"]


def tags(words):
    return list(itertools.islice(itertools.cycle(TAGS), len(words)))


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet", "views", "binary"])
@pytest.mark.parametrize("within", [False, True], ids=["of the record", "within"])
def test_lists_of_words_are_texts(form, within, write, read_all, tmp_path):
    records = [
        {"id": str(n), "tokens": words, "tags": tags(words)}
        for n, words in enumerate(SENTENCES)
    ]
    records += [
        {"id": "4", "tokens": [], "tags": []},
        {"id": "5", "tokens": ["so", None, "what"], "tags": ["O"] * 3},
    ]
    if within:
        records = [{"id": record["id"], "parts": [record]} for record in records]
    if form in ("jsonl", "json"):
        path = write(f"a.{form}", records if form == "jsonl" else json.dumps(records))
    else:
        strings = pa.binary() if form == "binary" else pa.string()
        words = pa.list_view(strings) if form == "views" else pa.list_(strings)
        inner = [
            ("id", pa.string()),
            ("tokens", words),
            ("tags", pa.list_(pa.string())),
        ]
        schema = pa.schema(
            [("id", pa.string()), ("parts", pa.list_(pa.struct(inner)))]
            if within
            else inner
        )
        path = tmp_path / "a.parquet"
        pq.write_table(pa.Table.from_pylist(records, schema), path)
    found = read_all(path)
    field = "parts[0].tokens" if within else "tokens"
    assert set(found.fields) == {field}
    assert [row["text"].split() for row in found.rows] == [*SENTENCES, ["so", "what"]]
    assert found.texts[:4] == TEXTS
    assert found.records == [0, 1, 2, 3, 5]
    assert found.stats.skipped == {"no_text": 1}
    name = field.replace("[0]", "[]") + "[]"
    assert found.stats.fields[name] == {"scanned_joined": 1}
    assert found.stats.fields[name.replace("tokens", "tags")] == {"codes": 1}


@pytest.mark.parametrize(
    "lists",
    [
        [["a few words", "of a line", "and more words", "of the next"]] * 3,
        [["python", "pandas", "index"]] * 30,
        [["DET", "NOUN", "VERB", "DET", "NOUN"]] * 30,
        [
            [
                "今日はとても良い天気ですね",
                "昨日は雨が降っていました",
                "明日は晴れるでしょうか",
                "それは誰にも分かりません",
            ]
        ]
        * 3,
    ],
    ids=["lines", "few", "tags", "sentences without spaces"],
)
def test_other_lists_are_unchanged(lists, write, read_all):
    found = read_all(write("a.jsonl", [{"parts": value} for value in lists]))
    assert {"parts[0]", "parts[1]", "parts[2]"} <= set(found.fields)
    assert found.texts[:3] == lists[0][:3]


def conll(columns, *, end="\n", between="\n"):
    return between.join(
        "".join(columns(n, word) + end for n, word in enumerate(words, 1))
        for words in SENTENCES
    )


FORMS = {
    "word": ("a.txt", conll(lambda n, word: word)),
    "word and tag": ("a.txt", conll(lambda n, word: f"{word} {TAGS[n % 3]}")),
    "CoNLL-2003": (
        "a.conll",
        "-DOCSTART- -X- O O\n\n"
        + conll(lambda n, word: f"{word} NN B-NP {TAGS[n % 3]}"),
    ),
    "CoNLL-U": (
        "a.conllu",
        "# sent_id = 1\n# text = nobody on it\n"
        + conll(lambda n, word: f"{n}\t{word}\t{word}\tNOUN\t_\t_\t{n}\tobj\t_"),
    ),
    "TSV": (
        "a.tsv",
        conll(lambda n, word: f"{word}\t{TAGS[n % 3]}", end="\r\n", between="\r\n"),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_files_with_one_word_per_line(form, write, read_all):
    name, text = FORMS[form]
    path = write(name, text * 4)
    if name.startswith("a.conll"):
        with pytest.raises(InputError, match="JSON line with a list of its words"):
            read_all(path)
        return
    about = inspect_sources(path)["files"][0]
    assert "scanned, but each text is a single word" in about[
        "fields"
    ].values() or about["sampled"]["notes"] == {"wrapped_lines": 1}
