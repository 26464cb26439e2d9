"""Read datasets and corpora as Arrow record batches, and count what could not be read.

The data takes these steps, from the sources that the user names to texts:

1. :mod:`~provscan.readers.finding` finds the files in folders, archives and on servers,
   and recognises the format of each (``formats/registry``).
2. :func:`plan` determines the fields with texts from the first records of each file
   (``fields/``), and cuts the files into a list of :class:`Split`. It lists the sources
   that will not be read.
3. :func:`read` opens a split (``bytes/``), reads its records (``formats/``), and turns
   them into batches with one row per text (``texts/``).

Licensed tweets take the same steps in ``corpus/``: :func:`plan_tweets` keeps the files
with tweets, and :func:`read_tweets` turns records into tweets.
:func:`read_objects` and :func:`read_tweet_objects` read records in memory.
:class:`Fields` names the fields to use, :class:`ReadStats` counts, :class:`Limits`
bounds memory and time.

To read the code, begin with the modules that all steps use: ``limits``, ``stats`` (the
counts), ``schema`` (the columns of batches) and ``splits``. The modules ``strings``
(valid texts), ``values`` (Arrow values as Python values) and ``dates``
process single values; read them when another module imports them.

Imports point down: from ``corpus/`` to ``finding``, ``planning`` and ``reading``, and
from there to ``texts/``, ``formats/``, ``bytes/`` and ``fields/``, in this order.
"""

from provscan.readers.bytes.encodings import known_encoding
from provscan.readers.bytes.files import (
    checksum,
    file_checksum,
    open_file,
    state_of,
)
from provscan.readers.corpus.sources import TweetFile, plan_tweets
from provscan.readers.corpus.tweets import read_tweet_objects, read_tweets
from provscan.readers.fields.binding import Fields
from provscan.readers.finding import Source, source_list
from provscan.readers.limits import LIMITS, Limits, current_limits
from provscan.readers.planning import plan
from provscan.readers.reading import read, read_objects
from provscan.readers.splits import MEMORY, STDIN, UNKNOWN, Split
from provscan.readers.stats import Damage, ReadStats
from provscan.readers.texts.garbled import mended, mended_texts
from provscan.urls import is_remote
