"""Every setting, in one typed place.

A setting is an environment variable `CEREBRO_NAME`. What `cerebro up` started is found through
`CEREBRO_HOME/services.env` (same names); the environment wins over that file, and that over the `cerebro.toml` of a
project (`scv.project`), which says `name = value`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from scv import project
from scv.errors import BadSetting, did_you_mean

PREFIX = "CEREBRO_"
WORD = r"^[A-Za-z0-9._-]+\Z"
"""What a topic and a key may begin with: no separator, nothing that a pattern could take for more."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says; `load` reads it, `table` documents it."""

    home: Annotated[
        str, Meta(description="folder of lake, snapshots, registry, bundles, exports; of a project: its var/")
    ] = "./var"
    countries: Annotated[
        str,
        Meta(
            description="folder of your own country files (XX.toml); empty: HOME/countries, of a project its countries/"
        ),
    ] = ""
    project: Annotated[
        str,
        Meta(
            description="folder of your own definitions (`cerebro init`); empty: the nearest one, from the working "
            "folder upwards, with a cerebro.toml"
        ),
    ] = ""
    broker: Annotated[str, Meta(description="Kafka bootstrap servers")] = "127.0.0.1:9092"
    broker_config: Annotated[
        str,
        Meta(
            description="file of properties that open a closed broker, as librdkafka names them: security.protocol, "
            "sasl.…, ssl.…; empty: plain text"
        ),
    ] = ""
    store: Annotated[
        str,
        Meta(
            description="Redis or Valkey URL of the online store; rediss://USER:PASSWORD@HOST:PORT/0?ssl_ca_certs=FILE "
            "for a closed one, sentinel://HOST:26379,HOST:26379/SERVICE/0 for one that fails over, "
            "cluster://:PASSWORD@HOST:6379,HOST:6379?ssl=true for a cluster"
        ),
    ] = "redis://127.0.0.1:6379/0"
    store_prefix: Annotated[
        str, Meta(description="first word of every key in the store; empty: TOPIC_PREFIX", pattern=rf"^\Z|{WORD}")
    ] = ""
    scorer: Annotated[str, Meta(description="host:port of the gRPC scorer")] = "127.0.0.1:50051"
    scorer_keys: Annotated[
        str,
        Meta(
            description="folder of the scorer's tls.crt, tls.key and access.toml, with ca.crt and jwks.json where "
            "certificates and tokens of callers count; empty: plain text, of this machine, if told so"
        ),
    ] = ""
    caller_keys: Annotated[
        str,
        Meta(
            description="folder of what the scorer is asked with: ca.crt, and tls.crt with tls.key, or token; empty: "
            "plain text"
        ),
    ] = ""
    metrics: Annotated[
        str,
        Meta(
            description="host:port of the metrics of `consume online`; lake, scorer, reactor and console have the next "
            "four ports, in this order; 0: none"
        ),
    ] = "127.0.0.1:9464"
    log_format: Annotated[
        Literal["plain", "json"],
        Meta(description="how consume, serve, react and console talk on stderr: plain or json"),
    ] = "plain"
    console: Annotated[str, Meta(description="host:port of the web API and its page")] = "127.0.0.1:8080"
    console_keys: Annotated[
        str,
        Meta(
            description="folder of the console's tls.crt, tls.key and access.toml, with ca.crt and jwks.json, as the "
            "scorer's; empty: plain text on loopback, where everybody is the local admin"
        ),
    ] = ""
    audit_days: Annotated[
        int, Meta(description="days that it is kept who did what in the console; 0: for ever", ge=0)
    ] = 365
    exports: Annotated[str, Meta(description="fsspec URL of the Tuesday folder; empty: HOME/exports")] = ""
    topic_prefix: Annotated[str, Meta(description="first word of every topic name", pattern=WORD)] = "cerebro"
    partitions: Annotated[int, Meta(description="partitions of each topic that we create", ge=1, le=512)] = 2
    replication: Annotated[
        int, Meta(description="copies of each topic that we create; 0: as many as the broker makes by itself", ge=0)
    ] = 0
    event_days: Annotated[int, Meta(description="days that topics we create keep events; 0: for ever", ge=0)] = 0
    dead_letter_days: Annotated[
        int, Meta(description="days that topics we create keep dead letters; 0: for ever", ge=0)
    ] = 0
    snapshot_days: Annotated[
        int, Meta(description="days that `cerebro tidy` keeps snapshots that are not of a Tuesday; 0: for ever", ge=0)
    ] = 28
    bundle_days: Annotated[
        int,
        Meta(
            description="days that `cerebro tidy` keeps bundles of no champion, week or vector; 0: for ever",
            ge=0,
        ),
    ] = 91
    export_days: Annotated[
        int,
        Meta(description="days that `cerebro tidy` keeps published weeks, the newest 13 always; 0: for ever", ge=0),
    ] = 0
    stale_after_s: Annotated[int, Meta(description="a fetcher older than this is STALE in a reply", ge=1)] = 7200
    refuse_after_s: Annotated[int, Meta(description="older than this no score is given", ge=1)] = 691200
    session_ms: Annotated[
        int, Meta(description="a consumer silent for so long loses its partitions; Kafka takes 6000 or more", ge=100)
    ] = 6000
    wait_s: Annotated[int, Meta(description="how long a start waits for broker or store", ge=0)] = 60
    threads: Annotated[int, Meta(description="threads of DuckDB and LightGBM", ge=1)] = 2
    memory: Annotated[str, Meta(description="DuckDB's memory cap of one process")] = "4GB"
    train_rows: Annotated[
        int, Meta(description="customers × Tuesdays that a training reads at most; of more it draws a part", ge=1000)
    ] = 200_000
    tracking: Annotated[
        str,
        Meta(description="MLflow tracking URI that trainings are recorded in; empty: HOME/mlflow.db; none: off"),
    ] = ""
    hold_out_salt: Annotated[str, Meta(description="secret of the held-out draw; set it once per company")] = "cerebro"
    id_key_file: Annotated[str, Meta(description="file with the secret key of --hash-ids; empty: there is none")] = ""
    vector_log_share: Annotated[
        float, Meta(description="share of live scores kept for `cerebro parity --served`; 0: none", ge=0, le=1)
    ] = 0.01
    vector_log_mb: Annotated[int, Meta(description="megabytes that they may take; the oldest go first", ge=1)] = 64

    vector_days: Annotated[int, Meta(description="days that they are kept at most; 0: for ever", ge=0)] = 28

    @property
    def home_path(self) -> Path:
        return Path(self.home).expanduser().resolve()

    @property
    def lake_path(self) -> Path:
        return self.home_path / "lake"

    @property
    def snapshots_path(self) -> Path:
        return self.home_path / "snapshots"

    @property
    def bundles_path(self) -> Path:
        return self.home_path / "bundles"

    @property
    def training_path(self) -> Path:
        return self.home_path / "training"

    @property
    def vectors_path(self) -> Path:
        return self.home_path / "vectors"

    @property
    def audit_path(self) -> Path:
        return self.home_path / "console" / "audit"

    @property
    def draw_is_public(self) -> bool:
        """Can anybody who reads our source tell who is held out?"""
        return self.hold_out_salt == Settings().hold_out_salt

    @property
    def key_prefix(self) -> str:
        return self.store_prefix or self.topic_prefix

    @property
    def exports_url(self) -> str:
        return self.exports or str(self.home_path / "exports")

    @property
    def countries_path(self) -> Path:
        return Path(self.countries).expanduser() if self.countries else self.home_path / "countries"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises BadSetting for an unknown CEREBRO_ variable (with the nearest known name) or a bad value, and for a line of
    the project's `cerebro.toml` that cannot be used.
    """
    env = dict(os.environ if environment is None else environment)
    folder = project.here(env)
    values = _of_project(folder) if folder else {}
    home = Path(env.get(PREFIX + "HOME") or values.get("home") or Settings.__struct_defaults__[0]).expanduser()
    known = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    for variable, text in [*_services(home), *((name, text) for name, text in env.items() if name.startswith(PREFIX))]:
        if variable.startswith((PREFIX + "TEST_", PREFIX + "FAULT")):
            continue  # read by the test suite and by fault points only
        if variable not in known:
            near = did_you_mean(variable, known)
            raise BadSetting(f"Unknown setting {variable}.{near} `cerebro settings` lists all.")
        values[known[variable]] = text
    if folder:
        values["project"] = str(folder)
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        said = f"A CEREBRO_ variable has a value that cannot be used: {error}. `cerebro settings` lists all."
        raise BadSetting(said) from error


FOLDERS = ("home", "countries", "broker_config", "scorer_keys", "caller_keys", "id_key_file")
"""Settings that name a file or folder: in a project's file from that folder."""


