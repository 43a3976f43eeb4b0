"""List the models, show one, compare two, and say which answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from scv import settings as known
from terminal import listing
from terminal.arguments import the_countries

if TYPE_CHECKING:
    from scv.events.country import Country
    from scv.model.registry import Entry
    from scv.settings import Settings

WORDS = 80
"""So much of a reason stands in a list."""


@click.group()
def command() -> None:
    """Look at what was trained, and choose which model answers. Scorers take the chosen one within seconds.

    \b
    Example:
      cerebro models list US
      cerebro models show US lapse
      cerebro models rollback US lapse
    """


@command.command("list")
@click.argument("codes", nargs=-1, metavar="[COUNTRY…]")
@click.option("--target", "names", multiple=True, help="Only this target; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def tell(codes: tuple[str, ...], names: tuple[str, ...], as_json: bool) -> int:
    """List models, oldest first: which answers, since when and why, and their figures on customers that a fit had not
    seen (compare those of one Tuesday only; `diff` compares two).

    \b
    Example:
      cerebro models list
      cerebro models list US --target lapse --json
    """
    from scv.model import registry
    from scv.targets import target

    settings = known.load()
    chosen = [target.get(name).name for name in dict.fromkeys(names)]
    found = [
        one
        for country in the_countries(codes, settings)
        for name in chosen or [each.name for each in target.of_country(country)]
        for one in registry.entries(settings, country, name)
    ]
    if as_json:
        click.echo(json.dumps([_fields(one) for one in found]))
        return 0
    if found:
        listing.show(
            ("country", "target", "id", "answers", "since", "log loss", "AUC", "rows", "why"), map(_cells, found)
        )
    else:
        click.echo("No model is here yet: `cerebro train COUNTRY` makes them.", err=True)
    return 0


@command.command()
@click.argument("code", metavar="COUNTRY")
@click.argument("target")
@click.argument("id", required=False)
@click.option("--json", "as_json", is_flag=True, help="All that the model says of itself, as JSON.")
def show(code: str, target: str, id: str | None, as_json: bool) -> int:
    """Show one model, by default the champion: what it says, of which rows, how it was made and judged.

    \b
    Example:
      cerebro models show US lapse
      cerebro models show US lapse 2017-09-05-1a2b3c4d --json
    """
    import msgspec

    _, country, name = _asked(code, target)
    one = _entry(country, name, id)
    info = None if one.info is None else msgspec.to_builtins(one.info, str_keys=True)
    if as_json:
        click.echo(json.dumps(_fields(one) | {"bundle": info}))
        return 0
    lines = {"folder": one.path, "may answer": one.trouble or "yes", "answers": _since(one), "why": one.why or "-"}
    if info is not None:
        lines |= {"says": info["sentence"], "frozen at": info["reference"], "labels as of": info["label_as_of"]}
        lines |= {"calibration": info["calibration"]["kind"], "columns": len(info["columns"])}
        lines |= {f"trained on {key}": value for key, value in info["trained_on"].items()}
        lines |= {f"figure {key}": _number(value) for key, value in one.figures.items()}
        lines |= {f"recipe {key}": value for key, value in info["params"].items()}
    listing.show(("what", "is"), lines.items())
    return 0


@command.command()
@click.argument("code", metavar="COUNTRY")
@click.argument("target")
@click.argument("a")
@click.argument("b", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def diff(code: str, target: str, a: str, b: str | None, as_json: bool) -> int:
    """Say in what two models of a target are not alike: rows, recipe, columns, settings, figures. B is the champion.

    Their training sets are compared row by row: which only one has, and which outcomes and values changed (events that
    came late, another definition). Figures of two Tuesdays are of different rows; `cerebro train` judges recipes on
    the same ones.

    \b
    Example:
      cerebro models diff US lapse 2017-09-05-1a2b3c4d
    """
    from scv.errors import CorruptBundle, UserError
    from scv.model import registry, training_file

    settings, country, name = _asked(code, target)
    sides = []
    for one in (_entry(country, name, a), _entry(country, name, b)):
        if one.info is None:
            raise CorruptBundle(one.trouble)
        sides.append(one.info)
    found = list(registry.differences(*sides))
    if sides[0].trained_on.set != sides[1].trained_on.set:
        try:
            sets = [training_file.read(settings, country.code, name, side.trained_on.set) for side in sides]
            found += training_file.differences(*sets)
        except UserError as error:
            click.echo(f"The rows are not compared: {error}", err=True)
    ids = tuple(side.id for side in sides)
    if as_json:
        click.echo(json.dumps([dict(zip(("what", "a", "b"), row, strict=True)) for row in found]))
    elif found:
        listing.show(("what", *ids), found)
    if not found:
        click.echo(f"{ids[0]} and {ids[1]} are alike.", err=True)
    return 0


@command.command()
@click.argument("code", metavar="COUNTRY")
@click.argument("target")
@click.argument("id")
@click.option("--why", default="by hand", show_default=True, help="The reason, to be kept with it.")
def promote(code: str, target: str, id: str, why: str) -> int:
    """Let a model answer. One that may not (other definitions, damaged) is refused.

    \b
    Example:
      cerebro models promote US lapse 2017-09-05-1a2b3c4d --why "the newest leaned on a broken feed"
    """
    settings, country, name = _asked(code, target)
    return _promoted(settings, country, _entry(country, name, id), why)


@command.command()
@click.argument("code", metavar="COUNTRY")
@click.argument("target")
def rollback(code: str, target: str) -> int:
    """Let the model that answered before the champion answer again; twice goes back and forth.

    \b
    Example:
      cerebro models rollback US lapse
    """
    from scv.model import registry

    settings, country, name = _asked(code, target)
    champion = _entry(country, name, None)
    return _promoted(settings, country, registry.before(settings, country, name), f"back from {champion.id}")


def _asked(code: str, name: str) -> tuple[Settings, Country, str]:
    from scv.targets import target

    settings = known.load()
    (country,) = the_countries([code], settings)
    return settings, country, target.get(name).name


def _entry(country: Country, target: str, id: str | None) -> Entry:
    """The champion for None."""
    from scv.model import registry

    settings = known.load()
    return (
        registry.answering(settings, country, target) if id is None else registry.entry(settings, country, target, id)
    )


def _promoted(settings: Settings, country: Country, one: Entry, why: str) -> int:
    from scv.model import registry

    registry.promote(settings, country, one, why)
    click.echo(f"{country.code} {one.target}: {one.id} answers now ({why}).", err=True)
    return 0


def _fields(one: Entry) -> dict[str, Any]:
    return {
        "country": one.country,
        "target": one.target,
        "id": one.id,
        "path": str(one.path),
        "answers": one.answers,
        "may_answer": not one.trouble,
        "trouble": one.trouble,
        "since": one.since and one.since.isoformat(),
        "why": one.why,
        "figures": dict(one.figures),
    }


def _cells(one: Entry) -> tuple[object, ...]:
    figures = [_number(one.figures[name]) if name in one.figures else "-" for name in ("log_loss", "auc", "rows")]
    why = one.trouble or one.why or "-"
    short = why if len(why) <= WORDS else why[: WORDS - 1] + "…"
    since = f"{one.since:%Y-%m-%d %H:%M} UTC" if one.since else "-"
    return one.country, one.target, one.id, "yes" if one.answers else "no", since, *figures, short


def _since(one: Entry) -> str:
    if not one.answers:
        return "no"
    return f"since {one.since:%Y-%m-%d %H:%M} UTC" if one.since else "yes"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


@command.command()
@click.argument("code", metavar="COUNTRY")
@click.argument("target")
@click.argument("id", required=False)
@click.option("--off", is_flag=True, help="Ask it no more.")
@click.option("--json", "as_json", is_flag=True, help="How they compare, as JSON.")
def shadow(code: str, target: str, id: str | None, off: bool, as_json: bool) -> int:
    """Ask a model beside the champion, without telling anybody what it says; without an ID: how the two compare so far.

    It is asked after the reply is sent, about the share of live scores that is kept (CEREBRO_VECTOR_LOG_SHARE).

    \b
    Example:
      cerebro models shadow US lapse 2017-09-05-1a2b3c4d
      cerebro models shadow US lapse
      cerebro models shadow US lapse --off
    """
    import msgspec

    from scorer import champions
    from scorer.served.shadow import beside
    from scv.errors import UserError
    from scv.model import bundle, champion

    settings, country, name = _asked(code, target)
    folder = champion.folder(settings, country.code, name)
    if off:
        (folder / champion.SHADOW).unlink(missing_ok=True)
        click.echo(f"{country.code} {name} has no shadow.", err=True)
        return 0
    if id is not None:
        chosen = bundle.load(_entry(country, name, id).path, country)
        champion.cast(chosen.path, chosen.manifest)
        click.echo(f"{country.code} {name}: {id} is asked beside the champion from now on.", err=True)
        return 0
    sides = [champions.load(settings, country, name, one) for one in (champion.POINTER, champion.SHADOW)]
    if sides[0] is None or sides[1] is None:
        raise UserError(f"{country.code} {name} has no {'champion' if sides[0] is None else 'shadow'}.")
    found = beside(settings, country.code, sides[0], sides[1])
    if found is None:
        click.echo("Nobody was asked about yet whose answer is kept.", err=True)
        return 1
    told = msgspec.to_builtins(found)
    click.echo(json.dumps(told)) if as_json else listing.show(("what", "is"), told.items())
    return 0
