"""Fixtures that the tests of bundles share."""

from __future__ import annotations

import pytest
from handed_over import Handed


@pytest.fixture(scope="session")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Handed:
    return Handed(tmp_path_factory.mktemp("handover"))
