"""skaffold.yaml, which Skaffold itself cannot be asked about here."""

from __future__ import annotations

import json
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

WATCHED = "/tmp/app"  # noqa: S108  # in a container
"""Where scripts/reload.sh looks for changes."""


@pytest.fixture(scope="module")
def config(root: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((root / "skaffold.yaml").read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def schema(config: dict[str, Any]) -> jsonschema.Draft7Validator:
    """That of the version which the file names."""
    name = config["apiVersion"].replace("/", "-")
    path = Path(__file__).parent / "schemas" / f"{name}.json"
    return jsonschema.Draft7Validator(json.loads(path.read_text("utf-8")))


@pytest.fixture(scope="module")
def release(config: dict[str, Any]) -> dict[str, Any]:
    only: dict[str, Any] = config["deploy"]["helm"]["releases"][0]
    return only


def test_it_is_what_skaffold_takes(
    config: dict[str, Any], schema: jsonschema.Draft7Validator
) -> None:
    assert [error.message for error in schema.iter_errors(config)] == []


def test_a_key_that_skaffold_does_not_know_is_found(
    config: dict[str, Any], schema: jsonschema.Draft7Validator
) -> None:
    local = {**config["build"]["local"], "pull": True}

    errors = list(schema.iter_errors({**config, "build": {**config["build"], "local": local}}))

    assert len(errors) == 1


@pytest.mark.parametrize("profile", ["dev", "ci"])
def test_a_profile_changes_only_what_is_there(
    config: dict[str, Any], schema: jsonschema.Draft7Validator, profile: str
) -> None:
    patches = next(p["patches"] for p in config["profiles"] if p["name"] == profile)
    patched = json.loads(json.dumps(config))

    for patch in patches:
        *way, last = patch["path"].strip("/").split("/")
        place = reduce(_step, way, patched)
        assert patch["op"] == "add" or _step(place, last)
        place[last] = patch["value"]

    assert [error.message for error in schema.iter_errors(patched)] == []


def test_development_watches_every_image_and_nothing_else_does(config: dict[str, Any]) -> None:
    artifacts = config["build"]["artifacts"]
    dev = next(p for p in config["profiles"] if p["name"] == "dev")

    assert {artifact["docker"]["target"] for artifact in artifacts} == {"runtime"}
    assert dev["activation"] == [{"command": "dev"}]
    assert [(p["path"], p["value"]) for p in dev["patches"]] == [
        (f"/build/artifacts/{n}/docker/target", "dev") for n in range(len(artifacts))
    ]


def test_images_are_built_without_buildkit_and_stay_on_this_machine(config: dict[str, Any]) -> None:
    assert config["build"]["local"] == {"push": False, "useBuildkit": False, "concurrency": 1}


def test_it_never_installs_into_whatever_cluster_is_at_hand(config: dict[str, Any]) -> None:
    assert config["deploy"]["kubeContext"] == "kind-parley"


def test_every_image_is_built_and_given_to_the_chart(
    root: Path, config: dict[str, Any], release: dict[str, Any]
) -> None:
    built = {a["image"]: a["docker"]["dockerfile"] for a in config["build"]["artifacts"]}
    dockerfiles = {path.parent.name for path in root.glob("services/*/Dockerfile")}

    assert built == {f"parley-{name}": f"services/{name}/Dockerfile" for name in dockerfiles}
    assert release["setValueTemplates"] == {
        f"{name}.image.{field}": f"{{{{.IMAGE_{word}_parley_{name}}}}}"
        for name in dockerfiles
        for field, word in (("repository", "REPO"), ("tag", "TAG"))
    }


def test_all_code_of_an_image_is_synced_to_where_it_is_watched(
    root: Path, config: dict[str, Any]
) -> None:
    for artifact in config["build"]["artifacts"]:
        lines = (root / artifact["docker"]["dockerfile"]).read_text("utf-8").splitlines()
        copied = next(line.split()[1:-1] for line in lines if line.endswith(" /app/"))

        assert artifact["sync"]["manual"] == [
            {"src": f"{folder}/**", "strip": f"{folder}/", "dest": WATCHED} for folder in copied
        ]


def test_what_it_installs_is_here(root: Path, release: dict[str, Any]) -> None:
    assert (root / release["chartPath"] / "Chart.yaml").is_file()
    assert [path for path in release["valuesFiles"] if not (root / path).is_file()] == []


def _step(place: Any, name: str) -> Any:
    return place[int(name)] if isinstance(place, list) else place[name]
