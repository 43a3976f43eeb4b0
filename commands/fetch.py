"""Build the single customer view of countries at dates."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scv import atomic, settings
from scv.errors import UserError
from scv.features import fetcher
from scv.settings import Settings
from terminal import completeness, variables
from terminal.arguments import the_countries, the_references
from terminal.bar import Bar

if TYPE_CHECKING:
    import pyarrow as pa

    from scv.offline.fetch import Done


@click.command()
@click.argument("codes", nargs=-1, metavar="[COUNTRY]...")
@click.option("-d", "--date", "dates", multiple=True, help="A local date (its midnight) or an instant; default: now.")
@click.option("-w", "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Parallel fetchers.")
@click.option("-f", "--fetcher", "names", multiple=True, help="Only this fetcher; may be repeated.")
@click.option("--out", type=click.Path(dir_okay=False, writable=True), help="Also write one table (.csv or .parquet).")
@click.option("--resume/--afresh", default=True, help="Keep what stands (default), or take all anew.")
@click.option("--anyway", is_flag=True, help="Also where the lake is behind the log, from what it has.")
@click.option("--derived", "with_derived", is_flag=True, help="Show and write the derived variables as well.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON instead of showing the table.")
def command(  # noqa: PLR0913 - one parameter per option
    codes: tuple[str, ...],
    dates: tuple[str, ...],
    workers: int,
    names: tuple[str, ...],
    out: str | None,
    resume: bool,
    anyway: bool,
    with_derived: bool,
    as_json: bool,
) -> int:
    """Write a snapshot for every country, date and fetcher, and show the table.

    What would be written again byte by byte is kept, of the same definitions, settings and events and whole: snapshots
    that stand, and tables of a fetch that was interrupted or failed in part. So a grid goes on where it stopped.

    Each fetcher is independent: one that fails is reported and stops no other; its country keeps the snapshots that
    it had, and no table is shown. With --fetcher only the table is made: some fetchers alone are no snapshot. A
    country without data gives an empty table and a warning. A lake that is behind the log is refused, unless it is
    complete up to the dates. --derived computes those variables of what is in the table. Customer ids are text: a CSV
    loses leading zeros where a spreadsheet opens it, or pandas without dtype={'customer_id': str}.

    \b
    Example:
      cerebro fetch US ZZ -d 2017-09-05 -d 2017-09-12 -w 16
      cerebro fetch US -d 2017-09-05 --derived --out scv.csv
    """
    from local.services.running import starting
    from scv.offline.fetch import Listener, fetch, look

    _check(out, with_derived, as_json)
    config = settings.load()
    chosen = [fetcher.get(name) for name in dict.fromkeys(names)]
    wanted = {one: the_references(dates, one, config) for one in the_countries(codes, config)}
    if not anyway:
        completeness.refuse_half(config, wanted, lambda: starting(config.home_path))
    with Bar("Fetching") as bar:
        look_at = functools.partial(look, fetchers=chosen) if chosen else functools.partial(fetch, afresh=not resume)
        done = look_at(config, wanted, workers=workers, progress=Listener(at=bar.at))
    return _tell(config, done, out, as_json, with_derived)


def _check(out: str | None, with_derived: bool, as_json: bool) -> None:
    if out and not out.endswith((".csv", ".parquet")):
        raise UserError(f"--out {out}: the name must end in .csv or .parquet.")
    if with_derived and as_json and not out:
        raise UserError("--json says what was written and shows no table: leave out --derived, or name --out.")


def _tell(config: Settings, done: list[Done], out: str | None, as_json: bool, with_derived: bool) -> int:
    """What became of it, and the table where all went well; the exit code."""
    _say_kept(done)
    _warn(done)
    if as_json:
        click.echo(json.dumps([_facts(result) for result in done], indent=1))
    if any(result.error for result in done):
        return 1
    if out or not as_json:
        table = _table(config, done)
        table = _with_derived(table) if with_derived else table
        _write(table, out) if out else variables.show(table)
    return 0


def _table(settings: Settings, done: list[Done]) -> pa.Table:
    """One row per country, customer and reference; columns `fetcher__feature`."""
    import pyarrow as pa

    from scv.offline import snapshot

    joined = []
    for country in dict.fromkeys(result.job.country for result in done):
        mine = [result for result in done if result.job.country == country]
        parts = [{one.fetcher: one.tables[at] for one in mine if one.tables} for at in mine[0].rows]
        if not any(parts):
            stand = snapshot.Snapshots(settings, country, mine[0].job.version)
            parts = [stand.read(at) for at in mine[0].rows]
        joined.append(snapshot.join({name: pa.concat_tables(part[name] for part in parts) for name in parts[0]}))
    return pa.concat_tables(joined)


def _with_derived(table: pa.Table) -> pa.Table:
    """The table with every derived feature beside those that it is computed of."""
    import numpy as np
    import pyarrow as pa

    from scv.features import derived

    for name, values in derived.beside({name: table[name] for name in table.column_names}).items():
        table = table.append_column(name, pa.array(values, pa.float64(), mask=np.isnan(values)))
    return table


def _facts(result: Done) -> dict[str, object]:
    names = {"country": result.job.country.code, "fetcher": result.fetcher}
    rows = {at.isoformat(): n for at, n in result.rows.items()}
    return names | {"rows": rows, "kept": sorted(at.isoformat() for at in result.kept), "error": result.error or None}


def _say_kept(done: list[Done]) -> None:
    kept, every = sum(len(one.kept) for one in done), sum(len({*one.rows, *one.kept}) for one in done)
    if kept:
        told = f"Kept {kept:,} of {every:,} tables (country × date × fetcher) as they stand; --afresh takes all anew."
        click.echo(told, err=True)


def _warn(done: list[Done]) -> None:
    for result in done:
        if result.error:
            click.echo(f"{result.job.country.code} {result.fetcher} failed: {result.error}", err=True)
    for country in dict.fromkeys(result.job.country for result in done):
        mine = [result for result in done if result.job.country == country]
        if not any(rows for result in mine for rows in result.rows.values()) and not any(r.error for r in mine):
            click.echo(f"Warning: {country.code} has no data at these dates: its table is empty.", err=True)


def _write(table: pa.Table, out: str) -> None:
    import pyarrow as pa
    import pyarrow.csv as csv

    from scv.offline import snapshot
    from scv.offline.csv_text import inert

    if out.endswith(".parquet"):
        snapshot.write(table, Path(out))
    else:
        sink = pa.BufferOutputStream()
        csv.write_csv(inert(table), sink)
        atomic.write(Path(out), sink.getvalue().to_pybytes())
    click.echo(f"Wrote {len(table)} rows × {table.num_columns} columns to {out}.", err=True)
