"""Test that wrong arguments of public functions raise a ParameterError or UsageError
that names the parameter.
"""

import pyarrow as pa
import pytest

import provscan
from provscan.errors import ParameterError

TWEETS = [{"id": "1", "text": "Never trust a goat near the harbour, whatever it says"}]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return provscan.build_index(
        TWEETS, tmp_path_factory.mktemp("arguments") / "a.index"
    )


@pytest.mark.parametrize("path", [None, 5, b"x", ["x"], "a\0b"])
def test_values_that_are_not_paths(index, path):
    calls = {
        "path": [provscan.open_index, provscan.open_run, provscan.verify],
        "index": [lambda value: provscan.forget(value, "1")],
    }
    if path is not None:
        calls["out"] = [
            lambda value: provscan.build_index(TWEETS, value),
            lambda value: provscan.match(TWEETS, index, value),
        ]
    for name, functions in calls.items():
        for function in functions:
            with pytest.raises(ParameterError, match=rf"^{name} must be a path"):
                function(path)


@pytest.mark.parametrize(
    "texts",
    [None, 5, {"text": "a"}, pa.table({"text": ["a"]}), ["a", 5], ["\ud800", 5], "a"],
)
def test_values_that_are_not_texts(index, texts):
    for function in (index.match, provscan.canonical, provscan.minhash):
        with pytest.raises(ParameterError, match=r"^expected .*texts"):
            function(texts)


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
    ids=str,
)
def test_arrow_texts_of_any_type(index, kind):
    assert index.match(pa.array([None, TWEETS[0]["text"]], kind))[
        "record"
    ].to_pylist() == [1]


def test_missing_texts_of_pandas_are_empty(index):
    pd = pytest.importorskip("pandas")
    text = TWEETS[0]["text"]
    for texts in (
        pd.Series([None, text]),
        pd.Series([pd.NA, text], dtype="string"),
        [float("nan"), text],
    ):
        assert index.match(texts)["record"].to_pylist() == [1]
        assert provscan.canonical(texts)[0] == ""


def test_values_out_of_range(index):
    for name in ("min_chars", "partial_chars"):
        with pytest.raises(
            ParameterError, match=rf"^{name} must be at most 1000000000"
        ):
            index.match([TWEETS[0]["text"]], **{name: 10**30})
    for workers in (1.5, float("nan"), True):
        with pytest.raises(ParameterError, match=r"^workers must be a whole number"):
            provscan.verify(index.path, workers=workers)


@pytest.mark.parametrize(
    "name", ["text_field", "id_field", "author_field", "date_field"]
)
@pytest.mark.parametrize("fields", [("text", "id"), ["text"], 5])
def test_a_field_of_tweets_is_a_single_name(tmp_path, name, fields):
    with pytest.raises(ParameterError, match=f"^{name} must be the name of one field"):
        provscan.build_index(TWEETS, tmp_path / "b.index", **{name: fields})


def test_values_that_are_neither_paths_nor_data(index, tmp_path):
    (tmp_path / "a.txt").write_text("a text of a file")
    mixed = [tmp_path / "a.txt", {"text": "a text in memory"}]
    for function in (
        lambda: provscan.match(mixed, index, tmp_path / "a.run"),
        lambda: provscan.match(
            TWEETS, index, tmp_path / "a.run", control=["a.jsonl", 5]
        ),
        lambda: provscan.build_index(mixed, tmp_path / "b.index"),
    ):
        with pytest.raises(ParameterError, match=r"paths.*, found"):
            function()


def test_values_of_wrong_types(index, tmp_path):
    for name in ("bands", "rows", "fraction"):
        with pytest.raises(
            ParameterError, match=rf"^{name} must be a .*number, not 'x'"
        ):
            provscan.build_index(TWEETS, tmp_path / "b.index", **{name: "x"})
    for ids in (5, [5], ["1", None]):
        with pytest.raises(ParameterError, match=r"must be an id \(a str\) or a path"):
            provscan.forget(index.path, ids)
    with pytest.raises(ParameterError, match=r"^bands must be a whole number"):
        provscan.IndexParams(bands="x")
    with pytest.raises(ParameterError, match=r"^limits must be SearchLimits"):
        provscan.MatchParams(limits=5)
    with pytest.raises(ParameterError, match=r"^ray must be HOST:PORT"):
        provscan.match(TWEETS, index, tmp_path / "a.run", ray=5)
