"""Every script of the session store: repeated, with a wrong token, and cut off before its reply."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from urllib.parse import urlsplit

import pytest
import redis
from msgspec.structs import replace

from parley_core.domain.errors import StaleToken, Unavailable
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.scripts import every_script, script
from parley_testing.listening import Ears
from parley_testing.redis_proxy import RedisProxy, name_of
from parley_testing.session_scenes import SCENES, Scene, Stage
from parley_testing.session_store import STRANGER, SessionStore, user_per_node

OF_PRESENCE = {
    *("announce", "bar", "beat", "bury", "condemn", "enter", "evict", "leave", "offline"),
    *("overdue", "prune", "reap", "whereabouts"),
}

scenes = pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
with_token = pytest.mark.parametrize(
    "scene", [pytest.param(s, id=name) for name, s in SCENES.items() if s.takes_token]
)


@pytest.fixture
def stage(redis_client: RedisClient, keys: Keys) -> Stage:
    return Stage(SessionStore(redis_client, keys))


async def still(stage: Stage, scene: Scene | None = None) -> dict[str, bytes]:
    """The store's contents without what a repeat may move."""
    moves = scene.moves if scene else ()
    return {
        name: dump
        for name, dump in (await stage.store.contents()).items()
        if not name.endswith(moves or "\n")
    }


def test_every_script_has_a_scene() -> None:
    assert {scene.script for scene in SCENES.values()} | OF_PRESENCE == {
        each.name for each in every_script()
    }


@scenes
async def test_a_repeat_gets_the_first_reply_and_changes_nothing(
    scene: Scene, any_redis_client: RedisClient, keys: Keys
) -> None:
    # On a Cluster each has another node; a key of another partition would be refused there.
    for user in user_per_node():
        stage = Stage(SessionStore(any_redis_client, keys, user))
        await scene.arrange(stage)

        first = await scene.call(stage)
        after_first = await still(stage, scene)
        again = await scene.call(stage)

        assert again == first
        assert await still(stage, scene) == after_first


@scenes
async def test_a_call_cut_off_before_its_reply_and_repeated_gets_it(
    scene: Scene, redis_url: str, prefix: str, redis_client: RedisClient
) -> None:
    twin = Stage(SessionStore(redis_client, Keys(f"{prefix}-twin")))
    await scene.arrange(twin)
    expected = _timeless(await scene.call(twin))
    server = urlsplit(redis_url)
    async with RedisProxy(server.port or 6379, host=server.hostname or "localhost") as proxy:
        client = RedisClient(f"redis://127.0.0.1:{proxy.port}", name="cut-off")
        await client.start()
        stage = Stage(SessionStore(client, Keys(prefix)))
        await scene.arrange(stage)
        sha = script(scene.script).sha
        proxy.cut_before_reply(lambda command: name_of(command) == sha)
        with pytest.raises(Unavailable):
            await scene.call(stage)
        assert proxy.cut_replies[sha] == 1
        after_first = await still(stage, scene)

        reply = await scene.call(stage)

        assert _timeless(reply) == expected
        assert await still(stage, scene) == after_first
        await client.aclose()


def _timeless(reply: object) -> str:
    """A reply without epochs, tokens and times, which are each run's own."""
    return re.sub(r"\d{13}|nonce=\w+|\d{4}-\d\d-\d\dT[\d:.]+Z", "", repr(reply))


@with_token
async def test_a_call_with_another_token_is_refused_and_changes_nothing(
    scene: Scene, stage: Stage
) -> None:
    await scene.arrange(stage)
    mine, before = stage.lease, await still(stage)
    stage.lease = replace(mine, token=STRANGER)

    with pytest.raises(StaleToken):
        await scene.call(stage)

    assert await still(stage) == before


@with_token
async def test_a_call_without_any_lease_is_refused_and_changes_nothing(
    scene: Scene, stage: Stage
) -> None:
    await scene.arrange(stage)
    await stage.store.run("HDEL", stage.store.shared.leases, stage.session)
    before = await still(stage)

    with pytest.raises(StaleToken):
        await scene.call(stage)

    assert await still(stage) == before


@with_token
async def test_a_call_for_a_session_that_was_deleted_is_refused_and_changes_nothing(
    scene: Scene, stage: Stage
) -> None:
    await scene.arrange(stage)
    await stage.store.memberships.drop(stage.session, by=stage.store.user)
    before = await still(stage)

    with pytest.raises(StaleToken):
        await scene.call(stage)

    assert await still(stage) == before


@scenes
async def test_a_repeat_publishes_nothing(scene: Scene, stage: Stage, redis_url: str) -> None:
    await scene.arrange(stage)
    await scene.call(stage)

    with Ears(redis_url, stage.store.keys.prefix) as ears:
        await scene.call(stage)

        assert bool(ears.heard()) is scene.publishes_again


@scenes
async def test_a_script_touches_only_its_keys(
    scene: Scene, stage: Stage, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared: set[str] = set()
    send = stage.store.client.script

    def noting(which: object, keys: list[str], args: list[object]) -> Awaitable[object]:
        declared.update(keys)
        return send(which, keys, args)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.store.client, "script", noting)
    await scene.arrange(stage)
    declared.clear()

    with redis.Redis.from_url(redis_url) as server, server.monitor() as monitor:
        await scene.call(stage)
        server.ping()
        touched = _touched_by_lua(monitor, stage.store.keys)

    assert touched
    assert touched <= declared


def _touched_by_lua(monitor: redis.client.Monitor, keys: Keys) -> set[str]:
    touched: set[str] = set()
    for line in monitor.listen():  # type: ignore[no-untyped-call]
        if line["command"] == "PING":
            break
        verb, *words = line["command"].split(" ")
        if line["client_type"] == "lua" and "PUBLISH" not in verb.upper():
            touched.update(word for word in words if word.startswith(f"{keys.prefix}:"))
    return touched
