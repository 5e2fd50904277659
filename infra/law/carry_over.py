"""Carries the facts of a `legal_default_speeds.json` over into the project's law table.

    python infra/law/carry_over.py legal_default_speeds.json tasks/law/table

The JSON is what the OpenStreetMap wiki's page "Default speed limits" says, read by its authors' parser. Every road
type, rule and tag of it comes over, and its warnings as notes; nothing else does. The one thing that is read into it:
a rule that advises cars a speed and limits them to none (German motorways) says `maxspeed = "none"` here. What cannot
be read becomes a note of its jurisdiction.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tasks.law.vehicle_limit import LimitError, read_limits

PAGE = "OpenStreetMap wiki, Default speed limits, revision {revisionId}"
HEADER = """\
# {title}
#
# Facts from the page "Default speed limits" of the OpenStreetMap wiki, revision {revisionId} of {timestamp},
# {source}
# © OpenStreetMap wiki contributors, Creative Commons Attribution-ShareAlike 2.0
# (https://creativecommons.org/licenses/by-sa/2.0/). This file is under the same licence; its form is Waysmith's.
# Made by infra/law/carry_over.py, meant to be read and mended by hand: README.md beside it says how.
"""
FILTERS = {"filter": "exact", "relationFilter": "relation", "fuzzyFilter": "fuzzy"}
"""Keys of the JSON, and what they are called here."""
UNMAPPED = re.compile(r"([A-Z]{2}(?:-[A-Z0-9]+)?): Unable to map '(.+)'")
NO_FILTER = "The source names this road type and tells no filter for it, so no tags lead to it."
BARE = re.compile(r"[A-Za-z0-9_-]+")


def road_types_text(source: dict[str, Any]) -> str:
    """Return the file of road types."""
    unmapped = {match[2] for match in map(UNMAPPED.fullmatch, source["warnings"]) if match}
    blocks = [HEADER.format(title="Road types: how tags tell them apart.", **source["meta"]), *_table_block(source)]
    for name, filters in sorted(({name: {} for name in unmapped} | source["roadTypesByName"]).items()):
        lines = [f"{new} = {literal(filters[old])}" for old, new in FILTERS.items() if old in filters]
        note = [f'note = "{NO_FILTER}"'] if name in unmapped else []
        blocks.append("\n".join([f"[road_type.{key(name)}]", *lines, *note]) + "\n")
    return "\n".join(blocks)


def jurisdictions_text(source: dict[str, Any]) -> str:
    """Return the file of jurisdictions with their rules."""
    blocks = [HEADER.format(title="Jurisdictions: which limit each road type has.", **source["meta"])]
    for code, rules in sorted(source["speedLimitsByCountryCode"].items()):
        date = source["meta"]["timestamp"][:10]
        page = PAGE.format(**source["meta"])
        notes = [f"note = {literal(note)}\n" for note in [unreadable(rules)] if note]
        blocks.append("".join([f"[jurisdiction.{key(code)}]\ndate = {date}\nsource = {literal(page)}\n", *notes]))
        blocks.extend("\n".join(_rule_lines(code, rule)) + "\n" for rule in rules)
    return "\n".join(blocks)


def _table_block(source: dict[str, Any]) -> Iterator[str]:
    lost = Counter(warning for warning in source["warnings"] if not UNMAPPED.fullmatch(warning))
    notes = [f"{count} road types of {warning}" for warning, count in lost.items()]
    yield "\n".join(["[table]", "notes = [", *(f"  {literal(note)}," for note in notes), "]"]) + "\n"


def _rule_lines(code: str, rule: dict[str, Any]) -> Iterable[str]:
    yield f"[[jurisdiction.{key(code)}.road]]"
    if rule.get("name"):
        yield f"type = {literal(rule['name'])}"
    tags = {name: value for name, value in rule["tags"].items() if is_readable(name, value)}
    if "maxspeed:advisory" in tags and "maxspeed" not in tags:
        tags["maxspeed"] = "none"
    yield from (f"{key(name)} = {literal(value)}" for name, value in sorted(tags.items()))


def is_readable(name: str, value: str) -> bool:
    """Return whether a tag of the source says something."""
    try:
        read_limits(((name, value),))
    except LimitError:
        return False
    return True


def unreadable(rules: Iterable[dict[str, Any]]) -> str:
    """Return a note of the tags that cannot be read; empty if there are none."""
    found = [
        f"{name} = {value} for {rule.get('name', 'other roads')}"
        for rule in rules
        for name, value in rule["tags"].items()
        if not is_readable(name, value)
    ]
    return f"The source says {', '.join(found)}; that is no speed and is left out." if found else ""


def key(name: str) -> str:
    """Return a key as TOML writes it."""
    return name if BARE.fullmatch(name) else literal(name)


def literal(text: str) -> str:
    """Return a string as TOML writes it: in double quotes where nothing in it needs escaping, else in single ones."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    if "'" in text:
        raise ValueError(f"{text!r} has both kinds of quotes, expected one")
    return f"'{text}'"


def main(json_file: str, folder: str) -> None:
    """Write the files of the table into a folder."""
    source = json.loads(Path(json_file).read_text(encoding="utf-8"))
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    (into / "road_types.toml").write_text(road_types_text(source), encoding="utf-8")
    (into / "jurisdictions.toml").write_text(jurisdictions_text(source), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
