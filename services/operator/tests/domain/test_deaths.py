"""Which processes are over: all that are, and never one that is not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.events import ProcessInfo
from parley_core.domain.ids import ProcessId
from parley_operator.domain import deaths
from parley_operator.domain.deaths import Home
from parley_operator.domain.pods import Container, NodeName, Pod, PodName

HOME = Home("talk", "rooms")
POD = Pod(
    name=PodName("a"),
    uid="1",
    kind="conversation",
    node=NodeName("n"),
    is_going=False,
    is_over=False,
    is_ready=True,
    grace=30.0,
    container=None,
    cost=None,
    labels={},
)

moments = st.floats(0, 1_000_000)
lags = st.floats(0.0, 30.0)


def began(started: float) -> ProcessInfo:
    return ProcessInfo("conversation", started, release="talk", namespace="rooms", pod="a")


def pod_with(container: Container) -> Pod:
    return replace(POD, container=container)


@given(
    started=moments,
    boot=lags,
    setback=st.floats(0, 1.0, exclude_max=True),
)
def test_a_process_of_the_running_container_is_never_taken_for_dead(
    started: float, boot: float, setback: float
) -> None:
    # The API cuts to whole seconds, and the node's clock may be set back while the process boots.
    container = Container("c", 1, started=float(int(started)))
    alive = {ProcessId("a/new"): began(started + boot - setback)}

    assert deaths.over_with_container(pod_with(container), alive, home=HOME) == ()


@given(ended=moments, life=st.floats(2.1, 10_000), pause=lags)
def test_a_process_of_the_run_before_is_dead_once_the_next_one_runs(
    ended: float, life: float, pause: float
) -> None:
    container = Container("c", 1, started=float(int(ended + pause)), ended=float(int(ended)))
    alive = {ProcessId("a/old"): began(ended - life)}

    assert deaths.over_with_container(pod_with(container), alive, home=HOME) == ("a/old",)


@given(ended=moments, life=st.floats(1.1, 10_000))
def test_a_process_is_dead_when_its_container_ended_and_none_runs(
    ended: float, life: float
) -> None:
    container = Container("c", 0, started=None, ended=float(int(ended)), exit_code=137)
    alive = {ProcessId("a/old"): began(ended - life)}

    assert deaths.over_with_container(pod_with(container), alive, home=HOME) == ("a/old",)


@given(ended=moments, boot=lags)
def test_a_process_that_began_after_an_end_which_is_old_news_is_spared(
    ended: float, boot: float
) -> None:
    container = Container("c", 0, started=None, ended=float(int(ended)))
    alive = {ProcessId("a/new"): began(ended + boot)}

    assert deaths.over_with_container(pod_with(container), alive, home=HOME) == ()


def test_a_pod_whose_container_never_ran_has_no_dead() -> None:
    alive = {ProcessId("a/x"): began(100.0)}

    waiting = pod_with(Container("", 0, started=None))

    assert deaths.over_with_container(POD, alive, home=HOME) == ()
    assert deaths.over_with_container(waiting, alive, home=HOME) == ()


@given(
    release=st.sampled_from(["talk", "other", ""]),
    namespace=st.sampled_from(["rooms", "other", ""]),
    pod=st.sampled_from(["a", "b", ""]),
)
def test_only_processes_of_the_own_release_namespace_and_pod_are_touched(
    release: str, namespace: str, pod: str
) -> None:
    info = told(release=release, namespace=namespace, pod=pod)
    alive = {ProcessId("x/1"): info}
    is_ours = (release, namespace) == ("talk", "rooms")

    with_pod = deaths.over_with_pod(PodName("a"), alive, home=HOME)
    orphans = deaths.without_pod(alive, pods=[PodName("a")], beating=(), home=HOME)

    assert with_pod == (("x/1",) if is_ours and pod == "a" else ())
    assert orphans == (frozenset({"x/1"}) if is_ours and pod == "b" else frozenset())


def test_a_process_without_a_pod_is_spared_while_it_beats() -> None:
    alive = {ProcessId("b/1"): told(pod="b"), ProcessId("b/2"): told(pod="b")}

    silent = deaths.without_pod(alive, pods=[], beating=[ProcessId("b/1")], home=HOME)

    assert silent == frozenset({"b/2"})


def told(*, release: str = "talk", namespace: str = "rooms", pod: str = "a") -> ProcessInfo:
    return ProcessInfo("conversation", started=100.0, release=release, namespace=namespace, pod=pod)
