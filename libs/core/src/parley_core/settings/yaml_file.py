"""The file that CONFIG_FILE names. One file serves all services, so each knows all settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from parley_core.domain.errors import PermanentError
from parley_core.settings.sections import SECTIONS, yaml_name

_FIELDS = {
    yaml_name(section, field): field
    for section, model in SECTIONS.items()
    for field in model.model_fields
}


def read_file(path: Path) -> dict[str, Any]:
    """Its settings by field name, not validated. Raises `PermanentError` for an unknown name."""
    values: dict[str, Any] = {}
    for section, entries in _sections(path).items():
        for name, value in entries.items():
            known = _FIELDS.get(f"{section}.{name}")
            if known is None:
                raise PermanentError(f"CONFIG_FILE {path}: there is no setting {section}.{name}.")
            values[known] = value
    return values


def _sections(path: Path) -> dict[str, dict[Any, Any]]:
    content = _parse(path) or {}
    if not isinstance(content, dict):
        raise PermanentError(f"CONFIG_FILE {path} must hold sections: {', '.join(SECTIONS)}.")
    for section, entries in content.items():
        if section not in SECTIONS:
            raise PermanentError(
                f"CONFIG_FILE {path}: there is no section {section!r}, only {', '.join(SECTIONS)}."
            )
        if not isinstance(entries, dict | None):
            raise PermanentError(f"CONFIG_FILE {path}: section {section} must hold settings.")
    return {section: entries or {} for section, entries in content.items()}


def _parse(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except yaml.MarkedYAMLError as error:
        # The place alone: the text around it might be a password.
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise PermanentError(f"CONFIG_FILE {path} is not YAML{place}: {error.problem}.") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PermanentError(f"CONFIG_FILE {path} cannot be read: {error}.") from None
