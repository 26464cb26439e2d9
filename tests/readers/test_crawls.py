"""Test WARC archives: pages as servers send them, in any encoding, compressed or not,
and with wrong headers.
"""

import gzip
import os
import zlib

import pytest
import zstandard

RUSSIAN = "Жил-был у бабушки серенький козлик, и бабушка козлика очень любила"
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ"
PLAIN = "a page whose words stand in no other page of this crawl"


def response(body, *headers):
    head = "".join(f"{header}\r\n" for header in ("HTTP/1.1 200 OK", *headers)) + "\r\n"
    return record("response", head.encode() + body)


def record(kind, body):
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Type: "
        f"application/http\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def html(text):
    return f"<html><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(RUSSIAN, "windows-1251"), (RUSSIAN, "koi8-r"), (JAPANESE, "shift_jis"), (JAPANESE, "iso-2022-jp"),  # noqa: E501
     (JAPANESE, "utf-16"), (RUSSIAN, "utf-8")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/json"])
def test_the_server_states_the_encoding_of_a_page(
    write, read_all, text, encoding, kind
):
    body = html(text) if kind == "text/html" else text
    page = response(body.encode(encoding), f"Content-Type: {kind}; charset={encoding}")
    other = response(PLAIN.encode(), "Content-Type: text/plain")
    found = read_all(write("a.warc", page + other))
    assert [found_text.lstrip("\ufeff") for found_text in found.texts] == [text, PLAIN]
    assert not found.stats.notes


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "idna", "unicode-escape", "hex", "none-such"]
)
def test_utf8_is_read_despite_a_wrong_charset(write, read_all, charset):
    pages = [
        response(RUSSIAN.encode(), f'Content-Type: text/plain; charset="{charset}"')
    ]
    assert read_all(write("a.warc", b"".join(pages))).texts == [RUSSIAN]


@pytest.mark.parametrize("in_crawl", [True, False])
@pytest.mark.parametrize(
    ("encoding", "text", "bad"),
    [
        ("utf-8", RUSSIAN, b"\xd0"),
        ("utf-8", JAPANESE, b"\xe5\x90"),
        ("utf-8", PLAIN, b"\xff"),
        ("euc-jp", JAPANESE, b"\xff"),
    ],
)
def test_bytes_of_a_page_that_are_not_in_its_encoding(
    write, read_all, encoding, text, bad, in_crawl
):
    """They are replaced and counted, and the rest of the page keeps its encoding."""
    head = f"<html><meta charset={encoding}><body><p>{text}".encode(encoding)
    page = head + bad + b"</p></body></html>"
    path = (
        write("a.warc", response(page, "Content-Type: text/html"))
        if in_crawl
        else write("a.html", page)
    )
    found = read_all(path)
    assert found.texts == [text + "\ufffd"]
    assert found.stats.notes == {"invalid_text": 1}


def raw_deflate(data):
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


@pytest.mark.parametrize(
    ("coding", "compress"),
    [("deflate", zlib.compress), ("deflate", raw_deflate), ("zstd", zstandard.compress), ("identity", bytes),  # noqa: E501
     ("br", bytes), ("gzip", bytes), ("deflate", bytes)],
)  # fmt: skip
def test_pages_are_decompressed_unless_the_crawler_did_it(
    write, read_all, coding, compress
):
    page = response(
        compress(PLAIN.encode()),
        "Content-Type: text/plain",
        f"Content-Encoding: {coding}",
    )
    assert read_all(write("a.warc", page)).texts == [PLAIN]


def test_unsupported_compressions_are_counted(write, read_all):
    page = response(
        bytes(range(120, 250)), "Content-Type: text/plain", "Content-Encoding: br"
    )
    found = read_all(
        write("a.warc", page + response(PLAIN.encode(), "Content-Type: text/plain"))
    )
    assert (found.texts, found.records) == ([PLAIN], [1])
    assert found.stats.notes == {"unread_coding": 1}
    assert found.stats.skipped == {"no_text": 1}


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_page_is_read_up_to_the_limit(write, read_all, monkeypatch, coding):
    compress = gzip.compress if coding == "gzip" else zstandard.compress
    page = response(
        compress(PLAIN.encode()),
        "Content-Type: text/plain",
        f"Content-Encoding: {coding}",
    )
    monkeypatch.setattr("provscan.readers.formats.web.PAGE", len(PLAIN))
    found = read_all(write("whole.warc", page))
    assert (found.texts, found.stats.notes) == ([PLAIN], {})
    monkeypatch.setattr("provscan.readers.formats.web.PAGE", len(PLAIN) - 1)
    found = read_all(write("cut.warc", page))
    assert (found.texts, found.stats.notes) == ([PLAIN[:-1]], {"cut_page": 1})


def test_all_members_of_a_compressed_page_are_read(write, read_all):
    first, second = (gzip.compress(part.encode()) for part in (PLAIN[:20], PLAIN[20:]))
    headers = "Content-Type: text/plain", "Content-Encoding: gzip"
    found = read_all(write("a.warc", response(first + second, *headers)))
    assert (found.texts, found.stats.notes) == ([PLAIN], {})
    found = read_all(write("b.warc", response(first + second[:12], *headers)))
    assert found.stats.notes == {"cut_page": 1}
    assert PLAIN.startswith(found.texts[0])


def test_a_truncated_compressed_page_is_noted(write, read_all):
    body = zstandard.compress(
        bytes(range(32, 127)) * 3000 + os.urandom(1 << 18).hex().encode()
    )
    headers = "Content-Type: text/plain", "Content-Encoding: zstd"
    assert read_all(write("a.warc", response(body, *headers))).stats.notes == {}
    found = read_all(write("b.warc", response(body[:-100], *headers)))
    assert (len(found.texts), found.stats.notes) == (1, {"cut_page": 1})
