"""Plausible lines of every command; a new command needs one here, and is then under every test that goes over all."""

from __future__ import annotations

import click

import cli

LINES = (
    "api",
    "audit --who anna --day 2026-11-27",
    "catalogue orders",
    "clock US",
    "clock US --set 2017-05-09",
    "console --port 0",
    "consume lake --until-idle",
    "consume online --until-idle",
    "countries",
    "dead-letters list",
    "dead-letters send",
    "dead-letters show --family orders",
    "demo",
    "down",
    "due",
    "erase US 326 --yes",
    "explain US 326 --most 5",
    "export publish US -d 2017-05-09",
    "export recheck US-lapse-2017-05-09",
    "export reasons US -d 2017-05-09",
    "export withdraw US 2017-05-09",
    "feedback import contacts_US_2017-05-09.xlsx",
    "feedback report US",
    "fetch US -d 2017-05-09",
    "health store",
    "import orders.csv --map orders.toml",
    "init myshop",
    "keys new",
    "keys token crm --role system --country US",
    "models diff US lapse 2017-05-09-00000000",
    "models list",
    "models promote US lapse 2017-05-09-00000000",
    "models rollback US lapse",
    "models shadow US lapse 2017-09-05-00000000",
    "models show US lapse",
    "parity US",
    "react",
    "rebuild US",
    "refused US --customer 1",
    "replay events.jsonl --country US",
    "schemas",
    "schemas --proto",
    "score US 1",
    "serve --port 0",
    "settings",
    "simulate --customers 5 --weeks 5",
    "status",
    "test --only-parity",
    "tidy",
    "train US -d 2017-05-09 --target lapse --default",
    "up",
    "verify US",
    "week US -d 2017-05-09 --wait 0",
    "watch US 1 --times 1",
    "watch US --movers --direction up --times 1",
    "why-changed US 2017-05-02 2017-05-09",
)
NAMES = tuple(cli.cerebro.list_commands(click.Context(cli.cerebro)))


def every_command() -> list[str]:
    """Each command as it is typed; of a group each of its own."""
    context, typed = click.Context(cli.cerebro), []
    for name in NAMES:
        found = cli.cerebro.get_command(context, name)
        own = found.list_commands(context) if isinstance(found, click.Group) else []
        typed += [f"{name} {one}" for one in own] or [name]
    return typed
