"""The service as a process: real signals, a real Redis, real outages."""

from __future__ import annotations

import asyncio
import signal
import time
from urllib.parse import urlsplit

import httpx
import pytest

from parley_core.domain.server_frames import Text
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_testing.processes import ServiceProcess
from parley_testing.proxy import TcpProxy
from parley_testing.talk import Counters, Talk, Workers


async def order_drain(worker: ServiceProcess, method: str, *, query: str = "") -> dict[str, object]:
    async with httpx.AsyncClient() as client:
        reply = await client.request(method, f"{worker.admin_url}/drain{query}")
    return dict(reply.json())


async def known_processes(client: RedisClient, keys: Keys) -> int:
    return int(await client.command("ZCARD", keys.processes, key=keys.processes))


async def until_draining(worker: ServiceProcess) -> None:
    async with asyncio.timeout(5):
        while not (await order_drain(worker, "GET"))["draining"]:
            await asyncio.sleep(0.01)


async def test_it_answers_and_remembers(workers: Workers, talk: Talk) -> None:
    await workers.start()

    await talk.answer("My cat is called Tom")

    assert await talk.answer("What did I say?") == "So far you have said: “My cat is called Tom”."


async def test_a_turn_whose_worker_is_killed_is_finished_by_another_once(
    workers: Workers, talk: Talk
) -> None:
    spare = await workers.start("slow")
    await order_drain(spare, "POST")
    victim = await workers.start("slow")
    turn = await talk.say("Hello!")
    await talk.first_delta(turn)

    victim.signal(signal.SIGKILL)
    await order_drain(spare, "DELETE")
    end = await talk.answer_to(turn)

    assert await talk.said() == ["Hello!", end]
    assert end.startswith(talk.streamed(turn))
    assert max(delta.attempt for delta in talk.deltas) == 2


async def test_sigterm_ends_a_turn_at_its_next_step_and_another_worker_goes_on(
    workers: Workers, talk: Talk, counters: Counters
) -> None:
    worker = await workers.start("three_steps")
    turn = await talk.say("go")
    await counters.until_running("second")

    worker.signal(signal.SIGTERM)
    await until_draining(worker)
    await counters.open_gate()
    code = await worker.wait_exit()
    left = await counters.ran("third")
    await workers.start("three_steps")
    end = await talk.answer_to(turn)

    assert (code, left) == (0, 0)
    assert end == "one\n\ntwo\n\nthree"
    assert [await counters.ran(node) for node in ("first", "second", "third")] == [1, 1, 1]
    assert talk.streamed(turn) in ("one\n\ntwo", "one\n\ntwo\n\nthree")


async def test_past_the_drains_deadline_a_turn_is_handed_back_as_it_is(
    workers: Workers, talk: Talk, counters: Counters
) -> None:
    worker = await workers.start("three_steps", DRAIN_TIMEOUT="1")
    turn = await talk.say("go")
    await counters.until_running("second")

    worker.signal(signal.SIGTERM)
    code = await worker.wait_exit(within=5)
    await workers.start("three_steps")
    await counters.until_running("second", times=2)
    await counters.open_gate()
    end = await talk.answer_to(turn)

    assert code == 0
    assert end == "one\n\ntwo\n\nthree"
    assert await counters.ran("first") == 1


async def test_a_drain_can_be_taken_back(workers: Workers, talk: Talk) -> None:
    worker = await workers.start()

    begun = await order_drain(worker, "POST", query="?within=5")
    turn = await talk.say("Hello!")
    await asyncio.sleep(1.5)  # longer than a sweep: nothing may come
    waiting = await talk.said()
    ended = await order_drain(worker, "DELETE")
    await talk.end_of(turn)

    assert begun == {"draining": True, "turns_running": 0}
    assert waiting == ["Hello!"]
    assert ended["draining"] is False


async def test_a_drain_refuses_a_deadline_that_is_none(workers: Workers) -> None:
    worker = await workers.start()

    for query in ("?within=soon", "?within=-1", "?within=nan"):
        assert "error" in await order_drain(worker, "POST", query=query)
    assert (await order_drain(worker, "GET"))["draining"] is False


