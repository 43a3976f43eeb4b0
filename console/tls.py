"""TLS of the console: a folder's certificate, as it is at every handshake, and what the other end shows.

With `ca.crt` in the folder a caller may show a certificate of that authority; a browser shows none and logs in.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from access import certificates
from access.certificates import AUTHORITY, CHAIN, KEY, Certificate, Certificates
from console.door import NAMES
from scv.errors import BadSetting

SILENT_S = 10.0
"""So long may a connection take until its first request has come, head and all."""


class RenewedContext(ssl.SSLContext):
    """Every handshake goes by the folder as it is; what cannot be used leaves the one before. Raises BadSetting at
    first."""

    _folder: Path
    _certificates: Certificates
    _at_hand: ssl.SSLContext

    def wrap_bio(self, *bios: Any, **how: Any) -> ssl.SSLObject:
        self._certificates.newer(self._take)
        return self._at_hand.wrap_bio(*bios, **how)

    def _take(self, found: Certificate) -> None:
        self._at_hand = _context(self._folder, found)


def context(folder: Path) -> RenewedContext:
    """What a server listens by. Raises BadSetting."""
    made = RenewedContext(ssl.PROTOCOL_TLS_SERVER)
    made._folder, made._certificates = folder, Certificates(folder)
    made._take(made._certificates.shown)
    return made


def _context(folder: Path, found: Certificate) -> ssl.SSLContext:
    """Raises BadSetting for what OpenSSL does not take, and where the files change this very moment."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(folder / CHAIN, folder / KEY)
        if found.authority is not None:
            made.load_verify_locations(cadata=found.authority.decode("ascii"))
            made.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise BadSetting(f"{CHAIN}, {KEY} or {AUTHORITY} cannot be used: {type(error).__name__}.") from error
    if certificates.read(folder) != found:
        raise BadSetting(f"{CHAIN} and {KEY} are being written.")
    return made


class CertifiedProtocol(H11Protocol):
    """uvicorn's, which tells every request of a connection the names in the certificate that was shown, and keeps no
    place for a stranger who asks nothing: there are not many."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, NAMES: names_of(transport.get_extra_info("peercert"))}
        self.loop.call_later(SILENT_S, self._end_silent)

    def _end_silent(self) -> None:
        begun: object = self.cycle  # None until a request's head has come, whatever its type says
        if not begun and not self.transport.is_closing():
            self.transport.close()


def names_of(shown: Any) -> list[str]:
    """The names (DNS, URI, e-mail, address) in a certificate as `ssl` tells it; None or {}: none was shown."""
    return [str(value) for _, value in (shown or {}).get("subjectAltName", ())]
