"""The models that answer: each country's and target's champion, loaded again when its pointer has moved."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from scorer import canary
from scv.errors import CerebroError, CorruptBundle
from scv.events.country import Country
from scv.model import bundle, champion
from scv.model.bundle import Bundle
from scv.settings import Settings

log = logging.getLogger("cerebro.scorer")
Key = tuple[Country, str]
Place = tuple[int, int]
"""Modification time and inode of a pointer file: a moved pointer is always a new file."""


class Champions:
    """Looks at the pointer on every call (one stat) and loads only what is new; safe to share between threads.

    While a new champion is being loaded, and if it cannot be loaded at all, the old one goes on answering; the new one
    is loaded and asked in another process first. A country whose settings changed is another one: what answered it
    before is asked again whether it may.
    """

    def __init__(self, settings: Settings, pointer: str = champion.POINTER) -> None:
        self._settings, self._pointer = settings, pointer
        self._loaded: dict[Key, tuple[Place, Bundle | None]] = {}
        self._folders: dict[Key, Path] = {}
        self._lock = threading.Lock()

    def of(self, country: Country, target: str) -> Bundle | None:
        """The champion; None before the first promotion. Raises CorruptBundle or StaleBundle if there never was one
        that could be loaded."""
        key = (country, target)
        if key not in self._folders:
            self._folders[key] = champion.folder(self._settings, country.code, target)
        place, known = _place(self._folders[key] / self._pointer), self._loaded.get(key)
        if place is None:
            return None
        if known is not None and known[0] == place:
            return known[1]
        if known is not None:
            self._replace(key, place, known[1])
            return known[1]
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = (place, self._load(country, target, None))
            return self._loaded[key][1]

    def _replace(self, key: Key, place: Place, old: Bundle | None) -> None:
        """Load what the pointer names now, beside the calls; not while another is being loaded."""
        if not self._lock.acquire(blocking=False):
            return

        def load() -> None:
            try:
                self._loaded[key] = (place, self._load(*key, old))
            finally:
                self._lock.release()

        threading.Thread(target=load, name="champion", daemon=True).start()

    def _load(self, country: Country, target: str, old: Bundle | None) -> Bundle | None:
        try:
            new = load(self._settings, country, target, self._pointer, fearful=old is not None)
        except CerebroError as error:
            if old is None:
                raise
            log.error("champion of %s %s not taken, %s goes on: %s", country.code, target, old.info.id, error)
            return old
        if new is not None:
            _ = new.table  # made now, while the old one answers: it takes a second
            log.info("champion of %s %s is %s", country.code, target, new.info.id)
        return new


def load(
    settings: Settings, country: Country, target: str, name: str = champion.POINTER, fearful: bool = False
) -> Bundle | None:
    """The champion (or the shadow) as its pointer stands now; `fearful`: after another process has loaded and asked it.

    Raises CorruptBundle or StaleBundle.
    """
    folder = champion.folder(settings, country.code, target)
    pointer = champion.pointer(folder, name)
    if pointer is None:
        return None
    path = folder / pointer.id
    if fearful and bundle.hash_of(path) == pointer.manifest:  # no process is begun for what is damaged anyway
        canary.survive(path, country, settings)
    found = bundle.load(path, country)
    if found.manifest != pointer.manifest:
        raise CorruptBundle(f"Bundle {pointer.id} is not the one that was promoted. Promote it again, or train.")
    return found


def _place(pointer: Path) -> Place | None:
    try:
        found = pointer.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino
