"""Overlap suppression: keep the best of the verified candidates that share a place.

Candidates share a place if they overlap by more than half of the shorter one. Few of
the kept candidates therefore cover the same place. The record is divided into cells,
and each cell lists the kept candidates that reach into it, so that a new candidate is
compared only with those in its cells.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import kernel


class Grid(NamedTuple):
    """The cells of a record, and the rows that reach into each cell."""

    # int64[n]: the first cell that each row reaches into, and the cell after the last.
    low: np.ndarray
    high: np.ndarray
    # int64, one per cell: the record whose rows the cell lists, initially -1, and the
    # first of these rows in ``links``.
    stamps: np.ndarray
    heads: np.ndarray
    # int64, one per cell of each row: the next link of the cell, and the row.
    links: np.ndarray
    rows: np.ndarray


@kernel
def suppress(record, span, order, grid, kept):
    """Set bool[n] `kept` for the rows that share their place with no better kept row.

    The rows are int64[n] `record` and int64[n, 2] `span`. `order`, int64[n], lists the
    rows grouped by record, and within a record the better rows first.
    """
    stamps, heads, links = grid.stamps, grid.heads, grid.links
    used = np.int64(0)
    for i in range(len(order)):
        x = order[i]
        free = True
        for cell in range(grid.low[x], grid.high[x]):
            link = heads[cell] if stamps[cell] == record[x] else np.int64(-1)
            while free and link >= 0:
                y = grid.rows[link]
                overlap = min(span[x, 1], span[y, 1]) - max(span[x, 0], span[y, 0])
                free = 2 * overlap <= min(
                    span[x, 1] - span[x, 0], span[y, 1] - span[y, 0]
                )
                link = links[link]
        kept[x] = free
        for cell in range(grid.low[x], grid.high[x] if free else grid.low[x]):
            links[used] = heads[cell] if stamps[cell] == record[x] else np.int64(-1)
            grid.rows[used] = x
            stamps[cell], heads[cell] = record[x], used
            used += 1
