"""Runs: one execution of ``index`` or ``match`` from beginning to end.

:func:`~provscan.runs.match.run_match` composes a run from the modules below, which are
listed by what they are for.

Inputs and files:

- ``match``: one execution of ``match``: plan, scan, analyse, write.
- ``target``: the place of a new run: what may be replaced there, and the new folder.
- ``folder``: the files of a finished run: their names, and how they are read.
- ``inputs``: the files to read, divided into splits.
- ``sample``: the splits in a sample of files.
- ``licensed``: the texts to search for: those of the index, and the controls.

Scanning:

- ``scan``: one task per split, which writes the matches to a part file.
- ``scan_totals``: the sums of all parts, and the columns of their matches.
- ``left_out``: what was not scanned, and the entries on the inputs in ``run.json``.

Measuring:

- ``analysis``: all measurements of a run, composed as one value, ``Measured``.
- ``matches``: the matches of a scan with their scores, in batches.
- ``exhibits``: the choice of the matches that keep their texts.
- ``comparability``: control and licensed texts compared; weights of control texts.
- ``count``: numbers of matches, records and texts.
- ``null``: the same for a null dataset, and whether it is of the dataset's kind.
- ``clusters``: findings of texts with similar wording, which count as one event.
- ``chance``: the chance matches that a control and a null dataset predict, compared
  with the findings.
- ``error_rates``: the share of chance matches in lists of the strongest findings.
- ``recall``: the share of copies that is found, measured on test copies.
- ``layers``: "at least", estimate and "at most", from counts, chance and recall.
- ``breakdowns``: the layers of each source, author, year and language.

Words and tables:

- ``summary``: the entries of ``summary.json``, composed.
- ``answer``: the entry ``answer``: numbers, sentences, reasons and warnings.
- ``wording``: the first sentences of the answer: status, headline and details.
- ``reasons``: which numbers are withheld, and why.
- ``warnings``: what threatens the numbers that are shown, and notes on them.
- ``tokenizer``: the number of tokens in matched texts.
- ``evidence``: ``matches.parquet`` and ``evidence.parquet``.
- ``baseline``: which findings are new since an earlier run.

Indexes, and questions about finished runs:

- ``build``: builds an index, or adds to one.
- ``corpus``: finds, reads and counts the licensed tweets for an index.
- ``shard_tasks``: builds the shards of an index in tasks of an executor.
- ``maintain``: forgets tweets, merges segments, verifies indexes and runs.
- ``explain``: why a text is or is not a match, and a match is or is not a finding.
- ``evaluation``: the matches of a run compared with a truth: precision and recall.
"""
