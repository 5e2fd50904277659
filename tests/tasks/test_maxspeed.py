import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.maxspeed import Posted, UnreadableSpeed, read_maxspeed

# OpenStreetMap wiki, Key:maxspeed, and values counted in the extracts of Columbus, Helsinki, Andorra and Liechtenstein
FACTS = [
    ("50", 50.0, "km/h", 50.0),
    ("30 mph", 30.0, "mph", 48.28032),
    ("30mph", 30.0, "mph", 48.28032),
    ("5 mph", 5.0, "mph", 8.04672),
    ("10 knots", 10.0, "knots", 18.52),
    ("80 km/h", 80.0, "km/h", 80.0),
    ("80 kmh", 80.0, "km/h", 80.0),
    (" 60 ", 60.0, "km/h", 60.0),
    ("7.5", 7.5, "km/h", 7.5),
    ("25 MPH", 25.0, "mph", 40.2336),
    ("30\tkm/h", 30.0, "km/h", 30.0),
    ("350", 350.0, "km/h", 350.0),
    ("188 knots", 188.0, "knots", 348.176),
]


@pytest.mark.parametrize(("text", "value", "unit", "kmh"), FACTS)
def test_numbers_keep_value_and_unit(text: str, value: float, unit: str, kmh: float) -> None:
    posted = read_maxspeed(text)
    assert posted[:2] == (value, unit)
    assert posted.kmh == pytest.approx(kmh)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("none", "unlimited"),
        ("signals", "variable"),
        ("variable", "variable"),
        ("walk", "walking_pace"),
        ("DE:urban", "not_posted"),
        ("RO:rural", "not_posted"),
        ("GB:nsl_single", "not_posted"),
        ("US-OR:urban", "not_posted"),
        ("DE:zone:30", "not_posted"),
    ],
)
def test_words_have_a_reason_and_no_number(text: str, reason: str) -> None:
    posted = read_maxspeed(text)
    assert posted.kmh is None
    assert posted.reason == reason


NONSENSE = [
    "",
    "fast",
    "50;30",
    "50|30",
    "-50",
    "0",
    "1e3",
    "351",
    "999999",
    "50 m/s",
    "٥٠",
    "50 km/h/h",
    "189 knots",
    "1 knot",
    "30z",
    "50,5",
    "mph",
]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnreadableSpeed) as caught:
        read_maxspeed(text)
    assert repr(text) in str(caught.value)


def test_a_long_value_is_quoted_short() -> None:
    with pytest.raises(UnreadableSpeed) as caught:
        read_maxspeed("x" * 10_000)
    assert len(str(caught.value)) < 200


@given(st.integers(1, 188), st.sampled_from(["", " mph", "mph", " km/h", " knots"]))
def test_what_is_written_is_what_is_read(value: int, unit: str) -> None:
    assert read_maxspeed(f"{value}{unit}")[:2] == (float(value), unit.strip() or "km/h")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        posted = read_maxspeed(text)
    except UnreadableSpeed:
        return
    assert isinstance(posted, Posted)
    assert (posted.value is None) == (posted.reason is not None)
