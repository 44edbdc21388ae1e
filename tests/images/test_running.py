"""Images as a cluster runs them: a read-only root, an unknown user, SIGTERM."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley_testing.containers import docker, running
from parley_testing.kube.report import Report

pytestmark = pytest.mark.e2e

ADMIN = 8766
READY_WITHIN = 20.0
GONE_WITHIN = 15.0
RESTRICTED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108  # in a container
    *("--security-opt", "no-new-privileges", "--publish", f"127.0.0.1::{ADMIN}"),
    *("--env", "REDIS_URL=redis://redis:6379/0", "--env", "SERVICE_TOKEN=secret"),
)


# The operator has nothing to be ready for without a cluster: tests/e2e runs it on one.
@pytest.mark.parametrize("service", ["edge", "conversation", "presence"])
def test_a_service_serves_on_a_read_only_root_and_ends_in_order_when_told(
    service: str, tag: str, redis_network: str, report: Report
) -> None:
    with running(f"parley-{service}:{tag}", *RESTRICTED, "--network", redis_network) as container:
        seconds = container.wait_ready(port=ADMIN, within=READY_WITHIN)

        code = container.terminate(within=GONE_WITHIN)

        report.add("images", f"{service}: ready after its start, s", seconds)
        assert code == 0, container.log()


@pytest.mark.parametrize(
    ("service", "model"),
    [("edge", ""), ("presence", ""), ("conversation", ""), ("conversation", "openai:any")],
)
def test_a_start_compiles_nothing(service: str, model: str, tag: str, redis_network: str) -> None:
    told = ("--env", "PYTHONVERBOSE=1", "--env", f"PARLEY_MODEL={model}")
    options = (*RESTRICTED, *told, "--env", "OPENAI_API_KEY=none", "--network", redis_network)
    with running(f"parley-{service}:{tag}", *options) as container:
        container.wait_ready(port=ADMIN, within=READY_WITHIN)

        loaded = re.findall(r"^# code object from '?(.*\.pyc?)'?$", container.log(), re.MULTILINE)

    assert len(loaded) > 100, "Python no longer says what it loads"
    assert [path for path in loaded if path.endswith(".py")] == []


@pytest.fixture
def development_image(root: Path) -> Iterator[str]:
    """The presence service's, of this tree."""
    build = ["/bin/sh", "scripts/images.sh", "--target", "dev", "reload", "presence"]
    subprocess.run(build, cwd=root, check=True, timeout=180, capture_output=True)
    yield "parley-presence:reload"
    docker("rmi", "parley-presence:reload")


@pytest.mark.timeout(240)
def test_a_development_image_starts_its_service_anew_when_files_are_put_into_it(
    development_image: str, redis_network: str
) -> None:
    with running(development_image, *RESTRICTED, "--network", redis_network) as container:
        container.wait_ready(port=ADMIN, within=READY_WITHIN)
        served = container.log().count('"serving"')

        # As skaffold syncs: an archive, unpacked by the container's own user.
        command = ("tar", "xmf", "-", "-C", "/", "--no-same-owner")
        changed = _archive("tmp/app/parley_presence/__init__.py", b"print('changed')\n")
        container.execute(*command, stdin=changed)

        container.wait_logged('"serving"', times=served + 1, within=READY_WITHIN)
        container.wait_logged("changed\n", times=1, within=READY_WITHIN)
        container.wait_ready(port=ADMIN, within=READY_WITHIN)
        assert container.terminate(within=GONE_WITHIN) == 0


def _archive(path: str, content: bytes) -> bytes:
    """Of one file."""
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
