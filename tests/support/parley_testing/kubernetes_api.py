"""As much of the Kubernetes API as an operator uses: lists, watches, merge patches, Events.

It is no part of ours; what is tested against it is run against a real cluster too (tests/e2e).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from aiohttp import web

Body = dict[str, Any]

_KINDS = {"pods": "Pod", "nodes": "Node", "drains": "Drain", "events": "Event"}
_CORE = "/api/v1"
_OURS = "/apis/parley.dev/v1alpha1"
_VERBS = ["create", "delete", "get", "list", "patch", "watch"]


class KubernetesApi:
    """A server on 127.0.0.1; an async context manager.

    `requests` are those that change something: method, path, body. `is_deaf`: watches are told
    nothing, as while one is being begun anew.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Body] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.events: list[Body] = []
        self.is_deaf = False
        self.is_down = False
        self.reads: Counter[str] = Counter()
        self._version = 0
        self._watches: set[tuple[str, asyncio.Queue[Body | None], str]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *exc: object) -> None:
        for _, queue, _ in self._watches:
            queue.put_nowait(None)
        await self._runner.cleanup()

    def kubeconfig(self, folder: Path) -> Path:
        """A file for KUBECONFIG that leads here."""
        path = folder / "kubeconfig"
        cluster = {"server": f"http://127.0.0.1:{self.port}"}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                    "clusters": [{"name": "test", "cluster": cluster}],
                    "users": [{"name": "test", "user": {"token": "t"}}],
                }
            )
        )
        return path

    def put(self, plural: str, body: Body) -> None:
        """Add or change an object."""
        name = body["metadata"]["name"]
        before = self.objects.get((plural, name))
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        body["metadata"].setdefault("uid", f"uid-{plural}-{name}")
        body["kind"] = _KINDS[plural]
        body["apiVersion"] = "parley.dev/v1alpha1" if plural == "drains" else "v1"
        self.objects[plural, name] = body
        self._tell(plural, "MODIFIED" if before else "ADDED", body)

    def delete(self, plural: str, name: str) -> None:
        body = self.objects.pop((plural, name))
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self._tell(plural, "DELETED", body)

    @property
    def lists(self) -> int:
        """How often all pods were read."""
        return self.reads["pods"]

    def get(self, plural: str, name: str) -> Body:
        return self.objects[plural, name]

    def all(self, plural: str) -> list[Body]:
        return [body for (kind, _), body in self.objects.items() if kind == plural]

    def reasons(self, pod: str) -> list[str]:
        """Reasons of the Events on a pod."""
        return [event["reason"] for event in self.events if event["involvedObject"]["name"] == pod]

    def _tell(self, plural: str, type_: str, body: Body) -> None:
        if self.is_deaf:
            return
        for watched, queue, selector in self._watches:
            if watched == plural and _matches(body, selector):
                queue.put_nowait({"type": type_, "object": deepcopy(body)})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.is_down:
            return _status(503, "down")
        found = _discovery(request.path)
        if found is not None:
            return web.json_response(found)
        parts = _parts(request.path)
        if parts is None:
            return _status(404, f"no {request.path}")
        plural, name, subresource = parts
        if request.method == "GET":
            return await self._read(request, plural, name)
        body = await request.json() if request.can_read_body else None
        self.requests.append((request.method, request.path, body))
        return self._write(request.method, plural, name or "", subresource, body)

    async def _read(
        self, request: web.Request, plural: str, name: str | None
    ) -> web.StreamResponse:
        if name is not None:
            found = self.objects.get((plural, name))
            return web.json_response(found) if found else _status(404, f"no {name}")
        self.reads[plural] += 1
        selector = request.query.get("labelSelector", "")
        if request.query.get("watch") in {"true", "1"}:
            return await self._watch(request, plural, selector)
        items = [body for body in self.all(plural) if _matches(body, selector)]
        return web.json_response(
            {
                "kind": f"{_KINDS[plural]}List",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": str(self._version)},
                "items": items,
            }
        )

    async def _watch(self, request: web.Request, plural: str, selector: str) -> web.StreamResponse:
        queue: asyncio.Queue[Body | None] = asyncio.Queue()
        watch = (plural, queue, selector)
        self._watches.add(watch)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            await response.prepare(request)
            for body in self._newer(plural, selector, request.query.get("resourceVersion", "0")):
                queue.put_nowait({"type": "MODIFIED", "object": deepcopy(body)})
            while (event := await queue.get()) is not None:
                await response.write(json.dumps(event).encode() + b"\n")
        except ConnectionResetError:
            pass
        finally:
            self._watches.discard(watch)
        return response

    def _newer(self, plural: str, selector: str, version: str) -> Iterator[Body]:
        for body in self.all(plural):
            if int(body["metadata"]["resourceVersion"]) > int(version) and _matches(body, selector):
                yield body

    def _write(
        self, method: str, plural: str, name: str, subresource: str | None, body: Any
    ) -> web.Response:
        if method == "POST":
            return self._create(plural, body)
        found = self.objects.get((plural, name))
        if found is None:
            return _status(404, f"no {name}")
        if method == "DELETE":
            self.delete(plural, name)
            return web.json_response(found)
        changed = deepcopy(found)
        _merge(changed, {"status": body["status"]} if subresource == "status" else body)
        self.put(plural, changed)
        return web.json_response(changed)

    def _create(self, plural: str, body: Body) -> web.Response:
        if plural == "events":
            self.events.append(body)
            return web.json_response(body, status=201)
        if (plural, body["metadata"]["name"]) in self.objects:
            return _status(409, "there already")
        body["metadata"]["creationTimestamp"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.put(plural, body)
        return web.json_response(body, status=201)


def _parts(path: str) -> tuple[str, str | None, str | None] | None:
    """Plural, name and subresource."""
    for base in (_CORE, _OURS):
        if path.startswith(f"{base}/"):
            rest = path.removeprefix(f"{base}/").split("/")
            if rest[0] == "namespaces":
                rest = rest[2:]
            if rest and rest[0] in _KINDS:
                plural, name, subresource, *_ = (*rest, None, None)
                assert plural is not None
                return plural, name, subresource
    return None


def _discovery(path: str) -> Body | None:
    group = {"groupVersion": "parley.dev/v1alpha1", "version": "v1alpha1"}
    known: dict[str, Body] = {
        "/api": {"versions": ["v1"]},
        "/apis": {
            "groups": [{"name": "parley.dev", "versions": [group], "preferredVersion": group}]
        },
        _CORE: {
            "resources": [
                _resource("pods", namespaced=True),
                _resource("nodes", namespaced=False),
                _resource("events", namespaced=True),
                {**_resource("namespaces", namespaced=False), "kind": "Namespace"},
            ]
        },
        _OURS: {
            "resources": [
                _resource("drains", namespaced=True),
                {**_resource("drains", namespaced=True), "name": "drains/status"},
            ]
        },
    }
    return known.get(path)


def _resource(plural: str, *, namespaced: bool) -> Body:
    return {
        "name": plural,
        "singularName": plural[:-1],
        "kind": _KINDS.get(plural, ""),
        "namespaced": namespaced,
        "verbs": _VERBS,
    }


def _matches(body: Mapping[str, Any], selector: str) -> bool:
    labels = body["metadata"].get("labels") or {}
    wanted = (rule.split("=", 1) for rule in selector.split(",") if rule)
    return all(labels.get(name) == value for name, value in wanted)


def _merge(target: Body, patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = value


def _status(code: int, message: str) -> web.Response:
    return web.json_response(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "message": message,
        },
        status=code,
    )
