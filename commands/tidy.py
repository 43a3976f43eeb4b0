"""Take away what nobody needs any more: for cron, or by hand."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import click


@click.command()
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(dry: bool, as_json: bool) -> int:
    """Take away what nobody needs any more, beside everything that runs, and make the lake small.

    Snapshots that are not of a Tuesday (CEREBRO_SNAPSHOT_DAYS), bundles that no champion, published week or served
    vector is of (CEREBRO_BUNDLE_DAYS), served vectors (CEREBRO_VECTOR_DAYS), published weeks (CEREBRO_EXPORT_DAYS, the
    newest 13 always stay), who did what in the console (CEREBRO_AUDIT_DAYS), and drafts that killed runs left a day
    ago. In the lake: rows of erased customers, small files, and files that no reader holds. Events and dead letters lie
    with the broker, which keeps them for CEREBRO_EVENT_DAYS and CEREBRO_DEAD_LETTER_DAYS from when their topics are
    made on. Exit 1 where something had to be left; stderr says why.

    \b
    Example:
      cerebro tidy --dry-run
      17 3 * * *  CEREBRO_HOME=/srv/cerebro/var /srv/cerebro/.venv/bin/cerebro tidy    (a line of a crontab)
    """
    from operation import tidy
    from scv import settings as known
    from terminal import listing
    from terminal.arguments import the_countries

    settings = known.load()
    done = tidy.tidy(settings, the_countries((), settings), dry)
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in done.gone:
        counts[one.kind, one.country or "-"].update({"files": one.files, "bytes": one.bytes})
    rows = [{"what": kind, "country": country, **count} for (kind, country), count in sorted(counts.items())]
    if as_json:
        paths = sorted(one.path for one in done.gone)
        click.echo(json.dumps({"gone": rows, "paths": paths, "erased_rows": done.erased_rows, "left": done.left}))
    elif rows:
        columns = ("what", "country", "files", "bytes")
        listing.show(columns, [[row[name] for name in columns] for row in rows])
    if done.erased_rows:
        went = "would leave" if dry else "left"
        click.echo(f"{done.erased_rows:,} rows of erased customers {went} the lake.", err=True)
    for why in done.left:
        click.echo(why, err=True)
    if not (rows or done.erased_rows or done.left):
        click.echo("Everything is tidy.", err=True)
    return 1 if done.left else 0
