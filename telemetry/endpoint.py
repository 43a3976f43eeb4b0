"""The page of one process that Prometheus scrapes: on a port of its own, on loopback unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from scv.errors import BadSetting
from scv.settings import Settings
from scv.talk import say as talk
from telemetry.metric import PROCESSES, Process
from telemetry.sample import Source


@contextmanager
def exposed(
    settings: Settings, process: Process, sources: Mapping[str, Source], say: Callable[[str], None] = talk
) -> Iterator[str | None]:
    """Serve a process's metrics inside the `with`, which is given `host:port`; None where it serves none.

    A port that is taken is said and no reason to fail: a process that works unseen is better than none. Raises
    BadSetting where CEREBRO_METRICS is no address.
    """
    host, port = address_of(settings, process)
    if not port:
        yield None
        return
    from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, start_http_server

    from telemetry.exposition import Exposition

    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(Exposition(sources))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        say(f"No metrics: {host}:{port} cannot be listened on ({error.strerror}). CEREBRO_METRICS names another port.")
        yield None
        return
    try:
        yield f"{host}:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def address_of(settings: Settings, process: Process) -> tuple[str, int]:
    """Host and port of a process's page; port 0 where there is to be none.

    >>> address_of(Settings(metrics="127.0.0.1:9464"), "scorer")
    ('127.0.0.1', 9466)
    >>> address_of(Settings(metrics="0"), "scorer")
    ('127.0.0.1', 0)
    """
    host, _, text = settings.metrics.rpartition(":")
    first = int(text) if text.isdecimal() else -1
    last = first + len(PROCESSES) - 1
    if not 0 <= first <= last <= 65_535:
        raise BadSetting(f"CEREBRO_METRICS is {settings.metrics!r}. Set it to host:port such as 127.0.0.1:9464, or 0.")
    return host or "127.0.0.1", first and first + PROCESSES.index(process)
