"""TLS of the scorer: the folder's certificate for gRPC. With `ca.crt` in the folder every caller has to show one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import grpc

from access.certificates import AUTHORITY, Certificate, Certificates
from scv.errors import BadSetting

_NAMES = "x509_subject_alternative_name"
Shown = Mapping[str, Iterable[bytes]]
"""What gRPC knows of the connection's other end."""


class Credentials:
    """gRPC's, which ask for every handshake. Raises BadSetting as `Certificates` does."""

    def __init__(self, folder: Path) -> None:
        self._certificates = Certificates(folder)
        self.asks_callers = self._certificates.shown.authority is not None
        """Fixed when the port is bound: an authority that comes or goes needs a new start."""

    def of_server(self) -> grpc.ServerCredentials:
        first = _configuration(self._certificates.shown)
        return grpc.dynamic_ssl_server_credentials(first, self._newer, self.asks_callers)

    def _newer(self) -> grpc.ServerCertificateConfiguration | None:
        """The configuration for this handshake; None: the one before."""
        found = self._certificates.newer(self._fits)
        return None if found is None else _configuration(found)

    def _fits(self, found: Certificate) -> None:
        if (found.authority is not None) is not self.asks_callers:
            raise BadSetting(f"{AUTHORITY} came or went: start the scorer again.")


def names_of(context: Shown) -> list[str]:
    """The names (DNS, URI, e-mail, address) in the certificate that a caller showed."""
    return [name.decode("utf-8", "replace") for name in context.get(_NAMES, ())]


def _configuration(shown: Certificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(shown.key, shown.chain)], root_certificates=shown.authority)
