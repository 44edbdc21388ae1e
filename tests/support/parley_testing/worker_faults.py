"""Workers killed, frozen and drained under load, while their nodes keep a journal."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from parley.bench.load import Load
from parley.bench.reading import Kind as PlaceKind
from parley.bench.reading import Place, read
from parley_checkpoint import AsyncRedisCheckpointer
from parley_core.domain.ids import ProcessId
from parley_testing.hits import Hit, sessions_of, taken_over
from parley_testing.journal import NodeRun, newest_runs, node_runs
from parley_testing.repeats import SETTLED, Fault, Kind, hits, incomplete, judge, unaware
from parley_testing.scenarios import Run, talking
from parley_testing.stack import Stack

_STEPS = {"PARLEY_GRAPH": "parley_testing.steps:six_steps", "MAX_RUNNING_TURNS": "128"}
_SETTLES = 0.3
"""Seconds in which Redis executes what a frozen process had sent."""
_TRUSTED = 3.0
"""Seconds after a fault in which nobody can have taken its turns over: a lease has longer."""
_CLOSED_WITHIN = 10.0
_TAKEN_OVER_WITHIN = 20.0
_DRAINED_WITHIN = 40.0
_LOOK_EACH = 0.05
_NEWEST = 300
"""Entries of the journal: more than two seconds of forty conversations."""


@dataclass(slots=True)
class WorkRun(Run):
    """A run, with what the workers did in it. `failed`: turns that ended with an error."""

    runs: list[NodeRun] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    failed: int = 0
    repeated: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    nodes: Counter[tuple[Kind, str]] = field(default_factory=Counter)

    @property
    def struck(self) -> int:
        """Turns that were running when their worker was struck."""
        return sum(len(fault.turns) for fault in self.faults)

    def report(self, name: str) -> str:
        """As of every run; then which turns were hit, where, and what should not have run again."""
        lines = [Run.report(self, name)]
        for kind in Kind:
            of_kind = {
                node: n for (struck, node), n in sorted(self.nodes.items()) if struck is kind
            }
            faults = [fault for fault in self.faults if fault.kind is kind]
            turns = sum(len(fault.turns) for fault in faults)
            at = ", ".join(f"{node} {count}" for node, count in of_kind.items()) or "none"
            lines.append(f"  {len(faults)} x {kind} hit {turns} turns, at: {at}")
        for what in (self.repeated, self.incomplete):
            lines += (
                [f"  {len(what)} wrong:", *(f"    {each}" for each in what[:5])] if what else []
            )
        return "\n".join(lines)


def stack_with_journal(folder: Path, *, workers: int = 3, ablation: str | None = None) -> Stack:
    """Workers that run the graph of six steps, each with its journal on the stack's Redis."""
    stack = Stack(folder, workers=workers, env=_STEPS, ablation=ablation)
    for name in stack.workers:
        # Past the proxy: a side effect is no business of the service's.
        stack.members[name].env["JOURNAL_URL"] = stack.redis.url
    return stack


async def worker_faults(
    stack: Stack,
    load: Load,
    *,
    seconds: float,
    dice: random.Random,
    kinds: Sequence[Kind] = tuple(Kind),
    aimed: bool = False,
    settled: float = SETTLED,
) -> WorkRun:
    """Strike a worker of a `stack_with_journal`, replace it, strike the next, for `seconds`.

    Each of `kinds` comes once at least. `aimed`: not at any time, but each time when one branch of
    a turn has ended and the other runs on. `settled`: see `repeats`.
    """
    run = WorkRun()
    start = monotonic()
    async with talking(load, run):
        order = dice.sample(kinds, len(kinds))
        while order or monotonic() - start < seconds:
            await asyncio.sleep(dice.uniform(0.5, 1.5))
            kind = order.pop() if order else dice.choice(kinds)
            victim = await (_with_one_branch(stack) if aimed else _busy(stack, dice))
            run.faults.append(await _strike(stack, victim, kind))
    await _judge(run, stack, settled=settled)
    return run


async def _judge(run: WorkRun, stack: Stack, *, settled: float) -> None:
    run.judge()
    run.runs = await node_runs(stack.direct)
    places = [
        step.what
        for record in run.history
        for step in read(record).steps
        if isinstance(step.what, Place)
    ]
    run.failed = len({place.turn for place in places if place.kind is PlaceKind.FAILURE})
    answers = {place.turn: place.content for place in places if place.kind is PlaceKind.ANSWER}
    run.repeated = judge(run.runs, run.faults, settled=settled)
    run.incomplete = incomplete(answers)
    run.nodes = hits(run.runs, run.faults)
    run.counts = {
        "faults": len(run.faults),
        "turns hit": run.struck,
        "failed": run.failed,
        "node runs": len(run.runs),
        "of them again": len(run.runs) - len({(*each.of, each.node) for each in run.runs}),
        "begun by thawed workers": len(unaware(run.runs, run.faults)),
    }


