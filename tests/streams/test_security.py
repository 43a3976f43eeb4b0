"""A closed broker and a closed store: what the properties say, and the whole path through real ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from msgspec.structs import replace

from local import authority
from local.services.kafka import Kafka
from local.services.process import LOOPBACK, Child, free_port
from local.services.redis import binary
from scv.errors import BadSetting
from scv.events import country as countries
from scv.features.fetcher import collect
from scv.online.reader import Reader
from scv.settings import Settings
from store.client import UNWELL, client, connect
from streams import reactor
from streams.kafka import librdkafka, security
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from tests.scorer.shop import AT, history

PASSWORD = "sesame"
SASL = """\
# as a company has it
security.protocol = SASL_SSL
sasl.mechanism=PLAIN
sasl.username = cerebro
sasl.password = {password}
ssl.ca.location = {ca}
"""


def said(folder: Path, text: str) -> Settings:
    path = folder / "client.properties"
    path.write_text(text)
    return Settings(broker_config=str(path))


def test_without_a_file_nothing_is_said() -> None:
    assert security.properties(Settings()) == {} and security.context({}) is None
    assert reactor._credentials(Settings()) is None


def test_properties_are_those_of_librdkafka(tmp_path: Path) -> None:
    authority.make(tmp_path / "keys")
    found = said(tmp_path, SASL.format(password="a = b", ca=tmp_path / "keys/scorer/ca.crt"))
    assert security.properties(found)["sasl.password"] == "a = b"
    shown = reactor._credentials(found)
    assert (shown.protocol.value, shown.username, shown.password) == ("SASL_SSL", "cerebro", "a = b")  # type: ignore[union-attr]
    librdkafka.admin(found)  # refuses what it does not know


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sasl.pasword = secret", "Did you mean 'sasl.password'"),
        ("secret", "line 1"),
        ("security.protocol = TLS", "one of PLAINTEXT"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_no_password(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(BadSetting, match=told) as found:
        security.properties(said(tmp_path, line))
    assert "secret" not in str(found.value)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="cannot be read"):
        security.properties(Settings(broker_config=str(tmp_path / "none")))
    with pytest.raises(BadSetting, match="certificate"):
        security.context({"security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "none")})
    with pytest.raises(BadSetting, match="Faust"):
        reactor._credentials(said(tmp_path, "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=MAGIC"))


CLOSED = """\
listeners=SASL_SSL://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=SASL_SSL://{host}:{port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="admin" password="{password}" user_admin="{password}" user_cerebro="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={keys}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={keys}/scorer/ca.crt
"""


class Closed(Kafka):
    """A broker that speaks SASL over TLS only."""

    def __init__(self, folder: Path, settings: Settings, keys: Path) -> None:
        super().__init__(folder)
        self._settings, self._keys = replace(settings, broker=self.address), keys

    def start(self) -> None:
        self._configure()
        lines = self._properties.read_text().splitlines()
        controller = next(line for line in lines if line.startswith("controller.quorum")).rpartition(":")[2]
        values = {"host": LOOPBACK, "port": self.port, "controller": controller}
        closed = CLOSED.format(password=PASSWORD, keys=self._keys, **values)
        kept = [line for line in lines if "listeners=" not in line]
        self._properties.write_text("\n".join([*kept, closed]))
        self._format()
        self.child.start()
        self.child.wait_ready(self._answers, 60)

    def _answers(self) -> bool:
        try:
            return bool(librdkafka.admin(self._settings).list_topics(timeout=3).brokers)
        except Exception:
            return False


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed") / "keys"
    authority.make(folder)
    own = [(folder / "scorer" / name).read_text() for name in ("tls.key", "tls.crt")]
    (folder / "broker.pem").write_text("".join(own))
    return folder


@pytest.fixture(scope="module")
def closed(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Both parts, closed; the settings that open them."""
    folder = tmp_path_factory.mktemp("parts")
    opened = said(folder, SASL.format(password=PASSWORD, ca=keys / "scorer/ca.crt"))
    broker, port = Closed(folder, opened, keys), free_port()
    redis = [
        str(binary()), "--port", "0", "--tls-port", str(port), "--tls-cert-file", str(keys / "scorer/tls.crt"),
        "--tls-key-file", str(keys / "scorer/tls.key"), "--tls-ca-cert-file", str(keys / "scorer/ca.crt"),
        "--tls-auth-clients", "no", "--requirepass", PASSWORD, "--save", "", "--dir", str(folder),
        "--maxmemory-policy", "noeviction",
    ]  # fmt: skip
    store = Child("redis", redis, folder / "redis.log")
    settings = replace(
        opened, broker=broker.address, home=str(folder / "home"), wait_s=20,
        store=f"rediss://:{PASSWORD}@{LOOPBACK}:{port}/0?ssl_ca_certs={keys / 'scorer/ca.crt'}",
    )  # fmt: skip
    try:
        store.start()
        broker.start()
        yield settings
    finally:
        broker.stop()
        store.stop()


@pytest.mark.real
def test_events_become_rows_and_lake_through_closed_parts(closed: Settings, tmp_path: Path) -> None:
    from scv.events import event
    from streams.replay.history import History
    from streams.replay.sender import replay

    path = tmp_path / "events.jsonl"
    events = history(20, AT)
    path.write_bytes(b"\n".join(map(event.encode, events)))
    with History(path, None, False, closed.memory, closed.threads) as past:
        replay(past, closed, until=AT)
    OnlineConsumer(closed, print).run(threading.Event(), until_idle=True)
    LakeConsumer(closed, print).run(threading.Event(), until_idle=True)
    with connect(closed) as found:
        orders = [collect()["orders"]]
        (view,) = Reader(found).read(countries.load("US"), ["1007"], orders)
    placed = [one for one in events if isinstance(one, event.Placed) and one.customer_id == "1007"]
    assert view.fetchers["orders"].values["count_ever"] == len(placed) > 0


@pytest.mark.real
def test_who_has_no_password_or_another_authority_comes_to_nothing(closed: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    authority.make(keys)
    text = Path(closed.broker_config).read_text()
    (tmp_path / "wrong").mkdir()
    strangers = text.replace(text.partition("location = ")[2].strip(), str(keys / "scorer/ca.crt"))
    for wrong in ("", text.replace(PASSWORD, "guess"), strangers):
        settings = replace(closed, broker_config=said(tmp_path / "wrong", wrong or "# nothing").broker_config)
        with pytest.raises(KafkaException):
            librdkafka.admin(settings).list_topics(timeout=3)
    for store in (closed.store.replace(PASSWORD, "guess"), closed.store.replace("rediss", "redis").partition("?")[0]):
        with pytest.raises(UNWELL), client(replace(closed, store=store)) as asker:
            asker.ping()
