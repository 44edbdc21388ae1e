"""The release's objects, by requests to the Kubernetes API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx2
import structlog
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.async_client import AsyncClient
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event, ServiceAccount
from lightkube.resources.core_v1 import Node as NodeObject
from lightkube.resources.core_v1 import Pod as PodObject
from lightkube.types import PatchType

from parley_core.domain.errors import PermanentError, TemporaryError
from parley_operator.domain.deaths import Home
from parley_operator.domain.drains import REASON, Asked, DrainName, Reason, asked_of
from parley_operator.domain.pods import COST, Body, Node, Pod, PodName, node_of, pod_of
from parley_operator.ports import News, NotThere

log = structlog.get_logger(__name__)

GROUP, VERSION = "parley.dev", "v1alpha1"
MANAGED_BY = "parley-operator"
_NAME = "app.kubernetes.io/name"
_INSTANCE = "app.kubernetes.io/instance"
_APP = "parley"
_WITHIN = 5.0
"""Seconds of one request: the watch and the next look find what one did not."""
_AGAIN = 1.0
"""Seconds until a request is repeated that got no answer."""

Answer = TypeVar("Answer")

Drain: type[GenericNamespacedResource] = create_namespaced_resource(
    GROUP, VERSION, "Drain", "drains"
)


def release_labels(release: str) -> dict[str, str]:
    """What all pods of the release have, and no others."""
    return {_NAME: _APP, _INSTANCE: release}


def connect() -> AsyncClient:
    """By the pod's service account, else by KUBECONFIG. Raises `PermanentError`."""
    try:
        return AsyncClient(KubeConfig.from_env().get(), timeout=httpx2.Timeout(_WITHIN))
    except (ConfigError, KeyError) as error:
        raise PermanentError(f"There is no way to the Kubernetes API: {error}") from error


class KubernetesCluster:
    """Implements `ports.Cluster`. The client is the caller's."""

    def __init__(self, client: AsyncClient, *, home: Home, pod: str) -> None:
        """`pod`: the operator's own, named as the source of Events; empty outside of a cluster."""
        self._client = client
        self._home = home
        self._pod = pod
        self._is_told = False
        self._owners: list[Body] = []

    async def pods(self) -> tuple[Pod, ...]:
        async def listed() -> list[Body]:
            found = self._client.list(
                PodObject,
                namespace=self._home.namespace,
                labels=dict(release_labels(self._home.release)),
            )
            return [_body(pod) async for pod in found]

        return tuple(pod_of(body) for body in await _answer(listed()))

    async def nodes(self) -> tuple[Node, ...]:
        async def listed() -> list[Body]:
            return [_body(node) async for node in self._client.list(NodeObject)]

        return tuple(node_of(body) for body in await _answer(listed()))

    async def drains(self) -> tuple[Asked, ...]:
        async def listed() -> list[Body]:
            found = self._client.list(Drain, namespace=self._home.namespace)
            return [_body(drain) async for drain in found]

        try:
            return tuple(asked_of(body) for body in await _answer(listed()))
        except NotThere:
            if not self._is_told:
                self._is_told = True
                log.warning("without Drain objects: the CRD drains.parley.dev is not installed")
            return ()

    async def set_cost(self, pod: PodName, *, cost: int) -> None:
        patch = {"metadata": {"annotations": {COST: str(cost)}}}
        await _answer(
            self._client.patch(
                PodObject,
                pod,
                patch,
                namespace=self._home.namespace,
                patch_type=PatchType.MERGE,
            )
        )

    async def tell(self, pod: Pod, news: News) -> None:
        await _answer(self._client.create(self._event(pod, news)))

    async def record(self, drain: DrainName, *, pod: Pod, reason: Reason) -> None:
        owners = await self._owned_by()
        try:
            await _answer(self._client.create(self._drain(drain, pod, reason, owners)))
        except _ThereAlready:
            return

    async def say(self, drain: DrainName, status: Mapping[str, Any]) -> None:
        await _answer(
            self._client.patch(
                Drain.Status,
                drain,
                {"status": status},
                namespace=self._home.namespace,
                patch_type=PatchType.MERGE,
            )
        )

    async def remove(self, drain: DrainName) -> None:
        try:
            await _answer(self._client.delete(Drain, drain, namespace=self._home.namespace))
        except NotThere:
            return

    async def _owned_by(self) -> list[Body]:
        """The operator's service account: it goes with the release, and the objects with it.

        Nobody, where it cannot be found: a record that stays is better than none.
        """
        if self._pod and not self._owners:
            with suppress(NotThere, TemporaryError):
                self._owners = [await self._own_account()]
        return self._owners

    async def _own_account(self) -> Body:
        namespace = self._home.namespace
        own = _body(await _answer(self._client.get(PodObject, self._pod, namespace=namespace)))
        name = own["spec"].get("serviceAccountName", "default")
        account = await _answer(self._client.get(ServiceAccount, name, namespace=namespace))
        uid = _body(account)["metadata"]["uid"]
        return {"apiVersion": "v1", "kind": "ServiceAccount", "name": name, "uid": uid}

    def _drain(
        self, name: DrainName, pod: Pod, reason: Reason, owners: Sequence[Body]
    ) -> GenericNamespacedResource:
        labels = {
            **release_labels(self._home.release),
            "app.kubernetes.io/managed-by": MANAGED_BY,
            "app.kubernetes.io/component": pod.kind,
            REASON: reason.value,
        }
        drain: GenericNamespacedResource = Drain.from_dict(
            {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": "Drain",
                "metadata": {
                    "name": name,
                    "namespace": self._home.namespace,
                    "labels": labels,
                    "ownerReferences": list(owners),
                },
                "spec": {"pod": pod.name},
            }
        )
        return drain

    def _event(self, pod: Pod, news: News) -> Event:
        now = datetime.now(UTC)
        namespace = self._home.namespace
        return Event(
            metadata=ObjectMeta(generateName=f"{pod.prefix}.", namespace=namespace),
            involvedObject=ObjectReference(
                apiVersion="v1", kind="Pod", name=pod.name, namespace=namespace, uid=pod.uid
            ),
            reason=news.reason,
            message=news.message,
            type="Warning" if news.is_warning else "Normal",
            source=EventSource(component=MANAGED_BY),
            reportingComponent=f"parley.dev/{MANAGED_BY}",
            reportingInstance=self._pod,
            action=news.reason,
            count=1,
            firstTimestamp=now,
            lastTimestamp=now,
        )


class _ThereAlready(PermanentError):
    """An object of this name is there."""


def _body(found: Any) -> Body:
    """As JSON has it."""
    body: Body = found.to_dict()
    return body


async def _answer(request: Awaitable[Answer]) -> Answer:
    """Raises `NotThere`, `_ThereAlready`, and `TemporaryError` for all else."""
    try:
        async with asyncio.timeout(_WITHIN * 2):
            return await request
    except ApiError as error:
        code = error.response.status_code
        if code == HTTPStatus.NOT_FOUND:
            raise NotThere(str(error)) from error
        if code == HTTPStatus.CONFLICT:
            raise _ThereAlready(str(error)) from error
        raise TemporaryError(f"The Kubernetes API says {code}: {error}", delay=_AGAIN) from error
    except (httpx2.HTTPError, TimeoutError) as error:
        raise TemporaryError(
            f"The Kubernetes API does not answer: {error!r}", delay=_AGAIN
        ) from error
