"""What no schema can say: values that do not fit each other are refused with the reason."""

from __future__ import annotations

import pytest

from parley_testing.chart.rendering import (
    Object,
    Refused,
    named,
    render,
)

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"edge": {"extraEnv": [{"name": "SERVER_ID"}]}}, "edge.extraEnv has SERVER_ID"),
        ({"pods": {"extraEnv": [{"name": "REDIS_URL"}]}}, "extraEnv has REDIS_URL"),
        ({"settings": {"redis": {"url": "redis://x"}}}, "settings.redis.url is set by the chart"),
        ({"settings": {"system": {"drain_timeout": 1}}}, "use edge.drainTimeout"),
        ({"redis": {"mode": "external"}}, "redis.external.existingSecret must name a secret"),
        ({"edge": {"tls": {"enabled": True}}}, "edge.tls.existingSecret must name"),
        ({"edge": {"tls": {"certManager": {"enabled": True}}}}, "it needs edge.tls.enabled"),
        (
            {"metrics": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}},
            "would scrape everything twice",
        ),
        ({"gateway": {"enabled": True}}, "gateway.parentRefs must name a Gateway"),
        ({"ingress": {"enabled": True}}, "ingress.hosts must name a host"),
        (
            {"edge": {"autoscaling": {"enabled": True, "maxReplicas": 1}}},
            "maxReplicas 1 is less than minReplicas 2",
        ),
        (
            {"edge": {"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": 0}}},
            "edge.autoscaling has no target",
        ),
        (
            {"presence": {"autoscaling": {"enabled": True}, "resources": {"requests": None}}},
            "presence.resources.requests.cpu, which is not set",
        ),
        (
            {"edge": {"autoscaling": {"enabled": True, "by": "keda", "targetConnections": 9}}},
            "keda.serverAddress must name a Prometheus",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(values: Object, told: str) -> None:
    with pytest.raises(Refused, match=told):
        render(values)


@pytest.mark.parametrize(
    ("maxmemory", "limit", "fits"),
    [
        ("384mb", "512Mi", True),
        ("435mb", "512Mi", True),
        ("436mb", "512Mi", False),
        ("1gb", "1Gi", False),
        ("3gb", "4Gi", True),
        ("900000kb", "1G", False),
        ("800000kb", "1G", True),
        ("384mb", 536870912, True),
        ("1gb", 536870912, False),
        ("64gb", None, True),
    ],
)
def test_redis_data_leaves_room_below_its_memory_limit(
    *, maxmemory: str, limit: object, fits: bool
) -> None:
    resources = {"limits": {"memory": limit}}
    values = {"redis": {"bundled": {"maxmemory": maxmemory, "resources": resources}}}

    if fits:
        config = named(render(values), "ConfigMap", "parley-redis")["data"]["redis.conf"]
        assert f"maxmemory {maxmemory}" in config
    else:
        with pytest.raises(Refused, match="more than 85 % of the limit"):
            render(values)
