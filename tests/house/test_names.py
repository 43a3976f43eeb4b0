"""A noun per file, and files and functions that fit a screen or a few. Each rule names every file that breaks it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.sources import WRITTEN, name, tree

EMPTY_NAMES = {
    "util", "utils", "helper", "helpers", "common", "base", "manager", "misc", "core", "lib", "tools", "stuff",
}  # fmt: skip
FILE_LINES = 300
FUNCTION_LINES = 40


def test_there_are_files() -> None:
    assert len(WRITTEN) > 200


def test_a_file_is_short() -> None:
    """Split it: one noun per file."""
    lines = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in WRITTEN}
    assert {path: count for path, count in lines.items() if count > FILE_LINES} == {}


def test_a_file_is_named_for_what_it_holds() -> None:
    assert [name(path) for path in WRITTEN if EMPTY_NAMES & set(path.stem.split("_"))] == []


def test_a_function_is_short() -> None:
    """Split it; a longer one needs a reason: `# long: …` on the line above."""
    assert [f"{name(path)}: {what}" for path in WRITTEN for what in long_functions(path)] == []


def long_functions(path: Path) -> Iterator[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            excused = lines[first - 2].strip().startswith("# long: ") if first > 1 else False
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES and not excused:
                yield f"{node.name} has {length} lines"


def test_a_file_says_what_it_is() -> None:
    """The docstring states the contract; in scv/fetchers the first class's does."""
    assert [name(path) for path in WRITTEN if not says_what_it_is(path)] == []


def says_what_it_is(path: Path) -> bool:
    module = tree(path)
    first = next((node for node in module.body if isinstance(node, ast.ClassDef)), None)
    said = ast.get_docstring(module) or (first and "fetchers" in path.parts and ast.get_docstring(first))
    return bool(said)


def test_the_rules_see_what_they_should(tmp_path: Path) -> None:
    body = "\n".join(f"    x = {n}" for n in range(FUNCTION_LINES))
    long = tmp_path / "long.py"
    long.write_text(f"def endless() -> None:\n{body}\n", encoding="utf-8")
    assert list(long_functions(long)) == [f"endless has {FUNCTION_LINES + 1} lines"] and not says_what_it_is(long)
    long.write_text(f'"""Said."""\n# long: a table\ndef endless() -> None:\n{body}\n', encoding="utf-8")
    assert list(long_functions(long)) == [] and says_what_it_is(long)


def test_one_class_name_means_one_thing() -> None:
    """A second class of a name is another thing: it takes the word that tells them apart."""
    places: dict[str, list[str]] = {}
    for path in WRITTEN:
        if "fetchers" not in path.parts and not {"tests", "bench"} & set(path.parts):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, []).append(name(path))
    assert len(places) > 250
    assert {word: where for word, where in places.items() if len(where) > 1} == {}


def test_one_place_names_drafts() -> None:
    """`scv.atomic.beside`: a name of one's own invention collides on a shared disk, or is never swept."""
    owner = "scv/atomic.py"
    assert [name(path) for path in WRITTEN if 'with_name(f".' in path.read_text("utf-8")] == [owner]