async def _busy(stack: Stack, dice: random.Random) -> str:
    """A worker by chance; the more turns it has in hand, the greater its chance."""
    workers = stack.workers
    turns = [
        len(await sessions_of(stack.members[name].id, stack.direct, stack.keys)) for name in workers
    ]
    return dice.choices(workers, [1 + each for each in turns])[0]


async def _with_one_branch(stack: Stack) -> str:
    """A worker that runs `slow` of a turn whose `quick` has been finished; waits for one."""
    workers = {stack.members[name].id: name for name in stack.workers}
    async with asyncio.timeout(_TAKEN_OVER_WITHIN):
        while True:
            runs = await newest_runs(stack.direct, count=_NEWEST)
            settled = await _now(stack) - SETTLED - _LOOK_EACH
            for run in runs:
                if run.node == "quick" and run.ended and run.ended < settled:
                    slow = [each for each in runs if each.of == run.of and each.node == "slow"]
                    if slow and slow[-1].ended is None and run.process in workers:
                        return workers[ProcessId(run.process)]
            await asyncio.sleep(_LOOK_EACH)


async def _strike(stack: Stack, victim: str, kind: Kind) -> Fault:
    fault = Fault(kind, stack.members[victim].id, 0.0)
    match kind:
        case Kind.KILL:
            await _kill(stack, victim, fault)
        case Kind.FREEZE:
            await _freeze(stack, victim, fault)
        case Kind.DRAIN:
            await _drain(stack, victim, fault)
    return fault


async def _kill(stack: Stack, victim: str, fault: Fault) -> None:
    stack.running(victim).signal(signal.SIGKILL)
    fault.at = await _now(stack)
    begun = monotonic()
    await stack.running(victim).wait_exit()
    async with asyncio.timeout(_CLOSED_WITHIN):
        while await _is_connected(stack, fault.process):
            await asyncio.sleep(_LOOK_EACH)
    await _hold(stack, fault)
    await _look(stack, fault, begun)
    await _replace(stack, victim)


async def _freeze(stack: Stack, victim: str, fault: Fault) -> None:
    stack.pause(victim)
    fault.at = await _now(stack)
    begun = monotonic()
    await asyncio.sleep(_SETTLES)
    struck = await _hold(stack, fault)
    await _look(stack, fault, begun)
    async with asyncio.timeout(_TAKEN_OVER_WITHIN):
        for hit in struck:
            while not await taken_over(hit, stack.members[victim].id, stack.direct, stack.keys):
                await asyncio.sleep(_LOOK_EACH)
    fault.thawed = await _now(stack)
    stack.resume(victim)


async def _drain(stack: Stack, victim: str, fault: Fault) -> None:
    await _hold(stack, fault)
    stack.running(victim).signal(signal.SIGTERM)
    fault.at = await _now(stack)
    await stack.running(victim).wait_exit(within=_DRAINED_WITHIN)
    await _replace(stack, victim)


async def _replace(stack: Stack, victim: str) -> None:
    gone = stack.running(victim)
    log = stack.folder / f"{stack.members[victim].id.replace('/', '-')}.log"
    log.write_text(gone.log())
    gone.end()
    stack.spawn(victim)
    await stack.ready(victim)


async def _hold(stack: Stack, fault: Fault) -> list[Hit]:
    """Note what the process has in hand."""
    struck = await sessions_of(ProcessId(fault.process), stack.direct, stack.keys)
    fault.turns = {(hit.session, hit.turn) for hit in struck}
    fault.tokens = {hit.token for hit in struck}
    return struck


async def _look(stack: Stack, fault: Fault, begun: float) -> None:
    """What the saver has of the struck sessions, while nobody else can have written to them."""
    saver = AsyncRedisCheckpointer(
        stack.direct, prefix=stack.keys.prefix, tag=lambda thread: thread[:2]
    )
    sessions = sorted({session for session, _ in fault.turns})
    stored = await asyncio.gather(*(_stored(saver, session) for session in sessions))
    if monotonic() - begun < _TRUSTED:
        fault.stored = dict(zip(sessions, stored, strict=True))


async def _stored(saver: AsyncRedisCheckpointer, session: str) -> frozenset[str]:
    """Names of the nodes whose writes the saver holds, applied or pending."""
    found = await saver.aget_tuple({"configurable": {"thread_id": session}})
    if found is None:
        return frozenset()
    done: list[Any] = [*found.checkpoint["channel_values"].get("done", ())]
    for _, channel, value in found.pending_writes or ():
        done += value if channel == "done" else ()
    return frozenset(done)


async def _is_connected(stack: Stack, process: str) -> bool:
    clients: bytes = await stack.direct.command("CLIENT", "LIST")
    return f"name={process}".encode() in clients


async def _now(stack: Stack) -> float:
    seconds, micros = await stack.direct.command("TIME")
    return int(seconds) + int(micros) / 1e6