def _of_project(folder: Path) -> dict[str, Any]:
    """What a project says of itself, its folders in full. Raises BadSetting."""
    path, values = folder / project.FILE, project.said(folder)
    for name in values:
        if name not in Settings.__struct_fields__ or name == "project":
            near = did_you_mean(name, Settings.__struct_fields__)
            raise BadSetting(
                f"{path} says {name!r}, which is no setting.{near} docs/settings.md lists all, as variables."
            )
    try:
        msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{path} has a value that cannot be used: {error}.") from error
    values = {"home": "var", "countries": "countries"} | {name: value for name, value in values.items() if value != ""}
    return values | {name: str(folder / Path(values[name]).expanduser()) for name in FOLDERS if name in values}


def services_file(home: Path) -> Path:
    """Where `cerebro up` says what it started."""
    return home / "services.env"


def _services(home: Path) -> Iterator[tuple[str, str]]:
    path = services_file(home)
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        name, sign, value = line.strip().partition("=")
        if sign and not name.startswith("#"):
            yield name, value


def told(settings: Settings, name: str) -> bool:
    """Did anybody say where that is (`broker`, `store`, `scorer`), or is it only the default?"""
    if PREFIX + name.upper() in os.environ or services_file(settings.home_path).exists():
        return True
    return bool(settings.project) and name in project.said(Path(settings.project))


def table(settings: Settings | None = None) -> list[tuple[str, str, str]]:
    """(variable, default or current value, meaning) of every setting, in order of declaration."""
    shown = settings or Settings()
    rows = []
    for info in msgspec.inspect.type_info(Settings).fields:  # type: ignore[attr-defined]
        meaning = (info.type.extra_json_schema or {}).get("description", "")
        rows.append((PREFIX + info.name.upper(), str(getattr(shown, info.name)), meaning))
    return rows


def without_password(url: str) -> str:
    """A URL as it may be shown.

    >>> without_password("sentinel://:a@host/rows?sentinel_password=b&ssl=true")
    'sentinel://:***@host/rows?sentinel_password=***&ssl=true'
    """
    return re.sub(r"(password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*:)[^@]*@", r"\1***@", url))


def markdown() -> str:
    """The page `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Written by `cerebro settings --write`; a test keeps it fresh. The environment wins over",
        "`CEREBRO_HOME/services.env`, which `cerebro up` writes, that over the `cerebro.toml` of a project (lines like",
        "`wait_s = 90`; [docs/project.md](project.md)), and that over the default. `cerebro settings` shows the values",
        "in force.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
        *(f"| `{variable}` | `{default or '(empty)'}` | {meaning} |" for variable, default, meaning in table()),
    ]
    return "\n".join(lines) + "\n"
