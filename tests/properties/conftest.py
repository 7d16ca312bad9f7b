"""Properties that hold for all inputs, tried on some: the same in each run of the tests."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, settings

from nucseg_tf.io import elsewhere

settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=10,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def quiet(caplog) -> None:
    """Warnings about inputs that make no sense are many here; what tifffile says is listened to."""
    caplog.set_level(logging.CRITICAL, logger="nucseg_tf")


@pytest.fixture(autouse=True)
def hasty(monkeypatch) -> None:
    """Files that a library comes to no end with are waited for no longer than they need."""
    monkeypatch.setattr(elsewhere, "PATIENCE", 3.0)
