"""Edits that differ from those of the test copies (spike-ins).

Their author wrote them from a description of how people and pipelines change posts, and
read neither the edits that provscan plants nor their words. They can resemble them by
chance; how strongly each one changes a text is not measured here.

Each edit is a function of a text and a random generator; :data:`OTHERS` lists them.
They were written for English. In other languages with spaces, short words stand for
function words. In scripts without spaces (Chinese, Japanese, Thai), each pair of
characters counts as a word. Names, hashtags, links and entities of HTML are no words.
"""

from __future__ import annotations

import html
import re
from difflib import get_close_matches
from random import Random

from edits import Edit

_UNSPACED = "\u0e01-\u0e4e\u3041-\u30fa\u30fc-\u30fe\u3400-\u9fff"
_MARKS = "\u0300-\u036f\u064b-\u0652\u0900-\u0963\u0980-\u0dff"
_PIECE = re.compile(
    r"https?://[!-~]+|[@#]\w+|&#?\w+;"
    rf"|(?P<word>[{_UNSPACED}]{{1,2}}"
    rf"|(?:(?![{_UNSPACED}])[^\W\d_]|[{_MARKS}])+(?:['’][a-zA-Z]+)*)|.",
    re.DOTALL,
)
_ARTICLES = frozenset(("the", "a", "an"))
_ENDINGS = (
    ("ing", "ed"),
    ("ied", "y"),
    ("ed", "ing"),
    ("ies", "y"),
    ("s", ""),
    ("e", "ing"),
)
_LOOK_ALIKES = {
    "rn": "m",
    "cl": "d",
    "l": "1",
    "O": "0",
    "ш": "щ",
    "н": "п",
    "ロ": "口",
    "ニ": "二",
    "カ": "力",
    "エ": "工",
    "ー": "一",
    "シ": "ツ",
    "人": "入",
    "日": "曰",
    "未": "末",
    "土": "士",
}
_NEXT = (
    "bought two lamps at the flea market and one of them even works",
    "does anyone in the village still repair bicycles",
    "Our ferry leaves at noon so pack tonight",
)
_NEXT_UNSPACED = ("駅前の喫茶店が閉まっていた", "我家的猫又爬到柜子上去了")
_OPENINGS = (
    "Have you seen what they wrote?",
    "Sorry, but no.",
    "My uncle, word by word:",
)
_ASIDES = ("where on earth is the evidence", "my emphasis", "well, roughly")
_ASIDES_UNSPACED = ("本気か", "原文如此")
_CONTRACTIONS = (
    (r"\bcan['’]t\b", "cannot"),
    (r"\bwon['’]t\b", "will not"),
    (r"n['’]t\b", " not"),
    (r"['’]re\b", " are"),
    (r"['’]ll\b", " will"),
    (r"['’]ve\b", " have"),
    (r"\bI['’]m\b", "I am"),
    (r"\b(it|that|what|he|she)['’]s\b", r"\1 is"),
)
_SYNONYMS = {
    "big": "sizeable",
    "buy": "purchase",
    "funny": "amusing",
    "glad": "delighted",
    "hard": "demanding",
    "house": "residence",
    "job": "occupation",
    "kids": "children",
    "mad": "furious",
    "old": "elderly",
    "quick": "swift",
    "sad": "sorrowful",
    "smart": "clever",
    "start": "commence",
    "street": "avenue",
    "weird": "peculiar",
}
_SYNONYMS_UNSPACED = ("立派", "巨大", "愉快", "迅速")
_DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
_DIGITS_UNSPACED = "〇一二三四五六七八九"
_HOMOPHONES = {
    "their": "there",
    "there": "their",
    "they're": "there",
    "to": "too",
    "too": "to",
    "two": "too",
    "your": "you're",
    "you're": "your",
    "its": "it's",
    "it's": "its",
    "hear": "here",
    "here": "hear",
    "know": "no",
    "no": "know",
    "by": "buy",
    "right": "write",
    "sea": "see",
    "see": "sea",
    "our": "hour",
    "week": "weak",
    "whole": "hole",
}
_SOUNDS = (
    ("ph", "f"),
    ("ck", "k"),
    ("ay", "ei"),
    ("ie", "y"),
    ("er", "ur"),
    ("c", "k"),
    ("v", "w"),
    ("о", "а"),
    ("е", "и"),
    ("は", "わ"),
    ("を", "お"),
    ("ず", "づ"),
    ("的", "地"),
    ("在", "再"),
    ("他", "它"),
)
_DICTIONARY = (
    *("barley", "basket", "beard", "bitter", "candle", "carpet", "clover", "county"),
    *("ducking", "fiction", "garden", "gravel", "hearing", "kitchen", "ladder"),
    *("leather", "marble", "mending", "minister", "needle", "orange", "parsley"),
    *("pickle", "plaster", "quarry", "ribbon", "saddle", "shore", "silver", "sister"),
    *("tender", "thing", "timber", "treat", "velvet", "wander", "weather", "whale"),
)
_FRENCH = {
    "the": "le",
    "a": "un",
    "an": "une",
    "and": "et",
    "of": "de",
    "to": "à",
    "in": "dans",
    "is": "est",
    "are": "sont",
    "was": "était",
    "with": "avec",
    "for": "pour",
    "on": "sur",
    "at": "chez",
    "or": "ou",
    "but": "mais",
    "not": "pas",
    "this": "ce",
    "that": "que",
    "it": "il",
    "i": "je",
    "you": "vous",
    "we": "nous",
    "my": "mon",
    "from": "depuis",
    "so": "donc",
    "if": "si",
    "by": "par",
    "as": "comme",
    "what": "quoi",
    "who": "qui",
}


