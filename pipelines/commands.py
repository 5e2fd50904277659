"""What each command of the command line does. Ray and Prefect are imported by those alone that need them."""

import argparse
import os
import pdb
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.call import CallError, check_files, sources_of
from schemas.built_up import BUILT_UP
from schemas.continuity import CONTINUITY
from schemas.contract import Contract
from schemas.jurisdiction import JURISDICTION
from schemas.legal_limit import LEGAL_LIMIT
from schemas.limit_odds import LIMIT_ODDS
from schemas.map_feature import MAP_FEATURE
from schemas.posted_limit import POSTED_LIMIT
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.road_attribute import ROAD_ATTRIBUTE
from schemas.sign_limit import SIGN_LIMIT
from schemas.speed_limit import SPEED_LIMIT

if TYPE_CHECKING:
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
        REJECT,
    )
}
"""The tables of a folder, in the order in which they are made."""

TRIED = ("posted_limit", "segment_law", "speed_limit")
"""Tasks that can be run on a single segment."""

PACKAGED = "-"
"""What stands for the law table of Waysmith in a call."""


def run_speed_limits(options: argparse.Namespace) -> None:
    """Run the flow and print what came of it."""
    started = time.perf_counter()
    _quiet_prefect()
    check_files([*options.roads, *([options.mapping] if options.mapping else [])])
    if options.model and options.model.is_dir():
        raise CallError(f"{options.model}: is a folder, expected the file of one model")
    sources = sources_of(options.jurisdiction, options.law, options.model)
    settings = _settings(options)
    from pipelines.speed_limits import speed_limits
    from pipelines.summary import summarize, summary_lines

    speed_limits(
        roads=[str(file) for file in options.roads],
        into=str(options.into),
        bbox=options.bbox,
        mapping=str(options.mapping) if options.mapping else None,
        tiles=options.tiles,
        sources=sources,
        settings=settings,
    )
    print("\n".join(summary_lines(summarize(options.into), time.perf_counter() - started)))


def evaluate_speed_limits(options: argparse.Namespace) -> None:
    """Hide limits, infer them, and print how right they are."""
    _quiet_prefect()
    check_files(options.roads)
    sources = sources_of(options.jurisdiction, options.law, options.model)
    settings = _settings(options)
    from pipelines.evaluate import evaluate, evaluate_lines

    done = evaluate(
        roads=[str(file) for file in options.roads],
        into=str(options.into),
        seed=options.seed,
        share=options.share,
        sources=sources,
        settings=settings,
    )
    print("\n".join(evaluate_lines(done)))


def train_speed_limits(options: argparse.Namespace) -> None:
    """Make the files of the model out of maps, and print how well they do on maps left out."""
    check_files(options.roads)
    from pipelines.table import check_folder, write_together
    from pipelines.training import train
    from tasks.built_up_model import training as built_up

    check_folder(options.into, ())
    try:
        weights = built_up.train(options.roads)
    except ValueError as error:
        raise CallError(str(error)) from error
    made = train(options.roads)
    texts = {"combiner.json": made.combiner.to_json(), "built_up_weights.json": weights.text}
    texts |= {f"without/{name}.json": each.to_json() for name, each in made.without.items()}
    (options.into / "without").mkdir(exist_ok=True)
    write_together((options.into / name, text.encode()) for name, text in texts.items())
    print("right on a map left out, by length, and built-up areas told from others there:")
    for name, share in made.exact.items():
        told = weights.scores.get(name)
        print(f"  {name:<32} {100 * share:5.1f} %" + (f"  {100 * told[0].accuracy:5.1f} %" if told else ""))
    print("\n".join(str(options.into / name) for name in texts))


def _settings(options: argparse.Namespace) -> "Settings":
    """Return how to run, after a look at the cluster and the folder."""
    from pipelines.settings import Settings, check_address
    from pipelines.table import check_folder

    settings = Settings(options.address, options.max_reject_rate)
    check_address(settings.cluster)
    check_folder(options.into, CONTRACTS.values())
    return settings


def _quiet_prefect() -> None:
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

    lift = _tried()[options.task]
    arguments = arguments_of(lift, options.folder, options.segment_id)
    for name, value in arguments.items():
        print(f"{name} = {value!r}")
    made: Any = pdb.runcall(lift.task, **arguments) if options.pdb else lift.task(**arguments)
    print(f"-> {type(made).__name__}")
    for name, value in zip(made._fields, made, strict=True):
        print(f"   {name} = {value!r}")


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


def _diff_lines(old: str, new: str, folder: Path | None) -> list[str]:
    from pipelines.law import law_diff_lines
    from pipelines.law_effect import effect_lines, law_effect

    before, after = _law_file(old), _law_file(new)
    lines = law_diff_lines(before.law, after.law) or ["no change"]
    return lines if folder is None else [*lines, *effect_lines(law_effect(folder, before, after))]


def _law_file(named: str) -> "LawFile":
    from tasks.law.law_table import read_law
    from tasks.segment_law import LawFile

    path = None if named == PACKAGED else named
    return LawFile(path, read_law(path).digest)


def list_tables(options: argparse.Namespace) -> None:
    """Print the tables of a folder: contract, rows, tiles, kilometres and rejects by reason."""
    from pipelines.summary import table_lines

    print("\n".join(table_lines(options.folder, list(CONTRACTS.values()))))


def export_table(options: argparse.Namespace) -> None:
    """Write one table as one file for other programs."""
    from pipelines.table import Rejects, Table, existing
    from tasks.export import check_format, export

    contract = CONTRACTS[options.table]
    check_format(contract, options.to)
    table: Table = existing(contract, options.folder)
    rows = Rejects(options.folder).rows() if contract == REJECT else table.rows()
    export(rows, contract, options.to)
    print(f"{options.to}: {rows.num_rows:,} rows")


def draw_map(options: argparse.Namespace) -> None:
    """Write the map as one page that needs no network."""
    from pipelines.table import existing, write_whole
    from tasks.limit_map import map_page

    limits = existing(SPEED_LIMIT, options.folder).rows()
    segments = existing(ROAD_SEGMENT, options.folder).rows()
    page = map_page(limits, segments, title=options.title or options.folder.resolve().name)
    write_whole(options.to, page.encode())
    print(f"{options.to}: {limits.num_rows:,} segments, {len(page) / 1e6:.1f} MB")
