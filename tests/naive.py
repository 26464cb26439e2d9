"""Slow, simple reference implementations of canonical texts and similarities. They
import nothing from provscan and do not change. Only the variants of Han characters are
read from its file.
"""

import html
import re
import unicodedata
from pathlib import Path

HAN = Path(__file__).parents[1] / "provscan" / "text" / "han_variants.txt"
# Printable ASCII characters except the space and < > " { } | \ ^ `
_URL = r"[!#-;=?-\[\]_a-z~]*"
_WORD = "[0-9A-Za-z_]"
# Inside a tag; the last four are brackets with a stroke.
_ATTRIBUTE = "[^<>\n\r\u226e\u226f\U0010ff3c\U0010ff3e]"
ELEMENTS = [
    *("a", "abbr", "article", "b", "big", "blockquote", "body", "br", "center", "cite"),
    *("code", "dd", "del", "div", "dl", "dt", "em", "figure", "font", "footer", "h1"),
    *("h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "i", "iframe"),
    *("img", "input", "ins", "label", "li", "main", "mark", "meta", "nav", "ol", "p"),
    *("pre", "q", "s", "script", "section", "small", "span", "strike", "strong"),
    *("style", "sub", "sup", "table", "tbody", "td", "th", "thead", "title", "tr"),
    *("tt", "u", "ul", "video"),
]
DROPPED = re.compile(
    rf"https?://{_URL}"
    rf"|(?<!{_WORD})(?:httpurl|https?)(?!{_WORD})"
    rf"|(?<!{_WORD})www\.{_URL[:-1]}+"
    rf"|pic\.(?:twitter|x)\.com/{_URL}"
    rf"|(?<!{_WORD})rt[ \t\n\v\f\r]*[@＠]{_WORD}{{1,20}}(?!{_WORD})"
    rf"|[@＠]{_WORD}{{1,20}}(?!{_WORD})"
    rf"|</?(?:{'|'.join(ELEMENTS)})"
    rf"(?:>|(?=[/ \t\v\f]{_ATTRIBUTE}{{0,999}}>)"
    rf"(?:[/ \t\v\f]*>|{_ATTRIBUTE}*={_ATTRIBUTE}*>))"
    r"|<(?:url|user|username|mention|link|https?)>"
    r"|\[(?:url|user|username|mention|link|https?)\]"
    r"|\{(?:url|user|username|mention|link|https?)\}",
    re.IGNORECASE | re.ASCII,
)
# Combining classes of marks that are kept.
KEPT_CLASSES = {0, 8, 9, 84, 91, 103, 118, 129, 130, 132}
BLANK = {
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D),
    0x180F,
    0x3164,
}
BLANK |= {0x0640, 0x07FA, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
LETTERS = dict(
    zip(
        "ıđðłøħŧŋɲƒɣɓɗɖƙƴɛɔəǝʋɩɨʊʉɵƶǥɠƭƈƥ",
        "iddlohtnnfgbddkyeoeeviiuuozggtcp",
        strict=True,
    )
)
LETTERS |= {"æ": "ae", "œ": "oe", "þ": "th", "װ": "וו", "ױ": "וי", "ײ": "יי"}
LETTERS |= dict(zip("ىیکڪٱٲٳةہھەۃ", "ييككاااههههه", strict=True))
LETTERS |= {chr(code): chr(code - 0x60) for code in (*range(0x30A1, 0x30F7),)}
LETTERS |= {"ヽ": "ゝ", "ヾ": "ゞ"}


def han_letters():
    """Return one character for all Han characters that are connected by variants."""
    text = HAN.read_text("utf-8")
    pairs, simplified = [], set()
    for line in text.splitlines():
        if line[0] == "[":
            section = line
        elif line[0] != "#":
            pairs += line.split()
            if section == "[simplified]":
                simplified |= set(line.split())
    group = {}
    for pair in pairs:
        joint = {c for p in pair for c in group.get(p, p)}
        group |= dict.fromkeys(joint, joint)
    has_simplified = {pair[0] for pair in simplified}
    is_simplified = {pair[1] for pair in simplified}
    return {
        c: min(g, key=lambda c: (c in has_simplified, c not in is_simplified, c))
        for c, g in group.items()
    }


LETTERS |= han_letters()


def fold_char(char):
    """Return the canonical form of one character, decomposed: a string, with spaces for
    separators.
    """
    if unicodedata.category(char) == "Cs":
        return " "
    before, text = "", char
    while before != text:
        before, text = text, ""
        for c in unicodedata.normalize("NFKD", before):
            category = unicodedata.category(c)
            if (
                category in ("Cf", "Me")
                or ord(c) in BLANK
                or unicodedata.combining(c) not in KEPT_CLASSES
            ):
                continue
            if category[0] not in "LNM" or 0x2B9 <= ord(c) < 0x2C0:
                text += " "
            elif category == "Nd":
                text += str(unicodedata.digit(c))
            else:
                text += LETTERS.get(c, c).casefold()
    return text


def unspaced(char):
    """Return whether a character belongs to a script that is written without spaces,
    or in which they come and go.
    """
    ranges = (
        *((0xE00, 0xF00), (0x1000, 0x10A0), (0x1100, 0x13A0), (0x1780, 0x1800)),
        *((0x2D80, 0x2DE0), (0x3040, 0x3130), (0x3400, 0xA000), (0xA960, 0xA980)),
        *((0xAB00, 0xAB30), (0xAC00, 0xD800), (0xF900, 0xFB00), (0x1E7E0, 0x1E800)),
        (0x20000, 0x32000),
    )
    return any(low <= ord(char) < high for low, high in ranges)


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


def is_mark(char):
    folded = fold_char(char)
    return folded == "" or unicodedata.combining(folded[0])


def composed(text):
    """Replace ASCII characters by private ones if a normalisation form of the text
    composes them with an accent, and the kelvin sign and the Greek question mark by
    ASCII ones.
    """
    result, accented = "", False
    for c in reversed(text.replace("\u212a", "K").replace("\u037e", ";")):
        private = accented and re.match("[A-Za-z<=>]", c)
        result += chr(0x10FF00 + ord(c)) if private else c
        marks = c >= "\u0300" and is_mark(c)
        accented = "\u0300" <= c <= "\u0344" or (marks and accented)
    return result[::-1]


def decomposed(text):
    return re.sub("[\U0010ff00-\U0010ff7f]", lambda c: chr(ord(c[0]) - 0x10FF00), text)


def canonical(text):
    for edit in (html.unescape, html.unescape, lambda text: DROPPED.sub(" ", text)):
        text = decomposed(edit(composed(text)))
    result, joined = "", False
    for c in "".join(map(fold_char, text)):
        if c == " ":
            if result and not result.endswith(" ") and not joined:
                result += " "
            continue
        if unicodedata.combining(c):
            joined = joined and not result.endswith(" ")
        else:
            joined = unspaced(c)
            result = result.rstrip(" ") if joined else result
        result += c
    # Words also end at characters of scripts without spaces.
    result = unicodedata.normalize("NFC", result.rstrip(" "))
    words = [""]
    for c in result:
        alone = c == " " or unspaced(c)
        words += [c, ""] if alone else []
        words[-1] += "" if alone else c
    return "".join(map(undisguised, words))


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