def _cut(text: str) -> tuple[list[str], list[int]]:
    """Cut a text into pieces, and return them and the places of the words."""
    found = list(_PIECE.finditer(text))
    return (
        [each[0] for each in found],
        [place for place, each in enumerate(found) if each["word"]],
    )


def _some(places: list[int], rng: Random, one_in: int) -> list[int]:
    """Choose a share of the places, at least one if there are any."""
    count = max(1, round(len(places) / one_in))
    return sorted(rng.sample(places, min(count, len(places))))


def _short(pieces: list[str], places: list[int], rng: Random) -> list[int]:
    """Choose a quarter of the words of up to three letters, which stand for function
    words where none are known.
    """
    return _some([place for place in places if len(pieces[place]) <= 3], rng, 4)


def _unspaced(text: str) -> bool:
    """Return whether a third of a text is in scripts without spaces."""
    return 3 * len(re.findall(f"[{_UNSPACED}]", text)) > len(text)


def _halves(text: str) -> tuple[str, str]:
    """Cut at the space next to the middle, or in the middle if none is near."""
    middle = len(text) // 2
    spaces = [
        at for at, c in enumerate(text) if c == " " and abs(at - middle) < len(text) / 4
    ]
    if not spaces:
        return text[:middle], text[middle:]
    at = min(spaces, key=lambda each: abs(each - middle))
    return text[:at], text[at + 1 :]


def retold(text: str, rng: Random) -> str:
    """Repeat the text like a beginner in the language, without articles, and with other
    endings of a quarter of the longer words. Without articles in the text, a quarter of
    the short words are left out; in scripts without spaces, the first character of a
    quarter of the pairs.
    """
    pieces, places = _cut(text)
    articles = [place for place in places if pieces[place].lower() in _ARTICLES]
    left_out = set(articles or _short(pieces, places, rng))
    longer = [
        place
        for place in places
        if len(pieces[place]) > 4 and pieces[place].isalpha() and place not in left_out
    ]
    for place in _some(longer, rng, 4):
        word = pieces[place]
        pieces[place] = next(
            (
                word.removesuffix(old) + new
                for old, new in _ENDINGS
                if word.endswith(old)
            ),
            word + "s" if word.isascii() else word[:-1],
        )
    for place in left_out:
        pieces[place] = pieces[place][1:] if _unspaced(pieces[place]) else ""
    return re.sub(" {2,}", " ", "".join(pieces)).strip()


