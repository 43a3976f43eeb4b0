"""The project: a folder of one's own, told by its `cerebro.toml`, whose definitions stand beside ours.

It is the folder that `CEREBRO_PROJECT` names, else the nearest one, from the working folder upwards, that holds a
`cerebro.toml`. Without one there are our definitions alone. What lies in its rooms is found by lying there:

    countries/  XX.toml, which win over ours        fetchers/  classes of `Fetcher`
    derived/    `Derived` features                  targets/   `Target`s

A file of a room is a definition, no program: it may import what definitions are written in, and its neighbours as
`cerebro_project.fetchers.…`. One whose name begins with `_` is no definition, but what several of them share.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import tomllib
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from scv.errors import BadSetting, UserError

FILE = "cerebro.toml"
VARIABLE = "CEREBRO_PROJECT"
PACKAGE = "cerebro_project"
"""What its files are imported as, whatever the folder is called."""
ROOMS = {"fetchers": "class AppUsage(Fetcher)", "derived": "DERIVED = (Derived(…),)", "targets": "UPGRADE = Target(…)"}
"""Room → how a definition of it begins."""
LANGUAGE = (
    "__future__", PACKAGE, "scv.events.event", "scv.features.derived", "scv.features.fetcher", "scv.folds",
    "scv.targets.population", "scv.targets.target",
)  # fmt: skip
"""What a definition may import, and what lies in these packages: one that could look around would not be the same
number in a batch job, a consumer, a trainer and a scorer."""

Defined = TypeVar("Defined")


class Definition(NamedTuple):
    """A file of a room, imported."""

    path: Path
    module: ModuleType

    def held(self, kind: type[Defined]) -> Iterator[Defined]:
        """What it holds of a kind, by a name or in a tuple or list that has one."""
        for value in vars(self.module).values():
            for one in value if isinstance(value, tuple | list) else (value,):
                if isinstance(one, kind):
                    yield one


def here(environment: Mapping[str, str] | None = None) -> Path | None:
    """The project's folder; None where there is none. Raises BadSetting where `CEREBRO_PROJECT` names none."""
    named = (os.environ if environment is None else environment).get(VARIABLE)
    if named:
        folder = Path(named).expanduser().resolve()
        if not (folder / FILE).is_file():
            raise BadSetting(f"{VARIABLE} is {named}, and there is no {FILE} in it. `cerebro init FOLDER` makes one.")
        return folder
    try:
        start = Path.cwd()
    except FileNotFoundError:  # the working folder was removed
        return None
    return next((one for one in (start, *start.parents) if (one / FILE).is_file()), None)


def stay() -> None:
    """From now on it is the project of this process and its children, into whichever folder they go."""
    if (folder := here()) is not None:
        os.environ[VARIABLE] = str(folder)


def said(folder: Path) -> dict[str, Any]:
    """What its `cerebro.toml` says: names of settings → values. Raises BadSetting, naming file and line."""
    path = folder / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} cannot be read: {error}.") from error


def definitions(room: str) -> list[Definition]:
    """The files of one of `ROOMS`, in alphabetical order; none without a project. Raises BadSetting, naming file and
    line, for one that cannot be imported, imports what is no definition, or has a name that Python cannot import."""
    folder = here()
    if folder is None:
        return []
    _settle(folder)
    paths = sorted(path for path in (folder / room).glob("*.py") if not path.stem.startswith("_"))
    return [Definition(path, _imported(room, path)) for path in paths]


def declares(found: Definition, count: int) -> None:
    """Raise BadSetting for a file that says something, and of its room declares nothing: it would be passed over."""
    body = ast.parse(found.path.read_bytes()).body
    if not count and any(not isinstance(one, ast.Expr | ast.Import | ast.ImportFrom) for one in body):
        room = found.path.parent.name
        raise BadSetting(
            f"{found.path} declares none of what belongs into {room}/: write it as in `{ROOMS[room]}`. What several "
            f"files share goes into one whose name begins with `_`."
        )


def place(path: Path, word: str) -> str:
    """`FILE:LINE` where a file first says a word in quotes, else its first line: what an error names."""
    lines = path.read_text(encoding="utf-8").splitlines()
    quoted = (f'"{word}"', f"'{word}'")
    return f"{path}:{next((n for n, line in enumerate(lines, 1) if any(one in line for one in quoted)), 1)}"


def clash(what: str, name: str, path: Path, owner: str) -> BadSetting:
    """A second definition of one name; `owner` says where the first is."""
    return BadSetting(f"There are two {what}s `{name}`: {owner} and {place(path, name)}. Rename the latter.")


def _settle(folder: Path) -> None:
    """The package that the project's files are imported in; that of another folder is forgotten."""
    known = sys.modules.get(PACKAGE)
    if known is None or list(known.__path__) != [str(folder)]:
        for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]
        package = ModuleType(PACKAGE)
        package.__path__ = [str(folder)]
        sys.modules[PACKAGE] = package
        importlib.invalidate_caches()


def _imported(room: str, path: Path) -> ModuleType:
    if not path.stem.isidentifier():
        raise BadSetting(f"{path} cannot be imported: rename it, in letters, digits and `_` as in app_usage.py.")
    name = f"{PACKAGE}.{room}.{path.stem}"
    try:
        _refuse_programs(path)
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        if isinstance(error, UserError) and str(path) in str(error):
            raise
        told = f"{error}" if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        end = "" if told.endswith((".", "?")) else "."
        raise BadSetting(
            f"{path}:{_line(error, path)}: {told}{end} Mend it, or take the file out of {room}/."
        ) from error


def _refuse_programs(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in [node.module or "."] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]:
            if not any(name == one or name.startswith(f"{one}.") for one in LANGUAGE):
                raise BadSetting(
                    f"{path}:{node.lineno}: a definition is data and imports no {name}. It may import from "
                    f"{', '.join(LANGUAGE[1:])}."
                )


def _line(error: BaseException, path: Path) -> int:
    """Where in that file an error came up."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == str(path)]
    return (lines[-1] if lines else 1) or 1
