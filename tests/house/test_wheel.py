"""What ships: the command, every package with its data, and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LISTED: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]


def shipped() -> set[str]:
    from hatchling.builders.wheel import WheelBuilder  # here: without it (no `make setup` yet) only these tests fail

    return {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}


def test_every_source_and_its_data_ships() -> None:
    found = shipped()
    wanted = {"cli.py"}
    for folder in LISTED:
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        wanted.update(str(path.relative_to(ROOT)) for path in files)
    data = {Path(name).suffix for name in wanted}
    assert {".py", ".proto", ".yaml", ".toml", ".css", ".js", ".html", ".md", ".yml", ".typed"} <= data
    assert wanted <= found


def test_the_client_is_a_package_of_its_own() -> None:
    """All of `rpc/` but what writes the stubs, and nothing beside it."""
    from hatchling.builders.wheel import WheelBuilder

    folder = ROOT / "rpc"
    found = {file.distribution_path for file in WheelBuilder(str(folder)).recurse_included_files()}
    wanted = [path for pattern in ("*.py", "*.pyi", "*.proto", "py.typed") for path in folder.glob(pattern)]
    assert found == {f"rpc/{path.name}" for path in wanted if path.name != "generate.py"}
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {one.partition(">")[0] for one in project["dependencies"]} == {"grpcio", "protobuf"}
    ours = PROJECT["project"]
    assert all(one in ours["optional-dependencies"]["scorer"] for one in project["dependencies"])


def test_nothing_else_ships() -> None:
    assert {path.partition("/")[0] for path in shipped()} <= set(LISTED)


def test_the_contracts_and_the_type_checker_see_every_package() -> None:
    packages = set(LISTED) - {"cli.py"}
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == packages
    assert set(PROJECT["tool"]["mypy"]["files"]) == {*LISTED, "bench", "tests"}  # neither ships
