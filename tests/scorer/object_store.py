"""An S3 server over HTTP (moto's): the shared folder of a company whose machines share no disk."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "tuesdays"


@contextmanager
def served() -> Iterator[None]:
    """Inside, s3:// is this server, for processes begun here as well: what AWS_… says is all that a user sets."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name, word in (("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"), ("DEFAULT_REGION", "us-east-1")):
            patch.setenv(f"AWS_{name}", word)
        fsspec.filesystem("s3", use_listings_cache=False).mkdir(BUCKET)
        try:
            yield
        finally:
            server.stop()


def folder() -> str:
    """The URL of a folder that nobody else has."""
    return f"s3://{BUCKET}/{secrets.token_hex(4)}"
