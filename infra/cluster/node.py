"""Become one node of the cluster of `infra.cluster.run`: an address, folders of its own, then Ray.

Runs as a plain file inside fresh network, mount and process namespaces, since the checkout is gone from sight
before Ray starts.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STASH = Path("/mnt")
"""Where the Python environment is held while folders above it are covered; seen by this node alone."""

SHORTEST_WAIT, LONGEST_WAIT = 0.01, 10.0
"""Seconds between looks for the network link, and until the node gives up."""


def main() -> None:
    """Set the node up and turn into `ray start`."""
    options = _options()
    os.chdir("/")
    take_address(options.address)
    hide([Path(folder) for folder in options.hide], kept=[Path(sys.prefix), Path(sys.base_prefix)])
    os.environ.pop("PYTHONPATH", None)
    ray = str(Path(sys.executable).with_name("ray"))
    os.execv(ray, [ray, "start", "--block", f"--node-ip-address={options.address}", *options.ray])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True, help="IPv4 address of this node")
    parser.add_argument("--hide", action="append", default=[], help="folder that this node shall not see")
    parser.add_argument("ray", nargs="*", help="options of ray start")
    return parser.parse_args()


def take_address(address: str) -> None:
    """Give the link `eth0` an address in a network of 254, once it is there, and the host a name after it.

    Raises
    ------
    TimeoutError
        If the link does not appear.
    """
    until = time.monotonic() + LONGEST_WAIT
    while "eth0" not in dict(socket.if_nameindex()).values():
        if time.monotonic() > until:
            raise TimeoutError(f"node {address}: no link eth0 within {LONGEST_WAIT:.0f} s")
        time.sleep(SHORTEST_WAIT)
    socket.sethostname("node-" + address.rpartition(".")[2])
    for words in (
        ["link", "set", "lo", "up"],
        ["addr", "add", f"{address}/24", "dev", "eth0"],
        ["link", "set", "eth0", "up"],
        ["route", "add", "default", "dev", "eth0"],
    ):
        subprocess.run(["ip", *words], check=True)


def hide(folders: Sequence[Path], *, kept: Sequence[Path]) -> None:
    """Cover each folder with an empty one in memory, and put what is kept back where it was."""
    _mount("-t", "tmpfs", "tmpfs", STASH)
    held = {}
    for number, folder in enumerate(dict.fromkeys(kept)):
        held[folder] = STASH / str(number)
        held[folder].mkdir()
        _mount("--bind", folder, held[folder])
    for folder in sorted({folder.resolve() for folder in folders}):
        if folder.exists():  # not below one that is covered by now
            _mount("-t", "tmpfs", "tmpfs", folder)
    for folder, where in held.items():
        if not folder.exists():
            folder.mkdir(parents=True)
            _mount("--bind", where, folder)


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    main()
