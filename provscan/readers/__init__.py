"""Datasets and corpora -> Arrow record batches, with counts of what could not be read.

:func:`plan` turns what the user names (files, archives, folders, the standard input) into a list of :class:`Split`, and
says what will not be read; :func:`read` turns one split into record batches in :data:`SCHEMA`, one row a text;
:func:`read_objects` does so with what is in memory. :func:`read_tweets` and :func:`read_tweet_objects` read licensed
tweets. :class:`Fields` names the fields to use, :class:`ReadStats` counts, :class:`Limits` bounds memory and time.

Every format implements :class:`Format` (:mod:`provscan.readers.protocol`) and is listed in
:mod:`provscan.readers.registry`; :func:`read_rows` gives the records of a split as they are in the file.
"""

from provscan.readers.checksums import checksum
from provscan.readers.encodings import known_encoding
from provscan.readers.fields import Fields
from provscan.readers.files import FileStore, is_remote, open_file, state_of, without_secrets
from provscan.readers.limits import LIMITS, Limits, current_limits
from provscan.readers.memory import Block, blocks_of, read_block, read_objects
from provscan.readers.mending import mended, mended_texts
from provscan.readers.names import counted
from provscan.readers.objects import object_rows
from provscan.readers.planning import plan
from provscan.readers.protocol import STDIN, UNKNOWN, Context, Format, Layout, Piece, Plan, Rows, Split
from provscan.readers.ray_data import is_ray_dataset
from provscan.readers.reading import read, read_rows
from provscan.readers.recipes import Recipe, known_recipes
from provscan.readers.schema import PIECE_SCHEMA, SCHEMA
from provscan.readers.stats import Damage, Example, ReadStats
from provscan.readers.tweet_schema import TWEETS
from provscan.readers.tweet_sources import TweetFile, TweetPlan, plan_tweets
from provscan.readers.tweets import read_tweet_objects, read_tweets

__all__ = [
    "LIMITS",
    "PIECE_SCHEMA",
    "SCHEMA",
    "STDIN",
    "TWEETS",
    "UNKNOWN",
    "Block",
    "Context",
    "Damage",
    "Example",
    "Fields",
    "FileStore",
    "Format",
    "Layout",
    "Limits",
    "Piece",
    "Plan",
    "ReadStats",
    "Recipe",
    "Rows",
    "Split",
    "TweetFile",
    "TweetPlan",
    "blocks_of",
    "checksum",
    "counted",
    "current_limits",
    "is_ray_dataset",
    "is_remote",
    "known_encoding",
    "known_recipes",
    "mended",
    "mended_texts",
    "object_rows",
    "open_file",
    "plan",
    "plan_tweets",
    "read",
    "read_block",
    "read_objects",
    "read_rows",
    "read_tweet_objects",
    "read_tweets",
    "state_of",
    "without_secrets",
]
