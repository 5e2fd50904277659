"""The command line: `waysmith`."""

import argparse
import gc
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipelines import commands
from pipelines.call import is_in_file
from pipelines.settings import DEFAULTS, AddressError, be_quiet

EXAMPLES = {
    "run": "waysmith run speed-limits --roads infra/demo/helsinki.osm.pbf --into out/helsinki",
    "plan": "waysmith plan speed-limits --roads infra/demo/helsinki.osm.pbf --into out/helsinki",
    "new-task": "waysmith new-task road_noise --into my-tasks",
    "explain": "waysmith explain out/helsinki w332402669:n3395239428-n2423094586",
    "try": "waysmith try speed_limit out/helsinki w332402669:n3395239428-n2423094586 --pdb",
    "tables": "waysmith tables out/helsinki",
    "export": "waysmith export out/helsinki speed_limit --to out/helsinki.gpkg",
    "map": "waysmith map out/helsinki --to out/helsinki.html",
    "law": "waysmith law US-OR",
    "evaluate": "waysmith evaluate speed-limits --roads infra/demo/helsinki.osm.pbf --into out/proof",
    "simulate": "waysmith simulate probes --roads infra/demo/helsinki.osm.pbf --to out/probes.parquet --trips 50",
    "train": "waysmith train speed-limits --roads infra/demo/helsinki.osm.pbf liechtenstein.osm.pbf --into out/model",
}
"""A command that runs, for each `--help`."""

COMMANDS = tuple(EXAMPLES)

SEED, SHARE = 20_260, 0.5
"""How an evaluation draws cells unless told otherwise; `pipelines.evaluate` has the same."""

FLOWS = ("speed-limits", "road-segments", "probes")
"""Flows that are part of Waysmith."""

FLOW_COMMANDS = ("run", "plan")
"""Commands whose flags are those of the flow that they name."""

OSM_OR_OVERTURE = "OSM (.pbf, .osm, .gz, .bz2), Overture (.parquet or a folder), or any line layer with --mapping"

HELP = {"-h", "--help"}

TO = ".parquet, .fgb, .gpkg, .geojson, .csv; valhalla for the CSV that valhalla_add_predicted_traffic reads"

Command = Callable[[argparse.Namespace], None]


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a stage failed, 2 the input or the call is wrong."""
    be_quiet()
    from pipelines.tile_run import StageError

    given = list(sys.argv[1:] if words is None else words)
    if words is None:
        _begin_early(given)
    try:
        options = _parser(given).parse_args(given)
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
    if words is None:
        gc.freeze()  # else the interpreter walks through all of Ray and Prefect to end
    return 0


def _begin_early(words: Sequence[str]) -> None:
    """Start Prefect's server before the file of a flow is loaded, which tells what flags there are."""
    command, flow, *flags = [*words, "", ""]
    if command == "run" and is_in_file(flow) and Path(flow.partition(":")[0]).is_file() and not HELP & {*flags}:
        from pipelines.temporary_server import prefect_server

        prefect_server()


def _wrong_input() -> tuple[type[Exception], ...]:
    """Return the errors that the caller can mend."""
    from pipelines.call import CallError
    from pipelines.table import TableError
    from schemas.contract import ContractError
    from tasks.borders.place import UnknownJurisdiction
    from tasks.evaluation.hiding import EvaluationError
    from tasks.export import ExportError
    from tasks.law.law_table import LawError
    from tasks.probe_export import ProbeExportError
    from tasks.readers.reading import ReadError
    from tasks.simulate_probes import SimulationError
    from tasks.valhalla_edge import EdgeFileError

    told = (AddressError, CallError, ContractError, EdgeFileError, EvaluationError, ExportError, LawError)
    return *told, ProbeExportError, ReadError, SimulationError, TableError, UnknownJurisdiction


def _failed(error: BaseException, code: int) -> int:
    print(f"waysmith: {' '.join(str(error).split())}", file=sys.stderr)
    return code


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with a call in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and end with code 2."""
        self.exit(2, f"{self.prog}: {message}: see {self.prog} --help\n")


def _parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of a call; which flags `run` and `plan` have depends on the flow that `words` name."""
    parser = OneLineParser(
        prog="waysmith", description="Features for every road segment, each with what it rests on and how sure it is."
    )
    added = parser.add_subparsers(required=True, metavar="COMMAND")
    named = words[1] if len(words) > 1 and words[0] in FLOW_COMMANDS and words[1][0:1] != "-" else FLOWS[0]
    _add_run(added, named)
    _add_plan(added, named)
    for add in (_add_new, _add_explain, _add_try, _add_tables, _add_export, _add_map, _add_law, _add_proof, _add_train):
        add(added)
    _add_simulate(added, is_meant=list(words[:1]) == ["simulate"])
    return parser


