"""Write arrays to files, and map such files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from provscan.index.format import damage


def write_array(file: BinaryIO, array: np.ndarray) -> None:
    """Append an array's bytes to a file. Unlike ``numpy.ndarray.tofile``, this also
    reports a full disk if the array is small.
    """
    file.write(np.ascontiguousarray(array).data)


def write_array_file(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        write_array(file, array)


def new_array_file(
    path: Path, size: int, value: int, dtype: type[np.generic]
) -> np.ndarray:
    """Return an array that maps a new file, filled with one value.

    The file is written before it is mapped. Otherwise, a full disk would end the
    process with SIGBUS.
    """
    with path.open("wb") as file:
        for low in range(0, size, 1 << 20):
            write_array(file, np.full(min(1 << 20, size - low), value, dtype))
    return np.memmap(os.fspath(path), dtype, "r+", shape=(size,)).view(np.ndarray)


def map_array(
    path: Path, dtype: type[np.generic], columns: int = 0, rows: int | None = None
) -> np.ndarray:
    """Map a file as a read-only array; with ``columns``, it is two-dimensional.

    Raises
    ------
    IndexFormatError
        The size of the file does not fit the type, or the number of ``rows``, if given.
    """
    size, width = path.stat().st_size, np.dtype(dtype).itemsize * max(1, columns)
    if size % width:
        raise damage(path, f"expected a multiple of {width} bytes, found {size:,}")
    if rows is not None and size // width != rows:
        raise damage(path, f"expected {rows:,} numbers, found {size // width:,}")
    if size == 0:
        array = np.zeros(0, dtype)
        array.flags.writeable = False
    else:
        # Pass a str, since numpy.memmap would resolve the links of a Path, which takes
        # longer than mapping. Return a plain array, since slices of a memmap are slow
        # and kernels would have to be compiled for its type.
        mapped = np.memmap(
            os.fspath(path), dtype, "r", shape=(size // np.dtype(dtype).itemsize,)
        )
        array = np.asarray(mapped).view(np.ndarray)
    return array.reshape(-1, columns) if columns else array
