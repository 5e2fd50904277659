"""What commands do with the tables of probes: conflicts with posted limits, the page of speeds, Valhalla's traffic."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipelines.call import CallError, check_files
from pipelines.table import existing, write_whole
from schemas.match import MATCH
from schemas.probe import PROBE_POINT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import TRAVERSAL


def conflict_lines(folder: str) -> Iterator[str]:
    """Yield a line for each stated limit that probes contradict, the surest first, and how many there are.

    Raises
    ------
    TableError
        If there are no limits.
    """
    from tasks.limit_conflict import conflicts

    found = conflicts(existing(SPEED_LIMIT, folder).rows())
    for each in found:
        stated = "none" if each.stated_kmh is None else f"{each.stated_kmh:g} km/h"
        way = f" {each.heading}" if each.heading else ""
        yield (
            f"{each.segment_id}{way}: {each.basis} {stated}, probes say {each.likeliest}: {each.traces} traces, free "
            f"flow {each.free_flow_kmh:.0f} km/h, wrong by {each.odds:,.1f} to 1"
        )
    yield f"{len(found):,} stated limits that probes contradict"


def draw_speeds(options: argparse.Namespace, title: str) -> str:
    """Write the page of observed speeds, with traces if asked for, and return what was written in a line."""
    from tasks.probe_map import PROFILE_COLUMNS, SEGMENT_COLUMNS, probe_page
    from tasks.shown_trace import MATCH_COLUMNS, POINT_COLUMNS, TRAVERSAL_COLUMNS

    wanted = [(ROAD_SEGMENT, SEGMENT_COLUMNS), (SPEED_PROFILE, PROFILE_COLUMNS)]
    if options.traces:
        wanted += [(PROBE_POINT, POINT_COLUMNS), (MATCH, MATCH_COLUMNS), (TRAVERSAL, TRAVERSAL_COLUMNS)]
    tables = [existing(contract, options.folder).rows(columns) for contract, columns in wanted]
    page = probe_page(*tables, title=title)
    write_whole(options.to, page.encode())
    private = "; it holds traces: keep it to yourself" if options.traces else ""
    return f"{options.to}: {tables[1].num_rows:,} profiles, {len(page) / 1e6:.1f} MB{private}"


def export_traffic(options: argparse.Namespace) -> str:
    """Write profiles for Valhalla's graph, and return what was written in a line.

    Raises
    ------
    CallError
        If the call does not say which graph.
    EdgeFileError
        If the file of its edges cannot be read.
    """
    if options.table != SPEED_PROFILE.name or options.edges is None:
        raise CallError(
            "--to valhalla: expected the table speed_profile, and --edges with valhalla.json, way_edges.txt or a .jsonl"
        )
    check_files([options.edges])
    from tasks.valhalla_export import export_speeds

    segments = existing(ROAD_SEGMENT, options.folder).rows()
    profiles = existing(SPEED_PROFILE, options.folder).rows()
    into = options.traffic or Path("traffic")
    made = export_speeds(segments, profiles, options.edges, into)
    unused = f", {made.unused:,} profiles on no edge" if made.unused else ""
    return f"{into}: speeds of {made.edges:,} edges from {made.profiles:,} profiles in {made.files:,} files{unused}"
