"""What the scripts of local work say when something is missing, and which cluster they mean."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PLAIN_TOOLS = ("cat", "dirname", "env", "git", "grep", "sed", "sh", "timeout")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which a machine has nothing but a shell's usual tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PLAIN_TOOLS:
        found = shutil.which(name)
        assert found is not None, f"this machine has no {name}"
        (folder / name).symlink_to(found)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DOCKER")},
        "PATH": str(folder),
        "PARLEY_CLUSTER_CACHE": str(tmp_path / "nothing"),
        "KIND_NODE_IMAGE": "some/node:v1",
    }


def _give(environment: dict[str, str], *names: str, script: str = "exit 0") -> None:
    for name in names:
        program = Path(environment["PATH"]) / name
        program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        program.chmod(0o755)


def _run(
    root: Path, environment: dict[str, str], *command: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", *command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        ("scripts/images.sh", "dev"),
        ("scripts/cluster.sh", "up"),
        ("scripts/cluster.sh", "down"),
        ("scripts/deploy.sh", "dev"),
    ],
    ids=" ".join,
)
def test_a_machine_without_docker_is_told_so_in_one_sentence(
    root: Path, bare: dict[str, str], command: tuple[str, ...]
) -> None:
    done = _run(root, bare, *command)

    assert done.returncode == 1
    assert done.stderr.startswith("There is no docker: ")
    assert done.stderr.count("\n") == 1


def test_a_docker_without_an_engine_is_told_so(root: Path, bare: dict[str, str]) -> None:
    _give(bare, "docker", script="exit 1")
    _give(bare, "kind", "kubectl", "helm")

    done = _run(root, bare, "scripts/deploy.sh", "dev")

    assert done.stderr == "No docker engine answers: start one.\n"


def test_a_cluster_that_is_not_there_is_not_deployed_to(root: Path, bare: dict[str, str]) -> None:
    _give(bare, "docker", "kind", "helm")
    _give(bare, "kubectl", script="exit 1")

    done = _run(root, bare, "scripts/deploy.sh", "dev")

    assert done.returncode == 1
    assert done.stderr == "The cluster parley does not answer: make cluster-up makes it.\n"


@pytest.mark.parametrize("is_here", [True, False])
def test_a_redis_that_this_machine_lacks_is_pulled_before_it_goes_to_the_nodes(
    root: Path, bare: dict[str, str], tmp_path: Path, *, is_here: bool
) -> None:
    said = tmp_path / "said"
    looks = f'case "$*" in "image inspect"*) exit {int(not is_here)} ;; esac'
    _give(bare, "docker", "kind", script=f'echo "$(basename $0) $*" >> {said}\n{looks}')
    _give(bare, "kubectl", "helm")
    _give(bare, "basename", script="echo ${1##*/}")

    done = _run(root, bare, "scripts/deploy.sh", "dev")

    assert done.returncode == 0, done.stderr
    asked = [line for line in said.read_text("utf-8").splitlines() if "redis" in line]
    pulled = [] if is_here else ["docker pull redis:8.0"]
    assert asked == [
        "docker image inspect redis:8.0",
        *pulled,
        "kind load docker-image redis:8.0 --name parley",
    ]


def test_a_new_cluster_is_made_of_the_node_image_that_was_named(
    root: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    said = tmp_path / "said"
    _give(bare, "docker", "kubectl")
    _give(bare, "kind", script=f'echo "$@" >> {said}')

    done = _run(root, bare, "scripts/cluster.sh", "up")

    assert done.returncode == 0, done.stderr
    asked = said.read_text("utf-8").splitlines()[-1]
    assert asked.startswith("create cluster --name parley --config k8s/kind.yaml ")
    assert asked.endswith(" --image some/node:v1")


@pytest.mark.parametrize(
    ("variables", "tag"), [((), "dev"), (("TAG=0.2.0",), "0.2.0")], ids=["by itself", "as told"]
)
def test_make_builds_images_of_a_tag(root: Path, variables: tuple[str, ...], tag: str) -> None:
    make = shutil.which("make")
    assert make is not None
    without = {
        name: value for name, value in os.environ.items() if name not in {"TAG", "MAKEFLAGS"}
    }

    said = subprocess.run(
        [make, "--no-print-directory", "--dry-run", "images", *variables],
        cwd=root,
        env=without,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert said.stdout.split() == ["sh", "scripts/images.sh", tag]


@pytest.mark.parametrize("script", ["cluster.sh", "deploy.sh"])
def test_no_script_talks_to_the_current_context(root: Path, script: str) -> None:
    text = (root / "scripts" / script).read_text("utf-8").replace("\\\n", " ")
    calls = re.findall(r"^\s*(?:exec )?((?:kubectl|helm) .*)$", text, re.MULTILINE)

    assert calls != []
    assert [call for call in calls if "context " not in call] == []


def test_edges_on_the_cluster_are_reached_from_this_machine_only(root: Path) -> None:
    cluster = yaml.safe_load((root / "k8s/kind.yaml").read_text("utf-8"))

    nodes = cluster["nodes"]
    ports = {
        (port["listenAddress"], port["hostPort"]): port["containerPort"]
        for node in nodes
        for port in node.get("extraPortMappings", [])
    }

    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker"]
    assert ports == {("127.0.0.1", 8080 + n): 30080 + n for n in range(3)}
