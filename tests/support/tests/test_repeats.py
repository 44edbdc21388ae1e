"""The judge of the nodes' journal, on journals that are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parley_testing.journal import NodeRun, runs_of
from parley_testing.repeats import BETWEEN, Fault, Kind, hits, incomplete, judge, unaware
from parley_testing.steps import NODES

TURN = ("session", "turn")
FIRST = NodeRun(
    session="session",
    turn="turn",
    node="first",
    process="worker-1/a",
    token="1",
    began=10.0,
    ended=10.5,
)
AGAIN = replace(FIRST, process="worker-2/b", token="2", began=15.0, ended=15.5)


def fault(kind: Kind, at: float) -> Fault:
    return Fault(kind, FIRST.process, at, {TURN}, {FIRST.token})


def test_a_node_that_ran_once_is_well() -> None:
    assert judge([FIRST, replace(FIRST, node="second")], [fault(Kind.KILL, 12.0)]) == []


def test_nodes_of_two_turns_are_two_nodes() -> None:
    assert judge([FIRST, replace(AGAIN, turn="another")], []) == []


def test_a_node_may_not_run_again_when_nothing_had_happened() -> None:
    (found,) = judge([FIRST, AGAIN], [Fault(Kind.KILL, "worker-3/c", 10.2)])

    assert "nothing had happened" in found


def test_a_fault_before_a_run_is_no_reason_to_repeat_it() -> None:
    (found,) = judge([FIRST, AGAIN], [fault(Kind.FREEZE, 9.0)])

    assert "nothing had happened" in found


@pytest.mark.parametrize("kind", [Kind.KILL, Kind.FREEZE])
def test_a_node_that_was_running_may_run_again(kind: Kind) -> None:
    cut = replace(FIRST, ended=None)

    assert judge([cut, AGAIN], [fault(kind, 10.2)]) == []


def test_a_node_whose_writes_were_on_their_way_counts_as_running() -> None:
    assert judge([FIRST, AGAIN], [fault(Kind.KILL, 10.6)]) == []


def test_a_node_whose_writes_were_stored_may_not_run_again() -> None:
    struck = fault(Kind.KILL, 10.6)
    struck.stored = {"session": frozenset({"turn/first"})}

    (found,) = judge([FIRST, AGAIN], [struck])

    assert "was stored before the kill" in found


def test_a_node_that_ended_long_before_may_not_run_again() -> None:
    (found,) = judge([FIRST, AGAIN], [fault(Kind.FREEZE, 11.5)])

    assert "it had ended 1.0 s before the freeze" in found


def test_a_drained_worker_leaves_nothing_to_repeat() -> None:
    (found,) = judge([replace(FIRST, ended=None), AGAIN], [fault(Kind.DRAIN, 10.2)])

    assert "drained" in found


def test_what_a_thawed_worker_begins_unaware_is_no_repeat_for_a_while() -> None:
    frozen = replace(fault(Kind.FREEZE, 10.2), thawed=20.0)
    second = replace(AGAIN, node="second", began=16.0, ended=17.0)
    late = replace(FIRST, node="second", began=20.5, ended=21.0)

    assert unaware([FIRST, AGAIN, second, late], [frozen]) == [(late, 0.5)]
    assert judge([FIRST, AGAIN, second, late], [frozen]) == []


def test_a_thawed_worker_may_be_unaware_before_its_successor_begins_a_node() -> None:
    frozen = replace(fault(Kind.FREEZE, 10.6), thawed=20.0)
    late = replace(FIRST, node="second", began=20.1, ended=None)
    second = replace(AGAIN, node="second", began=20.9, ended=22.0)
    again = replace(fault(Kind.FREEZE, 40.0), tokens={"7"}, thawed=50.0)

    assert [run for run, _ in unaware([FIRST, late, second], [frozen, again])] == [late]
    assert judge([FIRST, late, second], [frozen, again]) == []


def test_a_thawed_worker_may_not_go_on_unaware() -> None:
    frozen = replace(fault(Kind.FREEZE, 10.2), thawed=20.0)
    late = replace(FIRST, node="second", began=24.0, ended=25.0)

    (found,) = judge([FIRST, AGAIN, late], [frozen])

    assert "4.0 s after its process was thawed" in found


def test_a_thawed_worker_that_got_the_turn_anew_is_aware() -> None:
    frozen = replace(fault(Kind.FREEZE, 10.2), thawed=20.0)
    anew = replace(FIRST, node="second", token="3", began=24.0, ended=25.0)

    assert unaware([FIRST, AGAIN, anew], [frozen]) == []


def test_an_answer_names_each_node_once() -> None:
    whole = " ".join(reversed(NODES))

    found = incomplete({"1": whole, "2": f"{whole} first", "3": whole.replace("first", "")})

    assert [each.split()[1] for each in found] == ["2", "3"]


def test_turns_are_hit_where_they_were() -> None:
    branches = [replace(FIRST, node=node, ended=None) for node in ("quick", "slow")]
    idle = replace(FIRST, turn="idle")
    struck = fault(Kind.KILL, 12.0)
    struck.turns = {TURN, ("session", "idle")}

    counted = hits([*branches, idle], [struck])

    assert counted == {
        (Kind.KILL, "quick"): 1,
        (Kind.KILL, "slow"): 1,
        (Kind.KILL, BETWEEN): 1,
    }


def test_entries_become_runs() -> None:
    begun = {
        "run": "r",
        "session": "session",
        "turn": "turn",
        "node": "first",
        "process": FIRST.process,
        "token": "1",
    }

    assert runs_of([(10.0, begun), (10.5, {"ended": "r"})]) == [FIRST]
    assert runs_of([(10.0, begun)]) == [replace(FIRST, ended=None)]
