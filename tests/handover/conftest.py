"""Fixtures that the tests of bundles share."""

import pytest
from handed_over import Handed


@pytest.fixture(scope="session")
def handed(tmp_path_factory):
    return Handed(tmp_path_factory.mktemp("handover"))
