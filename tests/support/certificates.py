"""Certificates of a mesh's workloads, signed by Istio's control plane as it signs those of ztunnel and of a gateway."""

from dataclasses import dataclass

import grpc  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import descriptor_pb2

from components.workload.istio import SYSTEM
from components.workload.mesh import Account
from tests.support import xds
from tests.support.istio import Istiod, eventually
from tests.support.rollouts import kubectl
from tests.support.self_signed import pem, self_signed

SIGN = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
AUDIENCE = "istio-ca"
"""Whom a token of an account is for that proves who asks."""

_Type = descriptor_pb2.FieldDescriptorProto
_CLASS = xds.classes(
    "certificates",
    {
        "Request": {"csr": (1, _Type.TYPE_STRING), "validity_duration": (3, _Type.TYPE_INT64)},
        "Response": {"cert_chain": (1, [_Type.TYPE_STRING])},
    },
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a workload proves with who it is, as PEM; `root`: what it believes others by."""

    key: str
    chain: str
    root: str


def signed(istiod: Istiod, account: Account) -> Certificate:
    """Return a certificate of an account, asked for with a token of it."""
    token = kubectl(istiod.kubeconfig, "create", "token", account.name, "-n", account.namespace, "--audience", AUDIENCE)
    key = ec.generate_private_key(ec.SECP256R1())
    # istiod reads who it is from the token, not from here.
    wanted = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    root = believed(istiod)
    request = _CLASS["Request"](csr=wanted.public_bytes(serialization.Encoding.PEM).decode(), validity_duration=86_400)
    trusted = grpc.ssl_channel_credentials(root.encode())
    name = ("grpc.ssl_target_name_override", f"istiod.{SYSTEM}.svc")
    with grpc.secure_channel(istiod.secure, trusted, options=[name]) as channel:
        sign = channel.unary_unary(
            SIGN,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_CLASS["Response"].FromString,
        )
        answer = sign(request, timeout=30, metadata=[("authorization", f"Bearer {token.strip()}")])
    return Certificate(pem(key).decode(), "".join(answer.cert_chain), root)


def believed(istiod: Istiod) -> str:
    """Return what istiod has each namespace believe."""
    read = ("get", "configmap", "istio-ca-root-cert", "-n", SYSTEM, "--ignore-not-found")
    eventually(lambda: kubectl(istiod.kubeconfig, *read))
    return kubectl(istiod.kubeconfig, *read, "-o", r"jsonpath={.data.root-cert\.pem}")


def forged(account: Account, root: str) -> Certificate:
    """Return a certificate that names an account and that somebody else signed, with what its bearer believes."""
    certificate, key = self_signed("nobody", x509.UniformResourceIdentifier(f"spiffe://{account.principal}"))
    return Certificate(key.decode(), certificate.decode(), root)
