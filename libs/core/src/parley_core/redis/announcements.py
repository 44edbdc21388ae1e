"""What a back end tells people, on Redis."""

from __future__ import annotations

from parley_core.domain import limits
from parley_core.domain.broadcast import Broadcast, pack
from parley_core.domain.events import Accepted
from parley_core.domain.ids import Epoch, MessageId, Seq, SessionId
from parley_core.domain.live import NOTICE
from parley_core.redis import replies
from parley_core.redis.client import RedisClient
from parley_core.redis.keys import Keys
from parley_core.redis.naming import partition_named, session_keys
from parley_core.redis.scripts import script


class RedisAnnouncements:
    """Implements `ports.Announcements`. `kept`: events of a session's log."""

    def __init__(self, client: RedisClient, keys: Keys, *, kept: int) -> None:
        self._client = client
        self._keys = keys
        self._kept = kept

    async def post(self, session: SessionId, message_id: MessageId, *, frame: bytes) -> Accepted:
        partition_named(session)
        names = self._keys.session(session)
        reply = await self._client.script(
            script("notice"),
            [*session_keys(names), self._keys.notices(session)],
            [
                *(message_id, frame, "text", NOTICE, self._kept, limits.REMEMBERED),
                *(limits.NOTICE_RATE, limits.NOTICES, self._client.publish_verb, names.channel),
            ],
        )
        seq, epoch, repeated = replies.accepted(reply, what="notice")
        return Accepted(Seq(seq), Epoch(replies.text(epoch)), bool(repeated))

    async def broadcast(self, broadcast: Broadcast) -> int:
        channel, verb = self._keys.broadcast, self._client.publish_verb
        told: int = await self._client.command(verb, channel, pack(broadcast), key=channel)
        return told
