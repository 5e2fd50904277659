"""The loop of `traversal`, compiled: order within each of many small groups."""

import numpy as np
import numpy.typing as npt

from tasks.kernel import compiled

Ints = npt.NDArray[np.int64]


@compiled
def ranked(starts: Ints, major: Ints, minor: Ints) -> Ints:
    """Return the order that sorts each group by `major`, then `minor`; equal ones stay as they are.

    Shape: `starts` (n + 1,), the others (m,). Groups that are in order already cost one look at each row.
    """
    order = np.arange(len(major))
    for group in range(len(starts) - 1):
        low, high = starts[group], starts[group + 1]
        for index in range(low + 1, high):
            before = index - 1
            if major[before] > major[index] or (major[before] == major[index] and minor[before] > minor[index]):
                first = np.argsort(minor[low:high], kind="mergesort")
                second = np.argsort(major[low:high][first], kind="mergesort")
                order[low:high] = low + first[second]
                break
    return order
