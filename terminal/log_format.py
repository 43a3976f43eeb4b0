"""How a long-running process talks on stderr: sentences for people, or one JSON object a line for log collectors."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import click

from scv import settings, talk
from scv.events.calendar import from_us
from scv.events.clock import wall_us

option = click.option(
    "--log-format", type=click.Choice(["plain", "json"]), help="How it talks on stderr. Default: CEREBRO_LOG_FORMAT."
)


class SayingHandler(logging.Handler):
    """What libraries and our own loggers log is said as everything else is; a trace stays behind."""

    def emit(self, record: logging.LogRecord) -> None:
        talk.say(record.getMessage(), record.levelname.lower(), logger=record.name)


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"default": {"class": f"{__name__}.{SayingHandler.__name__}"}},
    "root": {"level": "WARNING", "handlers": ["default"]},
}
"""For who sets logging up itself, as Faust does."""


def begin(chosen: str | None, process: str) -> bool:
    """Talk in the format that was chosen, else in that of the settings, from now on; is it JSON?

    A line has `time` (UTC), `level`, `process`, `pid` and `message`, and what else was said as fields.
    """
    if (chosen or settings.load().log_format) != "json":
        return False

    def line(text: str, level: str, fields: dict[str, Any]) -> str:
        about = {"time": from_us(wall_us()).isoformat(timespec="milliseconds"), "level": level, "process": process}
        return json.dumps(about | {"pid": os.getpid(), "message": text} | fields, default=str, ensure_ascii=False)

    talk.speak(line)
    logging.root.handlers = [SayingHandler()]
    return True
