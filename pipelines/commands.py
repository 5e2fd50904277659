"""What each command of the command line does. Ray and Prefect are imported by those alone that need them."""

import argparse
import os
import pdb
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.call import CallError, check_apart, check_files, check_sources, is_in_file, sources_of
from schemas.built_up import BUILT_UP
from schemas.continuity import CONTINUITY
from schemas.contract import Contract
from schemas.jurisdiction import JURISDICTION
from schemas.legal_limit import LEGAL_LIMIT
from schemas.limit_odds import LIMIT_ODDS
from schemas.map_feature import MAP_FEATURE
from schemas.match import MATCH
from schemas.posted_limit import POSTED_LIMIT
from schemas.probe import PROBE_POINT, TRACE_PIECE
from schemas.probe_limit import PROBE_LIMIT, PROBE_SPEED
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.sign_limit import SIGN_LIMIT
from schemas.speed_limit import SPEED_LIMIT
from schemas.speed_profile import SPEED_PROFILE
from schemas.traversal import DRIVEN_STEP, SPEED_OBSERVATION, TRAVERSAL

if TYPE_CHECKING:
    from types import ModuleType

    from prefect import Flow

    from pipelines.settings import Settings
    from tasks.law.law_table import Law
    from tasks.lift import PerRow
    from tasks.segment_law import LawFile

CONTRACTS: dict[str, Contract] = {
    each.name: each
    for each in (
        ROAD_SEGMENT,
        MAP_FEATURE,
        POSTED_LIMIT,
        JURISDICTION,
        BUILT_UP,
        SIGN_LIMIT,
        LEGAL_LIMIT,
        CONTINUITY,
        ROAD_ATTRIBUTE,
        LIMIT_ODDS,
        SPEED_LIMIT,
        PROBE_POINT,
        TRACE_PIECE,
        MATCH,
        DRIVEN_STEP,
        TRAVERSAL,
        SPEED_OBSERVATION,
        SPEED_PROFILE,
        PROBE_SPEED,
        PROBE_LIMIT,
        REJECT,
    )
}
"""The tables of a folder, in the order in which they are made."""

OF_PROBES = (PROBE_POINT, TRACE_PIECE, MATCH, DRIVEN_STEP, TRAVERSAL, SPEED_OBSERVATION, SPEED_PROFILE)
"""Those that only probes are made into."""

SPEED_LIMITS, PROBES = "speed-limits", "probes"

STAGES = ("pipelines.limit_stages",)
"""Module that imports all tasks from roads to limits."""

TRIED = ("posted_limit", "segment_law", "speed_limit")
"""Tasks that can be run on a single segment."""

VALHALLA = "valhalla"
"""What stands for the folder of CSV files that Valhalla reads, among the files that tables are exported to."""

PACKAGED = "-"
"""What stands for the law table of Waysmith in a call."""


class Call(NamedTuple):
    """A flow and what it is called with."""

    flow: "Flow[..., Any]"
    arguments: dict[str, Any]


def run_flow(options: argparse.Namespace) -> None:
    """Run a flow and print what came of it."""
    started = time.perf_counter()
    quiet_prefect()
    settings = _settings(options)
    if not is_in_file(options.flow):
        _check_call(options)
        _check_into(options)
    from pipelines.session import session

    def load() -> Call:
        return _users_call(options) if is_in_file(options.flow) else _call(options, settings)

    with session(settings, load, modules=STAGES if options.flow == SPEED_LIMITS else ()) as call:
        made = call.flow(**call.arguments)
    seconds = time.perf_counter() - started
    if getattr(options, "probes", None):
        from pipelines.probe_summary import probe_lines

        print("\n".join(probe_lines(options.into)))
    if options.flow == SPEED_LIMITS:
        from pipelines.summary import summarize, summary_lines

        print("\n".join(summary_lines(summarize(options.into), seconds)))
    elif options.flow == PROBES:
        print(f"{seconds:.1f} s")
    else:
        from pipelines.user_flow import told_of

        print("\n".join([*told_of(made), f"{seconds:.1f} s"]))


