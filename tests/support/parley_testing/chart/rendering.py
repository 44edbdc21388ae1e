"""The chart as helm renders it, or refuses to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from parley_testing.kube.tools import tool
from parley_testing.repository import CHART

CASES = sorted((CHART / "ci").glob("*-values.yaml"))
"""The matrix of value files."""
each_case = pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
"""Runs a test for every one."""
PARTS = ("edge", "conversation", "presence", "operator")
RELEASE = "parley"
NAMESPACE = "chat"

Object = dict[str, Any]
_WITHIN = 60.0
"""Seconds for one call of helm; it takes less than one, on a busy machine a few."""


class Refused(Exception):
    """Helm ended with an error; the text has what it said."""


def case(name: str) -> Path:
    """The value file of that name."""
    return CHART / "ci" / f"{name}-values.yaml"


def helm(*args: str, given: str | None = None) -> str:
    """What helm wrote. Raises `Refused`."""
    ended = subprocess.run(
        [tool("helm"), *args],
        input=given,
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    if ended.returncode != 0:
        raise Refused(ended.stderr)
    return ended.stdout


def render(values: Object | None = None, *, release: str = RELEASE) -> tuple[Object, ...]:
    """The objects for `values`, those of `helm test` too. Raises `Refused`."""
    return _objects(
        helm(
            *("template", release, str(CHART), "--namespace", NAMESPACE, "--values", "-"),
            given=yaml.safe_dump(values or {}),
        )
    )


@cache
def rendered(values: Path) -> tuple[Object, ...]:
    """The objects for a value file; rendered once, so nobody may change them."""
    return render(yaml.safe_load(values.read_text("utf-8")))


def _objects(written: str) -> tuple[Object, ...]:
    return tuple(one for one in yaml.safe_load_all(written) if one)


def of_kind(objects: tuple[Object, ...], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def named(objects: tuple[Object, ...], kind: str, name: str) -> Object:
    """The one object; fails if there is none."""
    (found,) = (one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)
    return found


def component(one: Object) -> str:
    found: str = one["metadata"]["labels"]["app.kubernetes.io/component"]
    return found


def kinds(objects: tuple[Object, ...], kind: str) -> set[str]:
    """Of which components there is one."""
    return {component(one) for one in of_kind(objects, kind)}


def templates(objects: tuple[Object, ...]) -> Iterator[Object]:
    """Every pod that they make: its metadata and spec."""
    for one in objects:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            yield one["spec"]["template"]
        elif one["kind"] == "Pod":
            yield one


def template(objects: tuple[Object, ...], name: str) -> Object:
    """The pod of one component; fails if there is none."""
    (found,) = (pod for pod in templates(objects) if component(pod) == name)
    return found


def container(objects: tuple[Object, ...], name: str) -> Object:
    """The container of that name in the component's pod."""
    spec = template(objects, name)["spec"]
    (found,) = (each for each in spec["containers"] if each["name"] == name)
    return dict(found)


def environment(objects: tuple[Object, ...], name: str) -> dict[str, str]:
    """What a component's container is told by value."""
    env = container(objects, name)["env"]
    return {each["name"]: each["value"] for each in env if "value" in each}
