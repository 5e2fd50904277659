"""How the matcher's loops are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return a function that Numba compiles without checks of divisors; its machine code is kept.

    The check costs more than the division: a function that may raise keeps count of every array that it is given.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
