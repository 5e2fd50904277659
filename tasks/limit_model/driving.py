"""How fast the drivers of a country drive where each limit is posted: the likelihood of a free-flow speed.

The mean speed of a road is a straight line in its limit and what the road is like, with an offset for each kind of
road, each limit and each pair of them; roads scatter around it by Student's t. All offsets are drawn towards a prior,
so that a country with few examples is taken to drive at its limits, and one with many to drive as it does.

References
----------
K. Fitzpatrick et al., Design Speed, Operating Speed, and Posted Speed Practices, NCHRP Report 504, 2003: the posted
limit tells operating speeds better than anything else does, and less than one to one on minor roads.
R. Lamm, B. Psarianos, T. Mailaender, Highway Design and Traffic Safety Engineering Handbook, 1999: speeds fall with the
curvature change rate.
K. Lange, R. Little, J. Taylor, Robust Statistical Modeling Using the t Distribution, JASA 84, 1989.
J. Ibrahim, M.-H. Chen, Power Prior Distributions for Regression Models, Statistical Science 15, 2000: evidence that is
trusted less counts by a power of its likelihood.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.kernel import compiled
from tasks.limit_text import limit_kmh

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Row = Mapping[str, Any]

ROAD_CONTEXT = ("built_up", "bends", "shortness", "breadth")
"""What a road is like beside its kind, each from 0 to 1."""
CONTEXT = (*ROAD_CONTEXT, "unsteadiness")
"""The same, and by what share the speed in free flow lies below that of the fast: traffic lights stop some."""

UNLIMITED_KMH = 130.0
"""What a road without a limit is driven as: the recommended speed of German motorways (Richtgeschwindigkeits-VO)."""
MIDDLE_KMH, STEP_KMH = 60.0, 40.0
"""A limit counts as steps of 40 km/h from 60 km/h."""

LEVEL_KMH, SLOPE_KMH = 6.0, 6.0
"""How far drivers of a country stray from their limits, at 60 km/h and for each step of 40 km/h."""
CONTEXT_KMH, CONTEXT_SLOPE_KMH = 6.0, 4.0
KIND_KMH, KIND_SLOPE_KMH = 6.0, 5.0
UNSTEADY_KMH, UNSTEADY_SLOPE_KMH = 30.0, 20.0
LIMIT_KMH, CELL_KMH = 4.0, 4.0
"""Standard deviations of the same for what a road is like, its kind, unsteady traffic, limits, and kind and limit."""

SCATTER_KMH, SCATTER_SHARE = 4.0, 0.06
"""Roads of one limit scatter by 4 km/h and 6 % of it, where a country says nothing else."""
FREEDOM = 5.0
"""Degrees of freedom of Student's t: a road that differs from all others is rare, not impossible."""

SPREAD_KMH, SPREAD_TRACES = 9.0, 4.0
"""Standard deviation of speeds on one road, and the traces it counts as beside those of the road itself."""
LEAST_VARIANCE = 1.0
"""Variance, in (km/h)², that each part of a road has of its own."""
PART = 2000
"""Segments that are reckoned in one go: memory goes by this times the number of limits."""
HALF_TRACES = 5.0
"""With so many traces the evidence counts half: one driver is no traffic."""


class Driven(NamedTuple):
    """Segments that are driven; one entry each."""

    kinds: Sequence[str]
    context: Floats
    """Shape (n, len(CONTEXT))."""
    speeds: Floats
    """Mean speeds in free flow, in km/h."""
    spreads: Floats
    """Standard deviations of these, in km/h."""
    traces: Floats


def driven_of(kinds: Sequence[str], context: Floats, told: Sequence[Row]) -> Driven:
    """Return segments that are driven, one row of PROBE_SPEED's `driven` each; context of shape (n, ROAD_CONTEXT)."""
    names = ("free_flow_kmh", "spread_kmh", "traces", "p85_kmh")
    speeds, spreads, traces, fast = (
        np.array([[row[name] for name in names] for row in told], dtype=np.float64).reshape(-1, 4).T
    )
    unsteady = np.clip(1 - speeds / np.maximum(fast, 1.0), 0.0, 1.0)
    road = np.asarray(context, dtype=np.float64).reshape(len(told), len(ROAD_CONTEXT))
    return Driven(
        kinds, np.column_stack([road, np.where(np.isfinite(unsteady), unsteady, 0.0)]), speeds, spreads, traces
    )


def taken(driven: Driven, rows: slice | npt.NDArray[np.intp]) -> Driven:
    """Return some of the segments."""
    kinds = np.array(driven.kinds, dtype=object)[rows].tolist()
    return Driven(kinds, driven.context[rows], driven.speeds[rows], driven.spreads[rows], driven.traces[rows])


