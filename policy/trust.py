"""Who may become whom: trust policies of roles, each principal named exactly."""

import re
from collections.abc import Iterator, Sequence

from policy.check import Resource, ResourceCheck
from policy.documents import Statement, is_account, statements
from policy.properties import Properties, is_given

ROLE = ("aws:iam/role:Role",)
GITHUB = "token.actions.githubusercontent.com"
BUILDS = "codebuild.amazonaws.com"
PODS = "pods.eks.amazonaws.com"

CLAIMS_OF_REFS = {f"{GITHUB}:ref", f"{GITHUB}:job_workflow_ref"}
"""What holds a ref, and so may be a pattern: tags and pull requests have numbers."""
REF = re.compile(r"refs/(heads/[A-Za-z0-9._/-]+(/\*)?|tags/v\*|pull/\*/merge)")
WORKFLOW = re.compile(rf"[^*?@/]+/[^*?@/]+/\.github/workflows/[a-z-]+\.yml@{REF.pattern}")
SUBJECT = re.compile(r"repo:[^*?@/]+(@\d+)?/[^*?@/]+(@\d+)?:environment:([A-Za-z0-9_-]+)")
PATTERN = re.compile(r"[*?]")
POD_TAGS = ("kubernetes-namespace", "kubernetes-service-account", "eks-cluster-arn")


def deploys(role: Resource, environments: Sequence[str]) -> bool:
    """Tell whether a role is one that deploys an environment of the account.

    That is: GitHub's workflows may assume it, only in the environments of that name (by a person's word, or by the
    clock's), and beside them nobody but a project that ends it.
    """
    names = {name for environment in environments for name in (environment, f"{environment}-schedule")}
    subjects = [
        SUBJECT.fullmatch(subject)
        for statement in _allowed(role.props)
        if not _is_one_project(statement)
        for subject in (statement.requires(f"{GITHUB}:sub") if _is_github(statement) else ("",))
    ]
    return bool(subjects) and all(match is not None and match.group(3) in names for match in subjects)


def assumed_by(role: Resource) -> set[str]:
    """Return who may assume a role: services, and GITHUB for its workflows."""
    return {
        GITHUB if _is_github(statement) else name
        for statement in _allowed(role.props)
        for _, name in statement.principals
    }


def _allowed(props: Properties) -> Iterator[Statement]:
    return (statement for statement in statements(props.get("assumeRolePolicy")) if statement.allows)


def _is_github(statement: Statement) -> bool:
    # The provider's ARN is not known before the provider is made: then the conditions tell.
    named = (*statement.who("Federated"), *statement.condition_keys)
    return bool(statement.who("Federated")) and any(GITHUB in name for name in named)


def _is_one_project(statement: Statement) -> bool:
    """Tell whether it is for one project of CodeBuild, by its ARN."""
    sources = statement.requires("aws:SourceArn")
    named = bool(sources) and not any(PATTERN.search(source) for source in sources)
    return named and statement.principals == (("Service", BUILDS),)


def _named(props: Properties) -> Iterator[str]:
    for statement in _allowed(props):
        if "NotPrincipal" in statement.negated:
            yield "may be assumed by all but somebody: name who may"
        for principal in statement.who("AWS"):
            if principal == "*":
                yield "may be assumed by anyone"
            elif is_account(principal):
                yield f"may be assumed by everybody of an account ({principal}): name the role"
            elif PATTERN.search(principal):
                yield f"may be assumed by whoever fits {principal}: name the role"


def _github(props: Properties) -> Iterator[str]:
    for statement in _allowed(props):
        if not _is_github(statement):
            continue
        patterns = statement.conditions.get("StringLike", {})
        if set(statement.conditions) - {"StringEquals", "StringLike"} or set(patterns) - CLAIMS_OF_REFS:
            yield "trusts GitHub by a pattern: StringEquals only, but for the claims ref and job_workflow_ref"
        for ref in _claim(statement, "ref") or ("",):
            if not REF.fullmatch(ref):
                yield f"trusts the ref {ref!r}: name the branches, the tags or the pull requests of which a job may be"
        for workflow in _claim(statement, "job_workflow_ref"):
            if not WORKFLOW.fullmatch(workflow):
                yield f"trusts the workflow {workflow!r}: OWNER/REPO/.github/workflows/FILE@REF"
        if statement.requires(f"{GITHUB}:aud") != ("sts.amazonaws.com",):
            yield "does not demand the audience sts.amazonaws.com"
        for subject in statement.requires(f"{GITHUB}:sub") or ("",):
            if not SUBJECT.fullmatch(subject):
                yield f"trusts the subject {subject!r}: repo:OWNER@ID/REPO@ID:environment:NAME or without ids"
        if not statement.requires(f"{GITHUB}:repository_id"):
            yield "does not demand the repository's id"


def _claim(statement: Statement, name: str) -> tuple[str, ...]:
    key = f"{GITHUB}:{name}"
    return (*statement.requires(key), *statement.requires(key, "StringLike"))


def _web_identity(props: Properties) -> Iterator[str]:
    for statement in _allowed(props):
        if not statement.who("Federated") or _is_github(statement):
            continue
        exact = statement.conditions.get("StringEquals", {})
        for claim in ("aud", "sub"):
            demanded = [value for key, values in exact.items() if key.endswith(f":{claim}") for value in values]
            if not demanded or any(PATTERN.search(value) for value in demanded):
                yield f"does not demand exactly who comes ({claim}): StringEquals"


def _pod_identity(props: Properties) -> Iterator[str]:
    for statement in _allowed(props):
        if PODS in statement.who("Service"):
            missing = [tag for tag in POD_TAGS if not statement.requires(f"aws:RequestTag/{tag}")]
            if missing:
                yield f"may be taken by any pod of any cluster: StringEquals aws:RequestTag/{', '.join(missing)}"


def _bounded(props: Properties) -> Iterator[str]:
    allowed = [statement for statement in _allowed(props) if not _is_one_project(statement)]
    from_github = [_is_github(statement) for statement in allowed]
    # GitHub's roles are those that set the boundary; they are held by what they are given.
    if not (from_github and all(from_github)) and not is_given(props, "permissionsBoundary"):
        yield "has no boundary: a policy given to it later could allow anything (permissionsBoundary)"


CHECKS = (
    ResourceCheck(
        name="iam-trust-named",
        description="Roles name who may assume them",
        types=ROLE,
        find=_named,
        also=("CKV_AWS_60", "CKV_AWS_61"),
    ),
    ResourceCheck(
        name="github-trust-exact",
        description="GitHub's workflows are trusted by exact subject, from named refs",
        types=ROLE,
        find=_github,
        also=("CKV_AWS_358",),
    ),
    ResourceCheck(
        name="web-identity-trust-exact",
        description="Whoever comes from an identity provider is named exactly",
        types=ROLE,
        find=_web_identity,
    ),
    ResourceCheck(
        name="pod-identity-trust-exact",
        description="A role of pods names its cluster, namespace and service account",
        types=ROLE,
        find=_pod_identity,
    ),
    ResourceCheck(
        name="roles-bounded",
        description="No role can be given more than its boundary",
        types=ROLE,
        find=_bounded,
    ),
)
