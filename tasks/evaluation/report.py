"""The figures of an evaluation in Markdown, which reads well in a terminal too."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.evaluation.figures import BASELINES, GROUPS, MANY, RIVALS

Figures = Mapping[str, Any]

HEADINGS = (
    *("segments", "km", "exact (95 % interval)", "by count", "one step", "too high", "number", "macro-F1"),
    *("stated ≥ 0.95", "of these exact", "too high", "ECE"),
)
PROBE_HEADINGS = (
    *("segments", "share", "exact without", "with", "gain", "within 10 km/h without", "with", "too high without"),
    *("with", "ECE without", "with"),
)
TITLES = {
    "extract": "By extract",
    "jurisdiction": "By jurisdiction",
    "class": "By class",
    "area": "Urban and rural",
    "basis": "By basis",
}
ALL = "all"
NOTHING = "–"


def report_lines(told: Figures) -> list[str]:
    """Return the figures of an evaluation as lines of Markdown."""
    return [
        *_head(told),
        *_probe_tables(told),
        *_rival_table(told),
        *_own_tables(told),
        *_rest(told),
    ]


def share_text(share: float | None) -> str:
    """Return a share as text.

    Examples
    --------
    >>> share_text(0.9567), share_text(None)
    ('95.7 %', '–')
    """
    return NOTHING if share is None else f"{100 * share:.1f} %"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    r"""Return a table in Markdown, its columns as wide as their widest cell; the first is flush left.

    Examples
    --------
    >>> print(*table(["class", "km"], [["primary", "12.0"]]), sep="\n")
    | class   |   km |
    | :------ | ---: |
    | primary | 12.0 |
    """
    widths = [max(len(row[i]) for row in (headings, *rows)) for i in range(len(headings))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        for row in (headings, *rows)
    ]
    return [f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:])]


def _head(told: Figures) -> Iterator[str]:
    hiding, extracts = told["hiding"], told["extracts"]
    scored = told["all"]["by_length"]
    yield "# How right inferred limits are"
    yield ""
    yield (
        f"{scored['segments']:,} segments ({scored['km']:,.1f} km) whose limit is stated and was hidden, in "
        f"{len(extracts)} extract{'s' if len(extracts) != 1 else ''}. {share_text(hiding['share'])} of the cells at "
        f"zoom {hiding['zoom']} with stated limits were drawn by lot (seed {hiding['seed']}); a way whose box has its "
        "centre in one was hidden whole. Shares are of length unless they say `by count`."
    )
    yield ""


def _probe_tables(told: Figures) -> Iterator[str]:
    """Yield how right limits are without and with probes, where there are any."""
    probed = told["probes"]
    if probed is None:
        return
    yield "## Without and with GPS probes"
    yield ""
    yield "The same hidden segments, by how often probes passed them. All of this section is by count."
    yield ""
    rows = [[name, *_pair_cells(each)] for name, each in (probed["traversals"] | {ALL: probed["all"]}).items()]
    yield from table(["traversals", *PROBE_HEADINGS], rows)
    yield ""
    for group in ("class", "extract"):
        yield f"By {group}, those passed {MANY} times:"
        yield ""
        yield from table([group, *PROBE_HEADINGS], [[name, *_pair_cells(each)] for name, each in probed[group].items()])
        yield ""


def _pair_cells(each: Figures) -> list[str]:
    """Return what is told of some segments without and with probes."""
    before, after = each["without"]["by_count"], each["with"]["by_count"]
    gain = None if before["exact"] is None else f"{100 * (after['exact'] - before['exact']):+.1f}"
    exact, near, high = (
        [share_text(way[name]) for way in (before, after)] for name in ("exact", "within_10", "too_high")
    )
    errors = [_number(way["ece"]) for way in (before, after)]
    return [f"{before['segments']:,}", share_text(each["share"]), *exact, gain or NOTHING, *near, *high, *errors]


def _rival_table(told: Figures) -> Iterator[str]:
    """Yield exact match and macro-F1 beside other ways to guess."""
    asked = told["baselines"]
    yield "## Against other ways to guess"
    yield ""
    yield "Exact match of length, and macro-F1 behind the stroke."
    yield ""
    own = told["groups"]["extract"]
    rows = [[name, _pair(own[name]), *(_pair(each["extract"][name]) for each in asked.values())] for name in own]
    if len(own) > 1:
        rows.append([ALL, _pair(told["all"]), *(_pair(each["all"]) for each in asked.values())])
    yield from table(["extract", "Waysmith", *(BASELINES[name] for name in asked)], rows)
    yield ""
    gains = [f"{_signed(told['macro_f1_gain'][name])} over {BASELINES[name]}" for name in RIVALS]
    yield f"Relative gain in macro-F1: {', '.join(gains)}."
    for name, why in told["missing_baselines"].items():
        yield f"Not asked: {BASELINES[name]}: {why}."
    yield (
        "OSMnx fills gaps with means, which are made whole here to the next step; Valhalla and GraphHopper guess how "
        "fast cars drive, not what is allowed."
    )
    yield ""


def _pair(entry: Figures) -> str:
    scored = entry["by_length"]
    return f"{share_text(scored['exact'])} / {_number(scored['macro_f1'])}"


def _own_tables(told: Figures) -> Iterator[str]:
    for group in GROUPS:
        yield f"## {TITLES[group]}"
        yield ""
        entries = told["groups"][group]
        rows = [[name, *_cells(entry)] for name, entry in entries.items()]
        if group == "extract" and len(entries) > 1:
            rows.append([ALL, *_cells(told["all"])])
        yield from table([group, *HEADINGS], rows)
        yield ""


def _cells(entry: Figures) -> list[str]:
    scored, counted = entry["by_length"], entry["by_count"]
    low, high = scored["exact_interval"]
    between = f" ({100 * low:.1f}–{100 * high:.1f})" if low is not None else ""
    shares = (counted["exact"], *(scored[name] for name in ("one_step", "too_high", "covered")))
    sure = (scored[name] for name in ("sure", "sure_exact", "sure_too_high"))
    return [
        f"{scored['segments']:,}",
        f"{scored['km']:,.1f}",
        share_text(scored["exact"]) + between,
        *map(share_text, shares),
        _number(scored["macro_f1"]),
        *map(share_text, sure),
        _number(scored["ece"]),
    ]


def _rest(told: Figures) -> Iterator[str]:
    yield "## All segments of the maps, hidden or not"
    yield ""
    names = ("segments", "km", "with a number", "of km", "a number or a reason", "hidden", "hidden, no number stated")
    yield from table(["extract", *names], [[name, *_case(case)] for name, case in told["extracts"].items()])
    yield ""
    yield "## Where limits change"
    yield ""
    yield boundary_line(told["boundary"])


def _case(case: Figures) -> list[str]:
    covered = case["coverage"]
    shares = (share_text(covered[name]) for name in ("number", "number_km", "answered"))
    untold = ", ".join(f"{count} {reason}" for reason, count in case["not_scored"].items())
    return [
        f"{covered['segments']:,}",
        f"{covered['km']:,.1f}",
        *shares,
        f"{case['segments_hidden']:,}",
        untold or "0",
    ]


def boundary_line(told: Figures) -> str:
    """Return in words how near predicted changes of limit are to true ones."""
    if not told["changes"]:
        return "No limit changes along the hidden roads."
    found = ", ".join(f"{share_text(told[f'found_within_{m}_m'])} within {m} m" for m in (25, 100))
    apart = f"; half of the pairs are {told['median_m']:.0f} m apart or nearer" if told["paired"] else ""
    return (
        f"{told['changes']} places where the true limit changes along a road: {found}{apart}; {told['missed']} missed, "
        f"{told['invented']} predicted where there is none."
    )


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _signed(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:+.0f} %"
