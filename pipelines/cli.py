"""The command line: `waysmith`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipelines import commands
from pipelines.settings import DEFAULTS, AddressError, be_quiet

EXAMPLES = {
    "run": "waysmith run speed-limits --roads infra/demo/helsinki.osm.pbf --into out/helsinki",
    "explain": "waysmith explain out/helsinki w332402669:n3395239428-n2423094586",
    "try": "waysmith try speed_limit out/helsinki w332402669:n3395239428-n2423094586 --pdb",
    "tables": "waysmith tables out/helsinki",
    "export": "waysmith export out/helsinki speed_limit --to out/helsinki.gpkg",
    "map": "waysmith map out/helsinki --to out/helsinki.html",
    "law": "waysmith law US-OR",
    "evaluate": "waysmith evaluate speed-limits --roads infra/demo/helsinki.osm.pbf --into out/proof",
    "train": "waysmith train speed-limits --roads infra/demo/helsinki.osm.pbf liechtenstein.osm.pbf --into out/model",
}
"""A command that runs, for each `--help`."""

COMMANDS = tuple(EXAMPLES)

SEED, SHARE = 20_260, 0.5
"""How an evaluation draws cells unless told otherwise; `pipelines.evaluate` has the same."""

Command = Callable[[argparse.Namespace], None]


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a stage failed, 2 the input or the call is wrong."""
    be_quiet()
    from pipelines.tile_run import StageError

    options = _parser().parse_args(words)
    try:
        options.command(options)
        sys.stdout.flush()
    except StageError as error:
        return _failed(error, 1)
    except _wrong_input() as error:
        return _failed(error, 2)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return _failed(RuntimeError("stopped; tiles committed so far are kept, run again to go on"), 130)
    return 0


def _wrong_input() -> tuple[type[Exception], ...]:
    """Return the errors that the caller can mend."""
    from pipelines.call import CallError
    from pipelines.table import TableError
    from schemas.contract import ContractError
    from tasks.borders.place import UnknownJurisdiction
    from tasks.evaluation.hiding import EvaluationError
    from tasks.export import ExportError
    from tasks.law.law_table import LawError
    from tasks.readers.reading import ReadError

    told = (AddressError, CallError, ContractError, EvaluationError, ExportError)
    return *told, LawError, ReadError, TableError, UnknownJurisdiction


