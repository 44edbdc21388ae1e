"""What a release looked like, for who has to find out why a test failed."""

from __future__ import annotations

from pathlib import Path

from parley_testing.kube.release import Release
from parley_testing.kube.tools import CommandFailed

_LOOKS: dict[str, tuple[str, ...]] = {
    "objects.txt": ("get", "all,pvc,drains.parley.dev", "--output", "wide"),
    "pods.yaml": ("get", "pods", "--output", "yaml"),
    "events.txt": ("get", "events", "--sort-by", ".lastTimestamp"),
}
_LINES = "5000"


async def keep_evidence(release: Release, *, folder: Path) -> None:
    """Objects, events and logs, of dead containers too. `folder` is there."""
    for name, look in _LOOKS.items():
        (folder / name).write_text(await _seen(release, *look))
    for component in ("edge", "conversation", "presence", "operator", "redis"):
        for pod in await release.pods(component):
            logs = ("logs", pod.name, "--all-containers", "--tail", _LINES)
            (folder / f"{pod.name}.log").write_text(await _seen(release, *logs))
            if pod.restarts:
                before = await _seen(release, *logs, "--previous")
                (folder / f"{pod.name}.before.log").write_text(before)


async def _seen(release: Release, *look: str) -> str:
    try:
        return await release.kubectl(*look)
    except CommandFailed as failed:
        return f"{failed}\n"
