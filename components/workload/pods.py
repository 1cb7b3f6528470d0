"""What every pod of ours has, whatever runs it: derived from a declaration, so that no workload can leave it out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pulumi
import pulumi_kubernetes as k8s

from apps.platform.declaration import Declaration, Server
from apps.platform.settings import Settings, unknown_variables, validation_errors
from components.binding import Binding, EgressTarget, EnvironmentVariables, MountedKey, Providers, bind
from components.identity.pod_identity import PodIdentities
from components.workload.delivery import Delivery
from components.workload.mesh import SECURITY_API, Account, Mesh, authorization_policy
from components.workload.network_rules import NAME_LABEL, load_balancer_policy, namespace_pods, network_policy
from components.workload.network_rules import pods as pods_of

EPHEMERAL_STORAGE = "256Mi"
NONROOT_UID = 65532
"""Who pods run as: nobody that an image knows."""

IDENTITY_AGENT = EgressTarget(80, ("169.254.170.23/32",))
"""Where pods get the credentials of their role (EKS Pod Identity)."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What the workloads of a stack share.

    `product`: what they are part of. `aws`: where AWS answers. `load_balancer`: ranges that requests from outside come
    from. `monitoring`: the namespace that scrapes metrics and takes traces; `traces`: its OTLP endpoint, None: no
    traces. `mesh`: the one in which the workloads are, if any; requests from outside come through its gateway.
    `depends_on`: what every one of them waits for, which is the namespace.
    """

    identities: PodIdentities
    namespace: str
    product: str
    providers: Providers
    aws: EgressTarget
    load_balancer: tuple[str, ...]
    monitoring: str
    traces: EgressTarget | None = None
    traces_url: str | None = None
    mesh: Mesh | None = None
    depends_on: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, slots=True)
class WorkloadArgs:
    """What runs, in which image (by digest), with which settings besides those that its needs bring."""

    declaration: Declaration
    image: str
    platform: Platform
    settings: EnvironmentVariables = field(default_factory=dict)
    callers: tuple[str, ...] = ()
    """The workloads of the same namespace that may call it."""
    depends_on: Sequence[pulumi.Resource] = ()
    """What it waits for besides what every workload of its platform does."""
    delivery: Delivery | None = None
    """How its next version takes over; None: pod by pod, and nobody judges it."""
    outsiders: tuple[Account, ...] = ()
    """Who may call it of other namespaces, besides who scrapes it."""

    def __post_init__(self) -> None:
        if "@sha256:" not in self.image:
            raise ValueError(f"{self.declaration.name}: the image {self.image!r} is not given by digest")

    @property
    def prerequisites(self) -> list[pulumi.Resource]:
        """All that it waits for, but for what its own needs bring."""
        return [*self.platform.depends_on, *self.depends_on]


@dataclass(frozen=True, slots=True)
class Pods:
    """The template, and what must be there before a pod of it is made."""

    template: k8s.core.v1.PodTemplateSpecArgs
    labels: Mapping[str, str]
    depends_on: tuple[pulumi.Resource, ...]


def make_pods(args: WorkloadArgs, restart: str, parent: pulumi.Resource) -> Pods:
    """Make the service account, the identity and the network policy of a declaration, and return its pods.

    Raises ValueError when the environment does not satisfy the declaration's settings class.
    """
    declaration, platform = args.declaration, args.platform
    bindings = bind(declaration.needs, platform.providers)
    labels = labels_of(args)
    metadata = k8s.meta.v1.ObjectMetaArgs(name=declaration.name, namespace=platform.namespace, labels=labels)
    child = pulumi.ResourceOptions(parent=parent, depends_on=args.prerequisites)
    account = k8s.core.v1.ServiceAccount(
        declaration.name,
        metadata=metadata,
        automount_service_account_token=False,
        opts=child,
    )
    callers = [pods_of(platform.namespace, caller) for caller in args.callers]
    if declaration.server and declaration.server.scraped:
        callers.append(namespace_pods(platform.monitoring))
    mesh = platform.mesh
    if mesh and declaration.server and declaration.server.public:
        callers.append(pods_of(mesh.ingress.namespace, mesh.ingress.name))
    # Before anything else: when a mesh takes pods in or lets them go, they are called in the new way at once.
    early = pulumi.ResourceOptions(parent=parent, depends_on=list(platform.depends_on))
    direct = _load_balancer_policy(declaration, platform, labels, early)
    policy = k8s.networking.v1.NetworkPolicy(
        declaration.name,
        metadata=metadata,
        spec=network_policy(declaration, labels, _egress(bindings, platform), callers, meshed=mesh is not None),
        opts=pulumi.ResourceOptions.merge(early, pulumi.ResourceOptions(depends_on=direct)),
    )
    depends_on: list[pulumi.Resource] = [account, *direct, policy, *args.prerequisites]
    if mesh and declaration.server and (known := _accounts(args, declaration.server, mesh)):
        depends_on.append(
            k8s.apiextensions.CustomResource(
                declaration.name,
                api_version=SECURITY_API,
                kind="AuthorizationPolicy",
                metadata=metadata,
                spec=authorization_policy(labels, known, declaration.server.port),
                opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=list(mesh.after))),
            )
        )
    if grants := [binding.grant for binding in bindings if binding.grant]:
        identity = platform.identities.make(declaration.name, platform.namespace, declaration.name, parent)
        for grant in grants:
            grant(identity)
        depends_on += identity.dependencies
    depends_on += [resource for binding in bindings for resource in binding.depends_on]
    return Pods(pod_template(args, restart), labels, tuple(depends_on))


def _load_balancer_policy(
    declaration: Declaration, platform: Platform, labels: Mapping[str, str], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Let the load balancer in, where it calls these pods itself.

    By a policy of its own: where a gateway comes between them it goes last of all, and the way back is there first.
    """
    server = declaration.server
    if server is None or not server.public or platform.mesh:
        return []
    return [
        k8s.networking.v1.NetworkPolicy(
            f"{declaration.name}-load-balancer",
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=f"{declaration.name}-load-balancer", namespace=platform.namespace, labels=labels
            ),
            spec=load_balancer_policy(server, labels, platform.load_balancer),
            opts=opts,
        )
    ]


