"""The `cerebro` command: one file in `commands/` per command, imported only when it is used.

Exit codes: 0 done, 2 your mistake, 1 ours, 130 interrupted. Data goes to stdout, talk to stderr.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from scv import machine
from scv.errors import CerebroError, Unreachable, UserError, did_you_mean
from scv.talk import say
from terminal import garbage, missing

try:
    import click
except ModuleNotFoundError as lacking:
    sys.stderr.write(f"Error: {missing.told(lacking)}\n")
    sys.exit(2)

FOLDER = Path(__file__).resolve().with_name("commands")


class Commands(click.Group):
    """A group whose commands are the files of a folder that define `command`; `_` in a file's name is typed `-`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, without importing any."""
        paths = [path for path in FOLDER.glob("*.py") if "\ndef command(" in path.read_text(encoding="utf-8")]
        return sorted(path.stem.replace("_", "-") for path in paths)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None when there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = importlib.import_module(f"commands.{_file(cmd_name)}").command
        found.name = cmd_name
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, with the nearest known name. Raises UsageError."""
        name, known = args[0], self.list_commands(ctx)
        if not name.startswith("-") and name not in known:
            near = did_you_mean(name, known)
            raise click.UsageError(f"Unknown command {name!r}.{near} `cerebro --help` lists all.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first line of each file's docstring, read without importing the file."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(FOLDER / f"{_file(name)}.py")) for name in self.list_commands(ctx)])


def _file(name: str) -> str:
    return name.replace("-", "_")


def summary(path: Path) -> str:
    """The first line of a file's docstring, or ''."""
    module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return (ast.get_docstring(module) or "").partition("\n")[0]


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    try:
        click.echo(f"cerebro {metadata.version('cerebro')}")
    except metadata.PackageNotFoundError:  # `python cli.py` works in a checkout that is not installed
        click.echo("cerebro (a checkout that is not installed: `make setup`)")
    ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["--help", "-h"]})
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cerebro(debug: bool) -> None:
    """Keep a single customer view exact, and say who is about to leave.

    \b
    Example:
      cerebro fetch US -d 2017-09-05 --out scv.csv
      cerebro fetch --help
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code (what a command returns as int, else 0)."""
    garbage.rarely()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given  # asked now: click empties the list
    if not (debug or sys.warnoptions):
        # What libraries say to their developers is no news to a user. A filter would not do: Feast sets its own.
        warnings.showwarning = lambda *_, **__: None
    try:
        code = run(given)
        sys.stdout.flush()  # a reader that went away shows here, not in the interpreter's last words
        return code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted.", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # what a shell reports for SIGPIPE
    except Exception as error:
        return _report(error, debug)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code; its errors are raised, for `main` or another command to report."""
    # Not click's own main(): it would turn an interrupt into exit 1 and a broken pipe into noise.
    with cerebro.make_context("cerebro", list(arguments)) as context:
        result = cerebro.invoke(context)
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _report(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    ours = _in_our_words(error)
    if ours is not None:
        say(f"Error: {ours}", "error")
        return 2 if isinstance(ours, UserError) else 1
    hint = "" if debug else " This is a bug; `cerebro --debug …` shows where."
    # The store's client quotes commands, and customers in them.
    said = "" if _package(error) == "redis" else f": {error}"
    say(f"Error: {type(error).__name__}{said}.{hint}", "error")
    return 1


def _in_our_words(error: Exception) -> CerebroError | None:
    """What is no bug of ours: our own errors, and what machine, store, broker or environment do not give."""
    if isinstance(error, ModuleNotFoundError):
        lacking = missing.told(error)
        return UserError(lacking) if lacking else None
    if _package(error) == "redis":
        from store.client import UNWELL, ails

        told = Unreachable(f"The store {ails(error)}. `cerebro health store` asks it.")
        return told if isinstance(error, UNWELL) else None
    if _package(error) == "rpc":
        from rpc.client import ScorerError

        kinds = {"UNAVAILABLE": Unreachable, "INVALID_ARGUMENT": UserError, "FAILED_PRECONDITION": UserError}
        return kinds.get(error.code, CerebroError)(str(error)) if isinstance(error, ScorerError) else None
    if _package(error) == "cimpl" and type(error).__name__ == "KafkaException":
        from streams.kafka.librdkafka import words

        return Unreachable(f"The broker is in trouble ({words(error.args[0])}). `cerebro health broker` asks it.")
    return machine.translate(error)


def _package(error: Exception) -> str:
    return type(error).__module__.partition(".")[0]


if __name__ == "__main__":
    sys.exit(main())
