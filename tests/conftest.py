"""What tests of images and of clusters share: the images' tag, and the report of all figures."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime

import pytest

from parley_testing.kube.report import Form, Report
from parley_testing.repository import ROOT


@pytest.fixture(scope="session")
def form(pytestconfig: pytest.Config) -> Form:
    """Of this run."""
    return Form.FULL if "e2e_full" in str(pytestconfig.option.markexpr) else Form.SHORT


@pytest.fixture(scope="session")
def tag() -> str:
    """Of the images under test."""
    return os.environ.get("TAG") or "dev"


@pytest.fixture(scope="session")
def report(form: Form) -> Report:
    """`e2e-report.md` of this run."""
    begun = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    cores = f"{os.cpu_count()} cores ({platform.machine()}), cluster and clients included"
    return Report(ROOT / "e2e-report.md", f"# {form}, {begun}, {cores}")
