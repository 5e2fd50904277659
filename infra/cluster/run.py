"""Run a command beside a Ray cluster of several nodes on one machine that share nothing but an object store.

`python -m infra.cluster.run --nodes 3 -- waysmith run speed-limits --roads … --into s3://waysmith/run --address
10.77.0.1:6379` needs root on Linux. Each node has network, mount and process namespaces of its own: an address, an
empty `/tmp`, home and checkout, and its own processes. The command runs on the head, 10.77.0.1, which has no cores to
give and does see the checkout; so does moto's S3 server on port 5000, with a bucket `waysmith`.

All of it lives in one process namespace: when this program ends, however it ends, the kernel ends the rest, and links
and scratch folders go with the namespaces.
"""

import argparse
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

CHECKOUT = Path(__file__).resolve().parents[2]
NODE = CHECKOUT / "infra/cluster/node.py"
RAY = Path(sys.executable).with_name("ray")

NETWORK = "10.77.0"
HEAD = f"{NETWORK}.1"
GCS = f"{HEAD}:6379"
STORE = f"http://{HEAD}:5000"
BUCKET = "waysmith"

INSIDE = "WAYSMITH_CLUSTER_INSIDE"
"""Set in the environment of the process that builds the cluster in fresh namespaces."""

NODES = "WAYSMITH_CLUSTER_NODES"
"""Tells the command which process holds each node: `10.77.0.2=41 10.77.0.3=42`. Kill it, and the node is lost."""