async def test_a_worker_that_was_stopped_past_its_lease_can_write_nothing_more(
    workers: Workers, talk: Talk, counters: Counters
) -> None:
    zombie = await workers.start("three_steps")
    turn = await talk.say("go")
    await counters.until_running("second")

    zombie.signal(signal.SIGSTOP)
    other = await workers.start("three_steps")
    await counters.until_running("second", times=2)
    await counters.open_gate()
    end = await talk.answer_to(turn)
    zombie.signal(signal.SIGCONT)
    other.signal(signal.SIGTERM)
    await other.wait_exit()
    again = await talk.answer("and again")

    assert end == again == "one\n\ntwo\n\nthree"
    assert await talk.said() == ["go", end, "and again", again]
    assert await counters.ran("third") == 2
    assert "lease lost" in zombie.log()


async def test_a_node_that_blocks_the_event_loop_keeps_its_lease_and_runs_once(
    workers: Workers, talk: Talk, counters: Counters
) -> None:
    await workers.start("blocking")
    await workers.start("blocking")

    assert await talk.answer("sleep") == "awake"
    assert await counters.ran("blocks") == 1


async def test_a_poisoned_message_fails_after_three_attempts_and_the_next_is_answered(
    workers: Workers, talk: Talk, counters: Counters
) -> None:
    await workers.start("poisoned")

    poison = await talk.say("poison")
    answer = await talk.answer("water")
    end = await talk.failure_of(poison)

    assert answer == "fine"
    assert (end.code, end.turn_id) == ("TURN_FAILED", poison)
    assert await counters.ran("refuses_poison") == 3 + 1


async def test_a_turn_that_takes_too_long_fails(workers: Workers, talk: Talk) -> None:
    await workers.start("three_steps", TURN_TIMEOUT="1")

    end = await talk.failure_of(await talk.say("go"))

    assert "too long" in end.message


async def test_a_turn_goes_on_where_it_was_when_redis_comes_back(
    workers: Workers, talk: Talk, counters: Counters, redis_url: str
) -> None:
    async with TcpProxy(urlsplit(redis_url).port or 6379) as proxy:
        await workers.start("three_steps", REDIS_URL=f"redis://127.0.0.1:{proxy.port}")
        turn = await talk.say("go")
        await counters.until_running("second")

        proxy.cut()
        await counters.open_gate()
        await asyncio.sleep(6)  # longer than a lease lives
        assert await counters.ran("third") == 0
        proxy.heal()
        end = await talk.answer_to(turn)

        assert end == "one\n\ntwo\n\nthree"
        assert await talk.said() == ["go", end]
        assert [await counters.ran(node) for node in ("first", "second", "third")] == [1, 1, 1]
        assert max(frame.attempt for frame in talk.turns) == 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_worker_leaves_at_once_and_without_a_trace(
    workers: Workers, redis_client: RedisClient, keys: Keys, sign: signal.Signals
) -> None:
    worker = await workers.start()
    async with asyncio.timeout(5):
        while not await known_processes(redis_client, keys):
            await asyncio.sleep(0.02)

    worker.signal(sign)
    code = await worker.wait_exit(within=5)

    assert code == 0
    assert await known_processes(redis_client, keys) == 0


async def test_a_graph_that_cannot_be_used_stops_the_start_with_a_sentence(
    workers: Workers,
) -> None:
    with pytest.raises(AssertionError, match="has no attribute nothing"):
        await workers.start("nothing")


async def test_a_cancel_ends_a_turn_within_200_ms_wherever_it_runs(
    workers: Workers, talk: Talk
) -> None:
    await workers.start("slow")
    await workers.start("slow")
    turn = await talk.say("Tell me everything you know.")
    await talk.first_delta(turn)

    began = time.monotonic()
    await talk.cancel(turn)
    end = await talk.end_of(turn)
    took = time.monotonic() - began

    assert isinstance(end, Text)
    assert end.finish == "cancelled"
    assert took <= 0.2
