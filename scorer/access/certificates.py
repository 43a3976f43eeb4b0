"""TLS of the scorer: certificate and key of a folder as Kubernetes and cert-manager write them (`tls.crt`, `tls.key`),
and with `ca.crt`, callers have to show a certificate of that authority. New files count from the next handshake on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from rpc.channel import AUTHORITY, CHAIN, KEY
from scv.errors import BadSetting

_NAMES = "x509_subject_alternative_name"
log = logging.getLogger("cerebro.scorer")


class Certificate(NamedTuple):
    """What is shown, PEM; `authority` is whose certificates callers have to show, None: they show none."""

    chain: bytes
    key: bytes
    authority: bytes | None


class Certificates:
    """The folder's certificate, looked at for every handshake. Raises BadSetting where it cannot be used at first;
    later on the one before stays, which is told once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._shown = self._refused = read(folder)
        check(self._shown)
        self.asks_callers = self._shown.authority is not None
        """Fixed when the port is bound: an authority that comes or goes needs a new start."""

    def credentials(self) -> grpc.ServerCredentials:
        return grpc.dynamic_ssl_server_credentials(_configuration(self._shown), self._newer, self.asks_callers)

    def _newer(self) -> grpc.ServerCertificateConfiguration | None:
        """The configuration for this handshake; None: the one before."""
        with self._lock:
            try:
                found = read(self._folder)
                if found in (self._shown, self._refused):
                    return None
                self._refused = found
                check(found)
                if (found.authority is not None) is not self.asks_callers:
                    raise BadSetting(f"{AUTHORITY} came or went: start the scorer again.")
            except BadSetting as error:
                log.error("New certificate not taken: %s", error)
                return None
            self._shown = found
            log.info("a new certificate is shown")
            return _configuration(found)


def names_of(context: Mapping[str, Iterable[bytes]]) -> list[str]:
    """The names (DNS, URI, e-mail, address) in the certificate that a caller showed; `context` is gRPC's."""
    return [name.decode("utf-8", "replace") for name in context.get(_NAMES, ())]


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


def _configuration(shown: Certificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(shown.key, shown.chain)], root_certificates=shown.authority)
