import pytest

from pipelines.costs import Costs
from pipelines.schedule import Budget, Care, batches, careful, groups
from pipelines.tile_run import TilePlan
from schemas.receipt import Measured

BUDGET = Budget(worker_mb=1000, machine_mb=4000)


def plans(*rows: int, read_mb: float = 0.1) -> list[TilePlan]:
    return [TilePlan(f"q{i:03}", "f", count, 0.0, None, (), {}, read_mb) for i, count in enumerate(rows)]


def costs(*tiles: Measured) -> Costs:
    made = Costs.__new__(Costs)
    made.tiles = {tile.tile: tile for tile in tiles}
    return made


def test_unmeasured_tiles_are_spread_over_several_tasks_a_core() -> None:
    made = batches(plans(*range(1, 101)), costs(), cores=2)
    assert len(made) == 16
    loads = [sum(plan.rows for plan in batch) for batch in made]
    assert max(loads) <= 5050 / 16 + 100
    assert sorted(plan.tile for batch in made for plan in batch) == [f"q{i:03}" for i in range(100)]


def test_measured_tiles_make_tasks_of_about_a_second() -> None:
    known = costs(*(Measured(f"q{i:03}", 100, 0.1, 300.0) for i in range(100)))
    assert len(batches(plans(*[100] * 100), known, cores=2)) == 10


def test_a_slow_tile_has_a_task_of_its_own() -> None:
    known = costs(Measured("q000", 100, 9.0, 300.0), *(Measured(f"q{i:03}", 100, 0.1, 300.0) for i in range(1, 11)))
    first = batches(plans(*[100] * 11), known, cores=2)[0]
    assert [plan.tile for plan in first] == ["q000"]


def test_a_tile_too_large_for_a_worker_is_computed_in_parts_or_alone() -> None:
    large = plans(1000, read_mb=50)  # 40 MB for each MB read
    (group,) = groups(large, costs(), cores=4, budget=BUDGET, is_row_by_row=True)
    assert group.batches[0][0].parts == 4  # 2,500 MB in parts of 650
    assert group.memory_mb == 1000
    (group,) = groups(large, costs(), cores=4, budget=BUDGET, is_row_by_row=False)
    assert group.batches[0][0].parts == 1
    assert group.memory_mb == pytest.approx(2850)


def test_what_was_measured_replaces_the_guess() -> None:
    known = costs(Measured("q000", 1000, 1.0, 480.0, 380.0, 50.0))  # 2 MB for each MB read
    (group,) = groups(plans(1000, read_mb=50), known, cores=4, budget=BUDGET, is_row_by_row=False)
    assert group.memory_mb == pytest.approx(350 + 125)


def test_tiles_given_out_again_are_alone_in_their_task() -> None:
    (group,) = careful(plans(5, 6), Care(is_apart=True), BUDGET)
    assert [len(batch) for batch in group.batches] == [1, 1]
    assert group.memory_mb == 1000
    (group,) = careful(plans(5, 6), Care(is_alone=True), BUDGET)
    assert group.memory_mb == 4000


def test_heavy_tiles_go_first_so_that_loads_come_out_even() -> None:
    known = costs(*(Measured(f"q{i:03}", 100, seconds, 300.0) for i, seconds in enumerate((0.5, 0.5, 0.5, 0.5, 2.0))))
    made = batches(plans(*[100] * 5), known, cores=2)
    assert [plan.tile for plan in made[0]] == ["q004"]
    assert sorted(len(batch) for batch in made) == [1, 1, 1, 2]
