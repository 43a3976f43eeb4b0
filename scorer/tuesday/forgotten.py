"""Erased customers leave the weeks that are kept: every file of a week is written anew without them.

The only thing that ever changes what was published. While it is at work the week cannot be used: its manifest, which
comes last, is not of the new files yet. A mark stands beside them, so that the next run ends what a killed one began.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorer.tuesday import manifest as manifests
from scorer.tuesday.claim import claimed
from scorer.tuesday.manifest import File, WeekManifest
from scorer.tuesday.week import MANIFEST, WITHDRAWN, Folder
from scv import language, stamp
from scv.events.calendar import to_us
from scv.offline import snapshot
from scv.offline.csv_text import csv_of

MARK = "forgetting"


def holding(folder: Folder, gone: Mapping[str, int]) -> Iterator[str]:
    """The weeks below a folder, published or taken back, with somebody who was erased since (`gone`: customer → us), or
    that a killed run left half. Raises ValueError for a manifest that cannot be read."""
    if not gone:
        return
    for path in sorted([*folder.fs.glob(f"{folder.path}/*"), *folder.fs.glob(f"{folder.path}/{WITHDRAWN}/*")]):
        name = path.removeprefix(f"{folder.path}/")
        if not folder.fs.exists(f"{path}/{MANIFEST}"):
            continue
        made = manifests.decode(folder.read(f"{name}/{MANIFEST}"))
        if folder.fs.exists(f"{path}/{MARK}") or _those(_scores(folder, name, made), made, gone):
            yield name


def forget(folder: Folder, name: str, gone: Mapping[str, int]) -> None:
    """Write a week anew without them. Raises UserError while somebody else writes there."""
    with claimed(folder.fs, folder.path, f"forget {name}"):
        made = manifests.decode(folder.read(f"{name}/{MANIFEST}"))
        scores = _scores(folder, name, made)
        customers = _those(scores, made, gone)
        folder.put(f"{name}/{MARK}", b"")
        kept = scores.filter(
            pc.invert(pc.is_in(scores["customer_id"], value_set=pa.array(sorted(customers), pa.string())))
        )
        bodies = {file: _without(folder, name, file, kept, customers) for file in made.files}
        # The Parquet file comes after the others: as long as it names somebody, a killed run begins anew.
        for file in sorted(bodies, key=lambda one: one.endswith(".parquet")):
            folder.put(f"{name}/{file}", bodies[file])
        folder.put(f"{name}/{MANIFEST}", manifests.encode(_described(made, bodies, len(kept))))
        folder.fs.rm_file(f"{folder.path}/{name}/{MARK}")


def _scores(folder: Folder, name: str, made: WeekManifest) -> pa.Table:
    """As they lie there: what stands between the files of a killed run is not what was published."""
    file = next(one for one in made.files if one.endswith(".parquet"))
    return pq.read_table(io.BytesIO(folder.read(f"{name}/{file}")))


def _those(scores: pa.Table, made: WeekManifest, gone: Mapping[str, int]) -> set[str]:
    """Who of a week was erased after its reference."""
    since = {customer for customer, us in gone.items() if us >= to_us(made.reference)}
    return since.intersection(scores["customer_id"].to_pylist()) if since else set()


def _without(folder: Folder, name: str, file: str, kept: pa.Table, customers: set[str]) -> bytes:
    if file.endswith(".parquet"):
        return snapshot.body_of(kept)
    if file.endswith(".csv"):
        return csv_of(kept, folder.country)
    return _sheet_without(folder.read(f"{name}/{file}"), customers)


def _sheet_without(body: bytes, customers: set[str]) -> bytes:
    """The workbook with every row of theirs gone; what people see otherwise stays."""
    import openpyxl

    book, out = openpyxl.load_workbook(io.BytesIO(body)), io.BytesIO()
    for page in book.worksheets:
        header = [language.column_of(str(cell.value)) if cell.value else None for cell in page[1]]
        if "customer_id" not in header:
            continue
        place = header.index("customer_id") + 1
        for number in range(page.max_row, 1, -1):
            if str(page.cell(number, place).value) in customers:
                page.delete_rows(number)
    book.save(out)
    return out.getvalue()


def _described(made: WeekManifest, bodies: Mapping[str, bytes], rows: int) -> WeekManifest:
    """What the week says of itself now: its counts stay those of the day it went out."""
    files: dict[str, Any] = {
        name: File(bytes=len(body), rows=made.files[name].rows if name.endswith(".xlsx") else rows)
        for name, body in bodies.items()
    }
    sums = {name: stamp.sha256_of(body) for name, body in bodies.items()}
    return msgspec.structs.replace(made, files=files, stamp=msgspec.structs.replace(made.stamp, files=sums))
