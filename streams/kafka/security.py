"""How a closed broker is reached: a file of properties, named as librdkafka names them.

    security.protocol = SASL_SSL
    sasl.mechanism = SCRAM-SHA-512
    sasl.username = cerebro
    sasl.password = …
    ssl.ca.location = /etc/kafka/ca.crt

Every client of ours goes by it; the reactor says the same to Faust in its words.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from scv.errors import BadSetting, did_you_mean
from scv.settings import Settings

PROPERTIES = (
    "security.protocol", "sasl.mechanism", "sasl.username", "sasl.password", "ssl.ca.location",
    "ssl.certificate.location", "ssl.key.location", "ssl.key.password", "ssl.endpoint.identification.algorithm",
)  # fmt: skip
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
PLAIN = "PLAINTEXT"


def properties(settings: Settings) -> dict[str, str]:
    """What the file of the settings says; nothing where there is none. Raises BadSetting."""
    if not settings.broker_config:
        return {}
    path = Path(settings.broker_config).expanduser()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"CEREBRO_BROKER_CONFIG: {path} cannot be read ({error}).") from error
    found = dict(_pairs(path, lines))
    if found.get("security.protocol", PLAIN) not in PROTOCOLS:
        raise BadSetting(f"{path}: security.protocol is one of {', '.join(PROTOCOLS)}.")
    return found


def _pairs(path: Path, lines: list[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        name, sign, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not sign or name not in PROPERTIES:  # the line is not told: it may hold a password
            raise BadSetting(
                f"{path}, line {number}, is no property of a closed broker.{did_you_mean(name, PROPERTIES)} "
                f"Known: {', '.join(PROPERTIES)}."
            )
        yield name, value


def context(said: Mapping[str, str]) -> ssl.SSLContext | None:
    """The same for clients that are not librdkafka; None: not encrypted. Raises BadSetting."""
    if not said.get("security.protocol", PLAIN).endswith("SSL"):
        return None
    try:
        found = ssl.create_default_context(cafile=said.get("ssl.ca.location"))
        found.check_hostname = said.get("ssl.endpoint.identification.algorithm", "https") != "none"
        if chain := said.get("ssl.certificate.location"):
            found.load_cert_chain(chain, said.get("ssl.key.location"), said.get("ssl.key.password"))
        return found
    except OSError as error:
        raise BadSetting(f"A certificate or key of CEREBRO_BROKER_CONFIG cannot be used: {error}.") from error
