"""Every service searches for cycles by the clock, so that none looks as if it leaked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from terminal import garbage

ROOT = Path(__file__).parents[2]
COMMANDS = sorted((ROOT / "commands").glob("*.py"))
SERVICES = [one for one in COMMANDS if "with exposed(" in one.read_text(encoding="utf-8")]
CYCLES = """
import gc, time, weakref
from terminal import garbage

class Node: pass

garbage.rarely()
garbage.EVERY_S = 0.1
garbage.for_ever()
assert gc.get_freeze_count() > 1000 and gc.get_threshold() == garbage.RARELY
node = Node()
node.itself, dead = node, weakref.ref(node)
del node
deadline = time.monotonic() + 20
while dead() is not None:
    assert time.monotonic() < deadline, "the cycle is still there"
    time.sleep(0.05)
"""
HEAPS = """
import ctypes, os, re, tempfile, threading
from terminal import garbage

garbage.few_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
done, begun = threading.Event(), threading.Barrier(13)

def work():
    libc.malloc(5000)
    begun.wait()
    done.wait()

threads = [threading.Thread(target=work) for _ in range(12)]
[one.start() for one in threads]
begun.wait()
libc.fdopen.restype = ctypes.c_void_p
file = tempfile.TemporaryFile()
stream = ctypes.c_void_p(libc.fdopen(os.dup(file.fileno()), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
file.seek(0)
print(len(re.findall(b"<heap nr=", file.read())))
done.set()
"""


def test_there_are_services() -> None:
    assert {one.stem for one in SERVICES} >= {"consume", "serve", "react", "console"}


@pytest.mark.parametrize("command", SERVICES, ids=lambda one: one.stem)
def test_a_service_searches_by_the_clock(command: Path) -> None:
    text = command.read_text(encoding="utf-8")
    assert "garbage.for_ever()" in text
    first, *_ = text[text.index("\ndef command(") :].partition("garbage.few_arenas()")
    assert " import " not in first.partition('"""')[2].partition('"""')[2], "what it loads begins threads"


def test_threads_of_a_service_share_their_heaps() -> None:
    done = subprocess.run([sys.executable, "-c", HEAPS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= garbage.ARENAS


def test_a_cycle_goes_although_nothing_else_happens() -> None:
    done = subprocess.run([sys.executable, "-c", CYCLES], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_service_ends_without_a_word_of_its_libraries() -> None:
    """Its last words are what to do."""
    code = (
        "import deltalake, duckdb, pyarrow, redis; from terminal import garbage; duckdb.connect(); garbage.for_ever()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
