"""The living processes of a session, from /proc."""

from __future__ import annotations

from pathlib import Path


def of_session(leader: int) -> list[int]:
    """Every living process of the session that `leader` began, itself included."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _parent, _group, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append(int(folder.name))
    return found
