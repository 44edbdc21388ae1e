"""`python -m parley_conversation`"""

from __future__ import annotations

import sys

import uvloop

from parley_conversation.app import run
from parley_conversation.settings import ConversationSettings
from parley_core.launching import launch

if __name__ == "__main__":
    sys.exit(launch("conversation", ConversationSettings, run, runner=uvloop.run))
