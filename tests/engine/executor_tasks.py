"""Tasks for tests of executors, in a separate module so that other processes can import
them.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from provscan.engine import Advance


def square(number: int, advance: Advance) -> int:
    time.sleep(0.002 * (number % 3))
    advance(number)
    return number * number


def fail_at_five(number: int, advance: Advance) -> int:
    if number == 5:
        raise ValueError(f"task {number}")
    return number


def write_until_abandoned(folder: str, number: int, advance: Advance) -> int:
    """Task 0 fails as soon as task 1 runs. All others run until they are abandoned."""
    begun = Path(folder) / f"{number}.begun"
    begun.touch()
    while number == 0 and not (Path(folder) / "1.begun").exists():
        time.sleep(0.005)
    if number == 0:
        raise ValueError("broken")
    try:
        while True:
            advance(1)
            begun.touch()
            time.sleep(0.005)
    finally:
        begun.rename(begun.with_suffix(".abandoned"))


def _first_time(folder: str, number: int) -> bool:
    try:
        (Path(folder) / str(number)).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def end_the_process_once(folder: str, number: int, advance: Advance) -> int:
    advance(number)
    if number == 3 and _first_time(folder, number):
        os._exit(1)
    return number


def end_the_process_at_two(number: int, advance: Advance) -> int:
    if number == 2:
        os._exit(1)
    return number


def unreachable(number: int, advance: Advance) -> int:
    raise ConnectionResetError("503")
