"""Slow, simple reference implementations of canonical texts and similarities. They
import nothing from provscan and do not change.
"""

import html
import re
import unicodedata

# Printable ASCII characters except the space and < > " { } | \ ^ `
_URL = r"[!#-;=?-\[\]_a-z~]*"
_WORD = "[0-9A-Za-z_]"
ELEMENTS = [
    "a",
    "abbr",
    "article",
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "label",
    "li",
    "main",
    "mark",
    "meta",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "script",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "title",
    "tr",
    "tt",
    "u",
    "ul",
    "video",
]
DROPPED = re.compile(
    rf"https?://{_URL}"
    rf"|(?<!{_WORD})(?:httpurl|https?)(?!{_WORD})"
    rf"|(?<!{_WORD})www\.{_URL[:-1]}+"
    rf"|pic\.(?:twitter|x)\.com/{_URL}"
    rf"|(?<!{_WORD})rt[ \t\n\v\f\r]*[@＠]{_WORD}{{1,20}}(?!{_WORD})"
    rf"|[@＠]{_WORD}{{1,20}}(?!{_WORD})"
    rf"|</?(?:{'|'.join(ELEMENTS)})"
    r"(?:>|(?=[/ \t\v\f][^<>\n\r]{0,999}>)(?:[/ \t\v\f]*>|[^<>\n\r]*=[^<>\n\r]*>))"
    r"|<(?:url|user|username|mention|link|https?)>"
    r"|\[(?:url|user|username|mention|link|https?)\]"
    r"|\{(?:url|user|username|mention|link|https?)\}",
    re.IGNORECASE | re.ASCII,
)
DECORATIONS = [
    range(0x0300, 0x0370),
    range(0x0483, 0x048A),
    range(0x1AB0, 0x1B00),
    range(0x1DC0, 0x1E00),
    range(0x20D0, 0x2100),
    range(0x2DE0, 0x2E00),
    range(0xA66F, 0xA67E),
    range(0xFE00, 0xFE10),
    range(0xFE20, 0xFE30),
    range(0xE0100, 0xE01F0),
]
BLANK = {0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F}


def decoration(char):
    return any(ord(char) in span for span in DECORATIONS)


def fold_char(char):
    """Return the canonical form of one character: a string, with spaces for
    separators.
    """
    if unicodedata.category(char) == "Cs":
        return " "
    before, text = "", char
    while before != text:
        before, text = (
            text,
            unicodedata.normalize(
                "NFKC", unicodedata.normalize("NFKC", text).casefold()
            ),
        )
    result = ""
    for c in text:
        parts = unicodedata.normalize("NFD", c)
        if unicodedata.name(parts[0], "").startswith(("LATIN", "GREEK", "CYRILLIC")):
            c = "".join(p for p in parts if not decoration(p))
        for p in c:
            if unicodedata.category(p) == "Cf" or ord(p) in BLANK or decoration(p):
                continue
            result += p if unicodedata.category(p)[0] in "LNM" else " "
    return result


def unspaced(char):
    """Return whether a character belongs to a script that is written without
    spaces.
    """
    ranges = (
        (0xE00, 0xF00),
        (0x1000, 0x10A0),
        (0x1780, 0x1800),
        (0x3040, 0x3100),
        (0x3400, 0xA000),
        (0xF900, 0xFB00),
    )
    return any(low <= ord(char) < high for low, high in (*ranges, (0x20000, 0x32000)))


LATIN = "abyezhikmvoptux" + "abcehijklmopqstyxwhd"
GREEK_OR_CYRILLIC = "αβγεζηικμνορτυχ" + "авсеһіјкӏморԛѕтухԝнԁ"


DIGITS = str.maketrans("013457", "oieast")


def undisguised(word):
    """Return a word in one script if it mixes look-alike letters of several scripts,
    else the word itself.

    In a word that becomes Latin, digits that imitate letters become these letters.
    """
    others = [c for c in word if 0x370 <= ord(c) < 0x530]
    latin = [c for c in word if "a" <= c <= "z"]
    if not latin:
        return word
    pairs = list(zip(GREEK_OR_CYRILLIC, LATIN, strict=True))
    to_latin = dict(pairs)
    if all(c in to_latin for c in others):
        return "".join(to_latin.get(c, c) for c in word).translate(DIGITS)
    greek = [c for c in others if ord(c) < 0x400]
    if greek and len(greek) < len(others):
        return word
    # If a letter has two look-alikes in one script, the later one is used.
    back = {b: a for a, b in pairs if (ord(a) < 0x400) == bool(greek)}
    if all(c in back for c in latin):
        return "".join(back.get(c, c) for c in word)
    return word


def canonical(text):
    text = html.unescape(html.unescape(text))
    text = DROPPED.sub(" ", text)
    result = ""
    for char in text:
        for c in fold_char(char):
            if c == " ":
                if not result.endswith(" "):
                    result += " "
                continue
            if result.endswith(" ") and unspaced(c) and unspaced(result[-2:-1] or " "):
                result = result[:-1]
            if (
                result
                and not result.endswith(" ")
                and len(unicodedata.normalize("NFC", result[-1] + c)) == 1
            ):
                result = result[:-1] + unicodedata.normalize("NFC", result[-1] + c)
            else:
                result += c
    return " ".join(map(undisguised, result.strip(" ").split(" ")))


def grams(canonical_text, n=5):
    """Return the set of character n-grams; a shorter text is its only n-gram, and an
    empty text has none.
    """
    if not canonical_text:
        return set()
    return {
        canonical_text[i : i + n] for i in range(max(1, len(canonical_text) - n + 1))
    }


def jaccard(a, b):
    a, b = grams(a), grams(b)
    return len(a & b) / len(a | b) if a | b else 0.0


def containment(tweet, span):
    tweet, span = grams(tweet), grams(span)
    return len(tweet & span) / len(tweet) if tweet else 0.0
