"""A LangGraph checkpointer on plain Redis, Valkey or a Cluster, fenced by a token it is given."""

from parley_checkpoint.checkpointer import AsyncRedisCheckpointer
from parley_checkpoint.fence import Fence, StaleToken
from parley_checkpoint.ports import Executor
from parley_checkpoint.retention import Retention
from parley_checkpoint.scripts import Script, every_script
from parley_checkpoint.sync import RedisCheckpointer

__all__ = [
    "AsyncRedisCheckpointer",
    "Executor",
    "Fence",
    "RedisCheckpointer",
    "Retention",
    "Script",
    "StaleToken",
    "every_script",
]
