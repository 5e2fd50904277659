"""Overture's speed rules in words, for people."""

from collections.abc import Iterator

from tasks.speed_rule import Rule


def rule_text(rule: Rule) -> str:
    """Return one rule of Overture's in words.

    Examples
    --------
    >>> rule_text({"max_speed": {"value": 30, "unit": "km/h"}, "between": [0.25, 1.0], "when": {"heading": "forward"}})
    'at most 30 km/h; from 25 % to 100 % of the length; heading forward'
    """
    parts = [
        _speed_text("at most", rule.get("max_speed")),
        _speed_text("at least", rule.get("min_speed")),
        "variable" if rule.get("is_max_speed_variable") else "",
        _between_text(rule.get("between")),
        *_when_texts(rule.get("when") or {}),
    ]
    return "; ".join(filter(None, parts))


def _when_texts(when: Rule) -> Iterator[str]:
    """Yield the conditions of a rule in words: `during` is OSM's opening hours and stays as it is."""
    yield from (f"{word} {when[word]}" for word in ("heading", "during") if when.get(word))
    for word in ("mode", "using", "recognized"):
        if when.get(word):
            yield f"{word} {', '.join(when[word])}".replace("_", " ")
    for vehicle in when.get("vehicle") or ():
        parts = (f"{part:g}" if isinstance(part, float) else part for part in vehicle.values() if part is not None)
        yield f"vehicle {' '.join(parts)}".replace("_", " ")


def _between_text(between: list[float] | None) -> str:
    return f"from {100 * between[0]:.4g} % to {100 * between[1]:.4g} % of the length" if between else ""


def _speed_text(word: str, speed: Rule | None) -> str:
    return f"{word} {speed['value']} {speed['unit']}" if speed else ""
