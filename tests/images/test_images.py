"""What `make images` made: how large, for whom, and without what."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from parley_testing.containers import inspect_image, run_in
from parley_testing.kube.report import Report

pytestmark = pytest.mark.e2e

BASE = "python:3.13-slim"
SERVICES = ("edge", "conversation", "presence", "operator")
MEGABYTES = {"edge": 60, "conversation": 110, "presence": 40, "operator": 60}
"""Unpacked, above the base, at most."""


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def image(service: str, tag: str) -> str:
    return f"parley-{service}:{tag}"


def test_an_image_is_small_above_its_base(service: str, image: str, report: Report) -> None:
    above = (inspect_image(image)["Size"] - inspect_image(BASE)["Size"]) / 1e6

    limit = f"<= {MEGABYTES[service]} MB"
    report.add("images", f"{service}: MB above its base", above, limit=limit)
    assert 0 < above <= MEGABYTES[service]


def test_an_image_runs_as_a_user_who_owns_nothing(image: str) -> None:
    config = inspect_image(image)["Config"]

    assert config["User"] == "10001:10001"
    assert run_in(image, "id", "-u").strip() == "10001"
    assert _find(image, "-user", "10001") == []


def test_signals_reach_python_with_no_shell_in_between(service: str, image: str) -> None:
    config = inspect_image(image)["Config"]

    assert config["Entrypoint"] == ["python", "-m", f"parley_{service}"]
    assert "Healthcheck" not in config


def test_an_image_says_which_version_it_is(service: str, image: str, root: Path) -> None:
    labels = inspect_image(image)["Config"]["Labels"]
    package = tomllib.loads((root / f"services/{service}/pyproject.toml").read_text("utf-8"))

    assert labels["org.opencontainers.image.version"] == package["project"]["version"]
    assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.title"] == f"parley-{service}"


def test_an_image_holds_nothing_that_only_builds_and_tests_need(image: str) -> None:
    leftovers = (
        # pip, its command, and its settings, which name the index that packages came from.
        *("-name", "pip*", "-not", "-name", "pipe*"),
        *("-o", "-name", "ensurepip"),
        *("-o", "-path", "/root/.cache*"),
        *("-o", "-path", "/opt/parley/*/tests", "-type", "d"),
        *("-o", "-path", "*/site-packages/pytest"),
        *("-o", "-path", "*/site-packages/watchfiles"),
    )

    assert _find(image, *leftovers) == []


@pytest.mark.parametrize("service", ["edge", "presence", "operator"], indirect=True)
def test_only_the_conversation_service_can_import_an_agent(image: str) -> None:
    agents = ("langgraph", "langchain_core", "openai", "parley_checkpoint")
    look = f"import importlib.util as u; print([n for n in {agents} if u.find_spec(n)])"

    assert run_in(image, "python", "-c", look).strip() == "[]"


def _find(image: str, *criteria: str) -> list[str]:
    """Paths on the image's own file system, those too that its user may not look at."""
    return run_in(image, "find", "/", "-xdev", *criteria, user="0").splitlines()
