"""Real tags of one key each, with what the documentation says of them; each is read or refused as it says.

What is expected is written in few words: `50 km/h forward` (what a car may drive), `sign …` and `zone …` (the same,
with its basis), `unlimited` and the other reasons, `code DE:urban`, `rule …` (what holds for some vehicles or hours),
`min …`, `kept …` (evidence that no rule can say), `untold …` (a list), `advice …`, `note`, `nothing`, `refused`.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.speed_rule import problems
from tasks.limit_key import Topic, read_limit_key
from tasks.posted_limit import PostedLimit, posted_limit

with (Path(__file__).parent / "speed_tag_corpus.csv").open(newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))

UNTOLD = "Overture has no rule for parts of the way that are not told"


def speed(row: dict[str, Any]) -> str:
    return f"{row['value']:g} {row['unit']}"


def scope(when: dict[str, Any] | None) -> Iterator[str]:
    when = when or {}
    if when.get("heading"):
        yield when["heading"]
    if when.get("during"):
        yield f"during {when['during']}"
    if when.get("mode"):
        yield f"for {', '.join(when['mode'])}"
    for part in when.get("vehicle", ()):
        measure = f"{part['value']:g} {part.get('unit', '')}".strip()
        yield f"when {part['dimension']} {part['comparison']} {measure}"
    for name in ("using", "recognized"):
        if when.get(name):
            yield f"{name} {', '.join(when[name])}"


def rule_in_words(rule: dict[str, Any]) -> str:
    kind = "max_speed" if "max_speed" in rule else "min_speed"
    return " ".join([speed(rule[kind]), *scope(rule["when"])])


def kept(row: dict[str, Any]) -> str:
    """Return the number of a witness that no rule can say, and what it holds for."""
    return f"{speed(row)} for {row['note'].split('Overture has no rule for ')[1]}"


def in_words(found: PostedLimit, topic: Topic | None) -> str:
    """Return what was read, in the words of the corpus."""
    if found.refused:
        return "refused" if not (found.rules or found.codes) else "refused, but not all of it"
    if not found.evidence:
        return "nothing"
    if topic is Topic.ADVICE:
        return f"advice {speed(found.evidence[0])}" if not found.rules else "advice became a rule"
    if found.rules:
        return rules_in_words(found, topic)
    if found.codes:
        (code,) = found.codes
        return " ".join(["code", code["code"], *([code["heading"]] if code["heading"] else [])])
    return without_rule(found)


def rules_in_words(found: PostedLimit, topic: Topic | None) -> str:
    words = " + ".join(rule_in_words(rule) for rule in found.rules)
    if topic is Topic.LOWEST:
        return f"min {words}"
    if not (found.forward or found.backward):
        return " + ".join(f"rule {rule_in_words(rule)}" for rule in found.rules)
    basis = found.evidence[0]["basis"]
    return words if basis == "posted" else f"{basis} {words}"


def without_rule(found: PostedLimit) -> str:
    notes = [row["note"] for row in found.evidence]
    if found.reason == "not_posted":
        return "note"
    if found.reason != "partly_posted":
        return str(found.reason)
    numbers = [row for row in found.evidence if row["value"] is not None]
    if all(UNTOLD in note for note in notes):
        return "untold"
    return "kept " + "; ".join(kept(row) for row in numbers) if numbers else "kept"


def test_the_corpus_is_large_and_distinct() -> None:
    pairs = [(row["key"], row["value"]) for row in ROWS]
    assert len(set(pairs)) == len(pairs) >= 500
    assert all(row["expected"] and row["source"] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['key']}={row['value']}")
def test_each_tag_is_read_as_documented(row: dict[str, str]) -> None:
    key, value, expected = row["key"], row["value"], row["expected"]
    found = posted_limit(tags={"highway": "primary", key: value}, speed_limits=[])
    read = read_limit_key(key)
    told = in_words(found, read.topic if read else None)
    assert told == ("untold" if expected.startswith("untold ") else expected)
    assert not found.rules or problems(found.rules) == []


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["expected"].startswith("untold ")], ids=lambda row: row["value"]
)
def test_all_values_of_a_list_are_kept(row: dict[str, str]) -> None:
    found = posted_limit(tags={row["key"]: row["value"]}, speed_limits=[])
    wanted = [part for part in row["expected"].removeprefix("untold ").split(", ") if part[0].isdigit()]
    assert sorted(speed(each) for each in found.evidence if each["value"]) == sorted(wanted)
    assert len(found.evidence) == len(row["expected"].split(", "))


@pytest.mark.parametrize("row", [row for row in ROWS if row["expected"] == "refused"], ids=lambda row: row["value"])
def test_a_refusal_names_key_and_value_in_one_line(row: dict[str, str]) -> None:
    (refused,) = posted_limit(tags={row["key"]: row["value"]}, speed_limits=[]).refused
    assert (refused["key"], refused["value"]) == (row["key"], row["value"])
    assert "\n" not in refused["message"]
