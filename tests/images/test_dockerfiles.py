"""What the Dockerfiles rely on, and what the requirements hold that go into them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SERVICES = ("conversation", "edge", "operator", "presence")
NOT_CLASSIC = {
    "a mount": r"^RUN\b.*--(mount|network|security)",
    "a heredoc": r"<<-?['\"]?[A-Za-z]",
    "a copy that changes modes or links": r"^(COPY|ADD)\b.*--(chmod|link|parents|exclude)",
    "a frontend of its own": r"^#\s*(syntax|check)\s*=",
}
"""What only BuildKit understands."""


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def instructions(root: Path, service: str) -> list[str]:
    """One a line, without comments and with its continuation lines."""
    text = (root / f"services/{service}/Dockerfile").read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_every_service_has_a_dockerfile(root: Path) -> None:
    found = sorted(path.parent.name for path in root.glob("services/*/Dockerfile"))

    assert found == list(SERVICES)


@pytest.mark.parametrize("only_buildkit", NOT_CLASSIC.values(), ids=NOT_CLASSIC.keys())
def test_a_dockerfile_needs_no_more_than_the_classic_builder(
    root: Path, service: str, only_buildkit: str
) -> None:
    text = (root / f"services/{service}/Dockerfile").read_text("utf-8").replace("\\\n", " ")

    assert re.findall(only_buildkit, text, re.MULTILINE) == []


def test_every_stage_stands_on_the_one_base(instructions: list[str]) -> None:
    stages = [line.split() for line in instructions if line.startswith("FROM ")]
    names = [stage[3] for stage in stages if len(stage) > 2]

    assert {stage[1] for stage in stages} <= {"python:3.13-slim", *names}
    assert {"runtime", "dev"} <= set(names)
    assert stages[-1] == ["FROM", "runtime"], (
        "without a target the image is the one that is shipped"
    )


def test_a_change_of_code_leaves_the_dependencies_as_they_are(instructions: list[str]) -> None:
    first_code = next(n for n, line in enumerate(instructions) if "/src" in line)
    install = next(n for n, line in enumerate(instructions) if "pip" in line and "install" in line)

    assert install < first_code
    assert "--require-hashes" in instructions[install]


def test_a_service_starts_as_nobody_and_without_a_shell(
    instructions: list[str], service: str
) -> None:
    starts = [line for line in instructions if line.startswith("ENTRYPOINT")]

    assert "USER 10001:10001" in instructions
    assert starts[0] == f'ENTRYPOINT ["python", "-m", "parley_{service}"]'
    assert [line for line in instructions if line.startswith("HEALTHCHECK")] == []


def test_all_images_begin_with_the_same_layers(root: Path) -> None:
    begins = {
        re.sub(
            r"^#.*\n",
            "",
            (root / f"services/{name}/Dockerfile").read_text("utf-8"),
            flags=re.MULTILINE,
        )
        .split("COPY ")[0]
        .strip()
        for name in SERVICES
    }

    assert len(begins) == 1


def test_images_hold_the_versions_that_the_tests_ran_with(root: Path, service: str) -> None:
    tested = _pins(root, "run")

    shipped = _pins(root, service)

    assert len(shipped) > 10
    assert {name: pin for name, pin in shipped.items() if tested.get(name) != pin} == {}


@pytest.mark.parametrize("service", ["edge", "presence", "operator"], indirect=True)
def test_no_agent_s_libraries_are_asked_for_outside_the_conversation_service(
    root: Path, service: str
) -> None:
    agents = {name for name in _pins(root, service) if name.startswith(("lang", "openai"))}

    assert agents == set()


def test_the_builder_is_sent_nothing_but_what_the_images_are_made_of(root: Path) -> None:
    rules = [
        line
        for line in (root / ".dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    sources = {
        source
        for name in SERVICES
        for line in (root / f"services/{name}/Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }

    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert {
        s for s in sources if not any(Path(s).is_relative_to(rule) for rule in allowed)
    } == set()
    assert {rule for rule in allowed if not any(_below(rule, s) for s in sources)} == set()


def _below(rule: str, source: str) -> bool:
    return Path(source).is_relative_to(rule)


def _pins(root: Path, name: str) -> dict[str, str]:
    text = (root / f"requirements/{name}.txt").read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))
