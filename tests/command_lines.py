"""A plausible line of every command; a new command needs one here, and is then under every test that goes over all."""

from __future__ import annotations

import click

import cli

LINES: dict[str, tuple[str, ...]] = {
    "catalogue": ("orders",),
    "clock": ("US",),
    "consume": ("lake", "--until-idle"),
    "countries": (),
    "demo": (),
    "down": (),
    "export": ("US", "-d", "2017-05-09"),
    "feedback": ("US",),
    "fetch": ("US", "-d", "2017-05-09"),
    "health": ("store",),
    "parity": ("US",),
    "react": (),
    "rebuild": ("US",),
    "replay": ("events.jsonl", "--country", "US"),
    "schemas": (),
    "score": ("US", "1"),
    "serve": ("--port", "0"),
    "settings": (),
    "simulate": ("--customers", "5", "--weeks", "5"),
    "train": ("US", "-d", "2017-05-09", "--target", "lapse", "--default"),
    "up": (),
    "week": ("US", "-d", "2017-05-09", "--wait", "0"),
}
NAMES = tuple(cli.cerebro.list_commands(click.Context(cli.cerebro)))


def line(name: str) -> list[str]:
    """The command and its arguments; KeyError for one that has no line yet."""
    return [name, *LINES[name]]
