"""The environment's own certificate authority and what it signs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import pulumi
import pulumi_tls as tls

HOURS_A_DAY: Final = 24
AUTHORITY_DAYS: Final = 3650
LEAF_DAYS: Final = 730
RENEW_DAYS: Final = 90
"""How long before its end a certificate is made anew by the next update."""

RSA_BITS: Final = 2048

ORGANIZATION: Final = "operationalization"
TOKEN_SIGNING_NAME: Final = "token-signing.operationalization.internal"  # noqa: S105 - a name
Purpose = Literal["server_auth", "client_auth"]


class Authority:
    """A certificate authority of one environment: who trusts it trusts nothing else."""

    certificate: pulumi.Output[str]
    """PEM; public."""

    def __init__(
        self, name: str, stack: str, parent: pulumi.Resource, *, rsa: bool = False
    ) -> None:
        self._name = name
        self._parent = parent
        self._rsa = rsa
        self._key = key_of(f"{name}-ca", parent)
        self._made = tls.SelfSignedCert(
            f"{name}-ca",
            private_key_pem=self._key.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(
                common_name=f"{stack} environment", organization=ORGANIZATION
            ),
            is_ca_certificate=True,
            set_subject_key_id=True,
            allowed_uses=["cert_signing", "crl_signing"],
            validity_period_hours=AUTHORITY_DAYS * HOURS_A_DAY,
            # A certificate that it signs must not outlive it.
            early_renewal_hours=(LEAF_DAYS + RENEW_DAYS) * HOURS_A_DAY,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        self.certificate = self._made.cert_pem
        self.expires = self._made.validity_end_time.apply(unix_seconds)

    def sign(
        self,
        suffix: str,
        common_name: str,
        purpose: Purpose,
        *,
        dns_names: Sequence[pulumi.Input[str]] = (),
        ip_addresses: Sequence[pulumi.Input[str]] = (),
    ) -> "Signed":
        """Return a new key, with a certificate for these names and this purpose only."""
        name = f"{self._name}-{suffix}"
        key = key_of(name, self._parent, rsa=self._rsa)
        request = tls.CertRequest(
            f"{name}-request",
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(common_name=common_name, organization=ORGANIZATION),
            dns_names=list(dns_names) or None,
            ip_addresses=list(ip_addresses) or None,
            opts=pulumi.ResourceOptions(parent=self._parent),
        )
        certificate = tls.LocallySignedCert(
            name,
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=self._key.private_key_pem,
            ca_cert_pem=self._made.cert_pem,
            allowed_uses=["digital_signature", purpose],
            set_subject_key_id=True,
            validity_period_hours=LEAF_DAYS * HOURS_A_DAY,
            early_renewal_hours=RENEW_DAYS * HOURS_A_DAY,
            opts=pulumi.ResourceOptions(parent=self._parent),
        )
        return Signed(
            pem=pulumi.Output.concat(certificate.cert_pem, key.private_key_pem_pkcs8),
            expires=certificate.validity_end_time.apply(unix_seconds),
        )


def token_signing(name: str, key: tls.PrivateKey, parent: pulumi.Resource) -> "Signed":
    """Return the certificate that web nodes of the R Server family sign tokens with.

    Its own issuer, one an environment and the same on every web node (facts.md R5; 12.2): whoever
    had the vendor's, which lies in public, could forge tokens (18.4, W1).
    """
    made = tls.SelfSignedCert(
        name,
        private_key_pem=key.private_key_pem,
        # One part only: the product names a certificate by its whole subject.
        subject=tls.SelfSignedCertSubjectArgs(common_name=TOKEN_SIGNING_NAME),
        allowed_uses=["digital_signature"],
        validity_period_hours=AUTHORITY_DAYS * HOURS_A_DAY,
        early_renewal_hours=RENEW_DAYS * HOURS_A_DAY,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Signed(
        pem=pulumi.Output.concat(made.cert_pem, key.private_key_pem_pkcs8),
        expires=made.validity_end_time.apply(unix_seconds),
    )


class Signed:
    """A certificate and its key."""

    def __init__(self, pem: pulumi.Output[str], expires: pulumi.Output[int]) -> None:
        self.pem = pem
        """Certificate, then key, as HAProxy reads them from one file."""
        self.expires = expires
        """Unix seconds."""


def key_of(name: str, parent: pulumi.Resource, *, rsa: bool = False) -> tls.PrivateKey:
    """Make the key of a certificate: P-256, because each connection uses it.

    RSA where Windows reads it: .NET Framework of 2012 R2 and 2016 takes no other as a text.
    """
    if rsa:
        return tls.PrivateKey(
            f"{name}-key",
            algorithm="RSA",
            rsa_bits=RSA_BITS,
            opts=pulumi.ResourceOptions(parent=parent),
        )
    return tls.PrivateKey(
        f"{name}-key",
        algorithm="ECDSA",
        ecdsa_curve="P256",
        opts=pulumi.ResourceOptions(parent=parent),
    )


def unix_seconds(time: str) -> int:
    """Return an RFC 3339 *time* in seconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp())


def last_moment(chain: str) -> int:
    """Return when the first certificate of a PEM *chain* ends, in seconds since 1970."""
    # Only a certificate that the user brings is ever read, and the library is large.
    from cryptography import x509  # noqa: PLC0415

    certificate = x509.load_pem_x509_certificates(chain.encode())[0]
    return int(certificate.not_valid_after_utc.timestamp())
