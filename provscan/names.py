"""Format names and counts for messages: :func:`printable` escapes names,
:func:`counted` writes a count with its noun, :func:`snake_case` normalises the names of
fields.
"""


def printable(name: str) -> str:
    """Return a name in which control characters and bytes that are not UTF-8 are
    escaped, so that it can be shown and stored.
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


def snake_case(name: str) -> str:
    """Return the name of a field in snake case: "Tweet Text" is ``tweet_text``."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")
