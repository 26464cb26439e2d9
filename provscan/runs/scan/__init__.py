"""The scan of the inputs by an executor.

- ``totals``: the sums of all parts, and the columns of their matches.
- ``left_out``: what was not scanned, and the description of the inputs.
- ``reuse``: the parts of unchanged files, from the run that is replaced.
- ``tasks``: one task per split, which writes the matches to a part file.
"""
