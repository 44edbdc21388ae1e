"""What Kubernetes and others say an object must look like; nothing is asked of a cluster."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import kubernetes_validate
from jsonschema import Draft7Validator

from parley_testing.chart.rendering import Object
from parley_testing.repository import CHART

VERSIONS = tuple(f"1.{minor}" for minor in range(29, 38))
"""Of Kubernetes."""
_FOREIGN = CHART / "ci" / "schemas"


def is_foreign(one: Object) -> bool:
    """Whether another project defines its kind, and its schema is kept here."""
    return _foreign_file(one).exists()


def check(one: Object, *, kubernetes: str) -> None:
    """Raises `ValidationError` for anything that the API does not know, or wants otherwise."""
    _check(json.dumps(one), kubernetes)


@cache
def _check(written: str, kubernetes: str) -> None:
    # Most objects are the same in many renderings.
    kubernetes_validate.validate(json.loads(written), kubernetes, strict=True)


def check_foreign(one: Object) -> None:
    """The same by the schema that is kept here."""
    _foreign(_foreign_file(one).name).validate(one)


@cache
def _foreign(name: str) -> Draft7Validator:
    return Draft7Validator(json.loads((_FOREIGN / name).read_text("utf-8")))


def _foreign_file(one: Object) -> Path:
    return _FOREIGN / f"{one['apiVersion'].replace('/', '_')}_{one['kind']}.json"
