"""How fast each segment is driven in each direction: freely, on the whole, and through the week."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import Heading, SpeedKind
from tasks.grouped import Grouped, owned_by_place
from tasks.grouped_words import GroupedWords
from tasks.week_profile import day_parts, hours_of_week, is_weekend, week_means

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PERCENT = (15.0, 50.0, 85.0)
NORMAL_MAD = 1.482602218505602
"""Standard deviation of a normal distribution over its median absolute deviation."""
MAD_BIAS = 0.8
"""n / (n - 0.8) makes up for what that deviation lacks in few numbers (Croux and Rousseeuw 1992)."""
RUSH = 2
"""Tier of the hours that are not free."""
FASTER_HALF = 75.0
"""Percentile that is the median of the faster half."""
GROUPS = 4
"""Groups of observations of a segment: two kinds of each of two headings."""


@dataclass(frozen=True)
class SpeedProfiling:
    """How many traces a figure must rest on."""

    least_traces: int = 5
    """Nothing is said of fewer different traces than this (k)."""
    free_traces: int = 10
    """Traces by night from which on these alone tell the speed in free flow."""


class SpeedProfiles(NamedTuple):
    """Columns of SPEED_PROFILE, and the row of the segment."""

    row: Ints
    heading: Array
    traces: Ints
    observations: Ints
    free_flow_kmh: Floats
    p15_kmh: Floats
    p50_kmh: Floats
    p85_kmh: Floats
    spread_kmh: Floats
    week_kmh: npt.NDArray[np.float32]
    week_count: npt.NDArray[np.int32]
    week_minutes: npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Seen:
    """Observations group by group: those of group i are `starts[i]` to `starts[i + 1] - 1`."""

    starts: Ints
    week_bin: npt.NDArray[np.int16]
    trace: npt.NDArray[np.int32]
    """A number for each trace, from 0 on."""
    speed_kmh: npt.NDArray[np.float32]

    @property
    def count(self) -> Ints:
        """How many observations each group has."""
        return np.diff(self.starts)

    @property
    def traces(self) -> Ints:
        """How many different traces each group has."""
        from tasks.week_profile_kernel import traces_of  # compiled code takes half a second to load

        traces: Ints = traces_of(self.starts, self.trace)
        return traces

    def only(self, is_wanted: npt.NDArray[np.bool_]) -> "Seen":
        """Return the wanted observations; the groups are the same."""
        if is_wanted.all():
            return self
        before = np.concatenate([[0], np.cumsum(is_wanted)])
        return Seen(before[self.starts], self.week_bin[is_wanted], self.trace[is_wanted], self.speed_kmh[is_wanted])

    def groups(self, wanted: Ints) -> "Seen":
        """Return some of the groups, which ascend."""
        is_wanted = np.zeros(len(self.count), dtype=bool)
        is_wanted[wanted] = True
        left = self.only(np.repeat(is_wanted, self.count))
        return replace(left, starts=np.append(left.starts[wanted], left.starts[-1]))


class FreeFlow(NamedTuple):
    """Speed without traffic, and how widely drivers differ then."""

    kmh: Floats
    spread_kmh: Floats


def speed_profile(
    *,
    heading: GroupedWords,
    trace_id: GroupedWords,
    week_bin: Grouped,
    kind: GroupedWords,
    speed_kmh: Grouped,
    params: SpeedProfiling,
) -> SpeedProfiles:
    """Return the profile of each segment and heading that `params.least_traces` different traces have passed.

    Travel speeds of routes count, and where too few traces have any those of devices; never both. What the speed in
    free flow is `free_flow` says, what the means of the week are `week_means`; percentiles are of all observations
    and interpolated linearly.

    Examples
    --------
    >>> one = lambda *values: Grouped(np.array(values), np.array([0, len(values)]))
    >>> word = lambda *values: GroupedWords.of(values, [0, len(values)])
    >>> made = speed_profile(
    ...     heading=word("forward", "forward", "forward"), trace_id=word("a", "b", "c"), week_bin=one(0, 0, 150),
    ...     kind=word("route", "route", "route"), speed_kmh=one(48.0, 52.0, 30.0), params=SpeedProfiling(2, 2),
    ... )
    >>> made.heading.tolist(), made.traces.tolist(), made.free_flow_kmh.tolist(), made.p50_kmh.tolist()
    (['forward'], [3], [50.0], [48.0])
    >>> made.week_kmh[0, [0, 1, 150]].round(2).tolist(), made.week_minutes[0, [0, 1, 150]].tolist()
    ([50.0, 50.0, 43.33000183105469], [5, 15, 0])
    """
    every = _grouped(heading, trace_id, week_bin, kind, speed_kmh)
    group = _chosen(every, params.least_traces)
    seen = every.groups(group)
    free = free_flow(seen, params)
    percentiles = Grouped(seen.speed_kmh, seen.starts).percentile(*PERCENT).T
    week = week_means(
        starts=seen.starts,
        week_bin=seen.week_bin,
        trace=seen.trace,
        speed_kmh=seen.speed_kmh,
        least_traces=params.least_traces,
    )
    is_backward = group // 2 % 2 == 1
    return SpeedProfiles(
        row=group // GROUPS,
        heading=np.where(is_backward, Heading.BACKWARD.value, Heading.FORWARD.value),
        traces=seen.traces,
        observations=seen.count,
        free_flow_kmh=free.kmh,
        p15_kmh=percentiles[0],
        p50_kmh=percentiles[1],
        p85_kmh=percentiles[2],
        spread_kmh=free.spread_kmh,
        week_kmh=week.kmh,
        week_count=week.counts,
        week_minutes=week.minutes,
    )


def _grouped(
    heading: GroupedWords, trace_id: GroupedWords, week_bin: Grouped, kind: GroupedWords, speed_kmh: Grouped
) -> Seen:
    """Return the observations of each segment in four groups: route and device forward, route and device backward."""
    way = 2 * heading.is_word(Heading.BACKWARD.value) + kind.is_word(SpeedKind.DEVICE.value)
    owned = owned_by_place((trace_id.owners * GROUPS + way).astype(np.int32), GROUPS * len(trace_id))
    return Seen(
        owned.starts,
        owned.grouped(week_bin.values).values,
        owned.grouped(trace_id.codes).values,
        owned.grouped(speed_kmh.values).values,
    )


def _chosen(seen: Seen, least_traces: int) -> Ints:
    """Return for each segment and heading the group of routes, or else of devices, that enough traces speak in."""
    is_enough = seen.traces.reshape(-1, 2) >= max(least_traces, 1)
    way = np.flatnonzero(is_enough.any(axis=1))
    group: Ints = 2 * way + np.argmax(is_enough[way], axis=1)
    return group


def free_flow(seen: Seen, params: SpeedProfiling) -> FreeFlow:
    """Return the speed (km/h) of each group where no traffic holds anyone up, and the standard deviation then.

    It is the median from 19 to 7 o'clock, where Valhalla takes its free-flow speed; Jha (2017) finds that nights stand
    for free flow on motorways and on streets with signals. Where fewer than `params.free_traces` traces were seen then,
    the other hours without rush are added (9 to 16 on weekdays, 7 to 19 on weekends). Where those have fewer than
    `params.least_traces` too, it is the median of the faster half of all: whom traffic holds up is slower, never
    faster. The deviation is 1.4826 × the median absolute deviation, times n / (n - 0.8).

    References
    ----------
    K. Jha, Determining reference speed from probe-based travel speed data, Texas A&M University 2017.
    Croux and Rousseeuw, Time-efficient algorithms for two highly robust estimators of scale, COMPSTAT 1992.
    """
    from tasks.week_profile_kernel import freest  # compiled code takes half a second to load

    tier = free_tiers()[seen.week_bin]
    least = np.array([max(params.free_traces, params.least_traces), params.least_traces, 0])
    reach = freest(seen.starts, tier, seen.trace, least)
    free = seen.only(tier <= np.repeat(reach, seen.count))
    half, upper = Grouped(free.speed_kmh, free.starts).percentile(50.0, FASTER_HALF).T
    speed = np.where(reach == RUSH, upper, half)
    far = np.abs(free.speed_kmh - np.repeat(speed, free.count))
    deviation = Grouped(far, free.starts).percentile(50.0)[:, 0]
    return FreeFlow(speed, NORMAL_MAD * deviation * free.count / (free.count - MAD_BIAS))


def free_tiers() -> Ints:
    """Return for each bin of the week how soon it counts as free: 0 by night, 1 off the rush hours, 2 in them."""
    hour, part = hours_of_week(), day_parts()
    is_night = (hour < 7) | (hour >= 19)
    is_rush = ~is_weekend() & np.isin(part, (1, 3))
    return np.where(is_night, 0, np.where(is_rush, RUSH, 1))
