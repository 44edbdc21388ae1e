"""Looking back and forking beside the model: rules for a state machine that has `twins`."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from parley_core.domain.events import Mark
from parley_core.domain.ids import Seq, new_session_id
from parley_testing.fork_model import ForkModel
from parley_testing.session_draws import NOWHERE, Draw, a_session
from parley_testing.session_store import ANN
from parley_testing.session_twins import SessionTwins

REQUESTS = ("beef", "cafe")


class ForkRules:
    """Two calls of `RedisBranches`."""

    twins: SessionTwins

    @rule(draw=st.data(), at=st.none() | st.integers(0, 12).map(Seq))
    def look_back(self, draw: Draw, at: Seq | None) -> None:
        session = a_session(draw, self.twins.model)
        model, store = ForkModel(self.twins.model), self.twins.store.branches

        async def on_store() -> object:
            return tuple([mark async for mark in store.marks(session, at=at)])

        self.twins.same(lambda: model.marks(session, at=at), on_store)

    @rule(draw=st.data(), request=st.sampled_from(REQUESTS))
    def fork(self, draw: Draw, request: str) -> None:
        """Mostly where there is a mark, sometimes at one that is gone or was never there."""
        twins, model = self.twins, ForkModel(self.twins.model)
        session = draw.draw(st.sampled_from([*twins.model.sessions, NOWHERE]))
        mark = draw.draw(st.sampled_from([*model.marks(session, at=None), Mark(Seq(1), "k1")]))
        made = twins.nonce()
        to = new_session_id(ANN, nonce=f"f{made}")

        async def on_store() -> object:
            twins.store.fixed_nonce = made
            return await twins.store.branches.fork(
                session, owner=ANN, mark=mark, to=to, request=request
            )

        twins.same(
            lambda: model.fork(session, mark=mark, to=to, made=made, request=request), on_store
        )
