"""Families of metrics as Prometheus has them: a counter and a histogram of what the snapshot counts.

Used by ``limner/store/metrics/prometheus.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from limner.store.metrics.numbers import Durations, Labels, Numbers

#: the histogram buckets of lib_base.lua
BOUNDS_MS = (
    *(100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000),
    *(1_800_000, 3_600_000, 14_400_000, 86_400_000),
)


def counter(
    numbers: Numbers,
    what: str,
    name: str,
    about: str,
    labels: list[str],
    always: Iterable[Labels] = (),
) -> Metric:
    """Return a counter; ``always``: labels that are told even while nothing was counted under them.

    A counter that begins above zero shows Prometheus no increase.
    """
    family = CounterMetricFamily(name, about, labels=labels)
    counted = dict.fromkeys(always, 0) | dict(numbers.counts.get(what, {}))
    for values, how_often in sorted(counted.items()):
        family.add_metric(values, how_often)
    return family


def histogram(
    found: Mapping[tuple[str, ...], Durations], name: str, about: str, labels: list[str]
) -> Metric:
    family = HistogramMetricFamily(name, about, labels=labels)
    for values, durations in sorted(found.items()):
        so_far, buckets = 0, []
        for bound in (*BOUNDS_MS, None):
            so_far += durations.buckets.get(bound, 0)
            buckets.append(("+Inf" if bound is None else repr(bound / 1000), so_far))
        family.add_metric(values, buckets, durations.sum_ms / 1000)
    return family