def plan_flow(options: argparse.Namespace) -> None:
    """Print which tiles a run would compute, and why."""
    if not is_in_file(options.flow):
        _check_call(options)
    call = _users_call(options) if is_in_file(options.flow) else _call(options)
    from pipelines.foresight import forecast_lines, plain_calls, planning

    with plain_calls(), planning() as foresight:
        made = call.flow(**call.arguments)
        foresight.tell_read(made)
    print("\n".join(forecast_lines(foresight.forecasts)))


def _check_call(options: argparse.Namespace) -> None:
    """Look at what a call of a flow of Waysmith names, before anything is read or started."""
    probes = getattr(options, "probes", None) or []
    if not options.roads:
        from pipelines.probe_words import roads_wanted

        raise CallError(roads_wanted(options))
    check_files([*options.roads, *probes, *([options.mapping] if options.mapping else [])])
    check_apart(options.into, probes)
    if probes:
        from pipelines.probe_words import format_of

        format_of(options)
    if options.flow != SPEED_LIMITS:
        return
    if options.model and options.model.is_dir():
        raise CallError(f"{options.model}: is a folder, expected the file of one model")
    check_sources(options.jurisdiction, options.law, options.model)


def _call(options: argparse.Namespace, settings: "Settings | None" = None) -> Call:
    """Return a flow of Waysmith and its arguments."""
    given = {
        "roads": [str(file) for file in options.roads],
        "into": options.into,
        "bbox": options.bbox,
        "mapping": str(options.mapping) if options.mapping else None,
        "tiles": options.tiles,
    }
    if options.flow == "road-segments":
        from pipelines.road_segments import road_segments

        return Call(road_segments, given)
    if options.flow == PROBES:
        return _probe_call(options, given, settings)
    given["sources"] = sources_of(options.jurisdiction, options.law, options.model, relearn=options.relearn)
    if options.probes:
        from pipelines.probe_words import probing_of

        given |= {"probes": [str(file) for file in options.probes], "probing": probing_of(options)}
    from pipelines.settings import DEFAULTS
    from pipelines.speed_limits import speed_limits

    return Call(speed_limits, given | {"settings": settings or DEFAULTS})


def _probe_call(options: argparse.Namespace, given: dict[str, Any], settings: "Settings | None") -> Call:
    """Return the flow of probes and its arguments."""
    from pipelines.probe_words import probing_of
    from pipelines.probes import probes
    from pipelines.settings import DEFAULTS

    files = {"probes": [str(file) for file in options.probes], "probing": probing_of(options)}
    return Call(probes, given | files | {"settings": settings or DEFAULTS})


def _users_call(options: argparse.Namespace) -> Call:
    """Return a flow of the user's own and its arguments."""
    from pipelines.settings import check_address
    from pipelines.user_flow import GIVEN, arguments, flow_named, settings_parameter

    flow = flow_named(options.flow)
    given = {key.removeprefix(GIVEN): value for key, value in vars(options).items() if key.startswith(GIVEN)}
    made = arguments(flow, given)
    if name := settings_parameter(flow):
        made[name] = _settings_of(options)
        check_address(made[name].cluster)
    from pipelines.stage_report import flow_report

    return Call(flow.with_options(on_completion=[flow_report], on_failure=[flow_report]), made)


def simulate(options: argparse.Namespace) -> None:
    """Write simulated probes and their truth."""
    check_files(options.roads)
    from pipelines.simulate_words import simulate as simulated

    print(simulated(options))


def start_task(options: argparse.Namespace) -> None:
    """Write the files of a new task and print how to go on."""
    from pipelines.new_task import write_task

    code, test = write_task(options.name, options.per, options.into)
    print(f"{code}\n{test}\nnext:\n  python -m pytest {test}")
    print(f"  waysmith run {code}:{options.name} --roads FILE.osm.pbf --into DIR")


