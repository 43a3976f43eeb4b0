"""A new bundle, loaded and asked in a process of its own first: one that kills its process must not kill the scorer.

python -m scorer.canary PATH COUNTRY COUNTRIES
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scv import project
from scv.errors import CerebroError, CorruptBundle
from scv.events import country as countries
from scv.events.country import Country
from scv.model import bundle, canary
from scv.settings import Settings

PATIENCE_S = 60.0
ROOT = Path(__file__).resolve().parents[1]


def survive(path: Path, country: Country, settings: Settings) -> None:
    """Raises CorruptBundle for a bundle that a process of its own cannot load, ask and explain."""
    command = [sys.executable, "-m", __name__, str(path), country.code, str(settings.countries_path)]
    project.stay()  # its working folder is ours, and it must know the definitions that we know
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        raise CorruptBundle(f"Bundle {path.name} was not loaded within {PATIENCE_S:.0f} s.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise CorruptBundle(f"Bundle {path.name} could not be asked in a process of its own: {last}")


def main(path: str, code: str, folder: str) -> int:
    """Load it, look its trees up, ask and explain; 1 with the reason on stderr."""
    try:
        found = bundle.load(Path(path), countries.load(code, Path(folder)))
        found.explained(canary.rows(found.info.usual))
    except CerebroError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
