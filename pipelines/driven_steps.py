"""The routes of matched traces, put into the tiles of the segments that they run over."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines import foresight
from pipelines.partition import partition
from pipelines.reading import is_read, reading_fingerprint, write_note
from pipelines.table import Table, open_table, table_in
from pipelines.tile_run import StageError
from schemas.traversal import DRIVEN_STEP
from tasks.driven_step import READ, driven_steps

MODULES = ("tasks.driven_step",)
"""Modules whose sources decide which steps come out."""


@task(name="driven_step", task_run_name="driven_step", cache_policy=NO_CACHE)
def part_steps(points: Table, matches: Table, segments: Table, into: str) -> Table:
    """Take the routes of all matches apart and commit each step with its segment; nothing is done where none changed.

    Raises
    ------
    StageError
        If there are not as many matches as points.
    """
    if plan := foresight.current():
        target = table_in(DRIVEN_STEP, into)
        is_known = not plan.open_tiles(matches) and is_read(target, _fingerprint(target, matches, segments))
        return plan.parted(target, segments, matches, is_known=is_known)
    _check_count(points, matches)
    target = open_table(DRIVEN_STEP, into)
    fingerprint = _fingerprint(target, matches, segments)
    if is_read(target, fingerprint):
        return target
    steps = (driven_steps(matches.read(tile, READ)) for tile in matches.tiles())
    partition(steps, DRIVEN_STEP, segments, into)
    write_note(target, fingerprint)
    return target


def _fingerprint(target: Table, matches: Table, segments: Table) -> str | None:
    digests = [sorted((tile, each.digest) for tile, each in of.receipts().items()) for of in (matches, segments)]
    return reading_fingerprint(target, MODULES, [], digests)


def _check_count(points: Table, matches: Table) -> None:
    """Raise unless every point has a match, save those of pieces that were rejected."""
    given = sum(receipt.rows_out for receipt in points.receipts().values())
    receipts = matches.receipts().values()
    told, rejected = sum(each.rows_out for each in receipts), sum(each.rows_rejected for each in receipts)
    if told != given and not (rejected and told < given):
        raise StageError(f"match: {given} points in, but {told} out and {rejected} pieces of traces rejected")
