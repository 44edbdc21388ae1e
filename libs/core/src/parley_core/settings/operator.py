"""Settings that only the operator reads."""

from __future__ import annotations

from pydantic import BaseModel, Field

from parley_core.settings.units import Seconds


class OperatorSection(BaseModel):
    """What the operator does on Kubernetes."""

    watch_nodes: bool = Field(
        False,
        description="Whether nodes are watched, so that pods of a cordoned one are emptied ahead."
        " Off: it needs a ClusterRole, which not everybody may give.",
    )
    reconcile_interval: float = Field(
        30,
        gt=0,
        le=60,
        allow_inf_nan=False,
        description="Seconds between two full looks, which find what no event told. 60 at most:"
        " after 90 s without one, or an event, the operator takes itself for stuck.",
    )
    drain_retention: Seconds = Field(
        3_600,
        description="Seconds that a Drain object is kept after its end: long enough to look at what"
        " a rollout did.",
    )
    drains_kept: int = Field(
        50,
        ge=0,
        le=10_000,
        description="Drain objects that are over and kept at most: a rollout of many pods must not"
        " fill the cluster's store.",
    )
