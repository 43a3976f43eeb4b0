"""A channel to the scorer: by TLS with what a folder holds, or in plain text to this machine.

The folder has `ca.crt` (whose certificates scorers show), and what we show them: `tls.crt` with `tls.key`, or `token`.
It may be a Kubernetes secret as cert-manager writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import grpc

from rpc.errors import ScorerError

AUTHORITY, CHAIN, KEY, TOKEN = "ca.crt", "tls.crt", "tls.key", "token"
ANYWAY = [
    ("grpc.enable_http_proxy", 0),  # a company's proxy would be asked for 127.0.0.1
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own: a flood through another is not ours
    ("grpc.initial_reconnect_backoff_ms", 100),  # of two scorers on one port the other is there at once
]
Options = Sequence[tuple[str, str | int]]


def channel(address: str, keys: str = "", options: Options = ()) -> grpc.Channel:
    """Connects at the first call. `keys` is the folder; empty: plain text. Raises ScorerError for what cannot be read.

    A new token counts from the next call on, a new certificate from the next channel.
    """
    if not keys:
        return grpc.insecure_channel(address, [*ANYWAY, *options])
    try:
        shown = _credentials(Path(keys).expanduser())
    except OSError as error:
        told = (
            f"{error.filename} cannot be read ({error.strerror}). CEREBRO_CALLER_KEYS names the folder with our keys."
        )
        raise ScorerError("INVALID_ARGUMENT", told) from error
    return grpc.secure_channel(address, shown, [*ANYWAY, *options])


def _credentials(folder: Path) -> grpc.ChannelCredentials:
    chain = folder / CHAIN
    own = (folder / KEY).read_bytes() if chain.exists() else None
    shown = grpc.ssl_channel_credentials((folder / AUTHORITY).read_bytes(), own, chain.read_bytes() if own else None)
    if not (folder / TOKEN).exists():
        return shown
    return grpc.composite_channel_credentials(shown, grpc.metadata_call_credentials(_Token(folder / TOKEN)))


class _Token(grpc.AuthMetadataPlugin):
    """The token as it stands in its file now."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(
        self, context: grpc.AuthMetadataContext, callback: Callable[[tuple[tuple[str, str]], Exception | None], None]
    ) -> None:
        callback((("authorization", f"Bearer {self._path.read_text(encoding='utf-8').strip()}"),), None)
