"""The ladder with probes: nothing changes where there are none; what they decide, and what they contradict."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.speed_limit import SPEED_LIMIT
from schemas.vocabulary import Heading
from tasks.limit_conflict import conflicts
from tasks.posted_limit import posted_limit
from tasks.probed_limit import probed_limit
from tasks.speed_limit import SpeedLimit, speed_limit
from tests.tasks.test_speed_limit import AROUND, TAGS, odds_of, sign

Row = dict[str, Any]


def probe(heading: str | None = None, traces: int = 23, speed: float = 48.0, **chances: float) -> Row:
    """`_50=1.0` is 50 km/h with a likelihood of 1."""
    likely = sorted(chances.items(), key=lambda each: -each[1])
    rows = [{"limit": name if name == "none" else f"{name[1:]} km/h", "likelihood": share} for name, share in likely]
    return {"heading": heading, "traces": traces, "free_flow_kmh": speed, "likelihood": rows}


def arguments(tags: dict[str, str] | None = None, **given: Any) -> Row:
    stated = posted_limit(tags=tags or {}, speed_limits=[])
    told = {name: getattr(stated, name) for name in ("rules", "forward", "backward", "reason", "evidence")}
    around: Row = {
        "jurisdictions": [{"code": "DE", "between": None}],
        "built_up": 0.9,
        "built_up_note": "for: houses",
        "signs": [],
        "legal": [],
        "implied": [],
        "nearest_id": None,
        "nearest_limit": None,
        "nearest_m": 0.0,
        "odds": odds_of(_50=0.7, _30=0.2, _80=0.1),
    }
    return told | around | given


def probed(tags: dict[str, str] | None = None, probes: list[Row] | None = None, **given: Any) -> SpeedLimit:
    return probed_limit(**arguments(tags, **given), probes=probes)


def notes(made: SpeedLimit) -> list[str]:
    return [row["note"] for row in made.evidence if row["basis"] == "probe"]


@settings(max_examples=200, deadline=None)
@given(TAGS, st.fixed_dictionaries({name: AROUND[name] for name in ("odds", "signs", "built_up", "jurisdictions")}))
def test_without_probes_it_is_the_ladder_as_it_was(tags: dict[str, str], around: Row) -> None:
    told = arguments(tags, **around)
    for nothing in (None, []):
        assert probed_limit(**told, probes=nothing) == speed_limit(**told)


SLOW = probe(_50=0.001, _30=1.0, _80=0.0001, speed=31.0)


def test_probes_that_change_the_answer_are_its_basis() -> None:
    made = probed(probes=[SLOW])
    assert (made.max_speed_forward_kmh, made.max_speed_backward_kmh, made.basis) == (30.0, 30.0, "probe")
    assert made.confidence == pytest.approx(min(0.2 / (0.2 + 0.7 * 0.001 + 0.1 * 0.0001), 0.98))
    (row,) = [row for row in made.evidence if row["basis"] == "probe"]
    assert (row["value"], row["unit"], row["heading"]) == (30.0, "km/h", None)
    assert row["weight"] == pytest.approx(1 / 1.0011)
    assert row["note"] == "23 traces, free flow 31 km/h"


def test_probes_that_say_little_leave_the_basis_and_tell_what_they_say() -> None:
    made = probed(probes=[probe(_50=0.9, _30=1.0, _80=0.8)])
    assert (made.max_speed_forward_kmh, made.basis) == (50.0, "learned")
    assert notes(made) == ["23 traces, free flow 48 km/h; likelihood of 50 km/h 0.9 of that"]


def test_nothing_inferred_is_surer_than_anything_inferred_may_be() -> None:
    made = probed(probes=[probe(_50=1.0, _30=1e-6, _80=1e-6)])
    assert (made.basis, made.confidence) == ("probe", 0.98)


def test_a_limit_that_the_odds_do_not_name_can_win() -> None:
    assert probed(probes=[probe(_40=1.0, _50=1e-6, _30=1e-6, _80=1e-6)]).max_speed_forward_kmh == 40.0


def test_a_road_driven_as_if_it_had_no_limit_says_so() -> None:
    made = probed(probes=[probe(none=1.0, _50=1e-6, speed=141.0)], odds=odds_of(none=0.5, _50=0.5))
    assert (made.max_speed_forward_kmh, made.reason, made.basis) == (None, "unlimited", "probe")
    assert notes(made) == ["23 traces, free flow 141 km/h, as without a limit"]


def test_a_posted_limit_that_probes_contradict_is_kept_and_flagged() -> None:
    made, quiet = probed({"maxspeed": "50"}, [SLOW]), probed({"maxspeed": "50"})
    assert (made.max_speed_forward_kmh, made.basis) == (50.0, "posted")
    assert made.confidence is not None
    assert quiet.confidence is not None
    assert made.confidence < quiet.confidence
    (found,) = conflicts(table(made))
    assert found._replace(odds=0.0) == ("w0", None, "posted", 50.0, "30 km/h", 23, 31.0, 0.0)
    assert found.odds == pytest.approx(0.002 / 0.98 * (0.2 + 0.1 * 0.0001) / (0.7 * 0.001), rel=0.01)


@pytest.mark.parametrize(
    "told",
    [probe(_50=0.05, _30=1.0, _80=0.1), probe(_50=1.0, _30=0.1), probe(_30=1.0), probe(_50=0.5, _30=1.0, traces=3)],
)
def test_what_is_hardly_wrong_is_no_conflict(told: Row) -> None:
    assert conflicts(table(probed({"maxspeed": "50"}, [told]))) == []


def test_a_sign_is_contradicted_as_well_and_an_inferred_limit_never() -> None:
    by_sign = probed(None, [SLOW], signs=[sign(50)])
    assert [(each.basis, each.stated_kmh) for each in conflicts(table(by_sign))] == [("sign", 50.0)]
    assert conflicts(table(probed(None, [SLOW]))) == []


def test_each_heading_is_contradicted_by_those_who_drive_it() -> None:
    tags = {"maxspeed:forward": "50", "maxspeed:backward": "80"}
    both = [
        probe("forward", _50=1.0, _30=0.1, _80=0.1),
        SLOW | {"heading": "backward"},
        probe(None, _50=0.1, _30=1.0, _80=0.1),
    ]
    made = probed(tags, both)
    assert (made.max_speed_forward_kmh, made.max_speed_backward_kmh) == (50.0, 80.0)
    assert [(each.heading, each.stated_kmh) for each in conflicts(table(made))] == [("backward", 80.0)]
    assert {row["heading"] for row in made.evidence if row["basis"] == "probe"} == {"forward", "backward"}
    assert conflicts(table(probed(tags, both[:1]))) == []


def test_the_conflict_that_is_surest_comes_first() -> None:
    some = [probe(_50=share, _30=1.0, _80=0.01) for share in (0.002, 0.0005, 0.001)]
    found = conflicts(table(*(probed({"maxspeed": "50"}, [each]) for each in some)))
    assert [each.segment_id for each in found] == ["w1", "w2", "w0"]


def test_a_road_without_limit_that_is_driven_slowly_is_a_conflict() -> None:
    told = probe(none=1e-5, _80=1.0, _100=0.1, speed=76.0)
    (found,) = conflicts(table(probed({"maxspeed": "none"}, [told])))
    assert (found.stated_kmh, found.likeliest) == (None, "80 km/h")


@pytest.mark.parametrize("tags", [{"maxspeed": "walk"}, {"maxspeed": "signals"}])
def test_what_is_no_number_stays_so_and_the_probes_are_told(tags: dict[str, str]) -> None:
    made, quiet = probed(tags, [SLOW]), probed(tags)
    assert made._replace(evidence=[]) == quiet._replace(evidence=[])
    assert notes(made) == ["23 traces, free flow 31 km/h"]


LIKELY = st.dictionaries(st.sampled_from(["_20", "_30", "_50", "_80", "none"]), st.floats(1e-6, 1), min_size=1)
PROBES = st.lists(
    st.builds(lambda heading, chances: probe(heading, **chances), st.sampled_from([*map(str, Heading), None]), LIKELY),
    max_size=3,
    unique_by=lambda each: each["heading"],
)


@settings(max_examples=200, deadline=None)
@given(TAGS, PROBES, st.fixed_dictionaries({name: AROUND[name] for name in ("odds", "signs", "jurisdictions")}))
def test_what_is_stated_decides_whatever_probes_say(tags: dict[str, str], probes: list[Row], around: Row) -> None:
    made, quiet = probed(tags, probes, **around), probed(tags, **around)
    assert made.confidence is None or 0 < made.confidence <= 1
    assert (made.reason is None) == (made.max_speed_forward_kmh is not None or made.max_speed_backward_kmh is not None)
    if quiet.basis == "posted" and "maxspeed:forward" not in tags and "maxspeed:backward" not in tags:
        assert (made.basis, made.max_speed_forward_kmh, made.reason) == (
            "posted",
            quiet.max_speed_forward_kmh,
            quiet.reason,
        )


def table(*made: SpeedLimit) -> pa.Table:
    """As it lies in a folder."""
    rows = [each._asdict() | {"segment_id": f"w{i}"} for i, each in enumerate(made)]
    names = ("segment_id", "basis", "max_speed_forward_kmh", "max_speed_backward_kmh", "evidence")
    return pa.table({name: pa.array([row[name] for row in rows], SPEED_LIMIT[name].type) for name in names})
