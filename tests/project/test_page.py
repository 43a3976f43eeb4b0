"""docs/project.md, followed: each example stands in a project as the page says, and does what the page promises."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from scv.settings import Settings
from tests.flow.pages import blocks, text
from tests.flow.session import clean_environment
from tests.project.shop import Project, init

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PAGE = "docs/project.md"
EXAMPLES = {"A country": "toml", "A feature": "python", "A derived feature": "python", "A target": "python"}
DAY = "2017-09-05"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh one without its own examples, but with those of the page; and a lake of invented customers of GB."""
    made = init(tmp_path_factory.mktemp("at") / "shop")
    for room in ("fetchers", "derived", "targets", "tests"):
        for path in (made.folder / room).glob("*.py"):
            path.unlink()
    (made.folder / "countries" / "NL.toml").unlink()
    for title, language in EXAMPLES.items():
        (block,) = blocks(PAGE, language, title)
        section = text(PAGE).partition(f"## {title}\n")[2]
        (path,) = re.findall(r"\A\s*`([a-z]+/\w+\.\w+)`", section)
        made.write(path, block.text)
    made.run("simulate", "--country", "GB", "--customers", "500", "--weeks", "40", "--clean", "--to", "lake")
    return made


def test_the_tree_is_what_init_makes(tmp_path: Path) -> None:
    (tree,) = (block.text for block in blocks(PAGE, "") if block.text.startswith("myshop/"))
    told = {word.strip("/") for line in tree.splitlines()[1:] for word in re.split(r"  +", line.strip())[:1]}
    told |= set(tree.splitlines()[-1].split())
    made = init(tmp_path / "shop")
    assert {path.name for path in made.folder.iterdir()} - told <= {".gitignore", ".dockerignore"}


def test_the_settings_are_settings() -> None:
    (block,) = blocks(PAGE, "toml", "Settings")
    assert set(tomllib.loads(block.text)) <= set(Settings.__struct_fields__)


def test_the_fetcher_is_proved_and_catalogued(project: Project) -> None:
    assert re.search(r"^treats\tfetcher over orders\t\d{4,}\t0$", project.run("test").stdout, re.M)
    names = {one["name"] for one in json.loads(project.run("catalogue", "--json").stdout)}
    assert {"treats__largest_28d", "treats__bare", "derived__treat_growth"} <= names


def test_the_table_has_features_and_what_is_derived_of_them(project: Project) -> None:
    out = project.folder / "scv.csv"
    project.run("fetch", "GB", "-d", DAY, "--derived", "--out", str(out))
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    told = [row for row in rows if row["treats__largest_28d"]]
    assert len(told) > 50
    for row in told:
        wanted = int(row["treats__largest_28d"]) / int(row["treats__largest_182d"])
        assert float(row["derived__treat_growth"]) == pytest.approx(wanted, rel=1e-12)
    assert {row["derived__treat_growth"] for row in rows if not row["treats__largest_28d"]} <= {""}
    plain = project.run("fetch", "GB", "-d", DAY, "--fetcher", "treats").stdout
    assert plain.splitlines()[0].endswith(
        "treats__largest_28d,treats__largest_182d,treats__bare".replace(",", '","') + '"'
    )


def test_the_target_is_learned(project: Project) -> None:
    """Its population is asked about and nobody else, as naive arithmetic on the table has it."""
    project.run("train", "GB", "-d", DAY, "--target", "praise", "--default", "--no-report")
    (bundle,) = (project.folder / "var" / "bundles" / "GB" / "praise").glob("20*/bundle.json")
    info = json.loads(bundle.read_bytes())
    assert (info["target"], info["basis"]) == ("praise", "recorded")
    assert info["sentence"] == "a rating of five stars in the next 28 days"
    assert 0 < info["trained_on"]["positives"] < info["trained_on"]["rows"]
    assert {"treats__largest_28d", "treats__bare"} & {one["name"] for one in info["columns"]}


def test_the_stock_feast_has_its_view(project: Project) -> None:
    """By its own command line, from the project's folder, as the page says."""
    feast = Path(sysconfig.get_path("scripts")) / "feast"
    done = [
        subprocess.run(
            [str(feast), "-c", "feature_repo", *words], cwd=project.folder, env=clean_environment(),
            capture_output=True, text=True, check=False,
        )
        for words in (["apply"], ["feature-views", "list"])
    ]  # fmt: skip
    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    assert re.search(r"^treats\s", done[1].stdout, re.M) and (project.folder / "var" / "registry.db").is_file()
