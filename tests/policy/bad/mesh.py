"""A mesh in which somebody is heard whom nobody named."""

from tests.policy.changes import bad, change

CALLER_RULE = ("spec", "rules", 0)
BAD = (
    bad(
        "a control plane of a mesh that may start pods",
        "chart-starts-no-pods",
        change("tempo", "chart", to="istiod"),
    ),
    bad("a mesh that hears everybody", "mesh-strict", change("mtls", "spec", "mtls", "mode", to="PERMISSIVE")),
    bad(
        "a mesh that hears everybody on a port",
        "mesh-strict",
        change("mtls", "spec", "portLevelMtls", to={"8000": {"mode": "DISABLE"}}),
    ),
    bad(
        "a member of a mesh that everybody may call", "mesh-callers-named", change("api-callers", *CALLER_RULE, "from")
    ),
    bad(
        "a member of a mesh that whoever is on no list may call",
        "mesh-callers-named",
        change("api-callers", *CALLER_RULE, "from", 0, "source", to={"notPrincipals": ["x"]}),
    ),
    bad(
        "a member of a mesh that every account may call",
        "mesh-callers-named",
        change("api-callers", *CALLER_RULE, "from", 0, "source", "principals", to=["cluster.local/ns/sensors/sa/*"]),
    ),
    bad(
        "a member of a mesh that the internet may call",
        "mesh-callers-named",
        change("api-callers", *CALLER_RULE, "from", 0, "source", to={"ipBlocks": ["0.0.0.0/1", "128.0.0.0/1"]}),
    ),
)
