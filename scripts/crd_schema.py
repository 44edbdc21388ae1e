"""Print the strict JSON schema of a kind, made from its CustomResourceDefinition: FILE VERSION.

Fields that the API server would prune are refused, prose is left out. What is printed goes to
charts/parley/ci/schemas.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

Node = dict[str, Any]

_PROSE = frozenset({"description", "example", "default", "externalDocs", "title"})
_INTEGER_OR_TEXT = {"anyOf": [{"type": "integer"}, {"type": "string"}]}


def strict(node: Node) -> Node:
    """A structural schema as JSON schema that knows all fields."""
    plain = {
        key: _inside(key, value)
        for key, value in node.items()
        if key not in _PROSE and not key.startswith("x-kubernetes-") and key != "nullable"
    }
    if node.get("x-kubernetes-int-or-string"):
        plain.pop("anyOf", None)
        plain.pop("type", None)
        plain |= _INTEGER_OR_TEXT
    if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
        plain.setdefault("additionalProperties", False)
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") else plain


def _inside(key: str, value: Any) -> Any:
    match key, value:
        case "properties", dict():
            return {name: strict(field) for name, field in value.items()}
        case (("items" | "additionalProperties" | "not"), dict()):
            return strict(value)
        case (("anyOf" | "allOf" | "oneOf"), list()):
            # They narrow what stands beside them: a field that they do not name is none too many.
            return [
                {name: part for name, part in strict(one).items() if name != "additionalProperties"}
                for one in value
            ]
        case _:
            return value


def schema_of(definition: Node, *, version: str) -> Node:
    """The schema of whole objects. Raises `StopIteration` if the kind has no such version."""
    spec = definition["spec"]
    found = next(one for one in spec["versions"] if one["name"] == version)
    schema = strict(found["schema"]["openAPIV3Schema"])
    api = f"{spec['group']}/{version}"
    schema["properties"] |= {
        "apiVersion": {"const": api},
        "kind": {"const": spec["names"]["kind"]},
        # What every object has; a CustomResourceDefinition says nothing of it.
        "metadata": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "namespace": {"type": "string"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    }
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema}


def main(file: str, version: str) -> None:
    definition = yaml.safe_load(Path(file).read_text("utf-8"))
    print(json.dumps(schema_of(definition, version=version), separators=(",", ":"), sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
