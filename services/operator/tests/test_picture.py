"""What the operator knows, and how old that is."""

from __future__ import annotations

from dataclasses import dataclass

from parley_operator.domain.pods import Pod, PodName, pod_of
from parley_operator.health import DEAF, unhealthy
from parley_operator.picture import Picture


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def pod(name: str, *, uid: str = "") -> Pod:
    return pod_of({"metadata": {"name": name, "uid": uid or name}})


def test_a_list_that_is_older_than_the_news_brings_no_pod_back() -> None:
    picture = Picture(clock=Clock())
    picture.see(pod("a"))
    picture.lose(pod("a"))

    picture.see(pod("a"))

    assert picture.pods == {}


def test_another_pod_of_the_same_name_is_another_pod() -> None:
    picture = Picture(clock=Clock())
    picture.see(pod("redis-0", uid="1"))
    picture.see(pod("redis-0", uid="2"))

    picture.lose(pod("redis-0", uid="1"))

    assert picture.pods[PodName("redis-0")].uid == "2"


def test_a_pod_is_missing_when_two_lists_in_a_row_lack_it() -> None:
    picture = Picture(clock=Clock())
    both = [pod("a"), pod("b")]
    for known in both:
        picture.see(known)

    assert picture.missing_from(both[:1]) == ()
    assert picture.missing_from(both) == ()
    assert picture.missing_from(both[:1]) == ()
    assert picture.has_missing
    assert picture.missing_from(both[:1]) == (both[1],)


def test_the_operator_is_unhealthy_when_nothing_was_heard_for_too_long() -> None:
    clock = Clock()
    picture = Picture(clock=clock)
    why = unhealthy(picture, is_joined=lambda: True)

    clock.now = DEAF
    assert why() is None
    clock.now = DEAF + 1
    assert why() == "no event and no full look for 91 s"
    picture.touch()
    assert why() is None


def test_an_operator_that_waits_for_redis_is_not_unhealthy() -> None:
    clock = Clock()
    why = unhealthy(Picture(clock=clock), is_joined=lambda: False)

    clock.now = 1000.0

    assert why() is None
