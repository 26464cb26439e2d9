"""Overlap suppression: of verified candidates that share a place the best one is kept.

Candidates share a place where they overlap by more than half of the shorter one. So few of those that are kept reach
over one place, and a grid of cells, each with the rows that reach into it, lists all that a new one may share a place
with.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import kernel


class Grid(NamedTuple):
    """Cells of a record, and the rows that reach into each.

    Attributes
    ----------
    low, high
        int64[n]: the first cell that each row reaches into and the one after the last.
    stamps, heads
        int64, one a cell: the record whose rows a cell holds, filled with -1, and the first of them in ``links``.
    links, rows
        int64, one for each cell of each row: the next one that reaches into the cell, and its row.
    """

    low: np.ndarray
    high: np.ndarray
    stamps: np.ndarray
    heads: np.ndarray
    links: np.ndarray
    rows: np.ndarray


@kernel
def suppress(record, span, order, grid, kept):
    """Keep the rows that share their place with no better one.

    Parameters
    ----------
    record, span
        int64[n], int64[n, 2].
    order
        int64[n]: the rows, those of a record together and the better ones first.
    grid
        :class:`Grid`.
    kept
        bool[n], filled in.
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
                free = 2 * overlap <= min(span[x, 1] - span[x, 0], span[y, 1] - span[y, 0])
                link = links[link]
        kept[x] = free
        for cell in range(grid.low[x], grid.high[x] if free else grid.low[x]):
            links[used] = heads[cell] if stamps[cell] == record[x] else np.int64(-1)
            grid.rows[used] = x
            stamps[cell], heads[cell] = record[x], used
            used += 1
