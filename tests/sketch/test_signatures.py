"""Test signatures against datasketch and xxhash, and against the definition in Python
integers.
"""

import sys

import datasketch
import naive_sketch as naive
import numpy as np
import pyarrow as pa
import pytest
import xxhash
from compiled import compiled
from hypothesis import example, given
from hypothesis import strategies as st

import provscan
from provscan.errors import ParameterError, UsageError
from provscan.kernels.sketch import minhash as kernels
from provscan.sketch import signatures as sketch
from provscan.text_buffers import buffers, to_array

# Characters of every width in UTF-8, so 5-grams have 5 to 20 bytes.
CHARACTERS = st.sampled_from("ab z0\x00éßж日本กอ😀𝐀\U0010ffff") | st.characters(
    exclude_categories=["Cs"]
)
TEXTS = st.text(CHARACTERS, max_size=40)
EDGES = [
    "",
    "a",
    "日",
    "ab",
    "😀😀😀",
    "abcd",
    "éé",
    "abcde",
    "日本語日本",
    "😀😀😀😀😀",
    "aaaaaaaaaaaa",
    "abcd😀",
]


def large(texts):
    return pa.array(texts, pa.large_string())


def signatures_of(texts):
    return sketch.minhash_canonical(*buffers(to_array(texts)))


def by_datasketch(text):
    reference = datasketch.MinHash(
        num_perm=128, seed=1, scheme="affine32", hashfunc=xxhash.xxh32_intdigest
    )
    reference.update_batch(naive.shingles(text))
    return reference.hashvalues


@given(st.lists(TEXTS, min_size=1, max_size=8))
@example(EDGES)
def test_signatures_equal_those_of_datasketch(texts):
    result = signatures_of(texts)
    assert result.dtype == np.uint32
    np.testing.assert_array_equal(result, [by_datasketch(text) for text in texts])


@given(TEXTS)
def test_shingle_hashes_follow_the_definition(text):
    data = np.frombuffer(text.encode(), np.uint8)
    out = np.zeros(kernels.scratch_size(len(data)), np.uint32)
    count = compiled(kernels.shingle_hashes)(data, 0, len(data), out)
    assert out[:count].tolist() == naive.shingle_hashes(text)


@given(st.binary(max_size=40))
def test_the_naive_hash_equals_that_of_xxhash(data):
    assert naive.xxh32(data) == xxhash.xxh32_intdigest(data)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
@example([0xFFFFFFFF])
@example([0])
def test_permutations_are_modulo_2_to_32(hashes):
    scratch = np.zeros(kernels.scratch_size(len(hashes)), np.uint32)
    scratch[: len(hashes)] = hashes
    out = np.zeros(128, np.uint32)
    compiled(kernels.signature)(scratch, len(hashes), *sketch.PERMUTATIONS, out)
    assert out.tolist() == [
        min((a * h + b) % 2**32 for h in hashes) for a, b in naive.permutations()
    ]


def test_permutations_equal_those_of_datasketch():
    reference = datasketch.MinHash(num_perm=128, seed=1, scheme="affine32")
    np.testing.assert_array_equal(sketch.PERMUTATIONS, reference.permutations)
    assert not sketch.PERMUTATIONS.flags.writeable


@pytest.mark.parametrize("size", [*range(24), 79, 80, 81, 96, 1000])
@pytest.mark.parametrize("wide", [False, True])
def test_text_of_any_length_at_the_end_of_its_buffer(size, wide):
    """The vectorised loop reads complete blocks, but must not read past the buffer."""
    text = "".join(
        "日b"[i % 2] if wide and i > size // 2 else chr(97 + i * 7 % 26)
        for i in range(size)
    )
    expected = naive.signature(text)
    exact = np.frombuffer(text.encode(), np.uint8)
    for data in (exact, np.concatenate([exact, np.full(64, 0xC3, np.uint8)])):
        result = sketch.minhash_canonical(data, np.array([0, len(exact)], np.int64))
        assert result[0].tolist() == expected


def test_very_long_text():
    text = "lorem ipsum dolor sit amet " * 500 + "日本語 😀 " * 300
    np.testing.assert_array_equal(signatures_of([text])[0], by_datasketch(text))


def test_every_kind_of_arrow_strings():
    texts = ["a text", "another text", "", "日本語の文"]
    expected = signatures_of(large(texts))
    for strings in (
        pa.array(texts),
        pa.chunked_array([texts[:1], texts[1:]], pa.large_string()),
        large(["sliced off", *texts, "and here"]).slice(1, 4),
        pa.array(texts).dictionary_encode(),
        texts,
        tuple(texts),
        (text for text in texts),
    ):
        np.testing.assert_array_equal(signatures_of(strings), expected)
    np.testing.assert_array_equal(signatures_of([None]), signatures_of([""]))
    assert signatures_of([]).shape == (0, 128)
    assert signatures_of(large([""] * 3)).min() == 0xFFFFFFFF


def test_original_text_is_made_canonical():
    raw = ["RT @a: Some TEXT &amp; more", "some text more", "Ａｎｏｔｈｅｒ"]
    np.testing.assert_array_equal(
        provscan.minhash(raw), signatures_of(provscan.canonical(raw))
    )
    assert len(np.unique(provscan.minhash(raw), axis=0)) == 2


def test_mapped_arrays_compile_nothing_new(tmp_path):
    texts = large(["one text", "two texts 日本"])
    expected = signatures_of(texts)
    with (
        pa.OSFile(str(tmp_path / "texts.arrow"), "wb") as file,
        pa.ipc.new_file(file, pa.schema([("text", pa.large_string())])) as writer,
    ):
        writer.write_batch(pa.record_batch([texts], ["text"]))
    mapped = (
        pa.ipc.open_file(pa.memory_map(str(tmp_path / "texts.arrow")))
        .get_batch(0)
        .column(0)
    )
    np.testing.assert_array_equal(signatures_of(mapped), expected)
    writable = (np.frombuffer(b"one text", np.uint8).copy(), np.array([0, 8], np.int64))
    np.testing.assert_array_equal(sketch.minhash_canonical(*writable), expected[:1])
    if hasattr(kernels.signatures, "signatures"):
        assert len(kernels.signatures.signatures) == 1


def test_datasketch_accepts_the_signatures():
    texts = ["the quick brown fox jumps", "the quick brown fox jumped", ""]
    signatures = signatures_of(texts)
    minhashes = sketch.to_datasketch(signatures)
    assert 0.4 < minhashes[0].jaccard(minhashes[1]) < 1
    for text, minhash in zip(texts, minhashes, strict=True):
        minhash.update(b"one more")
        reference = datasketch.MinHash(
            num_perm=128, seed=1, scheme="affine32", hashfunc=xxhash.xxh32_intdigest
        )
        reference.update_batch([*naive.shingles(text), b"one more"])
        assert minhash == reference
    np.testing.assert_array_equal(signatures, signatures_of(texts))


def test_other_arrays_are_rejected():
    with pytest.raises(ParameterError, match=r"uint32 of shape \(n, 128\), not uint64"):
        sketch.to_datasketch(np.zeros((1, 128), np.uint64))


def test_missing_datasketch_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(UsageError, match=r"pip install 'provscan\[sketches\]'"):
        sketch.to_datasketch(np.zeros((1, 128), np.uint32))
