"""From environment and file to one frozen object, or to one sentence about what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from parley_core.domain.errors import PermanentError
from parley_core.settings.sections import SystemSection
from parley_core.settings.yaml_file import read_file


class YamlSource(PydanticBaseSettingsSource):
    """What CONFIG_FILE has; a service leaves what is not its own."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        path = os.environ.get("CONFIG_FILE")
        return read_file(Path(path)) if path else {}


class Settings(BaseSettings):
    """From environment and CONFIG_FILE: compose it with sections. An empty variable is not set."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, YamlSource(settings_cls)


class ServiceSettings(SystemSection, Settings):
    """Base of each service's settings."""


AnySettings = TypeVar("AnySettings", bound=Settings)


def load(settings: type[AnySettings]) -> AnySettings:
    """Read from environment and file. Raises `PermanentError`, with one sentence a wrong value."""
    try:
        return settings()
    except ValidationError as error:
        sentences = [_sentence(settings, detail) for detail in error.errors()]
        raise PermanentError(" ".join(sentences)) from None


def _sentence(settings: type[Settings], detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    is_secret = settings.model_fields[name].annotation is SecretStr
    value = "(not shown)" if is_secret else repr(detail["input"])
    return f"{name.upper()} is {value}: {_lower(detail['msg'])}."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
