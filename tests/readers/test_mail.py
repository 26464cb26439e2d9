"""Test that mail is decoded, whatever its encoding."""

from base64 import encodebytes
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest

from provscan.readers import LIMITS, Limits, Split
from provscan.readers.formats.registry import FileOptions, identified

TEXTS = [
    "nobody on the old bridge had seen the river so high since 1984, as they said at "
    "the mill that evening",
    "вчера вечером мы долго ждали автобус под холодным дождём возле старой площади и "
    "никто не пришёл",
    "今日はとても良い天気ですね。昨日は雨が降っていました",
]
FROM = b"From ann@example.org Mon Jan  4 10:00:00 2021\n"


def message(
    text, *, encoding="base64", charset="utf-8", subject="a letter from the mill"
):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "ann@example.org",
        "bob@example.org",
        subject,
    )
    mail["Message-ID"] = "<1@example.org>"
    mail.set_content(text + "\n", cte=encoding, charset=charset)
    return mail


@pytest.mark.parametrize("policy", [default, SMTP], ids=["lf", "crlf"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_encodings_of_parts(encoding, policy, write, read_all):
    mails = [message(text, encoding=encoding).as_bytes(policy=policy) for text in TEXTS]
    for n, mail in enumerate(mails):
        found = read_all(write(f"{n}.eml", mail))
        assert found.fields == ["subject", "text"]
        assert found.texts == ["a letter from the mill", TEXTS[n] + "\n"]
        assert found.rows[0]["id"] == "<1@example.org>"
    found = read_all(write("a.mbox", b"".join(FROM + mail + b"\n" for mail in mails)))
    assert [text.strip() for text in found.texts[1::2]] == TEXTS
    assert found.records == [0, 0, 1, 1, 2, 2]
    assert found.stats.records == 3


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-16"])
def test_the_charset_of_a_part(charset, write, read_all):
    body = encodebytes(TEXTS[1].encode(charset))
    raw = (
        "From: a@b.org\nTo: c@d.org\nSubject: "
        f"{Header(TEXTS[1][:20], 'koi8-r').encode()}\nContent-Type: text/plain; "
        f"charset={charset}\nContent-Transfer-Encoding: base64\n\n"
    ).encode() + body
    assert read_all(write("a.eml", raw)).texts == [TEXTS[1][:20], TEXTS[1]]


def test_parts_of_a_message(write, read_all):
    long = "\n".join([TEXTS[0]] * 5)
    mail = message(long)
    mail.add_alternative(
        f"<html><style>p {{}}</style><p>{long}</p></html>", subtype="html"
    )
    mail.add_attachment(TEXTS[1], filename="a.txt")
    mail.add_attachment(
        b"%PDF-1.7", maintype="application", subtype="pdf", filename="a.pdf"
    )
    mail.add_attachment(message(TEXTS[2], subject="the letter before"))
    found = read_all(write("a.eml", bytes(mail)))
    assert (
        found.texts[1].split()
        == " ".join([long, TEXTS[1], "the letter before", TEXTS[2]]).split()
    )
    assert found.stats.notes == {"attachment": 1}


def test_a_delivery_report_has_several_header_blocks(write, read_all):
    report = (
        b"Subject: undelivered\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/report; boundary=b\n\n"
        b"--b\nContent-Type: text/plain\n\nno such mailbox at the mill\n"
        b"--b\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; example.org\n\nAction: failed\nStatus: 5.0.0\n\n"
        b"--b--\n\n"
    )
    usual = bytes(message(TEXTS[0])) + b"\n"
    found = read_all(write("a.mbox", FROM + usual + FROM + report + FROM + usual))
    texts = [" ".join(text.split()) for text in found.texts]
    assert texts[1::2] == [TEXTS[0], "no such mailbox at the mill", TEXTS[0]]
    assert found.stats.damaged == []


def test_an_alternative_with_more_text(write, read_all):
    mail = message("This needs a browser")
    mail.add_alternative(f"<html><p>{TEXTS[0]}</p></html>", subtype="html")
    (_, text) = read_all(write("a.eml", bytes(mail))).texts
    assert "This needs a browser" in text
    assert f"<p>{TEXTS[0]}</p>" in text


@pytest.mark.parametrize("chunk", [1 << 20, 700, 64])
def test_lines_that_begin_like_messages(chunk, write, read_all):
    text = "From here on\nFrom 10:20 to 10:30\nwe waited\n\nFrom: nobody"
    data = b"".join(
        FROM + message(f"{text} {n}", encoding="8bit").as_bytes() + b"\n"
        for n in range(9)
    )
    found = read_all(write("a.mbox", data), limits=Limits(chunk=chunk))
    assert [text.strip() for text in found.texts[1::2]] == [
        f"{text} {n}" for n in range(9)
    ]


def test_damaged_and_long_messages(write, read_all):
    broken = (
        message(TEXTS[0], encoding="8bit")
        .as_bytes()
        .replace(b"text/plain", b'multipart/mixed; boundary="none"')
    )
    wrong = (
        message(TEXTS[1]).as_bytes().replace(b"utf-8", b"ascii").replace(b"0", b"*", 1)
    )
    long = message("x" * 5000, encoding="8bit").as_bytes()
    empty = b"From: a@b.org\nTo: c@d.org\n\n"
    mails = [broken, wrong, long, message(TEXTS[0]).as_bytes(), empty]
    path = write("a.mbox", b"".join(FROM + mail + b"\n" for mail in mails))
    found = read_all(path, limits=Limits(record_bytes=3000, chunk=500))
    assert TEXTS[0] in found.texts[1]
    assert found.texts[-1].strip() == TEXTS[0]
    assert sorted(set(found.records)) == [0, 1, 3]
    assert found.stats.notes["record_too_long"] == 1
    assert found.stats.skipped == {"no_text": 2}


def format_of(name, head):
    return identified(name, head, Split("a", "a", ""), FileOptions())[0].format


def test_mail_is_recognised_by_its_headers():
    mail = message(TEXTS[0]).as_bytes()
    for name in ("1.", "inbox", "cur/1234:2,S"):
        for head in (mail, FROM + mail, mail.replace(b"\n", b"\r\n")):
            assert format_of(name, head[: LIMITS.head_bytes]) == "mail"
    assert format_of("a.txt", mail) == "text"
    for text in (
        b"Subject: a list\nDate: today\n\nFrom: nobody",
        b"a text\n\nFrom: a\nTo: b\nSubject: c\n",
    ):
        assert format_of("notes", text) == "text"


def test_the_encoding_of_a_text_that_begins_like_mail(write, read_all):
    text = "Subject: é\nFrom: a\nTo: b\n\nun café, s'il vous plaît\n"
    path = write("a.txt", text.encode("latin-1"))
    found = read_all(path, encoding="latin-1", records="lines")
    assert found.texts == [line for line in text.split("\n") if line]