def evaluate_speed_limits(options: argparse.Namespace) -> None:
    """Hide limits, infer them, and print how right they are."""
    quiet_prefect()
    check_files([*options.roads, *(options.probes or ())])
    check_sources(options.jurisdiction, options.law, options.model)
    settings = _settings(options)
    _check_into(options)
    from pipelines.probe_words import probing_of
    from pipelines.session import session

    probing = probing_of(options)

    def load() -> "ModuleType":
        from pipelines import evaluate

        return evaluate

    with session(settings, load, modules=STAGES) as loaded:
        done = loaded.evaluate(
            roads=[str(file) for file in options.roads],
            into=options.into,
            seed=options.seed,
            share=options.share,
            sources=sources_of(options.jurisdiction, options.law, options.model),
            settings=settings,
            probes=[str(file) for file in options.probes] if options.probes else None,
            probing=probing,
        )
    print("\n".join(loaded.evaluate_lines(done)))


def train_speed_limits(options: argparse.Namespace) -> None:
    """Make the files of the model out of maps, and print how well they do on maps left out."""
    check_files(options.roads)
    from pipelines.table import check_folder, write_together
    from pipelines.training import train
    from tasks.built_up_model import training as built_up

    into = Path(options.into)
    check_folder(into, ())
    try:
        weights = built_up.train(options.roads)
    except ValueError as error:
        raise CallError(str(error)) from error
    made = train(options.roads)
    texts = {"combiner.json": made.combiner.to_json(), "built_up_weights.json": weights.text}
    texts |= {f"without/{name}.json": each.to_json() for name, each in made.without.items()}
    (into / "without").mkdir(exist_ok=True)
    write_together((into / name, text.encode()) for name, text in texts.items())
    print("right on a map left out, by length, and built-up areas told from others there:")
    for name, share in made.exact.items():
        told = weights.scores.get(name)
        print(f"  {name:<32} {100 * share:5.1f} %" + (f"  {100 * told[0].accuracy:5.1f} %" if told else ""))
    print("\n".join(str(into / name) for name in texts))


def _settings(options: argparse.Namespace) -> "Settings":
    """Return how to run, after a look at the cluster."""
    from pipelines.settings import check_address

    settings = _settings_of(options)
    check_address(settings.cluster)
    return settings


def _settings_of(options: argparse.Namespace) -> "Settings":
    from pipelines.settings import Settings

    return Settings(options.address, options.max_reject_rate, options.time_limit, options.memory, options.dashboard)


def _check_into(options: argparse.Namespace) -> None:
    """Look into the folder of a run before anything is read."""
    from pipelines.table import check_folder

    check_folder(options.into, CONTRACTS.values())


