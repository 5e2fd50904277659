"""An object store for tests: a server that speaks Amazon's protocol, on this machine."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import obstore
import pytest
import requests
from moto.server import ThreadedMotoServer
from obstore.store import from_url

ASKING = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_REGION": "us-east-1"}


@contextmanager
def served() -> Iterator[ThreadedMotoServer]:
    """A server, and an environment that leads to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ASKING | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
            patch.setenv(name, value)
        try:
            yield server
        finally:
            server.stop()


def new_bucket() -> str:
    """URI of a new bucket on the server that the environment leads to."""
    name = f"maps-{uuid4().hex[:12]}"
    requests.put(f"{os.environ['AWS_ENDPOINT_URL']}/{name}", timeout=10).raise_for_status()
    return f"s3://{name}"


def everything(bucket: str) -> dict[str, bytes]:
    """The content of all files of a bucket, by path."""
    client = from_url(bucket, client_options={"allow_http": True})
    paths = [each["path"] for part in obstore.list(client) for each in part]
    return {path: bytes(obstore.get(client, path).bytes()) for path in paths}
