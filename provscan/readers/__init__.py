"""Read datasets and corpora as Arrow record batches, and count what could not be read.

:func:`plan` turns the sources that the user names (files, archives, folders, the
standard input) into a list of :class:`Split` and lists the sources that will not be
read. :func:`read` turns one split into record batches with one row per text;
:func:`read_objects` does the same for records in memory. :func:`read_tweets` and
:func:`read_tweet_objects` read licensed tweets. :class:`Fields` names the fields to
use, :class:`ReadStats` counts, :class:`Limits` bounds memory and time.

Every format implements :class:`~provscan.readers.formats.protocol.Format`. The module
:mod:`provscan.readers.formats.registry` discovers the formats in its folder.
"""

from provscan.readers.bytes.encodings import known_encoding
from provscan.readers.bytes.files import (
    FileStore,
    checksum,
    file_checksum,
    open_file,
    state_of,
)
from provscan.readers.corpus.sources import TweetFile, plan_tweets
from provscan.readers.corpus.tweets import read_tweet_objects, read_tweets
from provscan.readers.fields.binding import Fields
from provscan.readers.finding import Source, source_list
from provscan.readers.formats.objects import is_ray_dataset
from provscan.readers.formats.subtitles import spoken
from provscan.readers.limits import LIMITS, Limits, current_limits
from provscan.readers.planning import plan
from provscan.readers.reading import (
    RayBlock,
    blocks_of,
    read,
    read_block,
    read_objects,
)
from provscan.readers.splits import MEMORY, STDIN, UNKNOWN, Split
from provscan.readers.stats import Damage, ReadStats
from provscan.readers.texts.garbled import mended, mended_texts
from provscan.urls import is_remote
