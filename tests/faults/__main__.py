"""The whole fault suite: `python -m tests.faults --cases 56 --seed 0` (`make faults`), about 25 minutes on two cores.

Every fourth kill is of all stages from probes to profiles, the others of one slow stage.

Each line tells one case, how it ended, and how to repeat it alone.
"""

import argparse
import json
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.kill import VICTIMS
from tests.faults.odd_rows import TRAPS

CHECKOUT = Path(__file__).parents[2]

WEIGHTS = {"driver": 4, "worker": 4, "raylet": 3, "gcs": 2, "actor": 1}
"""How often each part is killed."""

LONGEST_CASE = 600.0
"""Seconds after which a case is ended."""


def main() -> int:
    """Run all cases, one after another; return 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kill parts of runs at random moments.")
    parser.add_argument("--cases", type=int, default=56, metavar="N", help="how many kills (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="lot of the first case (%(default)s)")
    given = parser.parse_args()
    started, failed, count = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="whole-") as whole:
        for words in [*kills(given.cases, given.seed, whole), *traps(given.seed)]:
            failed += not tell(words)
            count += 1
    print(f"{count} cases, {failed} failed, {time.monotonic() - started:.0f} s, seed {given.seed}")
    return 1 if failed else 0


def kills(count: int, seed: int, whole: str) -> Iterator[list[str]]:
    """Yield the command of each kill: first each part once, then parts drawn by `WEIGHTS`."""
    lot = random.Random(seed)
    victims = [*VICTIMS, *lot.choices(list(WEIGHTS), list(WEIGHTS.values()), k=max(0, count - len(VICTIMS)))]
    for number, victim in enumerate(victims[:count]):
        program = "probes" if number % 4 == 3 else "stage"
        words = ["--program", program, "--victim", victim, "--seed", str(seed + number)]
        yield ["tests.faults.kill", *words, "--whole", f"{whole}/{program}"]


def traps(seed: int) -> Iterator[list[str]]:
    """Yield the command of each kind of row that ends its process or never comes back."""
    for number, kind in enumerate(TRAPS):
        yield ["tests.faults.trap", "--kind", kind, "--seed", str(seed + number)]


def tell(words: list[str]) -> bool:
    """Run one case, print a line on it, and return whether all promises were kept."""
    command = [sys.executable, "-m", *words]
    try:
        ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=LONGEST_CASE)
        told = json.loads(ended.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        told = {"wrong": [f"took more than {LONGEST_CASE:.0f} s"]}
    except (IndexError, ValueError):
        told = {"wrong": [f"exit {ended.returncode}: {ended.stderr.strip()[-300:]}"]}
    wrong = told.pop("wrong")
    print(f"{'FAILED' if wrong else 'ok'}  python -m {shlex.join(words)}  {told}", flush=True)
    for promise in wrong:
        print(f"        {promise}", flush=True)
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
