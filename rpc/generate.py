"""Writes the stubs beside `scorer.proto`: `python -m rpc.generate` (needs grpcio-tools, a developer's package)."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROTO = "rpc/scorer.proto"
STUBS = ("scorer_pb2.py", "scorer_pb2.pyi", "scorer_pb2_grpc.py")


def generate(folder: Path) -> list[Path]:
    """Write `rpc/…` stubs under a folder; raises RuntimeError when the proto file cannot be compiled.

    Compiled from the repository's root, so that the stubs import `rpc.scorer_pb2` with no path set.
    """
    import grpc_tools  # type: ignore[import-untyped]  # not at the top: a client needs no compiler
    from grpc_tools import protoc

    out = [f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python")]
    well_known = Path(grpc_tools.__file__).with_name("_proto")  # google/protobuf/timestamp.proto
    code = protoc.main(["protoc", f"-I{ROOT}", f"-I{well_known}", *out, str(ROOT / PROTO)])
    if code != 0:
        raise RuntimeError(f"{PROTO} cannot be compiled: protoc ended with {code}")
    return [folder / "rpc" / name for name in STUBS]


if __name__ == "__main__":
    generate(ROOT)
