"""Names that are read back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_core.domain.ids import UserId, new_session_id
from parley_core.redis.keys import Keys

NAMES = st.text(min_size=1, max_size=64)


@given(user=NAMES, prefix=st.sampled_from(["parley", "a:b", "watch"]))
def test_a_watch_says_whose_it_is(user: str, prefix: str) -> None:
    keys = Keys(prefix)

    assert keys.watched(keys.watch(UserId(user))) == user


def test_no_other_channel_is_a_watch() -> None:
    keys = Keys()
    session = new_session_id(UserId("ann"), nonce="1")
    channels = [keys.wake, keys.broadcast, keys.session(session).channel]

    assert [keys.watched(channel) for channel in channels] == [None] * 3
