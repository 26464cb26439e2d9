"""Test an index against a model of it, through any sequence of appending, forgetting,
merging and reopening.
"""

import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from nightly import NIGHTLY
from tweets import SCRIPTS, sentence

import provscan

RNG = random.Random(12)
TEXTS = [
    sentence(RNG, SCRIPTS[n % len(SCRIPTS)], 40 + 3 * n).strip() for n in range(12)
]
TWEETS = [
    {"id": f"{5000 + 7 * n % 40}", "text": TEXTS[n % len(TEXTS)], "author": f"a{n % 5}",
     "created_at": f"2020-01-01T{n % 24:02}:{n:02}:00Z"}
    for n in range(40)
]  # fmt: skip


class LifeOfAnIndex(RuleBasedStateMachine):
    """The model: the tweets in the index, and the ids that were ever forgotten."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "licensed.index"
        self.held = {}
        self.forgotten = set()

    def teardown(self):
        shutil.rmtree(self.folder)

    @initialize(tweets=st.lists(st.sampled_from(TWEETS), min_size=1, max_size=8))
    def build(self, tweets):
        provscan.build_index(tweets, self.path)
        self.held = {tweet["id"]: tweet for tweet in tweets}
        self.snapshot, self.seen = provscan.open_index(self.path), self.expected()

    @rule(tweets=st.lists(st.sampled_from(TWEETS), min_size=1, max_size=8))
    def append(self, tweets):
        provscan.build_index(tweets, self.path, append=True)
        self.held |= {
            tweet["id"]: tweet for tweet in tweets if tweet["id"] not in self.forgotten
        }

    @rule(
        ids=st.lists(
            st.sampled_from([tweet["id"] for tweet in TWEETS]), min_size=1, max_size=5
        ),
        purge=st.booleans(),
    )
    def forget(self, ids, purge):
        provscan.forget(self.path, ids, purge=purge)
        self.forgotten |= set(ids) & self.held.keys()
        for number in ids:
            self.held.pop(number, None)

    @rule()
    def merge(self):
        provscan.forget(self.path, [], purge=True)

    @rule()
    def verify(self):
        provscan.verify(self.path)

    @rule()
    def take_a_snapshot(self):
        self.snapshot, self.seen = provscan.open_index(self.path), self.expected()

    def expected(self):
        """Return the text, earliest tweet, number of tweets and level of each match."""
        rows = []
        for number, text in enumerate(TEXTS):
            carriers = [tweet for tweet in self.held.values() if tweet["text"] == text]
            if carriers:
                first = min(carriers, key=lambda tweet: tweet["created_at"])
                rows.append((number, first["id"], len(carriers), "exact"))
        return rows

    @staticmethod
    def answers(index):
        rows = index.match(TEXTS).to_pylist()
        return [
            (row["record"], row["tweet_id"], row["tweets"], row["level"])
            for row in rows
        ]

    @invariant()
    def answers_are_those_of_the_model(self):
        index = provscan.open_index(self.path)
        expected = self.expected()
        assert self.answers(index) == expected
        assert len(index) == len(expected)
        assert index.info()["tweets"] == len(self.held)

    @invariant()
    def a_reader_keeps_its_snapshot(self):
        assert self.answers(self.snapshot) == self.seen


LifeOfAnIndex.TestCase.settings = settings(
    max_examples=100 if NIGHTLY else 5, stateful_step_count=10
)
TestLifeOfAnIndex = LifeOfAnIndex.TestCase
