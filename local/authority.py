"""Keys for development, in one step: an authority of one's own that signs certificates and tokens.

A company has such an authority already; these files show what the scorer and its callers take from it.

    keys/ca.key, keys/token.key         sign certificates and tokens: to be kept by whoever made them
    keys/scorer/                        for CEREBRO_SCORER_KEYS and CEREBRO_CONSOLE_KEYS: tls.crt tls.key ca.crt
                                        access.toml jwks.json
    keys/caller/                        for CEREBRO_CALLER_KEYS: tls.crt tls.key ca.crt
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from scv import atomic, machine
from scv.errors import BadPlace
from scv.events.calendar import SECOND_US, from_us
from scv.events.clock import wall_us

DEVELOPER = "developer.cerebro.internal"
ISSUER, AUDIENCE, KID = "cerebro-development", "cerebro", "development"
HERE = ("localhost", "127.0.0.1", "::1")
YEAR = timedelta(days=365)
TOKEN_KEY = "token.key"
PARTS = {"CEREBRO_SCORER_KEYS": "scorer", "CEREBRO_CONSOLE_KEYS": "scorer", "CEREBRO_CALLER_KEYS": "caller"}
"""Which setting leads to which folder."""
_ACCESS = f"""\
# Who may ask scorer and console what. It is read again when it changes; what is not said here is not allowed.
# Roles of the scorer: agent (one customer at a time), system (many), probe (health), developer (reflection);
# of the console: viewer, agent (customers of his countries), operator, admin.
calls_per_second = 500  # of one caller; 0: no bound

[tokens]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"

[[certificates]]
name = "{DEVELOPER}"
roles = ["agent", "system", "probe", "developer", "admin"]
countries = ["*"]
"""


class Authority:
    """Signs with a key of its own, which is made now."""

    def __init__(self, now: datetime) -> None:
        self._now, self._key = now, ec.generate_private_key(ec.SECP256R1())
        self._name = _name("cerebro development authority")
        only_signs = dict.fromkeys(_USAGE, False) | {"key_cert_sign": True, "crl_sign": True}
        self.certificate = (
            self._begun(self._name, self._key, 10 * YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(**only_signs), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def key(self) -> bytes:
        return pem(self._key)

    def signed(self, names: Sequence[str], callers: bool) -> tuple[bytes, bytes]:
        """Certificate and key, PEM, of whoever has these names (hosts or addresses); of callers or of a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if callers else ExtendedKeyUsageOID.SERVER_AUTH
        made = (
            self._begun(_name(names[0]), key, YEAR)
            .add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM), pem(key)

    def _begun(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta) -> x509.CertificateBuilder:
        began = self._now - timedelta(hours=1)  # another machine's clock may be behind ours
        return x509.CertificateBuilder(
            self._name, name, key.public_key(), x509.random_serial_number(), began, self._now + lasts
        )


def make(folder: Path, hosts: Sequence[str] = (), replace: bool = False) -> bool:
    """Make everything in a folder, all of it or nothing; False where it is there and stays.

    Raises BadPlace for a folder of something else, and what a disk may raise.
    """
    if folder.exists() and not (folder / TOKEN_KEY).exists():
        raise BadPlace(f"{folder} is there, and holds no keys that `cerebro keys new` made. Name another folder.")
    if folder.exists() and not replace:
        return False
    with machine.at(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft, old = atomic.beside(folder), atomic.beside(folder)
        try:
            _fill(draft, Authority(from_us(wall_us())), [*hosts, *(one for one in HERE if one not in hosts)])
            if folder.exists():
                folder.rename(old)
            draft.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return True


def token(folder: Path, name: str, roles: Sequence[str], countries: Sequence[str], lasts: timedelta) -> str:
    """A token that the folder's scorer takes. Raises BadPlace where there are no keys."""
    path = folder / TOKEN_KEY
    if not path.exists():
        raise BadPlace(f"There is no {path}. `cerebro keys new` makes it.")
    now = wall_us() // SECOND_US
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "iat": now, "exp": now + int(lasts.total_seconds())}
    claims |= {"roles": list(roles), "countries": list(countries)}
    return jwt.encode(claims, path.read_bytes(), algorithm="ES256", headers={"kid": KID})


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as its file holds it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _fill(folder: Path, authority: Authority, hosts: Sequence[str]) -> None:
    signing = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(signing.public_key(), as_dict=True)
    ca = authority.certificate.public_bytes(serialization.Encoding.PEM)
    _write(folder, {"ca.key": authority.key, TOKEN_KEY: pem(signing)})
    for part, names in (("scorer", hosts), ("caller", [DEVELOPER])):
        chain, key = authority.signed(names, callers=part == "caller")
        _write(folder / part, {"tls.crt": chain, "tls.key": key, "ca.crt": ca})
    keys = {"keys": [{**public, "kid": KID, "alg": "ES256", "use": "sig"}]}
    _write(folder / "scorer", {"access.toml": _ACCESS.encode(), "jwks.json": json.dumps(keys, indent=1).encode()})


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """For nobody's eyes but the owner's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, body in files.items():
        with open(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)


_USAGE = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
