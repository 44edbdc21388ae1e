"""`python -m parley_local.config`: all settings, their defaults, and why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from parley_core.settings import SECTIONS, yaml_name

_WIDTH = 100
_COLUMNS = (30, 32)
"""Widths of the names in the environment and in the file."""


def config_table() -> str:
    """One setting after the other, section by section."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _row("environment", "CONFIG_FILE (YAML)", "default")
    for section, fields in SECTIONS.items():
        for name, field in fields.model_fields.items():
            yield ""
            yield _row(name.upper(), yaml_name(section, name), _default(field))
            yield textwrap.fill(
                field.description or "",
                _WIDTH,
                initial_indent="    ",
                subsequent_indent="    ",
            )


def _row(environment: str, file: str, default: str) -> str:
    return f"{environment:<{_COLUMNS[0]}}{file:<{_COLUMNS[1]}}{default}"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "(this machine's)"
    if isinstance(field.default, SecretStr):
        return field.default.get_secret_value() or "(empty)"
    if isinstance(field.default, bool):
        return "on" if field.default else "off"
    return "(empty)" if field.default in ("", None) else str(field.default)


if __name__ == "__main__":
    print(config_table())  # noqa: T201  # this is what it is for
