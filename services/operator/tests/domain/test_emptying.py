"""Which pods are emptied for their nodes' sake, whatever the cluster looks like."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from parley_operator.domain.drains import Reason
from parley_operator.domain.emptying import Drained, plan
from parley_operator.domain.pods import Node, NodeName, Pod, PodName

KINDS = ("conversation", "edge", "presence")
NODES = [NodeName(name) for name in ("n1", "n2", "n3")]


def pod(
    name: str,
    *,
    kind: str = "edge",
    node: str = "n1",
    ready: bool = True,
    going: bool = False,
    over: bool = False,
) -> Pod:
    return Pod(
        name=PodName(name),
        uid=name,
        kind=kind,
        node=NodeName(node),
        is_going=going,
        is_over=over,
        is_ready=ready,
        grace=30.0,
        container=None,
        cost=None,
        labels={},
    )


def node(name: str, *, cordoned: bool = False, ready: bool = True) -> Node:
    return Node(NodeName(name), is_schedulable=not cordoned, is_ready=ready)


def nodes(*found: Node) -> dict[NodeName, Node]:
    return {node.name: node for node in found}


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Pod], dict[NodeName, Node], Drained]:
    # Most pods serve, so that most clusters have something to decide.
    mostly = st.sampled_from((True, True, True, True, False))
    booleans = st.booleans()
    pods = [
        pod(
            f"p{number}",
            kind=draw(st.sampled_from(("edge", "edge", *KINDS))),
            node=draw(st.sampled_from(NODES)),
            ready=draw(mostly),
            going=not draw(mostly),
            over=not draw(mostly),
        )
        for number in range(draw(st.integers(0, 8)))
    ]
    names = [found.name for found in pods]
    some = st.frozensets(st.sampled_from(names)) if names else st.just(frozenset[PodName]())
    held = draw(some)
    drained = Drained(
        running=draw(some) & held, all=held, for_nodes=draw(some) & held, failed=draw(some) - held
    )
    known = nodes(*(node(name, cordoned=draw(booleans), ready=draw(booleans)) for name in NODES))
    return pods, known, drained


def others(
    name: PodName, pods: list[Pod], known: Mapping[NodeName, Node], drained: Drained
) -> list[Pod]:
    """Who goes on serving for a pod."""
    (kind,) = [found.kind for found in pods if found.name == name]
    return [
        found
        for found in pods
        if found.name != name
        and found.kind == kind
        and found.is_ready
        and not found.is_going
        and not found.is_over
        and found.name not in drained.all
        and found.node is not None
        and known[found.node].is_good
    ]


@given(clusters())
def test_nobody_is_emptied_without_another_that_stays(
    cluster: tuple[list[Pod], dict[NodeName, Node], Drained],
) -> None:
    pods, known, drained = cluster

    begun = plan(pods, nodes=known, drained=drained).begin

    for name in begun:
        assert others(name, pods, known, drained)


@given(clusters())
def test_one_pod_of_a_kind_is_emptied_at_a_time(
    cluster: tuple[list[Pod], dict[NodeName, Node], Drained],
) -> None:
    pods, known, drained = cluster

    begun = plan(pods, nodes=known, drained=drained).begin

    for kind in KINDS:
        same = {found.name for found in pods if found.kind == kind and not found.is_over}
        assert len(same & begun.keys()) + len(same & drained.running) <= 1 or not (
            same & begun.keys()
        )


@given(clusters())
def test_only_pods_on_bad_nodes_that_hold_something_are_emptied_and_none_twice(
    cluster: tuple[list[Pod], dict[NodeName, Node], Drained],
) -> None:
    pods, known, drained = cluster
    by_name = {found.name: found for found in pods}

    begun = plan(pods, nodes=known, drained=drained).begin

    for name, reason in begun.items():
        found = by_name[name]
        assert found.kind in {"edge", "conversation"}
        assert found.node is not None
        assert not known[found.node].is_good
        assert (reason is Reason.CORDONED) is not known[found.node].is_schedulable
        assert name not in drained.all
        assert not found.is_going


@given(clusters())
def test_what_was_emptied_serves_again_once_its_node_is_good_or_nobody_else_serves(
    cluster: tuple[list[Pod], dict[NodeName, Node], Drained],
) -> None:
    pods, known, drained = cluster
    by_name = {found.name: found for found in pods}

    back = plan(pods, nodes=known, drained=drained).take_back

    for name in drained.for_nodes:
        found = by_name[name]
        if found.is_going or found.is_over or found.kind == "presence":
            assert name not in back
            continue
        assert found.node is not None
        is_needed = not others(name, pods, known, drained)
        assert (name in back) == (known[found.node].is_good or is_needed)
    assert back <= drained.for_nodes


def test_a_cordoned_edge_is_emptied_while_another_serves_elsewhere() -> None:
    pods = [pod("a", node="n1"), pod("b", node="n2")]

    found = plan(pods, nodes=nodes(node("n1", cordoned=True), node("n2")), drained=Drained())

    assert found.begin == {"a": Reason.CORDONED}


def test_when_every_node_is_cordoned_nobody_is_cut_off() -> None:
    pods = [pod("a", node="n1"), pod("b", node="n2")]
    every = nodes(node("n1", cordoned=True), node("n2", cordoned=True))

    assert plan(pods, nodes=every, drained=Drained()).begin == {}
    emptied = Drained(all=frozenset({PodName("a")}), for_nodes=frozenset({PodName("a")}))
    assert plan(pods, nodes=every, drained=emptied).take_back == {"a"}


def test_the_next_one_waits_until_the_one_before_is_empty() -> None:
    pods = [pod("a", node="n1"), pod("b", node="n1"), pod("c", node="n2")]
    known = nodes(node("n1", cordoned=True), node("n2"))
    first = frozenset({PodName("a")})

    running = plan(pods, nodes=known, drained=Drained(running=first, all=first, for_nodes=first))
    empty = plan(pods, nodes=known, drained=Drained(all=first, for_nodes=first))

    assert running.begin == {}
    assert empty.begin == {"b": Reason.CORDONED}


def test_a_pod_that_is_drained_itself_is_nobody_to_go_to() -> None:
    pods = [pod("a", node="n1"), pod("b", node="n2")]
    known = nodes(node("n1", cordoned=True), node("n2"))

    found = plan(pods, nodes=known, drained=Drained(all=frozenset({PodName("b")})))

    assert found.begin == {}


def test_a_pod_that_could_not_be_emptied_does_not_hold_up_the_next() -> None:
    pods = [pod("a", node="n1"), pod("b", node="n1"), pod("c", node="n2")]
    known = nodes(node("n1", ready=False), node("n2"))

    found = plan(pods, nodes=known, drained=Drained(failed=frozenset({PodName("a")})))

    assert found.begin == {"b": Reason.NOT_READY}


def test_a_node_that_nobody_knows_is_good() -> None:
    pods = [pod("a", node="n1"), pod("b", node="n9")]

    found = plan(pods, nodes=nodes(node("n1", cordoned=True)), drained=Drained())

    assert found.begin == {"a": Reason.CORDONED}
