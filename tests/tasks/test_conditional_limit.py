import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.conditional_limit import Condition, is_hours, read_condition, read_conditional
from tasks.maxspeed import UnreadableSpeed

# OpenStreetMap wiki, Conditional restrictions and Key:maxspeed:conditional
CLAUSES = [
    ("60 @ (22:00-06:00)", [("60", "22:00-06:00")]),
    ("60 @ 22:00-06:00", [("60", "22:00-06:00")]),
    ("60@(22:00-06:00)", [("60", "22:00-06:00")]),
    ("40 @ (Mo-Fr 08:00-09:30,14:30-16:00; PH off; SH off)",
     [("40", "Mo-Fr 08:00-09:30,14:30-16:00; PH off; SH off")]),
    ("120 @ (06:00-20:00); 100 @ (22:00-06:00)", [("120", "06:00-20:00"), ("100", "22:00-06:00")]),
    ("30 @ Mo-Fr 07:00-08:00; Sa 09:00-10:00", [("30", "Mo-Fr 07:00-08:00; Sa 09:00-10:00")]),
    ("65 mph @ ((sunset+01:30)-(sunrise-01:30))", [("65 mph", "(sunset+01:30)-(sunrise-01:30)")]),
    ("30 @ (Mo-Fr); ", [("30", "Mo-Fr")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "clauses"), CLAUSES)
def test_clauses_keep_their_hours(text: str, clauses: list[tuple[str, str]]) -> None:
    assert [(clause.value, clause.condition.during) for clause in read_conditional(text)] == clauses


CONDITIONS = [
    ("wet", Condition(others=("wet",))),
    ("(wet)", Condition(others=("wet",))),
    ("hgv", Condition(mode=("hgv",))),
    ("HGV", Condition(mode=("hgv",))),
    ("trailer", Condition(others=("trailer",))),
    ("motorcar", Condition(mode=("car",))),
    ("destination", Condition(using=("at_destination",))),
    ("disabled", Condition(recognized=("as_disabled",))),
    ("trailer AND wet", Condition(others=("trailer", "wet"))),
    ("wet and snow", Condition(others=("wet", "snow"))),
    ("(22:00-06:00) AND hgv", Condition("22:00-06:00", mode=("hgv",))),
    ("hgv AND bus", Condition(mode=("hgv",), others=("bus",))),
    ("Mo-Fr AND 07:00-09:00", Condition("Mo-Fr", others=("07:00-09:00",))),
    ("weightrating>3.5", Condition(others=("weightrating>3.5",))),
    ("axles>2.5", Condition(others=("axles>2.5",))),
    ("axles>=3 t", Condition(others=("axles>=3 t",))),
    ("length>12 kg", Condition(others=("length>12 kg",))),
    ("weight>7.5 m", Condition(others=("weight>7.5 m",))),
    ("off", Condition(others=("off",))),
]


@pytest.mark.parametrize(("text", "condition"), CONDITIONS)
def test_a_condition_is_expressed_or_kept_in_words(text: str, condition: Condition) -> None:
    assert read_condition(text) == condition


# units: OpenStreetMap wiki, Conditional restrictions (as maxweight and maxlength: t and m) and Key:maxweight (st, lt)
VEHICLES = [
    ("weight>7.5", "weight", "greater_than", 7.5, "t"),
    ("weight >= 7.5 t", "weight", "greater_than_equal", 7.5, "t"),
    ("weight≥3.5", "weight", "greater_than_equal", 3.5, "t"),
    ("weight<3.5", "weight", "less_than", 3.5, "t"),
    ("weight≤3500 kg", "weight", "less_than_equal", 3500, "kg"),
    ("weight==10000 lbs", "weight", "equal", 10000, "lb"),
    ("weight>5 st", "weight", "greater_than", 5, "st"),
    ("length>40'", "length", "greater_than", 40, "ft"),
    ("width>2.55", "width", "greater_than", 2.55, "m"),
    ("height>400 cm", "height", "greater_than", 400, "cm"),
]


@pytest.mark.parametrize(("text", "dimension", "comparison", "value", "unit"), VEHICLES)
def test_vehicle_properties(text: str, dimension: str, comparison: str, value: float, unit: str) -> None:
    (vehicle,) = read_condition(text).vehicle
    assert vehicle == {"dimension": dimension, "comparison": comparison, "value": value, "unit": unit}


def test_a_count_of_axles_has_no_unit() -> None:
    (vehicle,) = read_condition("axles>=3").vehicle
    assert vehicle == {"dimension": "axle_count", "comparison": "greater_than_equal", "value": 3}


BROKEN = ["", ";", "60", "60 @", "@ wet", "60 @ ()", "60 @ (22:00", "60 @ 22:00)", '60 @ "wet', "60 @ wet @ snow"]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_clauses_are_refused(text: str) -> None:
    with pytest.raises(UnreadableSpeed):
        read_conditional(text)


# OpenStreetMap wiki, Key:opening_hours/specification (summary of syntax) and, for the others, words of the same pages
@pytest.mark.parametrize(
    "text", ["24/7", "Mo-Fr 08:00-17:00", "PH off", "Dec-Feb", "sunset-sunrise", "week 1-10", "SH"]
)
def test_hours(text: str) -> None:
    assert is_hours(text)


@pytest.mark.parametrize("text", ["winter", "wet", "", "Mo-Fr 7-17", '"by appointment"', "off", "unknown", "25:99"])
def test_what_is_no_hours(text: str) -> None:
    assert not is_hours(text)


CLAUSE = st.tuples(
    st.sampled_from(["50", "30 mph", "none"]),
    st.sampled_from(["wet", "(Mo-Fr 08:00-17:00; PH off)", "(weight>7.5)", "hgv"]),
)


@given(st.lists(CLAUSE, min_size=1, max_size=4), st.sampled_from(["; ", ";", " ; "]), st.sampled_from([" @ ", "@"]))
def test_what_is_joined_is_taken_apart(clauses: list[tuple[str, str]], separator: str, at: str) -> None:
    read = read_conditional(separator.join(f"{value}{at}{condition}" for value, condition in clauses))
    assert [(clause.value, clause.condition) for clause in read] == [
        (value, read_condition(condition)) for value, condition in clauses
    ]


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = read_conditional(text)
    except UnreadableSpeed:
        return
    assert read
    assert all(clause.value for clause in read)
