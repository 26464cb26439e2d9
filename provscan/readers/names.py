"""Names of files and fields as they can be shown."""


def printable(name: str) -> str:
    """A name as it can be shown and stored: bytes that are not UTF-8 and control characters escaped."""
    if name.isprintable():
        return name
    text = "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in name)
    return "".join(c if c.isprintable() and c == d else ascii(c)[1:-1] for c, d in zip(text, name, strict=True))
