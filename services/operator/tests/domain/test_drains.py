"""Drain objects: whom they name, and when they are too old."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from parley_operator.domain.drains import Asked, DrainName, Phase, Reason, asked_of, is_old
from parley_operator.domain.pods import PodName, pod_of

OVER = Asked(
    DrainName("d"),
    Reason.DELETED,
    phase=Phase.DRAINED,
    pod=PodName("a"),
    pods=(PodName("a"),),
    ended=1000.0,
)


def asked(**spec: object) -> Asked:
    return asked_of({"metadata": {"name": "d"}, "spec": spec})


def matches(drain: Asked, **labels: str) -> bool:
    return drain.matches(pod_of({"metadata": {"name": "p", "labels": labels}}))


def test_a_drain_of_one_pod_matches_that_pod_alone() -> None:
    assert matches(asked(pod="p"))
    assert not matches(asked(pod="q"))


def test_a_selector_matches_when_all_of_it_holds() -> None:
    drain = asked(
        selector={
            "matchLabels": {"a": "1"},
            "matchExpressions": [{"key": "b", "operator": "In", "values": ["x", "y"]}],
        }
    )

    assert matches(drain, a="1", b="x")
    assert not matches(drain, a="1", b="z")
    assert not matches(drain, a="2", b="x")
    assert not matches(drain, a="1")


@given(
    operator=st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    value=st.sampled_from(["x", "y", None]),
)
def test_rules_mean_what_they_mean_in_kubernetes(operator: str, value: str | None) -> None:
    values = {"values": ["x"]} if operator in {"In", "NotIn"} else {}
    drain = asked(selector={"matchExpressions": [{"key": "k", "operator": operator, **values}]})

    found = matches(drain, **({} if value is None else {"k": value}))

    expected = {
        "In": value == "x",
        "NotIn": value != "x",
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    assert found == expected[operator]


def test_an_empty_selector_matches_nothing() -> None:
    assert not matches(asked(selector={}), a="1")
    assert not matches(asked(), a="1")


def test_a_status_that_was_written_is_read_again() -> None:
    drain = asked_of(
        {
            "metadata": {"name": "d", "labels": {"parley.dev/reason": "NodeCordoned"}},
            "spec": {"pod": "a"},
            "status": {
                "phase": "Drained",
                "pods": ["a"],
                "startedAt": "1970-01-01T00:00:01Z",
                "finishedAt": "1970-01-01T00:00:02Z",
            },
        }
    )

    assert drain.reason is Reason.CORDONED
    assert (drain.phase, drain.pods, drain.ended) == (Phase.DRAINED, ("a",), 2.0)


def test_an_object_is_old_an_hour_after_its_end_and_no_sooner() -> None:
    assert not is_old(OVER, pods=[], now=4599.0, retention=3600.0)
    assert is_old(OVER, pods=[], now=4600.0, retention=3600.0)
    running = replace(OVER, phase=Phase.DRAINING, ended=None)
    assert not is_old(running, pods=[], now=1e9, retention=3600.0)


def test_an_object_that_keeps_a_pod_drained_is_kept() -> None:
    assert not is_old(OVER, pods=[PodName("a")], now=1e9, retention=3600.0)
    taken_back = replace(OVER, phase=Phase.TAKEN_BACK)
    assert is_old(taken_back, pods=[PodName("a")], now=1e9, retention=3600.0)
