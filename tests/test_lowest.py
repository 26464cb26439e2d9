"""Test that the README's commands print the same with the lowest versions that
pyproject.toml allows.
"""

import subprocess
import sys
from functools import partial

import pytest
import readme
from nightly import NIGHTLY

pytestmark = [
    pytest.mark.untraced,
    pytest.mark.skipif(not NIGHTLY, reason="make nightly"),
]


def uv(*words):
    return subprocess.run(
        [sys.executable, "-m", "uv", *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_the_lowest_versions_print_the_same(version, tmp_path, monkeypatch):
    environment = tmp_path / "lowest"
    made = uv("venv", "--python", version, "--no-python-downloads", environment)
    if any(
        words in made.stderr
        for words in ("No interpreter found", "Failed to inspect Python interpreter")
    ):
        pytest.skip(f"there is no Python {version} on this machine")
    assert not made.returncode, made.stderr
    python = environment / "bin" / "python"
    # Versions without a wheel are excluded, since they would have to be compiled.
    options = [
        "--resolution",
        "lowest-direct",
        "--only-binary",
        ":all:",
        "-r",
        readme.ROOT / "pyproject.toml",
    ]
    installed = uv("pip", "install", "--python", python, *options)
    assert not installed.returncode, installed.stderr
    monkeypatch.setenv("PYTHONPATH", str(readme.ROOT))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    text = readme.README.read_text(encoding="utf-8")
    run = partial(readme.run_process, python=python)
    assert readme.with_output(text, tmp_path, run) == text
