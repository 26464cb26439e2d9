"""Draw URLs with secrets, which no command may show or write."""

from __future__ import annotations

import random

SECRET = "s3cr3t"


def odd_url(rng: random.Random) -> str:
    """Draw a URL with secrets, most often a mistyped one."""
    user = rng.choice(
        (f"me:{SECRET}@", f"{SECRET}@", f"me:a/{SECRET}@", f"a%3A{SECRET}%40")
    )
    ends = ("?", ";", "%3F", "%3b", "?a=1&", "#", "/;", "&", "?a;")
    names = ("sig=", "token=", "X-Amz-Signature=", "key%3D", "access_token=a b")
    query = rng.choice(ends) + rng.choice(names) + SECRET
    with_user, with_query = rng.choice(((True, False), (False, True), (True, True)))
    scheme = rng.choice(("http", "https", "HTTP", "s3", "gs", "ftp", "file", "mylake"))
    start = scheme + rng.choice((":/", ":///", "://", ":////", ":\\\\", "%3A%2F%2F"))
    if rng.random() < 0.2:
        start = "//"
    if rng.random() < 0.2:
        start = rng.choice(("zip://a.csv::", "recipe:tweeteval=")) + start
    if not with_user and rng.random() < 0.3:
        start = rng.choice(("", "./", "a/", "/tmp/"))
    place = rng.choice(("h/a.jsonl", "127.0.0.1:9/a", "h", "[::1]/b/c.csv"))
    return start + with_user * user + place + with_query * query
