"""The words that the tables and the page share."""

from __future__ import annotations

from decimal import Decimal

LEVELS = {
    "exact": "same text, up to white space and HTML entities",
    "near_exact": "same text once links, @names, case, accents and punctuation are left out",
    "strong": "at least 80 % alike",
    "weak": "less than 80 % alike, but above the threshold",
}
"""What each level means, best first."""

UNCORRECTED = "Counts as found: not corrected for chance matches, nor for copies that were missed."


def count(n: int) -> str:
    """``1234567`` -> ``1,234,567``."""
    return f"{n:,}"


def percent(share: float | None) -> str:
    """A share with three significant digits; ``0 %`` and ``100 %`` only for exactly none and all.

    Examples
    --------
    >>> percent(0.12345), percent(0.0000012), percent(0.0), percent(1.0), percent(0.99999)
    ('12.3 %', '0.00012 %', '0 %', '100 %', '99.999 %')
    """
    if share is None:
        return "not known"
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    digits = 3
    while digits < 15 and float(f"{share * 100:.{digits}g}") == 100:
        digits += 1
    return f"{Decimal(f'{share * 100:.{digits}g}'):f} %"


def size(n: int) -> str:
    """``1234567`` bytes -> ``1.2 MB``."""
    if n < 1000:
        return f"{n} bytes"
    value = float(n)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


REASONS = {
    "band_texts": "texts in a band that more share than are compared",
    "bad_csv_row": "row with the wrong number of fields",
    "bad_date": "date that can't be read (taken as missing)",
    "bad_json": "line that is not JSON",
    "empty_file": "empty file",
    "invalid_utf8": "text that is not valid UTF-8 (wrong bytes replaced)",
    "lenient_json": "line that is JSON but for NaN or control characters",
    "line_too_long": "line that is too long",
    "lone_surrogate": "text with half a character (replaced)",
    "no_text": "record without text",
    "not_an_object": "line that is JSON but not an object",
    "seed_hits": "places beyond those that one record may have",
    "seed_places": "places of a stretch that more texts share than are compared",
    "text_not_string": "text field that holds no text",
}
"""What the keys in ``skipped``, ``repaired`` and the like mean."""


def reason(key: str) -> str:
    """A key of ``summary.json`` or ``run.json``, as words; what follows a colon is left as it is."""
    key, colon, detail = key.partition(": ")
    return REASONS.get(key, key.replace("_", " ")) + colon + detail
