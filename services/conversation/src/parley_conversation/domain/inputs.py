"""What a session's mailbox means for the turn that is open."""

from __future__ import annotations

from parley_core.domain.events import Inbox, MailKind, Stop


def stop_of(inbox: Inbox) -> Stop | None:
    """Why the open turn is to be ended before anything else.

    One turn is open at a time: a text whose turn has come ends one that waits for an answer.
    """
    turn, mail = inbox.turn, inbox.mail
    if turn is None:
        return None
    is_next = mail is not None and mail.kind is MailKind.TEXT and inbox.head != turn.turn_id
    return turn.stop or (Stop.CANCEL if is_next else None)
