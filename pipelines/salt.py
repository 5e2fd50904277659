"""The secret that names of traces are hashed with: given, or drawn once for a folder and kept in it."""

import secrets

from pipelines import foresight
from pipelines.store import open_store

FILE = "_salt"
"""File of a run that keeps its secret; without it nobody can tell which hash stands for which trace."""


def salt_of(into: str, given: str | None) -> str:
    """Return the secret of a run: the one given, else the one that its folder keeps, else a new one that it then keeps.

    The same secret gives the same hashes, so that nothing is computed again.
    """
    if given:
        return given
    home = open_store(into)
    try:
        return home.read(FILE).decode()
    except FileNotFoundError:
        drawn = secrets.token_hex(16)
        if foresight.current() is None:
            home.make()
            home.write(FILE, drawn.encode())
        return drawn
