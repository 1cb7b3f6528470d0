"""The page of what no stack may deploy is the checks' own."""

from delivery.docs.policy import compared, document
from devtools.paths import ROOT
from policy.checks import ALL
from policy.left import LEFT

CHECKOV = {
    "CKV2_AWS": ("1 2 5 6 7 8 11 12 15 19 20 22 23 27 28 30 31 35 37 38 39 40 43 44 47 56 57 60 61 62 64 68 69 71"),
    "CKV2_K8S": ("1 2 3 4 5 6"),
    "CKV_AWS": (
        "2 3 7 16 17 18 19 20 21 23 24 25 32 33 37 38 39 43 46 51 57 58 60 61 62 63 66 70 79 88 91 93 96 100 103 118 "
        "124 129 130 131 133 136 139 143 144 145 149 150 152 157 158 161 162 163 175 185 189 192 211 226 227 229 230 "
        "231 232 233 234 250 260 261 266 273 274 275 277 286 287 288 289 290 293 300 302 313 324 325 326 327 328 338 "
        "339 341 342 353 354 355 375 378 379 382"
    ),
    "CKV_K8S": (
        "8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 25 26 27 28 29 30 31 33 34 35 37 38 39 40 42 43 44 45 49 152 "
        "153 154 155 156 157 158 159"
    ),
}
"""Checks of checkov for the kinds of resources that the stacks deploy, without flags of the control plane."""

KUBE_SCORE = {
    "ingress-targets-service",
    "cronjob-has-deadline",
    "container-resources",
    "container-image-tag",
    "container-image-pull-policy",
    "container-ephemeral-storage-request-and-limit",
    "statefulset-has-poddisruptionbudget",
    "deployment-has-poddisruptionbudget",
    "poddisruptionbudget-has-policy",
    "pod-networkpolicy",
    "networkpolicy-targets-pod",
    "pod-probes",
    "container-security-context-user-group-id",
    "container-security-context-privileged",
    "container-security-context-readonlyrootfilesystem",
    "service-targets-pod",
    "service-type",
    "stable-version",
    "deployment-has-host-podantiaffinity",
    "statefulset-has-host-podantiaffinity",
    "deployment-targeted-by-hpa-does-not-have-replicas-configured",
    "statefulset-has-servicename",
    "deployment-pod-selector-labels-match-template-metadata-labels",
    "statefulset-pod-selector-labels-match-template-metadata-labels",
    "label-values",
    "horizontalpodautoscaler-has-target",
    "environment-variable-key-duplication",
}
"""What kube-score checks unless it is told otherwise."""


def test_the_page_is_fresh() -> None:
    assert (ROOT / "docs" / "policy.md").read_text() == document(), "stale: nox -s docs"


def test_every_usual_finding_is_found_or_left_with_a_reason() -> None:
    usual = KUBE_SCORE | {f"{begin}_{number}" for begin, numbers in CHECKOV.items() for number in numbers.split()}
    assert usual - compared().keys() == set()


def test_what_is_left_is_found_by_no_check() -> None:
    left = [theirs for entry in LEFT for theirs in entry.also]
    assert len(set(left)) == len(left)
    assert not set(left) & {theirs for check in ALL for theirs in check.also}
    assert all(entry.reason for entry in LEFT)
