"""A certificate for a server that only one run has, by an authority that signs nothing else: its key is not kept."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# with --keep the server stays; and clocks of other machines may be behind this one's
DAYS, EARLIER = datetime.timedelta(days=365), datetime.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """PEM texts: the authority's certificate, the server's, and the server's private key."""

    authority: str
    certificate: str
    key: str = field(repr=False)


def issue(names: Sequence[str]) -> Issued:
    """Return a certificate for a server of these names, which may be IP addresses, and its authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def build(subject: x509.Name, key: Any, *extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=authority_name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - EARLIER,
            not_valid_after=now + DAYS,
        ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(authority_key, hashes.SHA256())

    def usage(**given: bool) -> x509.KeyUsage:
        every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        rest = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
        return x509.KeyUsage(**{**dict.fromkeys((*every, *rest), False), **given})

    now, authority_name = datetime.datetime.now(datetime.UTC), named("triton-acceptance")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = build(
        authority_name,
        authority_key,
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (usage(key_cert_sign=True, crl_sign=True), True),
    )
    certificate = build(
        named(names[0]),
        key,
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False),
        (x509.SubjectAlternativeName([general_name(name) for name in names]), False),
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Issued(authority.public_bytes(pem).decode(), certificate.public_bytes(pem).decode(), private.decode())


def general_name(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