def _accounts(args: WorkloadArgs, server: Server, mesh: Mesh) -> list[Account]:
    """Return who may call a server, by whom they prove to be: the same that its network policy lets in."""
    callers = [*(Account(args.platform.namespace, name) for name in args.callers), *args.outsiders]
    if server.scraped:
        callers.append(mesh.scraper)
    if server.public:
        callers.append(mesh.ingress)
    return callers


def pod_template(args: WorkloadArgs, restart: str) -> k8s.core.v1.PodTemplateSpecArgs:
    """Return the pods of a declaration. Raises ValueError like `make_pods`, which makes what they need."""
    labels = labels_of(args)
    return k8s.core.v1.PodTemplateSpecArgs(
        metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels),
        spec=_pod_spec(args, bind(args.declaration.needs, args.platform.providers), labels, restart),
    )


def labels_of(args: WorkloadArgs) -> dict[str, str]:
    """Return what the pods of a declaration carry."""
    return {NAME_LABEL: args.declaration.name, "app.kubernetes.io/part-of": args.platform.product}


def environment_variables(
    declaration: Declaration, bindings: Sequence[Binding], platform: Platform, own: EnvironmentVariables
) -> EnvironmentVariables:
    """Return the environment of a declaration's process, checked against its settings class.

    An unknown or missing variable, or a wrong value, raises ValueError; a value that is known only later fails the
    deployment when it is.
    """
    shared: dict[str, pulumi.Input[str]] = {"HTTP_HOST": "0.0.0.0"}  # noqa: S104 the pod's own address
    if declaration.server:
        shared["HTTP_PORT"] = str(declaration.server.port)
    if platform.traces_url:
        shared["OTEL_EXPORTER_OTLP_ENDPOINT"] = platform.traces_url
    unread = unknown_variables(declaration.settings, shared)
    given = {variable: value for variable, value in shared.items() if variable not in unread}
    for binding in bindings:
        given |= binding.environment
        given |= {file.variable: _path(file) for file in binding.files}
    given |= own
    return _checked(declaration.name, declaration.settings, given)


def _checked(name: str, settings: type[Settings], given: EnvironmentVariables) -> EnvironmentVariables:
    if unknown := unknown_variables(settings, given):
        raise ValueError(f"{name}: {settings.__name__} does not read {', '.join(unknown)}")
    known = {variable: value for variable, value in given.items() if isinstance(value, str)}
    later = given.keys() - known.keys()
    if wrong := [line for variable, line in validation_errors(settings, known).items() if variable not in later]:
        raise ValueError(f"{name}: " + "; ".join(wrong))

    def check(variable: str, value: str) -> str:
        if line := validation_errors(settings, known | {variable: value}).get(variable):
            raise ValueError(f"{name}: {line}")
        return value

    def checked(variable: str, value: pulumi.Input[str]) -> pulumi.Input[str]:
        return value if variable in known else pulumi.Output.from_input(value).apply(partial(check, variable))

    return {variable: checked(variable, value) for variable, value in sorted(given.items())}


