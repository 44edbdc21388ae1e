"""values.yaml and its schema: they know the same, say why, and refuse what they do not know."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from parley_core.settings import SECTIONS
from parley_testing.chart.rendering import PARTS, each_case
from parley_testing.repository import CHART

Path = tuple[str, ...]

VALUES = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)
FREE = {
    "annotations",
    "labels",
    "nodeSelector",
    "affinity",
    "behavior",
    "podAnnotations",
    "podSecurityContext",
    "securityContext",
    "matchLabels",
    "namespaceSelector",
    "podSelector",
    "requests",
    "limits",
}
"""Maps whose names are Kubernetes' or the user's."""


def resolved(schema: Any) -> Any:
    """A schema itself, where a reference to it stands."""
    reference = schema.get("$ref")
    return SCHEMA["definitions"][reference.rpartition("/")[2]] if reference else schema


def maps(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where values.yaml has a map that is not a free one."""
    if isinstance(value, dict) and not FREE & set(path):
        yield path
        for name, inner in value.items():
            yield from maps(inner, (*path, name))


def known(schema: Any, path: Path = ()) -> Iterator[Path]:
    """Every name of a value that the schema has, but those inside of lists."""
    for name, inner in resolved(schema).get("properties", {}).items():
        yield (*path, name)
        yield from known(inner, (*path, name))


def at(values: Any, path: Path) -> Any:
    for name in path:
        values = values[name]
    return values


def has(path: Path) -> bool:
    try:
        at(VALUES, path)
    except (KeyError, TypeError):
        return False
    return True


@pytest.mark.parametrize("path", list(maps(VALUES)), ids=".".join)
def test_an_unknown_value_is_refused_in_every_section(path: Path) -> None:
    values = copy.deepcopy(VALUES)
    at(values, path)["unknown"] = {}

    told = [error.message for error in VALIDATOR.iter_errors(values)]

    assert told == ["Additional properties are not allowed ('unknown' was unexpected)"]


def test_the_schema_is_one_and_takes_the_defaults() -> None:
    Draft7Validator.check_schema(SCHEMA)

    assert not list(VALIDATOR.iter_errors(VALUES))


@each_case
def test_the_schema_takes_every_value_file(values: Any) -> None:
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(values.read_text("utf-8"))))


def test_values_yaml_has_all_that_the_schema_knows() -> None:
    shared = {(part, name) for part in PARTS for name in VALUES["pods"]}
    settings = {("settings", section) for section in SECTIONS}
    # Kubernetes' own, for devices that few have.
    claims = {path for path in known(SCHEMA) if path[-2:] == ("resources", "claims")}
    missing = {path for path in known(SCHEMA) if not has(path)} - settings - claims

    assert {path for path in missing if path[:2] not in shared} == set()


def test_settings_may_have_the_sections_that_services_read_and_no_other() -> None:
    assert set(SCHEMA["properties"]["settings"]["properties"]) == set(SECTIONS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("edge", "replicas"), -1),
        (("edge", "service", "type"), "ExternalName"),
        (("edge", "service", "nodePort"), 70_000),
        (("edge", "image", "digest"), "sha256:short"),
        (("edge", "image", "repository"), ""),
        (("edge", "autoscaling", "by"), "vpa"),
        (("operator", "replicas"), 2),
        (("redis", "mode"), "cluster"),
        (("redis", "bundled", "appendfsync"), "sometimes"),
        (("redis", "bundled", "maxmemory"), "512Mi"),
        (("redis", "bundled", "persistence", "size"), "many"),
        (("pods", "maxSurge"), 0),
        (("pods", "maxSurge"), "0%"),
        (("pods", "extraEnv"), {"NAME": "value"}),
        (("pods", "topologySpread", "whenUnsatisfiable"), "Never"),
        (("edge", "podDisruptionBudget", "maxUnavailable"), 0),
        (("fullnameOverride",), "Chat"),
        (("keyPrefix",), ""),
        (("settings",), {"websockets": {}}),
        (("networkPolicy", "clients"), [{}]),
        (("keda", "serverAddress"), "prometheus:9090"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(path: Path, value: object) -> None:
    values = copy.deepcopy(VALUES)
    at(values, path[:-1])[path[-1]] = value

    assert not VALIDATOR.is_valid(values)
