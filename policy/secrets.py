"""Secrets in clear: in the program and so in the state, in variables, in configuration."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.check import ResourceCheck
from policy.pods import PODS, containers
from policy.properties import Properties, is_given, is_list, mappings, strings

NAME = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|CREDENTIALS?|API_?KEY|(PRIVATE|ACCESS|SIGNING|ENCRYPTION|SECRET)_?KEY)S?$",
    re.IGNORECASE,
)
"""How names of secrets end; a name that goes on (TOKEN_FILE, SECRET_ID) says where one lies."""

PASSWORD = re.compile(r"(PASSWORD|PASSWD|PASSPHRASE)$", re.IGNORECASE)
"""How names of secrets end where a name that ends with Secret or Token mostly says which one to take."""

FORMS = {
    "a password in an address": re.compile(r"[a-z][a-z0-9+.-]*://[^\s:/@]*:[^\s/@{$<]+@", re.IGNORECASE),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an access key of AWS": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a token of GitHub": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})"),
    "an address of Slack": re.compile(r"hooks\.slack\.com/services/[A-Z0-9]+/[A-Z0-9]+/\w+", re.IGNORECASE),
}

VALUES = ("authToken", "data", "masterPassword", "secretBinary", "secretString", "stringData")
HOLDERS = (
    "aws:docdb/cluster:Cluster",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:redshift/cluster:Cluster",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "kubernetes:core/v1:Secret*",
)
MAKERS = ("random:*:RandomPassword", "tls:*:PrivateKey", "aws:ssm/parameter:Parameter")
CONFIG_MAP = ("kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:ConfigMapPatch")


def secrets_in(text: str) -> Iterator[str]:
    """Yield what a text holds that nobody but its owner should read."""
    return (kind for kind, form in FORMS.items() if form.search(text))


def _value(props: Properties) -> Iterator[str]:
    for name in VALUES:
        if is_given(props, name):
            yield f"has its value ({name}) in the program, and so in the state: make it where it is used"


def _parameter(props: Properties) -> Iterator[str]:
    if props.get("type") in (None, "SecureString"):
        yield "is a secret that the program makes, and so stands in the state: make it where it is used"


def _environment(props: Properties) -> Iterator[str]:
    for container in containers(props):
        for variable in mappings(container.get("env")):
            name, text = str(variable.get("name")), str(variable.get("value") or "")
            if (NAME.search(name) and text) or any(secrets_in(text)):
                yield f"{name} stands in clear: mount the secret as a file"
            if any(is_given(source, "secretKeyRef") for source in mappings(variable.get("valueFrom"))):
                yield f"{name} puts a secret into the environment, which children and dumps inherit: mount it as a file"
        if any(is_given(source, "secretRef") for source in mappings(container.get("envFrom"))):
            yield "puts every key of a secret into the environment: mount it as a file"
        for text in (*strings(container.get("command")), *strings(container.get("args"))):
            for found in secrets_in(text):
                yield f"holds {found} in its command: mount the secret as a file"


def _configuration(props: Properties) -> Iterator[str]:
    for held in mappings(props.get("data")):
        for name in held:
            text = str(held[name])
            if NAME.search(str(name)) or any(secrets_in(text)):
                yield f"holds a secret in clear ({name}): an ExternalSecret brings it from Secrets Manager"


def _chart(props: Properties) -> Iterator[str]:
    for name, text in _texts(props.get("values")):
        if (PASSWORD.search(name) and text) or any(secrets_in(text)):
            yield f"is given a secret in clear ({name}): name a Secret that an ExternalSecret brings"


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from _texts(value[key], str(key))
    elif is_list(value):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, str):
        yield name, value


CHECKS = (
    ResourceCheck(
        name="no-secret-in-program",
        description="No secret's value stands in the program or the state",
        types=HOLDERS,
        find=_value,
        also=("CKV_SECRET_2", "CKV_SECRET_4", "CKV_SECRET_13", "CKV_SECRET_14"),
    ),
    ResourceCheck(
        name="no-secret-made-by-program",
        description="Secrets are made where they are used, and lie in Secrets Manager",
        types=MAKERS,
        find=_parameter,
    ),
    ResourceCheck(
        name="no-secret-in-environment",
        description="Secrets are files, never variables or arguments",
        types=PODS,
        find=_environment,
        also=("CKV_K8S_35", "CIS Kubernetes 5.4.1"),
    ),
    ResourceCheck(
        name="no-secret-in-configuration",
        description="ConfigMaps hold no secret",
        types=CONFIG_MAP,
        find=_configuration,
        also=("CKV_SECRET_2", "CKV_SECRET_4", "CKV_SECRET_13", "CKV_SECRET_14"),
    ),
    ResourceCheck(
        name="no-secret-in-chart-values",
        description="The values of charts hold no secret",
        types=("kubernetes:helm.sh/v*:*",),
        find=_chart,
        also=("CKV_SECRET_2", "CKV_SECRET_4", "CKV_SECRET_13", "CKV_SECRET_14"),
    ),
)
