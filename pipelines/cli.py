"""The command line: `waysmith`."""

import argparse
import os
import pdb
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipelines.settings import DEFAULTS, AddressError, be_quiet
from schemas.contract import Contract, ContractError
from schemas.reject import REJECT
from schemas.road import ROAD_SEGMENT
from schemas.speed_limit import SPEED_LIMIT
from tasks.readers.reading import ReadError

CONTRACTS: dict[str, Contract] = {each.name: each for each in (ROAD_SEGMENT, SPEED_LIMIT, REJECT)}

EXAMPLES = {
    "run": "waysmith run speed-limits --roads infra/demo/helsinki.osm.pbf --into out/helsinki",
    "explain": "waysmith explain out/helsinki w332402669:n3395239428-n2423094586",
    "try": "waysmith try speed_limit out/helsinki w332402669:n3395239428-n2423094586 --pdb",
    "tables": "waysmith tables out/helsinki",
    "export": "waysmith export out/helsinki speed_limit --to out/helsinki.gpkg",
    "map": "waysmith map out/helsinki --to out/helsinki.html",
}
"""A command that runs, for each `--help`."""

COMMANDS = tuple(EXAMPLES)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a stage failed, 2 the input or the call is wrong."""
    be_quiet()
    from pipelines.table import TableError
    from pipelines.tile_run import StageError
    from tasks.export import ExportError

    options = _parser().parse_args(words)
    try:
        options.command(options)
    except (ReadError, TableError, ContractError, ExportError, AddressError) as error:
        return _failed(error, 2)
    except StageError as error:
        return _failed(error, 1)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return _failed(RuntimeError("stopped; tiles committed so far are kept, run again to go on"), 130)
    return 0


def _failed(error: Exception, code: int) -> int:
    print(f"waysmith: {' '.join(str(error).split())}", file=sys.stderr)
    return code


def run_speed_limits(options: argparse.Namespace) -> None:
    """Run the flow and print what came of it."""
    started = time.perf_counter()
    _quiet_prefect()
    from pipelines.settings import Settings, check_address
    from pipelines.speed_limits import speed_limits
    from pipelines.summary import summarize, summary_lines
    from pipelines.table import check_folder

    _check_files([*options.roads, *([options.mapping] if options.mapping else [])])
    settings = Settings(options.address, options.max_reject_rate)
    check_address(settings.cluster)
    check_folder(options.into, CONTRACTS.values())
    speed_limits(
        roads=[str(file) for file in options.roads],
        into=str(options.into),
        bbox=options.bbox,
        mapping=str(options.mapping) if options.mapping else None,
        tiles=options.tiles,
        settings=settings,
    )
    print("\n".join(summary_lines(summarize(options.into), time.perf_counter() - started)))


def _check_files(files: Sequence[Path]) -> None:
    """Refuse at once what is not there; all else is the reader's to say."""
    for file in files:
        if not file.exists():
            raise ReadError(f"{file}: no such file or folder")


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
    from pipelines.speed_limits import LIFTS

    lift = LIFTS[options.task]
    arguments = arguments_of(lift, options.folder, options.segment_id)
    for name, value in arguments.items():
        print(f"{name} = {value!r}")
    made: Any = pdb.runcall(lift.task, **arguments) if options.pdb else lift.task(**arguments)
    print(f"-> {type(made).__name__}")
    for name, value in zip(made._fields, made, strict=True):
        print(f"   {name} = {value!r}")


def list_tables(options: argparse.Namespace) -> None:
    """Print the tables of a folder: contract, rows, tiles, kilometres and rejects by reason."""
    from pipelines.summary import table_lines

    print("\n".join(table_lines(options.folder, list(CONTRACTS.values()))))


def export_table(options: argparse.Namespace) -> None:
    """Write one table as one file for other programs."""
    from pipelines.table import Rejects, Table, existing
    from tasks.export import export

    contract = CONTRACTS[options.table]
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


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with a call in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and end with code 2."""
        self.exit(2, f"{self.prog}: {message}: see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="waysmith", description="Features for every road segment, each with what it rests on and how sure it is."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    explain = _command(commands, "explain", explain_segment, "say what the limit of one segment rests on")
    _add_folder(explain)
    explain.add_argument("segment_id", metavar="SEGMENT_ID")
    _add_try(commands)
    _add_folder(_command(commands, "tables", list_tables, "list the tables of a folder"))
    export = _command(commands, "export", export_table, "write one table as one file")
    _add_folder(export)
    export.add_argument("table", metavar="TABLE", choices=list(CONTRACTS), help=", ".join(CONTRACTS))
    export.add_argument("--to", type=Path, required=True, metavar="FILE", help=".parquet, .fgb, .gpkg, .geojson, .csv")
    draw = _command(commands, "map", draw_map, "draw the speed limits as one page that works offline")
    _add_folder(draw)
    draw.add_argument("--to", type=Path, required=True, metavar="FILE.html")
    draw.add_argument("--title", help="heading of the page (the folder's name)")
    return parser


def _command(commands: Any, name: str, command: object, told: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=told, description=told[0].upper() + told[1:] + ".", epilog=f"example: {EXAMPLES[name]}"
    )
    made.set_defaults(command=command)
    return made


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that a run has written to")


def _add_run(commands: Any) -> None:
    run = _command(commands, "run", run_speed_limits, "run a flow")
    run.add_argument("flow", choices=["speed-limits"], metavar="FLOW", help="speed-limits")
    run.add_argument(
        "--roads", nargs="+", type=Path, required=True, metavar="FILE",
        help="OSM (.pbf, .osm, .gz, .bz2), Overture (.parquet or a folder), or any line layer with --mapping",
    )  # fmt: skip
    run.add_argument("--into", type=Path, required=True, metavar="DIR", help="folder for the tables")
    run.add_argument("--address", help="Ray cluster (RAY_ADDRESS, else this machine)")
    run.add_argument("--bbox", type=_bbox, metavar="W,S,E,N", help="read only roads that meet this box, in degrees")
    run.add_argument("--mapping", type=Path, metavar="TOML", help="names the columns of a network of your own")
    run.add_argument("--tiles", type=_positive, metavar="N", help="cut into N tiles (as many as the weight asks for)")
    run.add_argument(
        "--max-reject-rate", type=_share, default=DEFAULTS.max_reject_rate, metavar="SHARE",
        help="fail when more of a stage's rows are rejected (%(default)s)",
    )  # fmt: skip


def _add_try(commands: Any) -> None:
    attempt = _command(commands, "try", try_task, "run one task on one segment here, without Ray and Prefect")
    attempt.add_argument("task", metavar="TASK", choices=["speed_limit"], help="speed_limit")
    _add_folder(attempt)
    attempt.add_argument("segment_id", metavar="SEGMENT_ID")
    attempt.add_argument("--pdb", action="store_true", help="stop at the first line of the task in the debugger")


def _bbox(text: str) -> list[float]:
    try:
        sides = [float(side) for side in text.split(",")]
    except ValueError:
        sides = []
    if len(sides) != 4 or not (-180 <= sides[0] < sides[2] <= 180 and -90 <= sides[1] < sides[3] <= 90):
        raise argparse.ArgumentTypeError(f"{text!r} is not west,south,east,north in degrees")
    return sides


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0 and 1")
    return share


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of tiles, 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
