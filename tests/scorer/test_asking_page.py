"""docs/asking.md: what it shows is run, but for place, keys and customer; where the machine has the runtime."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from local import authority
from scorer.live.server import Server
from tests.flow.pages import ROOT, blocks
from tests.scorer.shop import LIVELY, Shop

PAGE = "docs/asking.md"


@pytest.fixture
def asked(live: Shop, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Where a closed scorer is, and the folder of a caller's keys."""
    authority.make(tmp_path / "keys")
    server = Server(replace(live.settings, scorer_keys=str(tmp_path / "keys/scorer")), "127.0.0.1:0")
    server.start()
    try:
        yield server.address, tmp_path / "keys/caller"
    finally:
        server.stop(0)


def block(language: str, place: str, keys: Path) -> str:
    (found,) = blocks(PAGE, language)
    here = {"scorer.internal:50051": place, "/etc/cerebro/caller": str(keys), '"900"': f'"{LIVELY}"'}
    text = found.text
    for theirs, ours in here.items():
        assert theirs in text, "the page shows another place"
        text = text.replace(theirs, ours)
    return text


def test_python(asked: tuple[str, Path]) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(block("python", *asked), PAGE, "exec"), {})
    assert out.getvalue().startswith("lapse 0.")


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not on PATH")
def test_a_shell(asked: tuple[str, Path]) -> None:
    done = subprocess.run(["bash", "-c", block("bash", *asked)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and '"probability"' in done.stdout, done.stderr


def node_modules() -> str:
    """Where node finds what the page installs; "" where it does not."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return ""
    place = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=False).stdout.strip()
    found = [Path(place, "@grpc", name).is_dir() for name in ("grpc-js", "proto-loader")]
    return place if all(found) else ""


def test_node(asked: tuple[str, Path], tmp_path: Path) -> None:
    modules = node_modules()
    if not modules:
        pytest.skip("node with @grpc/grpc-js and @grpc/proto-loader is not installed (npm install -g)")
    shutil.copy(ROOT / "rpc" / "scorer.proto", tmp_path)
    (tmp_path / "ask.js").write_text(block("javascript", *asked))
    done = subprocess.run(
        ["node", "ask.js"], cwd=tmp_path, env=os.environ | {"NODE_PATH": modules}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout.startswith("lapse SCORED 0."), done.stderr


@pytest.mark.real
def test_java(asked: tuple[str, Path], tmp_path: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        pytest.skip("install maven")
    shown = {"src/main/java/Ask.java": block("java", *asked), "pom.xml": blocks(PAGE, "xml")[0].text}
    shown["src/main/proto/scorer.proto"] = (ROOT / "rpc" / "scorer.proto").read_text(encoding="utf-8")
    for name, text in shown.items():
        assert name.startswith("src/main/proto") or Path(name).name in text, "the page says which file it is"
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [maven, "-q", "-B", "compile", "exec:java"], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip
    if "Could not transfer" in done.stdout:
        pytest.skip("no Maven repository can be reached")
    assert done.returncode == 0 and "lapse SCORED 0." in done.stdout, done.stdout + done.stderr
