import subprocess
import sys

import numpy as np
import pytest

from pipelines.memory import limited, machine_mb, peak_mb, reset_peak, resident_mb

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc of Linux")


@linux
def test_the_peak_counts_from_when_it_was_reset() -> None:
    taken = np.ones(25_000_000)
    assert peak_mb() >= 200
    del taken
    reset_peak()
    before = peak_mb()
    taken = np.ones(12_500_000)
    del taken
    assert 90 <= peak_mb() - before <= 150
    assert peak_mb() >= resident_mb() > 0


@linux
def test_more_than_the_budget_is_a_memory_error_and_the_limit_goes_away() -> None:
    with limited(300):
        np.ones(12_500_000)
        with pytest.raises(MemoryError):
            np.ones(125_000_000)
    assert np.ones(125_000_000).size


def test_without_a_budget_nothing_is_limited() -> None:
    with limited(None):
        assert np.ones(125_000_000).size


def test_the_machine_has_what_its_tools_say() -> None:
    free = subprocess.run(["free", "-b"], capture_output=True, text=True)
    if free.returncode:
        pytest.skip("needs the program free")
    total = int(free.stdout.splitlines()[1].split()[1]) / 1e6
    assert machine_mb() <= total * 1.001
    assert machine_mb() > 100
