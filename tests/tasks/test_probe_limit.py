"""What probes say of limits: parts of one road together, few traces, and segments that nobody drives."""

from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from tasks.input_file import InputFile
from tasks.ladder import posterior
from tasks.limit_evidence import likelihoods
from tasks.limit_model.driving import ROAD_CONTEXT
from tasks.limit_model.driving_fit import learn_from
from tasks.probe_limit import FEWEST_TRACES, DrivingFile, probe_limit
from tasks.probed_limit import probed_limit
from tasks.speed_limit import speed_limit
from tests.tasks.limit_model.test_driving import LIMITS, MEANS, lesson
from tests.tasks.test_probed_limit import arguments
from tests.tasks.test_speed_limit import odds_of

Row = dict[str, Any]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> DrivingFile:
    """Finland drives as the lesson says; no other country has been heard of."""
    folder = tmp_path_factory.mktemp("driving")
    pq.write_table(learn_from(lesson(600, alike=0.3, parts=3)).to_table(), folder / "FI.parquet")
    return DrivingFile(InputFile.of(folder))


def told(speed: float, heading: str | None = "forward", traces: int = 20) -> Row:
    return {"heading": heading, "traces": traces, "free_flow_kmh": speed, "spread_kmh": 7.0, "p85_kmh": speed * 1.1}


def said(params: DrivingFile, driven: list[list[Row]], **given: Any) -> list[list[Row]]:
    """What is said of segments 100 m apart, each its own road unless `record` names others."""
    count = len(driven)
    lines = [shapely.LineString([(25 + i / 500, 60), (25.001 + i / 500, 60)]) for i in range(count)]
    columns: Row = {
        "segment_id": [f"s{i}" for i in range(count)],
        "geometry": np.array(lines),
        "country": ["FI"] * count,
        "record": [f"w{i}" for i in range(count)],
        "kind": ["primary"] * count,
        "limit": [None] * count,
        "context": np.zeros((count, len(ROAD_CONTEXT))),
        "odds": [[]] * count,
        "is_own": np.ones(count, dtype=bool),
    }
    return probe_limit(**columns | given, driven=driven, params=params).probes


def likeliest(probe: Row) -> str:
    return str(probe["likelihood"][0]["limit"])


def shares(probe: Row) -> dict[str, float]:
    return {each["limit"]: each["likelihood"] for each in probe["likelihood"]}


def test_roads_driven_as_those_of_a_limit_speak_for_it(learned: DrivingFile) -> None:
    made = said(learned, [[told(speed)] for speed in MEANS.values()])
    assert [likeliest(probe) for (probe,) in made] == list(MEANS)
    assert all(probe["likelihood"][0]["likelihood"] == 1.0 for (probe,) in made)
    assert [(probe["heading"], probe["traces"]) for (probe,) in made] == [("forward", 20)] * 4


def test_nobody_says_nothing_and_too_few_say_nothing(learned: DrivingFile) -> None:
    assert said(learned, [[], [told(50.0, traces=FEWEST_TRACES - 1)], [told(50.0)]])[:2] == [[], []]


def test_few_traces_are_nearly_flat(learned: DrivingFile) -> None:
    few, many = (shares(said(learned, [[told(50.0, traces=traces)]])[0][0]) for traces in (FEWEST_TRACES, 40))
    assert few["30 km/h"] > 0.2 > 0.05 > many["30 km/h"]


def test_a_segment_may_have_what_its_odds_and_its_tags_name(learned: DrivingFile) -> None:
    odds = [[{"limit": "60 km/h"}], None]
    (one,), (other,) = said(learned, [[told(58.0)], [told(58.0)]], odds=odds, limit=["70 km/h", None])
    assert set(shares(one)) == {*LIMITS, "60 km/h", "70 km/h"}
    assert set(shares(other)) == set(LIMITS)
    assert likeliest(one) == "60 km/h"


def test_parts_of_one_road_are_heard_together(learned: DrivingFile) -> None:
    """A short part is driven too fast for its limit; its road is not, but what lies 2 km on is not heard."""
    driven = [[told(speed)] for speed in (63.0, 50.0, 50.0, 50.0)]
    alone, together = (said(learned, driven, record=record)[0][0] for record in ([*"abcd"], ["a"] * 4))
    assert shares(together)["50 km/h"] > shares(alone)["50 km/h"]
    assert (likeliest(alone), likeliest(together)) == ("80 km/h", "50 km/h")
    far = [shapely.LineString([(25 + i * 0.04, 60), (25.001 + i * 0.04, 60)]) for i in range(4)]
    assert said(learned, driven, record=["a"] * 4, geometry=np.array(far))[0][0] == alone


def test_headings_are_not_heard_together(learned: DrivingFile) -> None:
    both = [told(50.0), told(84.0, "backward"), told(67.0, None, 40)]
    (made,) = said(learned, [both])
    assert [(probe["heading"], likeliest(probe)) for probe in made[:2]] == [
        ("forward", "50 km/h"),
        ("backward", "100 km/h"),
    ]
    assert made[0] == said(learned, [[told(50.0)]])[0][0]


def test_what_lies_around_is_heard_and_not_told(learned: DrivingFile) -> None:
    driven = [[told(63.0)], [told(50.0)], [told(84.0)]]
    whole = said(learned, driven, record=["a", "a", "b"])
    part = said(learned, driven, record=["a", "a", "b"], is_own=np.array([True, False, False]))
    assert part == [whole[0], [], []]
    assert said(learned, driven[:2], record=["a", "a"])[0] == whole[0]


def test_a_country_that_nobody_has_heard_of_drives_at_its_limits(learned: DrivingFile) -> None:
    odds = [[{"limit": limit} for limit in LIMITS]] * 2
    made = said(learned, [[told(30.0)], [told(50.0)]], country=["SE", None], odds=odds)
    assert [likeliest(probe) for (probe,) in made] == ["30 km/h", "50 km/h"]
    assert said(learned, [[told(30.0)]], country=["SE"]) == [[]]


def test_the_more_traces_the_further_the_odds_move_and_two_move_nothing(learned: DrivingFile) -> None:
    """A street that is driven as those of 30 km/h are, and looks like one of 50 km/h."""
    chances = []
    for traces in (0, 1, 2, 3, 5, 10, 20, 60):
        (probes,) = said(learned, [[told(MEANS["30 km/h"], traces=traces)] if traces else []])
        given = arguments(odds=odds_of(_50=0.7, _30=0.25, _80=0.05))
        made, without = probed_limit(**given, probes=probes), speed_limit(**given)
        assert (made == without) == (traces < FEWEST_TRACES)
        chance = posterior(
            {"50 km/h": 0.7, "30 km/h": 0.25, "80 km/h": 0.05}, [], likelihoods(probes[0] if probes else None)
        )
        chances.append(chance["30 km/h"])
        assert (made.max_speed_forward_kmh == 30.0) == (chance["30 km/h"] > chance["50 km/h"])
    assert chances[:3] == [0.25] * 3
    assert chances[2:] == sorted(chances[2:])
    assert chances[3] < 0.4 < 0.7 < chances[-2] < chances[-1]
