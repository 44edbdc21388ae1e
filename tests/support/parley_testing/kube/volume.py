"""A volume on a node of a kind cluster whose files belong to the pod that mounts it.

The default class of such a cluster may make directories that only root can write to. A `local`
volume is given to the pod's fsGroup, as those of real clusters are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley_testing.kube.cluster import Cluster, Object

CLASS = "parley-e2e"
"""What a claim names to get it; nothing has to exist under this name."""
_FOLDER = "/var/parley-e2e"


@asynccontextmanager
async def volume(
    cluster: Cluster, *, namespace: str, claim: str, node: str
) -> AsyncIterator[tuple[str, ...]]:
    """Values with which the bundled Redis gets the volume; it is gone outside.

    Of a cluster that is not kind the default class has to do.
    """
    if not cluster.is_kind:
        yield ()
        return
    path = f"{_FOLDER}/{namespace}"
    await cluster.in_node(node, f"mkdir -p {path}")
    try:
        await cluster.apply([_volume(namespace, claim, node, path)])
        yield (f"redis.bundled.persistence.storageClass={CLASS}",)
    finally:
        await cluster.kubectl("delete", "persistentvolume", namespace, "--ignore-not-found")
        await cluster.in_node(node, f"rm -rf {path}")


def _volume(name: str, claim: str, node: str, path: str) -> Object:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "claimRef": {"namespace": name, "name": claim},
        "local": {"path": path},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": CLASS,
    }
    meta = {"name": name}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec}
