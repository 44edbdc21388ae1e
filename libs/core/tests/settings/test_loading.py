"""Settings from the environment and CONFIG_FILE, and what is said when they are wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from parley_core.domain.errors import PermanentError
from parley_core.settings import (
    SECTIONS,
    LanggraphSection,
    RedisSection,
    Settings,
    SystemSection,
    WebsocketSection,
    load,
    yaml_name,
)

Write = Callable[[str], None]


class AllSettings(Settings, RedisSection, WebsocketSection, LanggraphSection, SystemSection):
    """What some service reads."""


class FewSettings(Settings, RedisSection):
    """What a service reads that needs no more."""


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in SECTIONS.values():
        for name in model.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("CONFIG_FILE", raising=False)


@pytest.fixture
def write_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the file that CONFIG_FILE names."""
    path = tmp_path / "parley.yaml"
    monkeypatch.setenv("CONFIG_FILE", str(path))

    def write(text: str) -> None:
        path.write_text(text)

    return write


def refusal(settings: type[Settings] = AllSettings) -> str:
    with pytest.raises(PermanentError) as caught:
        load(settings)
    return str(caught.value)


def test_without_anything_set_the_defaults_hold() -> None:
    settings = load(AllSettings)

    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
    assert settings.redis_max_connections == 20
    assert (settings.websocket_host, settings.websocket_port) == ("0.0.0.0", 8765)
    assert settings.max_message_size == 1_048_576
    assert (settings.heartbeat_interval, settings.session_timeout) == (30, 300)
    assert (settings.ssl_certfile, settings.ssl_keyfile) == (None, None)
    assert (settings.checkpointer, settings.checkpoint_ttl) == ("parley", 120)
    assert (settings.max_checkpoints, settings.checkpoint_interval) == (100, 10)
    assert (settings.max_sessions_per_user, settings.max_messages_per_session) == (10, 1000)
    assert settings.cleanup_interval == 3600
    assert (settings.log_level, settings.debug) == ("INFO", False)
    assert settings.server_id == os.uname().nodename
    assert (settings.key_prefix, settings.endpoint_delay) == ("parley", 0)
    assert (settings.http_port, settings.admin_port) == (8780, 8766)
    assert (settings.rate_text, settings.rate_text_burst, settings.resume_rate) == (20, 40, 200)
    assert (settings.admission_rate, settings.max_connections) == (3000, 0)
    assert settings.advertise_host == ""
    assert (settings.drain_timeout, settings.turn_timeout) == (30, 300)
    assert settings.responder_pauses
    assert settings.supervisor_evict


def test_the_file_sets_by_section_and_name(write_file: Write) -> None:
    write_file(
        "redis: {url: 'redis://store:1/2', max_connections: 7}\n"
        "websocket: {port: 9000, max_message_size: 2048}\n"
        "langgraph: {checkpoint_ttl: 5}\n"
        "system: {key_prefix: mine}\n"
    )

    settings = load(AllSettings)

    assert settings.redis_url.get_secret_value() == "redis://store:1/2"
    assert (settings.redis_max_connections, settings.websocket_port) == (7, 9000)
    assert (settings.max_message_size, settings.checkpoint_ttl) == (2048, 5)
    assert settings.key_prefix == "mine"


def test_the_environment_wins_over_the_file(
    write_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file("websocket: {port: 9000}")
    monkeypatch.setenv("WEBSOCKET_PORT", "9001")

    assert load(AllSettings).websocket_port == 9001


def test_an_empty_variable_is_not_set(write_file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file("websocket: {port: 9000}")
    monkeypatch.setenv("WEBSOCKET_PORT", "")

    assert load(AllSettings).websocket_port == 9000


def test_one_file_serves_services_that_read_only_a_part_of_it(write_file: Write) -> None:
    write_file("redis: {max_connections: 7}\nwebsocket: {port: 9000}\nlanggraph:\n")

    assert load(FewSettings).redis_max_connections == 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("websocket: {prot: 1}", "there is no setting websocket.prot"),
        ("websocket: {websocket_port: 1}", "there is no setting websocket.websocket_port"),
        ("system: {port: 1}", "there is no setting system.port"),
        ("sockets: {port: 1}", "there is no section 'sockets', only redis, websocket"),
        ("websocket: 8765", "section websocket must hold settings"),
        ("- 1", "must hold sections"),
        ("redis: {url: [", "is not YAML in line 1"),
    ],
)
def test_a_name_that_the_file_may_not_have_is_told(
    write_file: Write, text: str, sentence: str
) -> None:
    write_file(text)

    assert sentence in refusal()


def test_a_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIG_FILE", "/nowhere/parley.yaml")

    assert "CONFIG_FILE /nowhere/parley.yaml cannot be read" in refusal()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WEBSOCKET_PORT", "99999", "less than or equal to 65535"),
        ("WEBSOCKET_PORT", "web", "a valid integer"),
        ("DRAIN_TIMEOUT", "0", "greater than 0"),
        ("DRAIN_TIMEOUT", "inf", "a finite number"),
        ("LOG_LEVEL", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("KEY_PREFIX", "{a}", "match pattern '^[A-Za-z0-9._-]{1,32}$'"),
        ("SERVER_ID", "a/b", "match pattern"),
        ("DEBUG", "maybe", "a valid boolean"),
    ],
)
def test_a_wrong_value_names_the_setting_the_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)

    said = refusal()

    assert said.startswith(f"{name} is '{value}': ")
    assert allowed in said


@pytest.mark.parametrize("name", ["redis", "memory", "my.module:saver", "saver.py:make"])
def test_a_checkpointer_has_a_name_of_ours_or_is_somebodys_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHECKPOINTER", name)

    assert load(AllSettings).checkpointer == name


def test_each_of_several_wrong_values_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PORT", "0")
    monkeypatch.setenv("MAX_CHECKPOINTS", "none")

    said = refusal()

    assert "ADMIN_PORT" in said
    assert "MAX_CHECKPOINTS" in said


def test_a_secret_is_not_shown_by_a_refusal_nor_by_the_settings(write_file: Write) -> None:
    write_file("redis: {url: [hunter2]}")
    said = refusal()
    write_file("redis: {url: 'redis://:hunter2@host'}\nsystem: {service_token: hunter2}")

    assert said.startswith("REDIS_URL is (not shown): ")
    assert "hunter2" not in said
    assert "hunter2" not in repr(load(AllSettings))


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("rediss://host", "rediss://host?ssl_ca_certs=%2Fca.pem"),
        (
            "rediss+sentinel://host/main?a=1",
            "rediss+sentinel://host/main?a=1&ssl_ca_certs=%2Fca.pem",
        ),
        ("redis://host", "redis://host"),
    ],
)
def test_authorities_go_along_with_a_url_that_speaks_tls(
    monkeypatch: pytest.MonkeyPatch, url: str, given: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.setenv("REDIS_CA_FILE", "/ca.pem")

    assert load(FewSettings).redis_location() == given


def test_settings_do_not_change() -> None:
    settings = load(AllSettings)

    with pytest.raises(ValidationError, match="frozen"):
        settings.websocket_port = 1


def test_every_setting_says_what_it_is_for_and_no_two_share_a_name() -> None:
    names = [
        (name, yaml_name(section, name), field.description)
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
    ]

    assert all(description and description.endswith(".") for *_, description in names)
    assert len({name for name, *_ in names}) == len({file for _, file, _ in names}) == len(names)
