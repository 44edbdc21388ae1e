"""What happens to pods, nodes and drains, as the Kubernetes API tells it.

kopf takes its event loop for its own: it cancels every task in it at its end, and takes signals.
So it has a thread, and each event is handed to the operator's loop. Only `on.event` is used: for
every other kind of handler kopf writes finalizers or annotations to what it watches.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import kopf
import structlog

from parley_operator.domain.deaths import Home
from parley_operator.kubernetes.client import GROUP, VERSION, release_labels

log = structlog.get_logger(__name__)

_AGAIN = 2.0
"""Seconds until a watch that ended is begun anew."""
_LEAVE_WITHIN = 5.0
"""Seconds that kopf has to end."""


class About(StrEnum):
    """What an event is about."""

    POD = "pods"
    NODE = "nodes"
    DRAIN = "drains"


class Happening(NamedTuple):
    """`body`: the object as it is, or as it was last."""

    about: About
    is_deleted: bool
    body: Mapping[str, Any]


class Watch:
    """The release's pods and drains, and, if `nodes`, the cluster's nodes.

    Guarantee: what is there when a watch begins is told once, then each change that the API tells
    of. After a break, deletions may be missing: who needs them looks at full lists too.
    """

    def __init__(self, home: Home, *, nodes: bool, tell: Callable[[Happening], None]) -> None:
        """`tell` is called in the loop that `start` ran in."""
        self._home = home
        self._nodes = nodes
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="watch", daemon=True)

    def start(self) -> None:
        """Watch until `aclose`, whatever happens to the API."""
        self._loop = asyncio.get_running_loop()
        # What is told runs as if it were called here, and not in the thread: its log lines say so.
        self._context = contextvars.copy_context()
        # Off the main thread kopf leaves signals alone, as it should, and warns of it each time.
        logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
        self._thread.start()

    async def aclose(self) -> None:
        """Waits for the thread, but not for ever: a daemon thread ends with the process."""
        if not self._thread.is_alive():
            return
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, _LEAVE_WITHIN)

    def _supervise(self) -> None:
        """Supervisor: a watch that ends is begun anew."""
        while not self._stopping.is_set():
            try:
                asyncio.run(self._watch())
            except Exception as error:  # noqa: BLE001 - a watch outlives every fault
                log.warning("watch ended", error=repr(error))
            self._stopping.wait(_AGAIN)

    async def _watch(self) -> None:
        await kopf.operator(
            registry=self._registry(),
            settings=self._settings(),
            namespaces=[self._home.namespace],
            standalone=True,
            stop_flag=self._stopping,
        )

    def _settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        labels = ",".join(f"{name}={value}" for name, value in self._selector().items())
        settings.watching.label_selectors["v1", About.POD.value] = labels
        settings.scanning.disabled = True
        settings.posting.enabled = False
        settings.networking.request_timeout = 30
        settings.networking.connect_timeout = 5
        return settings

    def _selector(self) -> dict[str, str]:
        return release_labels(self._home.release)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        self._hear(About.POD, "v1", About.POD.value, registry=registry)
        self._hear(About.DRAIN, GROUP, VERSION, About.DRAIN.value, registry=registry)
        if self._nodes:
            self._hear(About.NODE, "v1", About.NODE.value, registry=registry)
        _log_in(registry)
        return registry

    def _hear(self, about: About, *resource: str, registry: kopf.OperatorRegistry) -> None:
        async def hear(event: kopf.RawEvent, **_: Any) -> None:
            happening = Happening(about, event["type"] == "DELETED", event["object"])
            self._loop.call_soon_threadsafe(self._tell, happening, context=self._context)

        kopf.on.event(*resource, registry=registry, id=f"hear-{about}")(hear)


def _log_in(registry: kopf.OperatorRegistry) -> None:
    """By the pod's service account, else by KUBECONFIG, as the requests do."""

    async def log_in(**known: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**known) or kopf.login_with_kubeconfig(**known)

    kopf.on.login(registry=registry)(log_in)