NAMESPACES = ("--net", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc")

SCRATCH = Path("/mnt")
"""Covered by a folder in memory that only this cluster sees: what Ray's head writes, and logs."""

OBJECT_STORE_BYTES = 100_000_000
"""Of each node; receipts and plans are all that passes through it."""

STARTED = b"Ray runtime started"
"""What `ray start` says when a node has joined."""

PAUSE, LONGEST_WAIT = 0.05, 60.0
"""Seconds between looks, and until a part of the cluster that does not start is given up."""


class ClusterError(RuntimeError):
    """The cluster cannot be built here; the message says what is missing or which part failed."""


class Options(NamedTuple):
    """What the caller asks for."""

    nodes: int
    cpus: int
    hide: list[str]
    logs: Path
    command: list[str]


class Part(NamedTuple):
    """A process of the cluster and the file that holds what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self, until: float) -> None:
        """Raise unless the process lives and there is time left."""
        if self.process.poll() is not None or time.monotonic() > until:
            last = self.log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise ClusterError(f"{self.name} did not start: {last[0]}: see {self.log} (--logs DIR keeps it)")


def main(words: Sequence[str] | None = None) -> int:
    """Build the cluster, run the command, return its exit code."""
    given = sys.argv[1:] if words is None else list(words)
    options = _options(given)
    try:
        if INSIDE not in os.environ:
            _check(options.command[0])
            _enter(given)
        environment = _environment()
        nodes = _start_all(options, environment)
        told = " ".join(f"{node.name}={node.process.pid}" for node in nodes)
        return subprocess.run(options.command, env=environment | {NODES: told}).returncode
    except (ClusterError, OSError, subprocess.CalledProcessError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 2


def _options(words: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m infra.cluster.run", description="Run a command beside a Ray cluster of several nodes."
    )
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="nodes beside the head (%(default)s)")
    parser.add_argument("--cpus", type=int, default=1, metavar="N", help="cores of each node (%(default)s)")
    parser.add_argument("--hide", action="append", default=[], metavar="DIR", help="one more folder to hide from nodes")
    parser.add_argument("--logs", type=Path, default=SCRATCH, metavar="DIR", help="keep what the parts print")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="what to run on the head, after --")
    given = parser.parse_args(words)
    if not 1 <= given.nodes <= 200:
        parser.error(f"--nodes {given.nodes}: expected 1 to 200")
    return Options(**vars(given))


def _check(program: str) -> None:
    """Look for all that is needed, before anything is started.

    Raises
    ------
    ClusterError
        If something is not allowed or not installed.
    """
    if os.geteuid() != 0:
        raise ClusterError("needs root, to make network namespaces")
    for needed in ("unshare", "ip", "mount", str(RAY), program):
        if not shutil.which(needed):
            raise ClusterError(f"no program {needed!r} here")
    if not importlib.util.find_spec("moto"):
        raise ClusterError("needs the package moto[server], the object store")


def _enter(words: Sequence[str]) -> None:
    """Turn this process into one that starts over as the first process of fresh namespaces."""
    environment = os.environ | {INSIDE: "1", "PYTHONPATH": str(CHECKOUT)}
    inside = [sys.executable, "-m", "infra.cluster.run", *words]
    os.execvpe("unshare", ["unshare", *NAMESPACES, *inside], environment)


def _environment() -> dict[str, str]:
    """Return what head, nodes and command share: a token, and where the object store is."""
    ours = {name: value for name, value in os.environ.items() if name not in (INSIDE, "RAY_ADDRESS", "PYTHONPATH")}
    return ours | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "AWS_ENDPOINT_URL": STORE,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HEAD])),
    }


def _start_all(options: Options, environment: Mapping[str, str]) -> list[Part]:
    """Start the object store, the head and the nodes; return the nodes, named by address, when all have joined."""
    _run("mount", "-t", "tmpfs", "tmpfs", SCRATCH)
    options.logs.mkdir(parents=True, exist_ok=True)
    _lay_bridge()
    store = _start("store", _moto(), options.logs, environment)
    head = _start("head", _ray_head(), options.logs, environment)
    _wait_for_ray(head)
    nodes = []
    for number in range(options.nodes):
        address = f"{NETWORK}.{number + 2}"
        nodes.append(_start(address, _node(address, options), options.logs, environment))
        _plug_in(nodes[-1], f"node{number}")
    _make_bucket(store)
    for node in nodes:
        _wait_for_ray(node)
    return nodes


def _start(name: str, words: Sequence[str], logs: Path, environment: Mapping[str, str]) -> Part:
    file = logs / f"{name}.log"
    with file.open("wb") as log:
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return Part(name, process, file)


def _moto() -> list[str]:
    return [sys.executable, "-m", "moto.server", "-H", HEAD, "-p", STORE.rpartition(":")[2]]


def _ray_head() -> list[str]:
    where = [f"--node-ip-address={HEAD}", f"--port={GCS.rpartition(':')[2]}", f"--temp-dir={SCRATCH}/ray"]
    size = ["--num-cpus=0", f"--object-store-memory={OBJECT_STORE_BYTES}", "--include-dashboard=false"]
    return [str(RAY), "start", "--head", "--block", *where, *size]


def _node(address: str, options: Options) -> list[str]:
    """Return the command of a node: everything that the head could share with it is hidden."""
    hidden = [CHECKOUT, Path.home(), Path.cwd(), "/tmp", "/var/tmp", "/dev/shm", *options.hide]
    words = [word for folder in hidden for word in ("--hide", str(folder))]
    ray = [f"--address={GCS}", f"--num-cpus={options.cpus}", f"--object-store-memory={OBJECT_STORE_BYTES}"]
    return ["unshare", *NAMESPACES, sys.executable, str(NODE), "--address", address, *words, "--", *ray]


def _lay_bridge() -> None:
    """Make the network that all nodes hang on; the head's address is its own."""
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "bridge", "type", "bridge")
    _run("ip", "addr", "add", f"{HEAD}/24", "dev", "bridge")
    _run("ip", "link", "set", "bridge", "up")
    _run("ip", "route", "add", "default", "dev", "bridge")  # Ray takes the way out for its own address


def _plug_in(node: Part, link: str) -> None:
    """Lay a cable from the bridge into the namespace of a node, as soon as it has left ours."""
    ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{node.process.pid}/ns/net")
    until = time.monotonic() + LONGEST_WAIT
    node.check(until)
    while theirs.readlink() == ours.readlink():
        time.sleep(PAUSE)
        node.check(until)
    _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", node.process.pid)
    _run("ip", "link", "set", link, "master", "bridge", "up")


def _wait_for_ray(part: Part) -> None:
    until = time.monotonic() + LONGEST_WAIT
    while STARTED not in part.log.read_bytes():
        part.check(until)
        time.sleep(PAUSE)


def _make_bucket(store: Part) -> None:
    until = time.monotonic() + LONGEST_WAIT
    straight = build_opener(ProxyHandler({}))
    while True:
        try:
            straight.open(Request(f"{STORE}/{BUCKET}", method="PUT"), timeout=LONGEST_WAIT).close()
        except URLError:
            store.check(until)
            time.sleep(PAUSE)
        else:
            return


def _run(*words: str | Path | int) -> None:
    subprocess.run([str(word) for word in words], check=True)


if __name__ == "__main__":
    sys.exit(main())
