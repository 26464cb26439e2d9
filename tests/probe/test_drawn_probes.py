"""Test probes of drawn models and endpoints: ``PROVSCAN_TRUTH_CASES`` of them, from the
seed ``PROVSCAN_TRUTH_SEED``.
"""

import pytest

pytest.importorskip("openai", reason="needs pip install 'provscan[probe]'")

from nightly import SEED, cases
from truth.probe import drawn


def test_probes_show_what_models_did(tmp_path):
    found = list(drawn(tmp_path, SEED, cases(8, 400)))
    assert not found, "\n".join(found[:20])
