# SPDX-License-Identifier: GPL-3.0-or-later
"""An authority and certificates for the tests, as files."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

EPOCH = datetime.datetime(2020, 1, 1)
FUTURE = datetime.datetime(2049, 1, 1)

DATA = os.path.join(os.path.dirname(__file__), "..", "data", "tls")


def _read_key(name):
    """One that took too long to make it anew."""
    with open(os.path.join(DATA, name + ".key"), "rb") as file:
        return serialization.load_pem_private_key(file.read(), None)


KEYS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
    "rsa8192": lambda: _read_key("rsa8192"),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
_keys = {}


def key_of(kind):
    """One key per kind is enough for the tests; RSA ones take long to make."""
    if kind not in _keys:
        _keys[kind] = KEYS[kind]()
    return _keys[kind]


def _name(common_name):
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    return x509.Name(attributes)


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _digest(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def key_pem(key, encoding="pkcs8"):
    formats = {"pkcs8": serialization.PrivateFormat.PKCS8,
               "traditional": serialization.PrivateFormat.TraditionalOpenSSL}
    return key.private_bytes(serialization.Encoding.PEM, formats[encoding],
                             serialization.NoEncryption()).decode()


class Pair:
    """A certificate with its chain and key, in memory and as files."""

    def __init__(self, certificate, key, chain=(), key_encoding="pkcs8"):
        self.certificate = certificate
        self.pem = "".join(
            one.public_bytes(serialization.Encoding.PEM).decode()
            for one in (certificate, *chain))
        self.key_pem = key_pem(key, key_encoding)
        self.key = key
        self.serial = certificate.serial_number

    def write(self, folder, name):
        """{certFile, keyFile} of the files it becomes."""
        paths = {"certFile": os.path.join(str(folder), f"{name}.crt"),
                 "keyFile": os.path.join(str(folder), f"{name}.key")}
        for path, text in ((paths["certFile"], self.pem), (paths["keyFile"], self.key_pem)):
            with open(f"{path}.new", "w", encoding="ascii") as file:
                file.write(text)
        # The key first: a reader that sees the new certificate finds its key.
        os.replace(f"{paths['keyFile']}.new", paths["keyFile"])
        os.replace(f"{paths['certFile']}.new", paths["certFile"])
        return paths

    @property
    def inline(self):
        return {"certFile": self.pem, "keyFile": self.key_pem}


class Authority:
    def __init__(self, name="Weir test authority", parent=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = _name(name)
        self.parent = parent
        issuer = parent or self
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.subject).issuer_name(issuer.subject)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(EPOCH).not_valid_after(FUTURE)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()),
                           critical=False)
            .sign(issuer.key, hashes.SHA256()))
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def revocations(self, *pairs, days=30, begin=EPOCH, encoding=serialization.Encoding.PEM):
        """A CRL that names the certificates of these pairs, as bytes."""
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.subject)
                   .last_update(begin).next_update(now + datetime.timedelta(days=days)))
        for pair in pairs:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(pair.serial)
                .revocation_date(begin).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(encoding)

    def write(self, folder, name="ca"):
        path = os.path.join(str(folder), f"{name}.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.pem)
        return path

    def issue(self, *names, common_name=None, kind="p256", begin=EPOCH, end=FUTURE, key=None,
              key_encoding="pkcs8", responder=None, extensions=(), send_issuer=False):
        """names become SANs: DNS names or IP addresses; responder: the URL for OCSP."""
        key = key or key_of(kind)
        builder = (
            x509.CertificateBuilder().subject_name(_name(common_name))
            .issuer_name(self.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin).not_valid_after(end))
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_alternative(name) for name in names]),
                critical=common_name is None)
        if responder:
            builder = builder.add_extension(x509.AuthorityInformationAccess(
                [x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.OCSP,
                                        x509.UniformResourceIdentifier(responder))]), False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        chain = [self.certificate] if self.parent or send_issuer else []
        return Pair(builder.sign(self.key, hashes.SHA256()), key, chain, key_encoding)
