"""Format names, counts and shares for messages.

:func:`printable` escapes names, :func:`counted` and :func:`several` format a count with
its noun, :func:`in_words` spells small numbers out, :func:`share` and
:func:`percentage` format percentages, and :func:`snake_case` normalises the names of
fields.
"""

from decimal import Decimal

SMALL_NUMBERS = (
    *("no", "one", "two", "three", "four", "five"),
    *("six", "seven", "eight", "nine", "ten"),
)


def printable(name: str) -> str:
    """Return a name that can be shown and stored: control characters and bytes that are
    not UTF-8 are escaped.
    """
    if name.isprintable():
        return name
    text = "".join(
        chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in name
    )
    return "".join(
        c if c.isprintable() and c == d else ascii(c)[1:-1]
        for c, d in zip(text, name, strict=True)
    )


def counted(number: int, noun: str) -> str:
    """Format a count: ``1, "record"`` -> ``1 record``, ``2000, "match"`` -> ``2,000
    matches``.
    """
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{ending}"


def number(value: float) -> str:
    """Format a number without decimals: ``2000.4`` -> ``2,000``."""
    return f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """Return a share as a percentage with two significant digits, or with four from
    99.5% on.
    """
    value = 100.0 * part / whole if whole else 0.0
    return percentage(value, 2 if value < 99.5 else 4)


def percentage(value: float, digits: int) -> str:
    """Return a percentage with ``digits`` significant digits, or with more if it would
    be rounded to 100%.
    """
    while value != 100 and digits < 15 and float(f"{value:.{digits}g}") == 100:
        digits += 1
    return f"{Decimal(f'{value:.{digits}g}'):f}%"


def several(count: float, singular: str, plural: str) -> str:
    """Format a count with the words that follow it, such as a noun and its verb: ``2,
    "file was", "files were"`` -> ``2 files were``.
    """
    return f"{number(count)} {singular if round(count) == 1 else plural}"


def in_words(count: int) -> str:
    """Return a number in words up to ten, and in digits from there on."""
    return SMALL_NUMBERS[count] if count < len(SMALL_NUMBERS) else number(count)


def snake_case(name: str) -> str:
    """Return the name of a field in snake case: "Tweet Text" is ``tweet_text``."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")
