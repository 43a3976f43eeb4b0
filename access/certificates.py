"""A server's certificate and key in a folder as Kubernetes and cert-manager write them (`tls.crt`, `tls.key`), with
`ca.crt` where callers show certificates of an authority. New files count from the next handshake on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from scv.errors import BadSetting

AUTHORITY, CHAIN, KEY = "ca.crt", "tls.crt", "tls.key"
log = logging.getLogger("cerebro.access")


class Certificate(NamedTuple):
    """What is shown, PEM; `authority` is whose certificates callers show, None: they show none."""

    chain: bytes
    key: bytes
    authority: bytes | None


Usable = Callable[[Certificate], None]
"""Raises BadSetting for what cannot be shown."""


class Certificates:
    """The folder's certificate, looked at for every handshake; from any thread. Raises BadSetting where it cannot be
    used at first; later on the one before stays, which is told once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self.shown = self._refused = read(folder)
        check(self.shown)

    def newer(self, usable: Usable) -> Certificate | None:
        """What is to be shown from now on, where that is another than before; `usable` may refuse it, too."""
        with self._lock:
            try:
                found = read(self._folder)
                if found in (self.shown, self._refused):
                    return None
                self._refused = found
                check(found)
                usable(found)
            except BadSetting as error:
                log.error("New certificate not taken: %s", error)
                return None
            self.shown = found
            log.info("a new certificate is shown")
            return found


def read(folder: Path) -> Certificate:
    """Raises BadSetting."""
    try:
        authority = folder / AUTHORITY
        shown = (folder / CHAIN).read_bytes(), (folder / KEY).read_bytes()
        return Certificate(*shown, authority.read_bytes() if authority.exists() else None)
    except OSError as error:
        raise BadSetting(
            f"{error.filename} cannot be read ({error.strerror}). `cerebro keys new` makes keys for development."
        ) from error


def check(certificate: Certificate) -> None:
    """Raises BadSetting for what is no certificate, or a key that is not its own."""
    try:
        leaf = x509.load_pem_x509_certificates(certificate.chain)[0]
        key = serialization.load_pem_private_key(certificate.key, None)
        if certificate.authority is not None:
            x509.load_pem_x509_certificates(certificate.authority)
    except (ValueError, TypeError) as error:
        raise BadSetting(f"{CHAIN}, {KEY} or {AUTHORITY} is no PEM file of its kind: {error}.") from error
    if leaf.public_key() != key.public_key():
        raise BadSetting(f"{KEY} is not the key of {CHAIN}.")