def _pod_spec(
    args: WorkloadArgs, bindings: Sequence[Binding], labels: Mapping[str, str], restart: str
) -> k8s.core.v1.PodSpecArgs:
    declaration = args.declaration
    serving = declaration.server is not None
    volumes, mounts = _files([file for binding in bindings for file in binding.files])
    return k8s.core.v1.PodSpecArgs(
        service_account_name=declaration.name,
        automount_service_account_token=False,
        enable_service_links=False,
        restart_policy=restart,
        # Longer than the load balancer's pre-stop hook and the process's own 15 s.
        termination_grace_period_seconds=45 if serving else 30,
        security_context=k8s.core.v1.PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=NONROOT_UID,
            run_as_group=NONROOT_UID,
            fs_group=NONROOT_UID,
            seccomp_profile=k8s.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
        ),
        topology_spread_constraints=[
            k8s.core.v1.TopologySpreadConstraintArgs(
                max_skew=1,
                topology_key=key,
                when_unsatisfiable="ScheduleAnyway",
                label_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
            )
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ]
        if serving
        else None,
        containers=[_container(args, bindings, mounts)],
        volumes=volumes,
    )


def _container(
    args: WorkloadArgs, bindings: Sequence[Binding], mounts: list[k8s.core.v1.VolumeMountArgs]
) -> k8s.core.v1.ContainerArgs:
    declaration, resources = args.declaration, args.declaration.resources
    environment = environment_variables(declaration, bindings, args.platform, args.settings)
    server = declaration.server
    return k8s.core.v1.ContainerArgs(
        name=declaration.name,
        image=args.image,
        command=["python", "-m", declaration.module] if declaration.module else None,
        args=list(declaration.arguments) or None,
        env=[k8s.core.v1.EnvVarArgs(name=variable, value=value) for variable, value in environment.items()],
        ports=[k8s.core.v1.ContainerPortArgs(name="http", container_port=server.port)] if server else None,
        startup_probe=_probe(server.probes.liveness, period=2, failures=30) if server else None,
        liveness_probe=_probe(server.probes.liveness, period=10, failures=3) if server else None,
        readiness_probe=_probe(server.probes.readiness, period=5, failures=2) if server else None,
        lifecycle=_pre_stop_hook() if server and server.public else None,
        resources=k8s.core.v1.ResourceRequirementsArgs(
            requests={"cpu": resources.cpu, "memory": resources.memory},
            # Its log, which the kubelet turns over, and /tmp: whoever writes more is evicted before its node is full.
            limits={"memory": resources.memory, "ephemeral-storage": EPHEMERAL_STORAGE},
        ),
        security_context=k8s.core.v1.SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            run_as_non_root=True,
            capabilities=k8s.core.v1.CapabilitiesArgs(drop=["ALL"]),
        ),
        volume_mounts=mounts,
    )


def _probe(path: str, period: int, failures: int) -> k8s.core.v1.ProbeArgs:
    return k8s.core.v1.ProbeArgs(
        http_get=k8s.core.v1.HTTPGetActionArgs(path=path, port="http"),
        period_seconds=period,
        failure_threshold=failures,
        timeout_seconds=3,
    )


def _pre_stop_hook() -> k8s.core.v1.LifecycleArgs:
    # The load balancer needs some seconds to learn that a pod goes; until then it still answers.
    wait = k8s.core.v1.SleepActionArgs(seconds=10)
    return k8s.core.v1.LifecycleArgs(pre_stop=k8s.core.v1.LifecycleHandlerArgs(sleep=wait))


def _files(
    files: Sequence[MountedKey],
) -> tuple[list[k8s.core.v1.VolumeArgs], list[k8s.core.v1.VolumeMountArgs]]:
    volumes = [k8s.core.v1.VolumeArgs(name="tmp", empty_dir=k8s.core.v1.EmptyDirVolumeSourceArgs(size_limit="64Mi"))]
    mounts = [k8s.core.v1.VolumeMountArgs(name="tmp", mount_path="/tmp")]  # noqa: S108 in the container
    for file in files:
        volumes.append(
            k8s.core.v1.VolumeArgs(
                name=file.secret,
                secret=k8s.core.v1.SecretVolumeSourceArgs(
                    secret_name=file.secret,
                    default_mode=0o440,
                    items=[k8s.core.v1.KeyToPathArgs(key=file.key, path=file.key)],
                ),
            )
        )
        # The whole folder: a single mounted file would never change (rotation).
        mounts.append(k8s.core.v1.VolumeMountArgs(name=file.secret, mount_path=_folder(file), read_only=True))
    return volumes, mounts


def _folder(file: MountedKey) -> str:
    return f"/run/secrets/{file.secret}"


def _path(file: MountedKey) -> str:
    return f"{_folder(file)}/{file.key}"


def _egress(bindings: Sequence[Binding], platform: Platform) -> list[EgressTarget]:
    targets = [target for binding in bindings for target in binding.egress]
    if any(binding.grant for binding in bindings):
        targets.append(IDENTITY_AGENT)
    if any(binding.calls_aws for binding in bindings):
        targets.append(platform.aws)
    if platform.traces:
        targets.append(platform.traces)
    return targets
