"""A drawing of an evaluation as SVG: what confidence comes to, and how right each class is. Needs no network."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import sqrt
from typing import Any

from tasks.evaluation.figures import MANY

Figures = Mapping[str, Any]

WIDTH, HEIGHT = 980, 480
SIDE = 360
"""Edge of the reliability diagram."""
LEFT, TOP = 60, 60
BAR_LEFT, BAR_WIDTH = 600, 320
RIVAL = "class_mode_kmh"
INK, GRID, BLUE, GREY, ORANGE = "#222", "#ddd", "#2166ac", "#999", "#d6604d"


def plot(told: Figures) -> str:
    """Return the figures of an evaluation as an SVG picture."""
    parts = [*_frame(), *_reliability(told), *_classes(told)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, *, colour: str, more: str = "") -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}" {more}/>'


def _spot(stated: float, exact: float) -> tuple[float, float]:
    return LEFT + stated * SIDE, TOP + (1 - exact) * SIDE


def _frame() -> Iterator[str]:
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    yield _text(LEFT, TOP - 25, "Is confidence what comes true?", more='font-size="15"')
    yield _text(BAR_LEFT - 110, TOP - 25, "Exact match of length, by class", more='font-size="15"')
    for tick in range(0, 11, 2):
        share = tick / 10
        x, y = _spot(share, share)
        yield _line(LEFT, y, LEFT + SIDE, y, colour=GRID)
        yield _line(x, TOP, x, TOP + SIDE, colour=GRID)
        yield _text(LEFT - 6, y + 4, f"{share:.1f}", anchor="end")
        yield _text(x, TOP + SIDE + 16, f"{share:.1f}", anchor="middle")
    yield _line(*_spot(0, 0), *_spot(1, 1), colour=GREY, more='stroke-dasharray="4 4"')
    yield _text(LEFT + SIDE / 2, TOP + SIDE + 36, "confidence stated", anchor="middle")
    y = TOP + SIDE / 2
    yield _text(16, y, "share of length that is exact", anchor="middle", more=f'transform="rotate(-90 16 {y:.0f})"')


def _reliability(told: Figures) -> Iterator[str]:
    """Yield a disc for each bin, and what the error is; likewise with probes, where they passed often."""
    yield from _discs(told["reliability"], BLUE)
    error, probed = told["all"]["by_length"]["ece"], told["probes"]
    if error is not None:
        yield _text(LEFT + 10, TOP + 20, f"expected calibration error {error:.3f}")
    if probed is None:
        return
    yield from _discs(probed["reliability"]["with"], ORANGE)
    error = probed["traversals"][MANY]["with"]["by_length"]["ece"]
    if error is not None:
        yield _text(LEFT + 10, TOP + 38, f"red: with probes, {MANY} times; {error:.3f}", more=f'fill="{ORANGE}"')


def _discs(bins: Sequence[Figures], colour: str) -> Iterator[str]:
    """Yield a disc for each bin; its area is the share of length."""
    for each in bins:
        x, y = _spot(each["confidence"], each["exact"])
        title = f"stated {each['confidence']:.3f}, exact {each['exact']:.3f}, {100 * each['weight']:.1f} % of length"
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 20 * sqrt(each["weight"]):.1f}" fill="{colour}" '
            f'fill-opacity="0.6"><title>{escape(title)}</title></circle>'
        )


def _classes(told: Figures) -> Iterator[str]:
    """Yield a bar for each class, longest roads first, with its interval."""
    classes = sorted(told["groups"]["class"].items(), key=lambda item: -item[1]["by_length"]["km"])
    rivals = told["baselines"][RIVAL]["class"]
    high = min(SIDE / max(len(classes), 1), 40.0)
    for row, (name, entry) in enumerate(classes):
        yield from _bar(name, entry["by_length"], rivals[name]["by_length"]["exact"], TOP + row * high, high)
    for share in (0.0, 0.5, 1.0):
        x = BAR_LEFT + share * BAR_WIDTH
        yield _line(x, TOP, x, TOP + SIDE, colour=GRID)
        yield _text(x, TOP + SIDE + 16, f"{100 * share:.0f} %", anchor="middle")
    yield _text(
        BAR_LEFT + BAR_WIDTH / 2,
        TOP + SIDE + 36,
        "black: class mode; red: 95 % interval, cells drawn anew",
        anchor="middle",
    )


def _bar(name: str, scored: Figures, rival: float | None, y: float, high: float) -> Iterator[str]:
    middle, exact = y + high / 2, scored["exact"] or 0.0
    yield (
        f'<rect x="{BAR_LEFT}" y="{y + 3:.1f}" width="{exact * BAR_WIDTH:.1f}" height="{high - 6:.1f}" '
        f'fill="{BLUE}" fill-opacity="0.6"/>'
    )
    yield _text(BAR_LEFT - 8, middle + 4, f"{name}, {scored['km']:.0f} km", anchor="end")
    yield _text(WIDTH - 2, middle + 4, f"{100 * exact:.1f} %", anchor="end")
    if rival is not None:
        x = BAR_LEFT + rival * BAR_WIDTH
        yield _line(x, y + 3, x, y + high - 3, colour=INK, more='stroke-width="3"')
    ends = [BAR_LEFT + share * BAR_WIDTH for share in scored["exact_interval"] if share is not None]
    if ends:
        yield _line(ends[0], middle, ends[-1], middle, colour=ORANGE, more='stroke-width="2"')