class Expected(NamedTuple):
    """What the speeds of n segments say of each limit."""

    missed: Floats
    """How far each speed lies from the mean under each limit, in km/h; shape (n, limits)."""
    unsure: Floats
    """Variance of that mean; shape (n, limits)."""
    errors: Floats
    """Variance of the speed itself; shape (n,)."""
    scatter: Floats
    """Variance of the roads of each limit; shape (limits,)."""
    alike: float
    """Share of it that the parts of one record have in common."""


@dataclass(frozen=True)
class Driving:
    """How a country drives: the mean of each parameter, how sure that is, and how roads scatter."""

    limits: tuple[str, ...]
    """All limits that its roads state, by speed."""
    names: tuple[str, ...]
    """Parameters: the common ones, then `kind:…`, `slope:…`, `limit:…` and `cell:…`."""
    means: Floats
    covariance: Floats
    scatter: Mapping[str, float]
    """Standard deviation of the roads of each limit, in km/h."""
    alike: float
    """Share of the scatter that the parts of one record have in common."""
    trust: float
    """Power that the likelihood counts with."""
    examples: int

    def expected(self, driven: Driven, limits: Sequence[str]) -> Expected:
        """Return the speeds that are to be expected of each segment under each limit, and how they vary."""
        mean, variance = (np.empty((len(driven.kinds), len(limits))) for _ in range(2))
        for start in range(0, len(mean), PART):
            part = slice(start, start + PART)
            design = design_of(self.names, taken(driven, part), limits)
            mean[part], variance[part] = _moments(*design, self.means, self.covariance)
        scatter = np.array([self.scatter.get(each, usual_scatter(each)) for each in limits])
        return Expected(driven.speeds[:, None] - mean, variance, standard_errors(driven) ** 2, scatter**2, self.alike)

    def likelihood(self, driven: Driven, limits: Sequence[str]) -> Floats:
        """Return how likely each speed alone is under each limit, as a share of the likeliest; shape (n, limits)."""
        expected = self.expected(driven, limits)
        logs = np.array([joint_logs(expected, np.array([row])) for row in range(len(driven.kinds))])
        logs = logs.reshape(len(driven.kinds), len(limits))
        return likely_shares(logs, self.trust * weight_of(driven.traces), np.ones(logs.shape, dtype=bool))

    def to_table(self) -> pa.Table:
        """Return the parameters as rows, all else as metadata."""
        names = ("limits", "scatter", "alike", "trust", "examples")
        told = {name: getattr(self, name) for name in names}
        rows = pa.FixedSizeListArray.from_arrays(pa.array(self.covariance.ravel()), len(self.names))
        columns = [pa.array(self.names, pa.string()), pa.array(self.means), rows]
        table = pa.Table.from_arrays(columns, names=["parameter", "mean", "covariance"])
        return table.replace_schema_metadata({"driving": json.dumps(told, sort_keys=True)})

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Return what `to_table` has written."""
        told: dict[str, Any] = json.loads(table.schema.metadata[b"driving"])
        whole = table.combine_chunks()
        names = tuple(whole.column("parameter").to_pylist())
        covariance = whole.column("covariance").chunk(0).flatten().to_numpy().reshape(len(names), -1)
        means = whole.column("mean").to_numpy()
        return cls(names=names, means=means, covariance=covariance, **told | {"limits": tuple(told["limits"])})


def driven_as(limit: str) -> float:
    """Return the speed (km/h) that a limit is reckoned with.

    Examples
    --------
    >>> driven_as("50 km/h"), driven_as("none")
    (50.0, 130.0)
    """
    return min(limit_kmh(limit), 2 * UNLIMITED_KMH) if limit != "none" else UNLIMITED_KMH


def usual_scatter(limit: str) -> float:
    """Return how roads of a limit scatter (km/h) where nothing is known of them."""
    return SCATTER_KMH + SCATTER_SHARE * driven_as(limit)


def weight_of(traces: Floats) -> Floats:
    """Return how much evidence of so many traces counts, 0 to 1.

    Examples
    --------
    >>> weight_of(np.array([1.0, 5.0, 20.0])).round(2).tolist()
    [0.04, 0.5, 0.94]
    """
    share: Floats = traces**2 / (traces**2 + HALF_TRACES**2)
    return share


def standard_errors(driven: Driven) -> Floats:
    """Return how far the mean of the traces may lie from that of all who drive there, in km/h."""
    known = np.where(np.isfinite(driven.spreads), driven.spreads, SPREAD_KMH)
    count = np.maximum(driven.traces, 1.0)
    spread = (count * known**2 + SPREAD_TRACES * SPREAD_KMH**2) / (count + SPREAD_TRACES)
    errors: Floats = np.sqrt(spread / count)
    return errors


def joint_logs(expected: Expected, rows: npt.NDArray[np.intp]) -> Floats:
    """Return how likely the speeds of some segments together are under each limit, if all have it: logarithms.

    Student's t in as many dimensions as there are segments. What they have in common (part of the scatter, the drivers,
    doubt about the mean) counts once, however many they are; the rest is each one's own. Its determinant and quadratic
    form follow from those of the own parts (Sherman and Morrison, Annals of Mathematical Statistics 21, 1950).
    """
    least = expected.errors[rows].min()
    own = (1 - expected.alike) * expected.scatter + (expected.errors[rows] - least)[:, None] + LEAST_VARIANCE
    common = expected.alike * expected.scatter + least + expected.unsure[rows].mean(axis=0)
    missed, weight = expected.missed[rows], 1 / own
    total = weight.sum(axis=0)
    spread = 1 + common * total
    form = (weight * missed**2).sum(axis=0) - common * (weight * missed).sum(axis=0) ** 2 / spread
    size = np.log(own).sum(axis=0) + np.log(spread)
    logs: Floats = -size / 2 - (FREEDOM + len(rows)) / 2 * np.log1p(np.maximum(form, 0.0) / FREEDOM)
    return logs


def likely_shares(logs: Floats, power: Floats, allowed: Flags) -> Floats:
    """Return likelihoods as shares of the highest that is allowed, to some power; 0 for what is not allowed.

    Shapes: `logs` and `allowed` (n, limits), `power` (n,).
    """
    highest = np.max(logs, axis=1, keepdims=True, where=allowed, initial=-np.inf)
    shares: Floats = np.where(allowed, np.exp(power[:, None] * np.minimum(logs - highest, 0.0)), 0.0)
    return shares


class Design(NamedTuple):
    """Which parameters stand for which segment and limit, and times what; shapes (n, limits, entries)."""

    places: Ints
    """Place of the parameter, -1 for one that no example had."""
    values: Floats
    unknown: Floats
    """Variance of a parameter that no example had; shape (entries,)."""


COMMON = ("level", "slope", *CONTEXT, *(f"{name} slope" for name in CONTEXT))
COMMON_MEANS = np.array([MIDDLE_KMH, STEP_KMH, *[0.0] * (2 * len(CONTEXT))])
COMMON_KMH = (
    *(LEVEL_KMH, SLOPE_KMH),
    *([CONTEXT_KMH] * len(ROAD_CONTEXT) + [UNSTEADY_KMH]),
    *([CONTEXT_SLOPE_KMH] * len(ROAD_CONTEXT) + [UNSTEADY_SLOPE_KMH]),
)
OFFSETS_KMH = {"kind": KIND_KMH, "slope": KIND_SLOPE_KMH, "limit": LIMIT_KMH, "cell": CELL_KMH}


def deviation_of(name: str) -> float:
    """Return the prior standard deviation of a parameter, in km/h."""
    word, _, of = name.partition(":")
    return OFFSETS_KMH[word] if of else COMMON_KMH[COMMON.index(name)]


def design_of(names: Sequence[str], driven: Driven, limits: Sequence[str]) -> Design:
    """Return which of the named parameters make the mean speed of each segment under each limit."""
    place = {name: number for number, name in enumerate(names)}
    count, steps = len(driven.kinds), np.array([(driven_as(each) - MIDDLE_KMH) / STEP_KMH for each in limits])
    shape = (count, len(limits), len(COMMON) + len(OFFSETS_KMH))
    values, places = np.ones(shape), np.empty(shape, dtype=np.int64)
    places[:, :, : len(COMMON)] = np.arange(len(COMMON))
    values[:, :, 1] = steps
    first, last = 2, 2 + len(CONTEXT)
    values[:, :, first:last] = driven.context[:, None, :]
    values[:, :, last : len(COMMON)] = driven.context[:, None, :] * steps[None, :, None]
    values[:, :, len(COMMON) + 1] = steps
    for kind in sorted(set(driven.kinds)):
        rows = np.array([each == kind for each in driven.kinds])
        offsets = [[f"kind:{kind}", f"slope:{kind}", f"limit:{limit}", f"cell:{kind} {limit}"] for limit in limits]
        places[rows, :, len(COMMON) :] = [[place.get(name, -1) for name in each] for each in offsets]
    unknown = np.array([*COMMON_KMH, *OFFSETS_KMH.values()]) ** 2
    return Design(places, values, unknown)


@compiled
def _moments(places: Ints, values: Floats, unknown: Floats, means: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of each segment under each limit, each added up in one order."""
    rows, limits, entries = places.shape
    mean, variance = np.zeros((rows, limits)), np.zeros((rows, limits))
    for row in range(rows):
        for limit in range(limits):
            for i in range(entries):
                one, times = places[row, limit, i], values[row, limit, i]
                if one < 0:
                    variance[row, limit] += times * times * unknown[i]
                    continue
                mean[row, limit] += times * means[one]
                for j in range(entries):
                    other = places[row, limit, j]
                    if other >= 0:
                        variance[row, limit] += times * values[row, limit, j] * covariance[one, other]
    return mean, variance
