"""Settings of all tests."""

import gc
import os
import shutil
import tempfile

import pytest
from hypothesis import settings

from actspec.kernels import execute

# How long an example takes says more about the machine than about the code.
settings.register_profile("actspec", deadline=None)
settings.load_profile("actspec")

# What the compiler makes is kept, and to look through it again and again for garbage took a tenth of all.
gc.set_threshold(20_000, 20, 20)


# Programs that import what may not be there; data, the Python files among them as well.
collect_ignore = ["support/systems", "corpus"]


@pytest.fixture
def eager_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads share arrays that are small enough for a test."""
    monkeypatch.setattr(execute, "WORTH_SHARING", 10_000_000)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the kernels of the tests, and of the processes that they start, out of the user's cache."""
    if "ACTSPEC_CACHE_DIR" not in os.environ:
        folder = os.environ["ACTSPEC_CACHE_DIR"] = tempfile.mkdtemp(prefix="actspec-tests-")
        config.add_cleanup(lambda: os.environ.pop("ACTSPEC_CACHE_DIR", None))
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
