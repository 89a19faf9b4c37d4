"""A certificate of one's own, for browsers give a camera to https only."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from livematte.errors import InputError
from livematte.media.output import whole_file, writing

_DAYS = 800  # phones refuse more than 825
_MARGIN = datetime.timedelta(days=7)


class Certificate(NamedTuple):
    """Paths of a certificate and its key in PEM, the names it is for, and its SHA-256 in hexadecimal."""

    certificate: Path
    key: Path
    names: frozenset[str]
    fingerprint: str


def own_certificate(folder: Path, names: Sequence[str]) -> Certificate:
    """The self-signed certificate kept in a folder, made anew where it lacks a name or is about to end.

    names: host names and IP addresses. Raises OutputError where the folder cannot be written.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not _is_good(certificate, key, names):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(certificate, key, names)
    return read_certificate(certificate, key)


def read_certificate(certificate: Path, key: Path) -> Certificate:
    """What a certificate says of itself. Raises InputError where it or its key is missing or no PEM."""
    found = _load(certificate)
    if not key.is_file():
        raise InputError(f"{key} does not exist; it should be the certificate's key")
    try:
        secret = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError, OSError):
        raise InputError(f"{key} is not a private key in PEM without a password") from None
    if secret.public_key() != found.public_key():
        raise InputError(f"{key} is not the key of {certificate}")
    digest = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(certificate, key, frozenset(_names(found)), digest)


def _is_good(certificate: Path, key: Path, names: Collection[str]) -> bool:
    try:
        kept = read_certificate(certificate, key)
    except InputError:
        return False
    ends = _load(certificate).not_valid_after_utc
    return {*names} <= kept.names and ends - _MARGIN > datetime.datetime.now(datetime.UTC)


def _load(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; it should be a certificate") from None
    except (ValueError, OSError):
        raise InputError(f"{path} is not a certificate in PEM") from None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    names = found.get_values_for_type(x509.DNSName)
    return [name.lower() for name in names] + [
        str(address) for address in found.get_values_for_type(x509.IPAddress)
    ]


def _make(certificate: Path, key: Path, names: Sequence[str]) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "livematte on this machine")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    with whole_file(key) as path:
        path.chmod(0o600)
        path.write_bytes(
            secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
    with whole_file(certificate) as path:
        path.write_bytes(signed.public_bytes(pem))


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
