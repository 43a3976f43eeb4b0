"""Print the part of requirements.lock that some extras need, hashes included (used by the Dockerfile).

    python deploy/lock_part.py streams,scorer > part.lock
    python deploy/lock_part.py build > part.lock        # what builds our own wheel

pip says which packages the extras need, held to the locked versions; the lock says their hashes. So an image holds one
edge's packages only, and no byte that the lock does not know.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = "cerebro["


def wanted(extras: list[str], project: dict[str, dict]) -> list[str]:
    """The direct requirements of the base and of some extras; of the build for 'build'. Exits on an unknown extra."""
    known: dict[str, list[str]] = project["project"]["optional-dependencies"]
    if extras == ["build"]:
        return list(project["build-system"]["requires"])
    for extra in extras:
        if extra not in known:
            sys.exit(f"Unknown extra {extra!r} in EXTRA. Known: {', '.join(known)}; or build, alone.")
    found = [need for extra in extras for need in known[extra]]
    ours = [need for need in found if need.startswith(OURS)]  # an extra that names others
    more = [each for need in ours for one in need.removeprefix(OURS).rstrip("]").split(",") for each in known[one]]
    return [*project["project"]["dependencies"], *(need for need in [*found, *more] if need not in ours)]


def blocks(lock: str) -> dict[str, str]:
    """Normalised package name → its lines of the lock, with hashes."""
    found: dict[str, str] = {}
    for block in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE):
        if "==" in block:  # one package may have two blocks, for two ranges of Python
            name = normal(re.split(r"[=\[ ;]", block, maxsplit=1)[0])
            found[name] = found.get(name, "") + block
    return found


def normal(name: str) -> str:
    """A package's name as indexes compare it.

    >>> normal("Foo_Bar.baz")
    'foo-bar-baz'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def resolved(needs: list[str], lock: str) -> list[str]:
    """Names of all packages that pip would install for `needs` under the versions of the lock."""
    pins = "".join(line.rstrip(" \\\n") + "\n" for line in lock.splitlines() if line[:1].isalnum())
    with tempfile.TemporaryDirectory() as folder:
        constraints, report = Path(folder, "pins.txt"), Path(folder, "report.json")
        constraints.write_text(pins, encoding="utf-8")
        plan = ["install", "--dry-run", "--ignore-installed", "--quiet", "--report", str(report)]
        subprocess.run(
            [sys.executable, "-m", "pip", *plan, "-c", str(constraints), *needs], check=True, stdout=sys.stderr
        )
        found = json.loads(report.read_text(encoding="utf-8"))
    return sorted(normal(one["metadata"]["name"]) for one in found["install"])


def main() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    known = blocks(lock)
    for name in resolved(wanted(sys.argv[1].split(","), project), lock):
        if name not in known:
            sys.exit(f"{name} is not in requirements.lock: run `make lock`.")
        sys.stdout.write(known[name])


if __name__ == "__main__":
    main()
