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
    "bad_csv_row": "wrong number of fields in the row",
    "bad_date": "date not understood, taken as missing",
    "bad_json": "line that is not JSON",
    "band_texts": "look-ups of very common texts",
    "empty_file": "empty file",
    "invalid_utf8": "not valid UTF-8, wrong bytes replaced",
    "lenient_json": "not strictly JSON, but clear",
    "line_too_long": "line too long",
    "lone_surrogate": "half a character, replaced",
    "no_text": "no text",
    "not_an_object": "JSON, but not an object",
    "full": "records with more candidates than there is room for",
    "seed_places": "look-ups of very common phrases",
    "text_not_string": "text field that holds no text",
}
"""What the keys in ``skipped``, ``repaired`` and the like mean."""


def reason(key: str) -> str:
    """A key of ``summary.json`` or ``run.json``, as words; what follows a colon is left as it is."""
    key, colon, detail = key.partition(": ")
    return REASONS.get(key, key.replace("_", " ")) + colon + detail
