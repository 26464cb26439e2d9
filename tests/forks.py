"""Start processes without the second that it takes to import provscan and to load its
kernels.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

Fork = Callable[..., ForkServerProcess]


@pytest.fixture(scope="session")
def fork() -> Fork:
    return forking()


def forking() -> Fork:
    """Return a function that calls another function in a new process, which is a fork
    of one that has imported ``loaded``.

    The new process imports the called function by name, so this function must be at the
    top level of a module of the tests.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["loaded"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        forkserver.ensure_running()

    def start(call: Callable[..., Any], *arguments: Any) -> ForkServerProcess:
        process = context.Process(target=call, args=arguments)
        process.start()
        return process

    return start
