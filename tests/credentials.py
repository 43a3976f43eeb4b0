"""Who comes to a door of ours, rightly and wrongly: what tests of the scorer and of the console show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from access.caller import ROLES
from local import authority
from local.authority import AUDIENCE, ISSUER, KID

HOUR = timedelta(hours=1)


def claims(**other: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "iat": now, "exp": now + HOUR}
    found = good | {"roles": list(ROLES), "countries": ["*"]} | other
    return {name: value for name, value in found.items() if value is not None}


def signed(keys: Path, kid: str | None = KID, **other: Any) -> str:
    key = (keys / "token.key").read_bytes()
    return jwt.encode(claims(**other), key, "ES256", headers={"kid": kid} if kid else None)


def wrong_tokens(keys: Path) -> Mapping[str, list[str | bytes]]:
    """Every kind of authorization that is none, and why."""
    now, stranger = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    public = (keys / "scorer" / "jwks.json").read_text()
    head, body, signature = signed(keys).split(".")
    unsigned = jwt.encode(claims(), None, "none", headers={"kid": KID})
    x = json.loads(public)["keys"][0]["x"]
    return {
        "empty": [""], "no token": ["Bearer"], "blank": ["Bearer  "], "another scheme": ["Basic YTpi"],
        "garbage": ["Bearer x.y.z"], "brackets": ["Bearer " + "[" * 7000],
        "long": ["Bearer " + "x" * 9000], "two": [f"Bearer {signed(keys)}", f"Bearer {signed(keys)}"],
        "expired": [f"Bearer {signed(keys, exp=now - HOUR)}"], "no end": [f"Bearer {signed(keys, exp=None)}"],
        "not yet": [f"Bearer {signed(keys, nbf=now + HOUR)}"], "of nobody": [f"Bearer {signed(keys, sub=None)}"],
        "of an empty name": [f"Bearer {signed(keys, sub='')}"],
        "made later": [f"Bearer {signed(keys, iat=now + HOUR)}"],
        "another issuer": [f"Bearer {signed(keys, iss='else')}"], "no issuer": [f"Bearer {signed(keys, iss=None)}"],
        "another audience": [f"Bearer {signed(keys, aud='else')}"], "no audience": [f"Bearer {signed(keys, aud=None)}"],
        "unknown key": [f"Bearer {signed(keys, kid='other')}"], "no key named": [f"Bearer {signed(keys, kid=None)}"],
        "a stranger's": [f"Bearer {jwt.encode(claims(), stranger, 'ES256', headers={'kid': KID})}"],
        "unsigned": [f"Bearer {unsigned}"], "signature left out": [f"Bearer {head}.{body}."],
        "public key as a secret": [f"Bearer {jwt.encode(claims(), x, 'HS256', headers={'kid': KID})}"],
        "changed": [f"Bearer {head}.{body[:-2]}AA.{signature}"],
        "roles of another kind": [f"Bearer {signed(keys, roles={'agent': True})}"],
        "no role": [f"Bearer {signed(keys, roles=None)}"],
        "roles of others": [f"Bearer {signed(keys, roles=['root'])}"],
        "no role at all": [f"Bearer {signed(keys, roles=[])}"],
    }  # fmt: skip


def renewed(own: Path) -> Path:
    """Another certificate of the same authority, for the same names."""
    old = authority.Authority(datetime.now(UTC))
    old._key = serialization.load_pem_private_key((own / "ca.key").read_bytes(), None)  # type: ignore[assignment]
    old._name = x509.load_pem_x509_certificate((own / "scorer" / "ca.crt").read_bytes()).subject
    folder = own / "renewed"
    folder.mkdir()
    chain, key = old.signed(authority.HERE, callers=False)
    (folder / "tls.crt").write_bytes(chain)
    (folder / "tls.key").write_bytes(key)
    return folder
