"""How long drains are given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_operator.domain.windows import LONGEST, RESERVE, Crowd, Pace, crowd, window

PACE = Pace(resume_rate=200.0, endpoint_delay=5.0, usual=30.0)
crowds = st.builds(
    Crowd,
    connections=st.integers(0, 1_000_000),
    receivers=st.integers(0, 50),
    movers=st.integers(1, 50),
)
paces = st.builds(
    Pace,
    resume_rate=st.floats(1, 10_000),
    endpoint_delay=st.floats(0, 60),
    usual=st.floats(1, 600),
)


@given(crowds, paces, st.sampled_from(["edge", "conversation"]), st.floats(0, 4000))
def test_a_drain_fits_into_what_is_left_of_the_grace_period(
    among: Crowd, pace: Pace, kind: str, grace: float
) -> None:
    within = window(kind, among, pace=pace, grace=grace)

    delay = pace.endpoint_delay if kind == "edge" else 0.0
    assert within == 0 or within + delay + RESERVE <= grace + 1e-6
    assert 0 <= within <= LONGEST


@given(crowds, paces)
def test_an_edge_has_time_to_move_everybody_at_the_pace_of_the_others(
    among: Crowd, pace: Pace
) -> None:
    within = window("edge", among, pace=pace, grace=None)

    assert within >= min(pace.usual, LONGEST)
    if among.receivers:
        needed = among.connections * among.movers / (among.receivers * pace.resume_rate)
        assert within >= min(needed, LONGEST)


@given(crowds, paces)
def test_more_who_move_get_more_time_and_more_who_receive_get_less(
    among: Crowd, pace: Pace
) -> None:
    busier = Crowd(among.connections, among.receivers, among.movers + 1)
    roomier = Crowd(among.connections, among.receivers + 1, among.movers)

    within = window("edge", among, pace=pace, grace=None)

    assert window("edge", busier, pace=pace, grace=None) >= within
    assert window("edge", roomier, pace=pace, grace=None) <= within


def test_without_receivers_an_edge_waits_for_some_as_long_as_it_may() -> None:
    alone = Crowd(connections=10, receivers=0, movers=1)

    assert window("edge", alone, pace=PACE, grace=None) == LONGEST
    assert window("edge", alone, pace=PACE, grace=100.0) == 85.0


def test_a_worker_gets_the_usual_time() -> None:
    among = Crowd(connections=0, receivers=0, movers=1)

    assert window("conversation", among, pace=PACE, grace=None) == 30.0
    assert window("conversation", among, pace=PACE, grace=25.0) == 15.0


def test_only_edges_of_the_same_release_receive_and_move() -> None:
    me = ProcessId("a/1")

    def edge(**fields: object) -> ProcessInfo:
        told = {"kind": "edge", "started": 0.0, "release": "r", "namespace": "n"} | fields
        return ProcessInfo(**told)  # type: ignore[arg-type]  # fields by name

    alive = {
        me: edge(connections=70, draining=True, moving=True),
        ProcessId("b/1"): edge(),
        ProcessId("c/1"): edge(draining=True, moving=True),
        ProcessId("d/1"): edge(release="other"),
        ProcessId("e/1"): edge(namespace="other"),
        ProcessId("f/1"): edge(kind="conversation"),
    }

    assert crowd(me, alive) == Crowd(connections=70, receivers=1, movers=2)
