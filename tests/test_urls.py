"""Test that URLs are shown without their secrets."""

import copy
import json
import pickle
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nightly import SEED, cases
from odd_urls import SECRET, odd_url

from provscan.urls import Url, below, is_remote, opened, source_of, without_secrets

MARK = "h1dden"
# Characters that may be in a part of a URL, and some of which may end it.
ODD = st.text(st.sampled_from("ab:@/?#%[]&= '\".,;)"), max_size=4)
HIDDEN = st.builds(lambda before, after: f"{before}{MARK}{after}", ODD, ODD)
SHOWN = [
    ("https://me:secret@h/a.csv", "https://h/a.csv"),
    ("https://me@h:8080/a.csv", "https://h:8080/a.csv"),
    ("https://me:p@ss:word@h/a@1.csv", "https://h/a@1.csv"),
    ("https://me:a/b@h/a.csv", "https://"),
    ("https://me:a?b@h/a.csv", "https://"),
    ("https://h?mail=me@h", "https://"),
    ("https://h/a.csv?sig=1&next=http://me:secret@h", "https://h/a.csv"),
    ("https://h/a.csv#id", "https://h/a.csv"),
    ("https://[::1]:80/a.csv?sig=1", "https://[::1]:80/a.csv"),
    ("zip://a.csv::https://me:secret@h/a.zip?sig=1", "zip://a.csv::https://h/a.zip"),
    ("recipe:tweeteval=https://me:secret@h/a.zip", "recipe:tweeteval=https://h/a.zip"),
    ("s3://bucket/key", "s3://bucket/key"),
]


@pytest.mark.parametrize(("url", "shown"), SHOWN)
def test_the_shown_form_of_a_url(url, shown):
    found = source_of(url)
    assert found == shown
    assert f"{found}" == str(found) == json.loads(json.dumps(found)) == shown
    assert repr(found) == repr(shown)
    assert opened(found) == url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *SHOWN,
        ("https://h/a.csv?sig=1&b=2 can't be read", "https://h/a.csv can't be read"),
        ("url='https://h/a.csv?sig=1', a=1", "url='https://h/a.csv', a=1"),
        ("URL('http://me:secret@h/a.csv?sig=1').", "URL('http://h/a.csv')."),
        ("from https://me@h/a to s3://b/c?d=1!", "from https://h/a to s3://b/c"),
        ("what?not a url", "what?not a url"),
    ],
)
def test_the_shown_form_of_a_message(text, shown):
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


def test_parts_of_a_url_in_a_message_are_hidden():
    url = Url("s3://me:hush@bucket/place?sig=a%20b&v=1234#id-7")
    message = (
        'no bucket "me:hush@bucket": hush, 1234, a b and id-7 of place are wrong; it '
        "hushes"
    )
    assert (
        without_secrets(message, url)
        == 'no bucket "***@bucket": ***, ***, *** and *** of place are wrong; it hushes'
    )
    assert without_secrets(message) == message


@given(st.none() | HIDDEN, st.none() | HIDDEN, st.none() | HIDDEN, st.none() | HIDDEN)
def test_no_secret_is_shown(user, password, query, fragment):
    # The user and the password have no slash, which would end the host.
    who = (
        ""
        if user is None
        else user.replace("/", "")
        + ("" if password is None else ":" + password.replace("/", ""))
    )
    url = f"https://{who}{'@' * bool(who)}host/a.csv{'' if query is None else f'?{query}'}"  # noqa: E501
    url += "" if fragment is None else f"#{fragment}"
    assert MARK not in source_of(url)
    assert opened(source_of(url)) == url


def test_mistyped_urls_show_no_secret():
    rng = random.Random(SEED)
    for _ in range(cases(500, 20_000)):
        url = odd_url(rng)
        found = source_of(url)
        assert opened(found) == url
        messages = [str(found), without_secrets(f"'{found}': no such file, (2).")]
        if " " not in url:
            messages.append(without_secrets(f"{url} can't be read."))
        assert not [each for each in messages if SECRET in each], url
        assert without_secrets(messages[0]) == messages[0]


@pytest.mark.parametrize("name", ["a?sig=1", "b;c=d", "http:/me@h"])
def test_files_with_odd_names_are_no_urls(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert type(source_of(name)) is Url
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).touch()
    assert type(source_of(name)) is str


@pytest.mark.parametrize(
    "text", ["what? a=b", "/data/me@work/a.csv", "year=2020/a.csv", "a#1", "C:/a@b"]
)
def test_other_words_are_unchanged(text):
    assert source_of(text) == without_secrets(text) == text


def test_urls_with_different_secrets_are_different_sources():
    first, second = Url("https://h/get?id=1"), Url("https://h/get?id=2")
    assert str(first) == str(second) == first == second.lower()
    assert first != second
    assert first == Url("https://h/get?id=1")
    assert len({first, second, Url("https://h/get?id=1")}) == 2


def test_copies_open_the_same_url():
    url = Url("https://me:secret@h/a?sig=1#id")
    for again in (pickle.loads(pickle.dumps(url)), copy.deepcopy(url), source_of(url)):
        assert opened(again) == opened(url)
        assert again == url


def test_texts_made_from_a_url_have_no_secrets():
    url = Url("https://me:secret@h/a?sig=1#id")
    assert opened(f"{url}/b") == "https://h/a/b"
    assert opened(below(url, "b#1")) == "https://me:secret@h/a/b#1"
    assert below(url, "b#1") == "https://h/a/b#1"
    assert below("folder/", "b") == "folder/b"


def test_paths_are_unchanged(tmp_path, monkeypatch):
    for path in ("a?b#c.csv", "/me@h/a", "C:/a", "recipe:tweeteval=a", "-", ""):
        assert source_of(path) == path
        assert not isinstance(source_of(path), Url)
        assert not is_remote(path)
    assert source_of(tmp_path / "a") == str(tmp_path / "a")
    # pathlib replaces the two slashes of a URL by one.
    url = source_of(Path("https://me:secret@h/a?sig=1"))
    assert url == "https://h/a"
    assert opened(url) == "https://me:secret@h/a?sig=1"
    monkeypatch.chdir(tmp_path)
    Path("https:").mkdir()
    assert source_of(Path("https:/h/a")) == "https:/h/a"
