"""The `tls` package: keys, signing requests and certificates, kept in the stack's state only.

Rules, defaults and formats: Terraform provider tls, "Resources", which Pulumi's package bridges.
`earlyRenewalHours` is kept and has no effect: a sandbox stack doesn't live that long.
"""

import hashlib
import ipaddress
from collections.abc import Callable, Iterator
from datetime import datetime

from cryptography import x509 as library
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.control import x509
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values

_ALGORITHMS = ("RSA", "ECDSA", "ED25519")
_RSA_BITS = (1024, 16384)
_USES = (*x509.KEY_USES, *x509.EXTENDED_USES)


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _one_of(values: Values, name: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    if name in values and values[name] not in allowed:
        yield Problem(name, f'must be one of {", ".join(allowed)}, got "{values[name]}"')


def _key_rules(values: Values) -> Iterator[Problem]:
    yield from _one_of(values, "algorithm", _ALGORITHMS)
    yield from _one_of(values, "ecdsaCurve", tuple(x509.CURVES))
    bits = values.get("rsaBits", _RSA_BITS[0])
    if not isinstance(bits, int) or not _RSA_BITS[0] <= bits <= _RSA_BITS[1]:
        yield Problem("rsaBits", f"must be {_RSA_BITS[0]} to {_RSA_BITS[1]}, got {bits}")


def _key_outputs(context: Context) -> Outputs:
    bits = context.inputs.get("rsaBits", 2048)
    curve = _text(context.inputs, "ecdsaCurve") or "P224"
    algorithm = _text(context.inputs, "algorithm")
    key = x509.generate(algorithm, bits if isinstance(bits, int) else 2048, curve)
    return {"rsaBits": bits, "ecdsaCurve": curve, **x509.key_outputs(key)}


def _key_id(_: Context, outputs: Outputs) -> str:
    return x509.key_id(x509.load(str(outputs["privateKeyPem"])))


def _pem(values: Values, name: str, load: Callable[[str], object]) -> Iterator[Problem]:
    """A PEM text must be one; what is in it is never repeated."""
    if name not in values:
        return
    try:
        load(_text(values, name))
    except (ValueError, TypeError) as error:
        yield Problem(name, f"is not PEM of the right kind: {str(error)[:100]}")


def _certificate(pem: str) -> library.Certificate:
    return library.load_pem_x509_certificate(pem.encode())


def _signing_request(pem: str) -> library.CertificateSigningRequest:
    return library.load_pem_x509_csr(pem.encode())


def _names(values: Values) -> Iterator[Problem]:
    addresses = values.get("ipAddresses")
    for index, address in enumerate(addresses if isinstance(addresses, list) else []):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            yield Problem(f"ipAddresses[{index}]", f'must be an IP address, got "{address}"')


def _validity(values: Values) -> Iterator[Problem]:
    hours = values.get("validityPeriodHours", 0)
    if isinstance(hours, int) and hours < 0:
        yield Problem("validityPeriodHours", f"must be at least 0, got {hours}")
    uses = values.get("allowedUses")
    for index, use in enumerate(uses if isinstance(uses, list) else []):
        if use not in _USES:
            reason = f'must be one of {", ".join(_USES)}, got "{use}"'
            yield Problem(f"allowedUses[{index}]", reason)


def _self_signed_rules(values: Values) -> Iterator[Problem]:
    yield from _pem(values, "privateKeyPem", x509.load)
    yield from _names(values)
    yield from _validity(values)


def _request_rules(values: Values) -> Iterator[Problem]:
    yield from _pem(values, "privateKeyPem", x509.load)
    yield from _names(values)


def _signed_rules(values: Values) -> Iterator[Problem]:
    yield from _pem(values, "certRequestPem", _signing_request)
    yield from _pem(values, "caPrivateKeyPem", x509.load)
    yield from _pem(values, "caCertPem", _certificate)
    yield from _validity(values)


def _certificate_outputs(certificate: library.Certificate) -> Outputs:
    return {
        "certPem": certificate.public_bytes(Encoding.PEM).decode(),
        "validityStartTime": _time(certificate.not_valid_before_utc),
        "validityEndTime": _time(certificate.not_valid_after_utc),
        "readyForRenewal": False,
        "earlyRenewalHours": 0,
    }


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _public(key: object) -> x509.PublicKey:
    if not isinstance(key, x509.PublicKey):
        raise TypeError("the public key is neither RSA nor ECDSA nor ED25519")
    return key


def _self_signed_outputs(context: Context) -> Outputs:
    values = context.inputs
    key = x509.load(_text(values, "privateKeyPem"))
    named = values.get("subject")
    name = x509.subject(named if isinstance(named, dict) else {})
    others = x509.alternatives(values)
    made = x509.certificate(values, name, key.public_key(), (key, None), others)
    return {
        "isCaCertificate": False,
        "setSubjectKeyId": False,
        "setAuthorityKeyId": False,
        **_certificate_outputs(made),
        **values,
        "keyAlgorithm": x509.algorithm(key),
    }


def _request_outputs(context: Context) -> Outputs:
    key = x509.load(_text(context.inputs, "privateKeyPem"))
    pem = x509.request(key, context.inputs)
    return {"keyAlgorithm": x509.algorithm(key), "certRequestPem": pem}


def _signed_outputs(context: Context) -> Outputs:
    values = context.inputs
    wanted = _signing_request(_text(values, "certRequestPem"))
    key, parent = (
        x509.load(_text(values, "caPrivateKeyPem")),
        _certificate(_text(values, "caCertPem")),
    )
    try:
        others = wanted.extensions.get_extension_for_class(library.SubjectAlternativeName).value
    except library.ExtensionNotFound:
        others = None
    public = _public(wanted.public_key())
    made = x509.certificate(values, wanted.subject, public, (key, parent), others)
    return {
        "isCaCertificate": False,
        "setSubjectKeyId": False,
        **_certificate_outputs(made),
        **values,
        "caKeyAlgorithm": x509.algorithm(key),
    }


def _serial(_: Context, outputs: Outputs) -> str:
    return str(_certificate(str(outputs["certPem"])).serial_number)


def _hash(_: Context, outputs: Outputs) -> str:
    pem = str(outputs["certRequestPem"]).encode()
    return hashlib.sha1(pem, usedforsecurity=False).hexdigest()


def _kind(
    name: str,
    outputs: Callable[[Context], Outputs],
    make_id: Callable[[Context, Outputs], str],
    rules: Callable[[Values], Iterator[Problem]],
    secret: tuple[str, ...],
) -> Kind:
    return Kind(
        type=f"tls:index/{name[0].lower()}{name[1:]}:{name}",
        make_id=make_id,
        kept=False,
        replace_on=("*",),
        outputs=outputs,
        rules=rules,
        secrets=secret,
    )


_KEYS = ("privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh")

KINDS = (
    _kind("PrivateKey", _key_outputs, _key_id, _key_rules, _KEYS),
    _kind("SelfSignedCert", _self_signed_outputs, _serial, _self_signed_rules, _KEYS[:1]),
    _kind("CertRequest", _request_outputs, _hash, _request_rules, _KEYS[:1]),
    _kind("LocallySignedCert", _signed_outputs, _serial, _signed_rules, ("caPrivateKeyPem",)),
)