def quiet_prefect() -> None:
    """Keep Prefect's own log off the terminal, unless the user has set a level; servers still get it."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_LOG_PRINTS", "false")


def explain_segment(options: argparse.Namespace) -> None:
    """Print the evidence of one segment."""
    from pipelines.explanation import explain

    print("\n".join(explain(options.folder, options.segment_id)))


def try_task(options: argparse.Namespace) -> None:
    """Run one task on one segment in this process and print what it was given and what it returns."""
    from pipelines.lookup import arguments_of

    lift = _lift(options.task)
    arguments = arguments_of(lift, options.folder, options.segment_id)
    for name, value in arguments.items():
        print(f"{name} = {value!r}")
    made: Any = pdb.runcall(lift.task, **arguments) if options.pdb else lift.task(**arguments)
    print(f"-> {type(made).__name__}")
    for name, value in zip(made._fields, made, strict=True):
        print(f"   {name} = {value!r}")


def _lift(named: str) -> "PerRow":
    if is_in_file(named):
        from pipelines.user_flow import lift_named

        return lift_named(named)
    if named not in TRIED:
        raise CallError(f"{named!r} is none of {', '.join(TRIED)}, and no FILE.py:NAME")
    return _tried()[named]


def _tried() -> "Mapping[str, PerRow]":
    """Return the stages whose task looks at one segment, by its name."""
    from pipelines.limit_stages import LIMITS, POSTED, lawful
    from tasks.segment_law import LawFile

    return {lift.task.__name__: lift for lift in (POSTED, lawful(LawFile()), LIMITS)}


def show_law(options: argparse.Namespace) -> None:
    """Print a jurisdiction, or all of them, or what changed between two law tables."""
    _check_law_call(options)
    if options.diff:
        old, new = options.diff
        print("\n".join(_diff_lines(old, new, options.run)))
        return
    from pipelines.law import law_lines
    from tasks.law.law_table import read_law

    law = read_law(options.law)
    print("\n".join(law_lines(law, options.code) if options.code else _index_lines(law)))


def _check_law_call(options: argparse.Namespace) -> None:
    if options.diff and (options.code or options.law):
        raise CallError("--diff names both law tables: expected no CODE and no --law beside it")
    if options.run and not options.diff:
        raise CallError("--run says which segments a change moves: expected --diff OLD NEW beside it")


def _index_lines(law: "Law") -> list[str]:
    """Return what a law table holds, one line for each jurisdiction."""
    from pipelines.law import law_table_lines

    head = law_table_lines(law)[:-1]
    places = sorted(law.jurisdictions.items())
    return head + [f"{code:<7}{place.date}{len(place.roads):>4} road types  {place.source}" for code, place in places]


def _diff_lines(old: str, new: str, folder: str | None) -> list[str]:
    from pipelines.law import law_diff_lines
    from pipelines.law_effect import effect_lines, law_effect

    before, after = _law_file(old), _law_file(new)
    lines = law_diff_lines(before.law, after.law) or ["no change"]
    return lines if folder is None else [*lines, *effect_lines(law_effect(folder, before, after))]


def _law_file(named: str) -> "LawFile":
    from tasks.segment_law import LawFile

    return LawFile.of(None if named == PACKAGED else named)


def list_tables(options: argparse.Namespace) -> None:
    """Print the tables of a folder: contract, rows, tiles, kilometres and rejects by reason; or its conflicts."""
    if options.conflicts:
        from pipelines.probe_commands import conflict_lines

        print("\n".join(conflict_lines(options.folder)))
        return
    from pipelines.found_table import contracts_in
    from pipelines.summary import table_lines

    own = [each for each in contracts_in(options.folder) if each.name not in CONTRACTS]
    *known, rejects = CONTRACTS.values()
    print("\n".join(table_lines(options.folder, [*known, *own, rejects])))


def export_table(options: argparse.Namespace) -> None:
    """Write one table as one file for other programs, or profiles as the folder that Valhalla reads."""
    if str(options.to) == VALHALLA:
        from pipelines.probe_commands import export_traffic

        print(export_traffic(options))
        return
    from pipelines.found_table import contract_named
    from pipelines.table import Rejects, Table, existing
    from tasks.export import check_format, export

    contract = CONTRACTS.get(options.table) or contract_named(options.folder, options.table)
    check_format(contract, options.to)
    table: Table = existing(contract, options.folder)
    rows = Rejects(options.folder).rows() if contract == REJECT else table.rows()
    export(rows, contract, options.to)
    print(f"{options.to}: {rows.num_rows:,} rows")


def _folder_name(folder: str) -> str:
    """Return the last part of a path or URI."""
    return folder.rstrip("/").rpartition("/")[2] if "://" in folder else Path(folder).resolve().name


def draw_map(options: argparse.Namespace) -> None:
    """Write the map as one page that needs no network."""
    if options.speeds or options.traces:
        from pipelines.probe_commands import draw_speeds

        print(draw_speeds(options, options.title or _folder_name(options.folder)))
        return
    from pipelines.table import existing, write_whole
    from tasks.limit_map import map_page

    limits = existing(SPEED_LIMIT, options.folder).rows()
    segments = existing(ROAD_SEGMENT, options.folder).rows()
    page = map_page(limits, segments, title=options.title or _folder_name(options.folder))
    write_whole(options.to, page.encode())
    print(f"{options.to}: {limits.num_rows:,} segments, {len(page) / 1e6:.1f} MB")
