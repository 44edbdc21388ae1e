"""Clears of conversations whose checkpoints the store does not have."""

from __future__ import annotations

from parley_conversation.ports import Threads
from parley_core.domain.errors import Unavailable
from parley_core.domain.events import Lease
from parley_core.domain.ids import ProcessId, TurnId
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.work import RedisWork


class ForgettingWork(RedisWork):
    """Implements `ports.Work`; a clear takes the thread of another checkpointer along."""

    def __init__(
        self,
        client: RedisClient,
        keys: Keys,
        *,
        process: ProcessId,
        kept: int,
        threads: Threads,
    ) -> None:
        super().__init__(client, keys, process=process, kept=kept)
        self._threads = threads

    async def clear(self, lease: Lease, *, turn: TurnId, nonce: str) -> None:
        """As in the base class, after the thread is gone.

        In this order a crash in between leaves a clear that still waits in the mailbox, and nothing
        else of the session can run before it: it begins again and finds nothing to delete. The
        other way round the agent might remember what was cleared.
        """
        await self.renew(lease)  # who has lost the session must not delete what another wrote
        try:
            await self._threads.forget(lease.session)
        except Exception as error:
            raise Unavailable(f"the checkpointer did not forget a thread: {error!r}") from error
        await super().clear(lease, turn=turn, nonce=nonce)
