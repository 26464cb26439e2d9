"""Names of files and fields, and numbers of things, as they can be shown."""


def printable(name: str) -> str:
    """A name as it can be shown and stored: bytes that are not UTF-8 and control
    characters escaped.
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
    """``1, "record"`` -> ``1 record``; ``2000, "match"`` -> ``2,000 matches``."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{ending}"


def plain(name: str) -> str:
    """The name of a field as usual names are written: "Tweet Text" is
    ``tweet_text``.
    """
    return name.strip().lower().replace(" ", "_").replace("-", "_")