def read_by_ocr(text: str, rng: Random) -> str:
    """Misread one of the confusable characters in every twenty characters, at least
    two, and break the line near the middle. Scripts without confusable characters here
    get only the line break. Entities of HTML are shown as their characters.
    """
    text = html.unescape(text)
    found = list(re.finditer("|".join(_LOOK_ALIKES), text))
    few = rng.sample(found, min(len(found), max(2, len(text) // 20)))
    for each in sorted(few, key=lambda one: one.start(), reverse=True):
        text = text[: each.start()] + _LOOK_ALIKES[each[0]] + text[each.end() :]
    return "\n".join(_halves(text))


def cut_at_a_limit(text: str, rng: Random) -> str:
    """Keep 60 to 95 % in tokens of four characters, also within a word, and continue
    with an ellipsis or with the next post.
    """
    tokens = [text[at : at + 4] for at in range(0, len(text), 4)]
    kept = "".join(tokens[: int(len(tokens) * rng.uniform(0.6, 0.95))]).rstrip()
    if rng.random() < 0.5:
        return f"{kept} [...]"
    if _unspaced(text):
        return kept + rng.choice(_NEXT_UNSPACED)
    return f"{kept} {rng.choice(_NEXT)}"


def quoted_in_a_reply(text: str, rng: Random) -> str:
    """Quote the text in a reply, with an aside in the middle; without a reply before it
    in scripts without spaces.
    """
    first, second = _halves(text)
    if _unspaced(text):
        return f"「{first}（{rng.choice(_ASIDES_UNSPACED)}）{second}」"
    aside = rng.choice(_ASIDES)
    return f'{rng.choice(_OPENINGS)} "{first} [{aside}] {second}"'


def censored(text: str, rng: Random) -> str:
    """Replace one word in six by asterisks, half of them except their first letter; in
    scripts without spaces, one pair in six.
    """
    pieces, places = _cut(text)
    for place in _some([p for p in places if len(pieces[p]) > 1], rng, 6):
        shown = rng.randrange(2)
        word = pieces[place]
        pieces[place] = word[:shown] + "*" * (len(word) - shown)
    return "".join(pieces)


def polished(text: str, rng: Random) -> str:
    """Expand contractions, replace two words by synonyms, add commas, and give capitals
    to the beginnings of sentences only.

    Any other words or pairs are replaced if fewer than two synonyms are known. A comma
    follows every eighth word.
    """
    for contraction, expanded in _CONTRACTIONS:
        text = re.sub(contraction, expanded, text, flags=re.IGNORECASE)
    pieces, places = _cut(text)
    known = [place for place in places if pieces[place].lower() in _SYNONYMS]
    rest = [p for p in places if p not in known and pieces[p][-1].isalpha()]
    longest = sorted(rest, key=lambda place: -len(pieces[place]))[: len(rest) // 2 + 1]
    rng.shuffle(known)
    rng.shuffle(longest)
    for place in [*known, *longest][:2]:
        word = pieces[place]
        new = _SYNONYMS_UNSPACED if _unspaced(word) else tuple(_SYNONYMS.values())
        pieces[place] = _SYNONYMS.get(word.lower()) or rng.choice(new)
    for number, place in enumerate(places):
        if pieces[place].isupper() and len(pieces[place]) > 1:
            pieces[place] = pieces[place].lower()
        before = "".join(pieces[:place]).rstrip()
        if not before or before[-1] in ".!?":
            pieces[place] = pieces[place][0].upper() + pieces[place][1:]
        if number % 8 == 7 and pieces[place + 1 : place + 2] not in ([","], ["、"]):
            pieces[place] += "、" if _unspaced(pieces[place]) else ","
    return "".join(pieces)


def joined_from_a_thread(text: str, rng: Random) -> str:
    """Join the halves, as posts of a thread, with the number of the second one."""
    return " (2/2) ".join(_halves(text))


def dictated(text: str, rng: Random) -> str:
    """Write the text as it sounds: digits as words, no punctuation, no capitals, no
    links, half of the homophones mistaken, and one word in five spelled another way.
    Scripts without spaces stay without spaces.
    """
    pieces, places = _cut(html.unescape(text))
    misheard = set(_some(places, rng, 5))
    words = set(places)
    spoken = []
    for place, piece in enumerate(pieces):
        if place in words:
            spoken.append(_heard(piece.lower(), place in misheard, rng))
        elif piece.startswith("http"):
            spoken.append(" ")
        elif len(piece) > 1:
            spoken.append(f" {'at' if piece[0] == '@' else 'hashtag'} {piece[1:]} ")
        elif piece in "0123456789":
            spoken.append(
                _DIGITS_UNSPACED[int(piece)]
                if _unspaced(text)
                else f" {_DIGITS[int(piece)]} "
            )
        else:
            spoken.append(" " if piece.isspace() or not _unspaced(text) else "")
    return " ".join("".join(spoken).split())


def _heard(word: str, misheard: bool, rng: Random) -> str:
    """Return a homophone, or a word that is misheard in another spelling."""
    same = _HOMOPHONES.get(word.replace("’", "'"))
    if same is not None:
        return same if rng.random() < 0.5 else word
    sound = next((pair for pair in _SOUNDS if pair[0] in word), None)
    return word.replace(*sound, 1) if misheard and sound else word


def autocorrected(text: str, rng: Random) -> str:
    """Replace three words of four letters or more by a similar word of a small
    dictionary or, without one, by the word with another letter of the text inside. In
    scripts without spaces, the second character of three pairs is replaced.
    """
    pieces, places = _cut(text)
    letters = sorted({c for place in places for c in pieces[place].lower()})
    enough = [p for p in places if len(pieces[p]) > 3 or _unspaced(pieces[p])] or places
    for place in rng.sample(enough, min(3, len(enough))):
        word = pieces[place]
        near = get_close_matches(word.lower(), _DICTIONARY, 1, 0.7)
        if near and near[0] != word.lower():
            pieces[place] = near[0]
        else:
            at = len(word) // 2
            other = [c for c in letters if c != word[at].lower() and c.isalpha()]
            pieces[place] = word[:at] + rng.choice(other or ["o"]) + word[at + 1 :]
    return "".join(pieces)


def emphasised(text: str, rng: Random) -> str:
    """Write one word in five in capitals, and repeat its last vowel, or its last letter
    if it has none of a, e, i, o and u; in scripts without spaces, repeat the second
    character of one pair in five.
    """
    pieces, places = _cut(text)
    for place in _some(places, rng, 5):
        word = pieces[place].upper()
        vowel = max(word.rfind(letter) for letter in "AEIOU")
        at = vowel if vowel >= 0 else len(word) - 1
        pieces[place] = word[:at] + word[at] * rng.randrange(3, 6) + word[at + 1 :]
    return "".join(pieces)


def function_words_in_french(text: str, rng: Random) -> str:
    """Translate the English function words into French. Without any, a quarter of the
    short words become French words; in scripts without spaces, a quarter of the pairs.
    """
    pieces, places = _cut(text)
    known = [place for place in places if pieces[place].lower() in _FRENCH]
    french = list(_FRENCH.values())
    for place in known or _short(pieces, places, rng):
        pieces[place] = _FRENCH.get(pieces[place].lower()) or rng.choice(french)
    return "".join(pieces)


OTHERS: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        retold,
        read_by_ocr,
        cut_at_a_limit,
        quoted_in_a_reply,
        censored,
        polished,
        joined_from_a_thread,
        dictated,
        autocorrected,
        emphasised,
        function_words_in_french,
    )
}
