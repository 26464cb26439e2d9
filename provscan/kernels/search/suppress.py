"""Overlap suppression: of verified candidates that share a place the best one is kept.

Candidates share a place where they overlap by more than half of the shorter one. So few
of those that are kept reach over one place, and a grid of cells, each with the rows
that reach into it, lists all that a new one may share a place with.
"""

from typing import NamedTuple

import numpy as np

from provscan.kernels.jit import kernel


class Grid(NamedTuple):
    """Cells of a record, and the rows that reach into each."""

    # int64[n]: the first cell that each row reaches into and the one after the last.
    low: np.ndarray
    high: np.ndarray
    # int64, one a cell: the record whose rows a cell holds, filled with -1, and the
    # first of them in ``links``.
    stamps: np.ndarray
    heads: np.ndarray
    # int64, one for each cell of each row: the next one that reaches into the cell, and
    # its row.
    links: np.ndarray
    rows: np.ndarray


@kernel
def suppress(record, span, order, grid, kept):
    """Keep the rows, int64[n] and int64[n, 2], that share their place with no better
    one; bool[n].

    The `order` is int64[n]: the rows, those of a record together and the better ones
    first.
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
