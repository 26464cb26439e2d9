"""Write the golden index of the current format version:

    python tests/index/golden/make.py

A golden index is never changed. A new version gets a folder next to the old ones.
"""

from pathlib import Path

import provscan
from provscan.index.format import VERSION

TWEETS = [
    {
        "id": "1212343040000000000",
        "text": "RT @someone: The Quick brown fox jumps over &amp; over "
        "https://t.co/abc",
        "author": "ann",
        "created_at": None,
        "lang": "en",
    },
    {
        "id": "1212000000000000000",
        "text": "the quick brown fox jumps over over",
        "author": "bob",
        "created_at": "2020-01-01T00:00:00Z",
        "lang": "en",
    },
    {
        "id": "3",
        "text": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ",
        "author": None,
        "created_at": "2021-06-30T12:00:00.250Z",
        "lang": "ja",
    },
    {
        "id": None,
        "text": "Ça va être très bien, n’est-ce pas 😀",
        "author": "cécile",
        "created_at": None,
        "lang": None,
    },
    {
        "id": "5",
        "text": "@only https://t.co/dropped",
        "author": None,
        "created_at": None,
        "lang": None,
    },
]

if __name__ == "__main__":
    provscan.build_index(TWEETS, Path(__file__).parent / f"v{VERSION}")
