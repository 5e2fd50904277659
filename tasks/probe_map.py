"""Observed speeds, and the traces that they come from, as a map for people: one HTML page with all inside."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import Heading
from tasks.legend import View
from tasks.page import Row, dataset_credits, drawing_rank, html_page, line_steps, view_json
from tasks.page_place import PagePlace, page_place
from tasks.probe_legend import share_view, speed_view, trace_view
from tasks.shown_trace import shown_traces
from tasks.week_shape import BLOCK, RUN_NUMBERS, hourly, rush_kmh, week_runs, weeks

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_TRACES = 50
"""Traces that a page shows unless told otherwise."""

MOST_RUNS = 2_000_000
"""Runs of equal bins that a page holds, some 5 MB; with more its weeks are told by the hour."""

ROAD_COLUMNS = {
    "id": "segment_id",
    "name": "name",
    "ref": "ref",
    "class": "class",
    "length": "length_m",
    "one_way": "one_way",
}
"""What the page tells of a segment, and where it stands in ROAD_SEGMENT."""

SPEEDS = ("free_flow_kmh", "p15_kmh", "p50_kmh", "p85_kmh", "spread_kmh")
COUNTS = ("traces", "observations")
"""What the page tells of a profile; speeds in the unit of the place."""

SEGMENT_COLUMNS = [*ROAD_COLUMNS.values(), "geometry", "sources"]
PROFILE_COLUMNS = ["segment_id", "heading", *SPEEDS, *COUNTS, "week_kmh", "week_count", "week_minutes"]
"""What is read of ROAD_SEGMENT and SPEED_PROFILE."""


def probe_page(
    segments: pa.Table,
    profiles: pa.Table,
    points: pa.Table | None = None,
    matches: pa.Table | None = None,
    traversals: pa.Table | None = None,
    *,
    title: str,
    most_traces: int = MOST_TRACES,
) -> str:
    """Return an HTML page of `profiles` (SPEED_PROFILE) on their `segments` (ROAD_SEGMENT), and of traces if given.

    The page needs no network, and its content security policy forbids any. Without traces it says what the profiles
    say, and may go wherever they may. With `points` (PROBE_POINT), `matches` (MATCH) and `traversals` (TRAVERSAL),
    which come together, it holds the `most_traces` longest traces as they were recorded, trip ends and all: it is for
    the eyes of those who hold the traces, and says so.

    Raises
    ------
    ValueError
        If a profile, match or traversal is of a segment that is not among `segments`, a segment and heading have two
        profiles, points and matches are not one to one, or some tables of traces are given without the others.

    Examples
    --------
    >>> from schemas.road import ROAD_SEGMENT
    >>> from schemas.speed_profile import SPEED_PROFILE
    >>> page = probe_page(ROAD_SEGMENT.empty(), SPEED_PROFILE.empty(), title="R&D")
    >>> page.splitlines()[0], "<title>R&amp;D</title>" in page
    ('<!doctype html>', True)
    """
    segments = _in_drawing_order(segments, profiles)
    place = page_place(segments)
    told = speed_data(segments, profiles, place)
    if points is not None and matches is not None and traversals is not None:
        told["traces"] = shown_traces(
            points, matches, traversals, segments["segment_id"], most=most_traces, kmh=place.kmh
        )
    elif points is not None or matches is not None or traversals is not None:
        raise ValueError("probe_page: points, matches and traversals come together, or none of them")
    return html_page("probe_map.html", told, title=title)


def _in_drawing_order(segments: pa.Table, profiles: pa.Table) -> pa.Table:
    """Return the segments without a profile first, of each kind the minor roads first."""
    has_profile = pc.is_in(segments["segment_id"], profiles["segment_id"].combine_chunks())
    return segments.take(np.lexsort((drawing_rank(segments), np.asarray(has_profile))))


def speed_data(segments: pa.Table, profiles: pa.Table, place: PagePlace) -> Row:
    """Return what the page knows of roads and speeds, as JSON values: parallel lists, one item for each segment.

    In `profiles`, -1 stands for none. All speeds are in the unit of the place.
    """
    places = profile_places(segments["segment_id"], profiles)
    metres = np.asarray(segments["length_m"], dtype=np.float64)
    counts, steps = line_steps(segments["geometry"])
    runs, rush = _weeks(profiles, place.kmh)
    figures = _figures(profiles, place.kmh)
    figures["rush"] = (rush / np.asarray(profiles["free_flow_kmh"], dtype=np.float64)).round(3)
    return {
        "counts": counts,
        "steps": steps,
        "columns": {key: segments[name].to_pylist() for key, name in ROAD_COLUMNS.items()},
        "profiles": dict(zip(Heading, places.tolist(), strict=True)),
        "figures": {name: _numbers(values) for name, values in figures.items()},
        "weeks": runs,
        "views": [
            view_json(view) | {"sides": view.sides, "about": about}
            for view, about in _views(places, figures, metres, place)
        ],
        "unit": place.unit,
        "is_left": place.is_left,
        "credits": dataset_credits(segments["sources"].to_pylist()),
        "metres": float(metres.sum()),
        "traces": None,
    }


def _figures(profiles: pa.Table, kmh: float) -> dict[str, Floats]:
    """Return speeds in units of so many km/h, to a tenth, and counts."""
    found = {name: np.asarray(profiles[name], dtype=np.float64) for name in (*SPEEDS, *COUNTS)}
    return {name.removesuffix("_kmh"): (found[name] / kmh).round(1) for name in SPEEDS} | {
        name: found[name] for name in COUNTS
    }


def profile_places(segment_ids: pa.ChunkedArray, profiles: pa.Table) -> Ints:
    """Return which profile each segment has forward and backward, -1 for none. Shape: (2, n)."""
    owners = pc.index_in(profiles["segment_id"], value_set=segment_ids.combine_chunks())
    if owners.null_count:
        lost = profiles["segment_id"].filter(pc.is_null(owners))[0].as_py()
        raise ValueError(f"probe_page: segment_id {lost!r} of the profiles is not among the segments")
    ways = pc.index_in(profiles["heading"], value_set=pa.array([str(way) for way in Heading])).to_numpy()
    places = np.full((len(Heading), len(segment_ids)), -1)
    places[ways, owners.to_numpy()] = np.arange(profiles.num_rows)
    if (places >= 0).sum() < profiles.num_rows:
        twice = np.setdiff1d(np.arange(profiles.num_rows), places)[0]
        raise ValueError(
            f"probe_page: segment_id {profiles['segment_id'][twice].as_py()!r} has two profiles for one heading"
        )
    return places


def _weeks(profiles: pa.Table, kmh: float) -> tuple[list[list[int]], Floats]:
    """Return the weeks as runs, in units of so many km/h, and the speeds at rush hour (km/h)."""
    runs: list[list[int]] = []
    rush = [np.empty(0)]
    is_hourly = False
    for start in range(0, profiles.num_rows, BLOCK):
        week = weeks(profiles.slice(start, BLOCK))
        rush.append(rush_kmh(week))
        shown = week._replace(kmh=week.kmh / kmh)
        runs += week_runs(hourly(shown) if is_hourly else shown)
        if not is_hourly and sum(map(len, runs)) > MOST_RUNS * RUN_NUMBERS:
            is_hourly, runs = True, _hourly_runs(profiles.slice(0, start + BLOCK), kmh)
    return runs, np.concatenate(rush)


def _hourly_runs(profiles: pa.Table, kmh: float) -> list[list[int]]:
    found = (weeks(profiles.slice(start, BLOCK)) for start in range(0, profiles.num_rows, BLOCK))
    return [runs for week in found for runs in week_runs(hourly(week._replace(kmh=week.kmh / kmh)))]


def _views(places: Ints, figures: dict[str, Floats], metres: Floats, place: PagePlace) -> list[tuple[View, str]]:
    """Return each view with a word on what it shows; of two headings the faster, the slower, or both."""
    free, median, traces, rush = (figures[name] for name in ("free_flow", "p50", "traces", "rush"))
    both = {name: np.where(places >= 0, np.append(figures[name], np.nan)[places], np.nan) for name in figures}
    passed = np.where((places < 0).all(axis=0), np.nan, np.nansum(both["traces"], axis=0))
    unit = place.unit
    return [
        (
            speed_view("Free flow", np.fmax(*both["free_flow"]), free, metres, unit),
            f"Speed in free flow, {unit}; of two headings the faster, and both from nearby.",
        ),
        (
            speed_view("Median", np.fmax(*both["p50"]), median, metres, unit),
            f"Median speed, {unit}; of two headings the faster, and both from nearby.",
        ),
        (
            share_view("Rush hour", np.fmin(*both["rush"]), rush, metres),
            "Speed at rush hour (Mo–Fr 7–9 or 16–19, the slower) as a share of free flow; of two headings the lower,"
            " and both from nearby.",
        ),
        (trace_view("Traces", passed, traces, metres), "Traces that the profiles rest on, both headings added up."),
    ]


def _numbers(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]