def _failed(error: BaseException, code: int) -> int:
    print(f"waysmith: {' '.join(str(error).split())}", file=sys.stderr)
    return code


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with a call in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and end with code 2."""
        self.exit(2, f"{self.prog}: {message}: see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="waysmith", description="Features for every road segment, each with what it rests on and how sure it is."
    )
    added = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_run, _add_explain, _add_try, _add_tables, _add_export, _add_map, _add_law, _add_proof, _add_train):
        add(added)
    return parser


def _command(added: Any, name: str, command: Command, told: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = added.add_parser(
        name, help=told, description=told[0].upper() + told[1:] + ".", epilog=f"example: {EXAMPLES[name]}"
    )
    made.set_defaults(command=command)
    return made


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that a run has written to")


def _add_flow(parser: argparse.ArgumentParser, roads: str, into: str) -> None:
    parser.add_argument("flow", choices=["speed-limits"], metavar="FLOW", help="speed-limits")
    parser.add_argument("--roads", nargs="+", type=Path, required=True, metavar="FILE", help=roads)
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help=into)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    """Add what limits are inferred from, and where that runs."""
    parser.add_argument(
        "--jurisdiction", metavar="CODE", help="ISO 3166 code of the law that holds everywhere (as the borders say)"
    )
    parser.add_argument("--law", type=Path, metavar="PATH", help="law table, a file or a folder (that of Waysmith)")
    parser.add_argument(
        "--model", type=Path, metavar="PATH",
        help="combiner.json of waysmith train, or to evaluate its folder `without` (that of Waysmith)",
    )  # fmt: skip
    parser.add_argument("--address", help="Ray cluster (RAY_ADDRESS, else this machine)")
    parser.add_argument(
        "--max-reject-rate", type=_share, default=DEFAULTS.max_reject_rate, metavar="SHARE",
        help="fail when more of a stage's rows are rejected (%(default)s)",
    )  # fmt: skip


def _add_run(added: Any) -> None:
    run = _command(added, "run", commands.run_speed_limits, "run a flow")
    roads = "OSM (.pbf, .osm, .gz, .bz2), Overture (.parquet or a folder), or any line layer with --mapping"
    _add_flow(run, roads, "folder for the tables")
    run.add_argument("--bbox", type=_bbox, metavar="W,S,E,N", help="read only roads that meet this box, in degrees")
    run.add_argument("--mapping", type=Path, metavar="TOML", help="names the columns of a network of your own")
    run.add_argument("--tiles", type=_positive, metavar="N", help="cut into N tiles (as many as the weight asks for)")
    _add_sources(run)


def _add_explain(added: Any) -> None:
    explain = _command(added, "explain", commands.explain_segment, "say what the limit of one segment rests on")
    _add_folder(explain)
    explain.add_argument("segment_id", metavar="SEGMENT_ID")


def _add_try(added: Any) -> None:
    attempt = _command(added, "try", commands.try_task, "run one task on one segment here, without Ray and Prefect")
    attempt.add_argument("task", metavar="TASK", choices=commands.TRIED, help=", ".join(commands.TRIED))
    _add_folder(attempt)
    attempt.add_argument("segment_id", metavar="SEGMENT_ID")
    attempt.add_argument("--pdb", action="store_true", help="stop at the first line of the task in the debugger")


def _add_tables(added: Any) -> None:
    _add_folder(_command(added, "tables", commands.list_tables, "list the tables of a folder"))


def _add_export(added: Any) -> None:
    names = list(commands.CONTRACTS)
    export = _command(added, "export", commands.export_table, "write one table as one file")
    _add_folder(export)
    export.add_argument("table", metavar="TABLE", choices=names, help=", ".join(names))
    export.add_argument("--to", type=Path, required=True, metavar="FILE", help=".parquet, .fgb, .gpkg, .geojson, .csv")


def _add_map(added: Any) -> None:
    draw = _command(added, "map", commands.draw_map, "draw the speed limits as one page that works offline")
    _add_folder(draw)
    draw.add_argument("--to", type=Path, required=True, metavar="FILE.html")
    draw.add_argument("--title", help="heading of the page (the folder's name)")


def _add_law(added: Any) -> None:
    law = _command(added, "law", commands.show_law, "print the law of a place, or what changed between two law tables")
    law.add_argument("code", metavar="CODE", nargs="?", help="ISO 3166 code such as FI or US-OR (all, a line each)")
    law.add_argument("--law", type=Path, metavar="PATH", help="law table, a file or a folder (that of Waysmith)")
    law.add_argument(
        "--diff", nargs=2, metavar=("OLD", "NEW"), help="say what changed; - stands for the table of Waysmith"
    )
    law.add_argument("--run", type=Path, metavar="DIR", help="with --diff: which segments of this folder move")


def _add_proof(added: Any) -> None:
    proof = _command(
        added, "evaluate", commands.evaluate_speed_limits, "hide limits, infer them, say how right they are"
    )
    _add_flow(proof, "OSM or Overture maps, each evaluated by itself", "folder for the report and the tables")
    proof.add_argument("--seed", type=int, default=SEED, metavar="N", help="lot by which cells are drawn (%(default)s)")
    proof.add_argument(
        "--share", type=_share, default=SHARE, metavar="S", help="share of the cells that is hidden (%(default)s)"
    )
    _add_sources(proof)


def _add_train(added: Any) -> None:
    train = _command(added, "train", commands.train_speed_limits, "make the model of limits anew out of maps")
    _add_flow(train, "two maps or more: one is always left out to measure", "folder for the files of the model")


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