def _command(added: Any, name: str, command: Command, told: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = added.add_parser(
        name, help=told, description=told[0].upper() + told[1:] + ".", epilog=f"example: {EXAMPLES[name]}"
    )
    made.set_defaults(command=command)
    return made


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="folder that a run has written to, here or s3://…")


def _add_flow(parser: argparse.ArgumentParser, roads: str, into: str) -> None:
    parser.add_argument("flow", choices=["speed-limits"], metavar="FLOW", help="speed-limits")
    _add_files(parser, roads, into)


def _add_files(parser: argparse.ArgumentParser, roads: str, into: str, *, needs_roads: bool = True) -> None:
    """Add what is read and written; a flow of probes without roads is told later which it wants."""
    parser.add_argument("--roads", nargs="+", type=Path, required=needs_roads, metavar="FILE", help=roads)
    parser.add_argument("--into", required=True, metavar="DIR", help=f"{into}, here or s3://…")


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
    _add_settings(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add how a run is carried out, as `Settings` has it."""
    parser.add_argument("--address", help="Ray cluster (RAY_ADDRESS, else this machine)")
    parser.add_argument(
        "--max-reject-rate", type=_share, default=DEFAULTS.max_reject_rate, metavar="SHARE",
        help="fail when more of a stage's rows are rejected (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--time-limit", type=_amount, default=DEFAULTS.time_limit_s, metavar="SECONDS",
        help="of one tile; past it the row that does not end is rejected (%(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--memory", type=_amount, default=DEFAULTS.memory_gb, metavar="GB",
        help="of all workers of a machine together (what it has)",
    )  # fmt: skip
    parser.add_argument(
        "--no-dashboard", dest="dashboard", action="store_false",
        help="start Ray on this machine without its dashboard: small runs are done 1 to 2 s sooner",
    )  # fmt: skip


def _add_run(added: Any, named: str) -> None:
    run = _command(added, "run", commands.run_flow, "run a flow")
    _add_words_of(run, named)


def _add_plan(added: Any, named: str) -> None:
    told = "say which tiles a run would compute, and why, without writing anything"
    plan = _command(added, "plan", commands.plan_flow, told)
    _add_words_of(plan, named)


def _add_words_of(parser: argparse.ArgumentParser, named: str) -> None:
    """Add the flags of a flow: of one of Waysmith, or of one in a file, by its signature."""
    told = f"{', '.join(FLOWS)}, or FILE.py:NAME for one of your own; its flags depend on it"
    parser.add_argument("flow", type=_flow_name, metavar="FLOW", help=told)
    if is_in_file(named):
        _add_users_words(parser, named)
        return
    _add_files(parser, OSM_OR_OVERTURE, "folder for the tables", needs_roads=named != "probes")
    parser.add_argument("--bbox", type=_bbox, metavar="W,S,E,N", help="read only roads that meet this box, in degrees")
    parser.add_argument("--mapping", type=Path, metavar="TOML", help="names the columns of a network of your own")
    parser.add_argument(
        "--tiles", type=_positive, metavar="N", help="cut into N tiles (as many as the weight asks for)"
    )
    if named == FLOWS[0]:
        parser.add_argument("--relearn", action="store_true", help="learn habits anew, even where little has changed")
        _add_sources(parser)
    else:
        _add_settings(parser)
    if named != "road-segments":
        from pipelines.probe_words import add_words

        add_words(parser, is_needed=named == "probes")


def _add_users_words(parser: argparse.ArgumentParser, named: str) -> None:
    """Add the parameters of a flow in a file, and how it is carried out if it takes that."""
    commands.quiet_prefect()  # which is imported with the flow
    from pipelines.user_flow import flow_named, parameters, settings_parameter

    flow = flow_named(named)
    parser.description = inspect.getdoc(flow.fn) or f"The flow {flow.name}."
    parser.epilog = None
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if settings_parameter(flow):
        _add_settings(parser)
    for each in parameters(flow):
        each.add_to(parser)


def _flow_name(text: str) -> str:
    if text not in FLOWS and not is_in_file(text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(FLOWS)}, and no FILE.py:NAME")
    return text


def _add_new(added: Any) -> None:
    new = _command(added, "new-task", commands.start_task, "write a task of your own to begin with, and its test")
    new.add_argument("name", metavar="NAME", help="of the task, its flow and its files, such as road_noise")
    new.add_argument(
        "--per", choices=["row", "tile"], default="row",
        help="row: sees one segment after another; tile: sees segments with what lies around them (%(default)s)",
    )  # fmt: skip
    new.add_argument("--into", type=Path, default=Path(), metavar="FOLDER", help="folder for the files (this one)")


def _add_explain(added: Any) -> None:
    explain = _command(added, "explain", commands.explain_segment, "say what the limit of one segment rests on")
    _add_folder(explain)
    explain.add_argument("segment_id", metavar="SEGMENT_ID")


def _add_try(added: Any) -> None:
    attempt = _command(added, "try", commands.try_task, "run one task on one segment here, without Ray and Prefect")
    told = f"{', '.join(commands.TRIED)}, or FILE.py:NAME for one of your own"
    attempt.add_argument("task", metavar="TASK", help=told)
    _add_folder(attempt)
    attempt.add_argument("segment_id", metavar="SEGMENT_ID")
    attempt.add_argument("--pdb", action="store_true", help="stop at the first line of the task in the debugger")


def _add_tables(added: Any) -> None:
    tables = _command(added, "tables", commands.list_tables, "list the tables of a folder")
    _add_folder(tables)
    tables.add_argument(
        "--conflicts", action="store_true", help="list the stated limits that GPS probes contradict instead"
    )


def _add_export(added: Any) -> None:
    export = _command(added, "export", commands.export_table, "write one table as one file")
    _add_folder(export)
    told = f"{', '.join(commands.CONTRACTS)}, or one of your own"
    export.add_argument("table", metavar="TABLE", help=told)
    export.add_argument("--to", type=Path, required=True, metavar="FILE", help=TO)
    export.add_argument(
        "--edges", type=Path, metavar="FILE",
        help="for --to valhalla: valhalla.json of the graph, its way_edges.txt, or edges with shapes (.jsonl)",
    )  # fmt: skip
    export.add_argument("--traffic", type=Path, metavar="DIR", help="for --to valhalla: folder for the CSV (traffic)")


def _add_map(added: Any) -> None:
    draw = _command(added, "map", commands.draw_map, "draw the speed limits as one page that works offline")
    _add_folder(draw)
    draw.add_argument("--to", type=Path, required=True, metavar="FILE.html")
    draw.add_argument("--title", help="heading of the page (the folder's name)")
    draw.add_argument("--speeds", action="store_true", help="draw the speeds that GPS probes drove instead")
    draw.add_argument("--traces", action="store_true", help="the same with the longest traces: not to be published")


def _add_law(added: Any) -> None:
    law = _command(added, "law", commands.show_law, "print the law of a place, or what changed between two law tables")
    law.add_argument("code", metavar="CODE", nargs="?", help="ISO 3166 code such as FI or US-OR (all, a line each)")
    law.add_argument("--law", type=Path, metavar="PATH", help="law table, a file or a folder (that of Waysmith)")
    law.add_argument(
        "--diff", nargs=2, metavar=("OLD", "NEW"), help="say what changed; - stands for the table of Waysmith"
    )
    law.add_argument("--run", metavar="DIR", help="with --diff: which segments of this folder move")


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
    from pipelines.probe_words import add_words

    add_words(proof, is_needed=False)


def _add_train(added: Any) -> None:
    train = _command(added, "train", commands.train_speed_limits, "make the model of limits anew out of maps")
    _add_flow(train, "two maps or more: one is always left out to measure", "folder for the files of the model")


def _add_simulate(added: Any, *, is_meant: bool) -> None:
    told = "drive on the roads of a map with a seed, and write what a GPS receiver would see, with the truth"
    simulate = _command(added, "simulate", commands.simulate, told)
    simulate.add_argument("what", choices=["probes"], metavar="WHAT", help="probes")
    simulate.add_argument("--roads", nargs="+", type=Path, required=True, metavar="FILE", help=OSM_OR_OVERTURE)
    simulate.add_argument("--mapping", type=Path, metavar="TOML", help="names the columns of a network of your own")
    simulate.add_argument(
        "--to", type=Path, required=True, metavar="FILE", help=".parquet, .csv or .gpx for the points"
    )
    simulate.add_argument("--truth", type=Path, metavar="DIR", help="folder for the truth (FILE-truth)")
    if is_meant:  # what simulates takes a second to import
        from pipelines.simulate_words import add_words

        add_words(simulate)


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


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return amount


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of tiles, 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
