"""What every pod of ours has, whatever runs it: derived from a declaration, so that no workload can leave it out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import pulumi
import pulumi_kubernetes as k8s

from apps.platform.service import ScheduledService, Service, Task, Website
from apps.platform.settings import Settings, problems
from components.binding import Binding, Bindings, Environment, Reach, SecretFile, bind
from components.identity.pod_identity import PodIdentities
from components.workload.network_rules import network_policy

Declaration: TypeAlias = Service | ScheduledService | Task | Website

USER = 65532
"""Who pods run as: nobody that an image knows."""

IDENTITY_AGENT = Reach(80, ("169.254.170.23/32",))
"""Where pods get the credentials of their role (EKS Pod Identity)."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What the workloads of a stack share.

    `product`: what they are part of. `aws`: where AWS answers. `load_balancer`: ranges that requests from outside come
    from. `monitoring`: the namespace that scrapes metrics and takes traces; `traces`: its OTLP endpoint, None: no
    traces.
    """

    identities: PodIdentities
    namespace: str
    product: str
    bindings: Bindings
    aws: Reach
    load_balancer: tuple[str, ...]
    monitoring: str
    traces: Reach | None = None
    traces_url: str | None = None


@dataclass(frozen=True, slots=True)
class WorkloadArgs:
    """What runs, in which image (by digest), with which settings besides those that its needs bring."""

    declaration: Declaration
    image: str
    platform: Platform
    settings: Environment = field(default_factory=dict)
    after: Sequence[pulumi.Resource] = ()

    def __post_init__(self) -> None:
        if "@sha256:" not in self.image:
            raise ValueError(f"{self.declaration.name}: the image {self.image!r} is not given by digest")


@dataclass(frozen=True, slots=True)
class Pods:
    """The template, and what must be there before a pod of it is made."""

    template: k8s.core.v1.PodTemplateSpecArgs
    labels: Mapping[str, str]
    ready: tuple[pulumi.Resource, ...]


def make_pods(args: WorkloadArgs, restart: str, parent: pulumi.Resource) -> Pods:
    """Make the service account, the identity and the network policy of a declaration, and return its pods.

    Raises ValueError when the environment does not satisfy the declaration's settings class.
    """
    declaration, platform = args.declaration, args.platform
    met = () if isinstance(declaration, Website) else bind(declaration.needs, platform.bindings)
    labels = {"app.kubernetes.io/name": declaration.name, "app.kubernetes.io/part-of": platform.product}
    metadata = k8s.meta.v1.ObjectMetaArgs(name=declaration.name, namespace=platform.namespace, labels=labels)
    child = pulumi.ResourceOptions(parent=parent, depends_on=list(args.after))  # the namespace is among them
    account = k8s.core.v1.ServiceAccount(
        declaration.name,
        metadata=metadata,
        automount_service_account_token=False,
        opts=child,
    )
    policy = k8s.networking.v1.NetworkPolicy(
        declaration.name,
        metadata=metadata,
        spec=network_policy(declaration, labels, _reaches(met, platform), platform.monitoring, platform.load_balancer),
        opts=child,
    )
    ready: list[pulumi.Resource] = [account, policy, *args.after]
    if grants := [binding.grant for binding in met if binding.grant]:
        identity = platform.identities.make(declaration.name, platform.namespace, declaration.name, parent)
        for grant in grants:
            grant(identity)
        ready += identity.dependencies
    ready += [resource for binding in met for resource in binding.after]
    template = k8s.core.v1.PodTemplateSpecArgs(
        metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels),
        spec=_pod_spec(args, met, labels, restart),
    )
    return Pods(template, labels, tuple(ready))


def environment_of(
    declaration: Declaration, met: Sequence[Binding], platform: Platform, own: Environment
) -> Environment:
    """Return the environment of a declaration's process, checked against its settings class.

    An unknown or missing variable, or a wrong value, raises ValueError; a value that is known only later fails the
    deployment when it is.
    """
    if isinstance(declaration, Website):
        return {}
    given: dict[str, pulumi.Input[str]] = {"HTTP_HOST": "0.0.0.0"}  # noqa: S104 the pod's own address
    if isinstance(declaration, Service):
        given["HTTP_PORT"] = str(declaration.port)
    if platform.traces_url:
        given["OTEL_EXPORTER_OTLP_ENDPOINT"] = platform.traces_url
    for binding in met:
        given |= binding.environment
        given |= {file.variable: _path(file) for file in binding.files}
    given |= own
    return _checked(declaration.name, declaration.settings, given)


def _checked(name: str, settings: type[Settings], given: Environment) -> Environment:
    if unknown := sorted(given.keys() - {field.upper() for field in settings.model_fields}):
        raise ValueError(f"{name}: {settings.__name__} does not read {', '.join(unknown)}")
    known = {variable: value for variable, value in given.items() if isinstance(value, str)}
    later = given.keys() - known.keys()
    if wrong := [line for variable, line in problems(settings, known).items() if variable not in later]:
        raise ValueError(f"{name}: " + "; ".join(wrong))

    def check(variable: str, value: str) -> str:
        if line := problems(settings, known | {variable: value}).get(variable):
            raise ValueError(f"{name}: {line}")
        return value

    def checked(variable: str, value: pulumi.Input[str]) -> pulumi.Input[str]:
        return value if variable in known else pulumi.Output.from_input(value).apply(partial(check, variable))

    return {variable: checked(variable, value) for variable, value in sorted(given.items())}


def _pod_spec(
    args: WorkloadArgs, met: Sequence[Binding], labels: Mapping[str, str], restart: str
) -> k8s.core.v1.PodSpecArgs:
    declaration = args.declaration
    serving = isinstance(declaration, Service | Website)
    volumes, mounts = _files([file for binding in met for file in binding.files])
    return k8s.core.v1.PodSpecArgs(
        service_account_name=declaration.name,
        automount_service_account_token=False,
        enable_service_links=False,
        restart_policy=restart,
        # Longer than the load balancer's goodbye and the process's own 15 s.
        termination_grace_period_seconds=45 if serving else 30,
        security_context=k8s.core.v1.PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
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
        containers=[_container(args, met, mounts)],
        volumes=volumes,
    )


def _container(
    args: WorkloadArgs, met: Sequence[Binding], mounts: list[k8s.core.v1.VolumeMountArgs]
) -> k8s.core.v1.ContainerArgs:
    declaration, resources = args.declaration, args.declaration.resources
    environment = environment_of(declaration, met, args.platform, args.settings)
    server = declaration if isinstance(declaration, Service | Website) else None
    return k8s.core.v1.ContainerArgs(
        name=declaration.name,
        image=args.image,
        command=None if isinstance(declaration, Website) else ["python", "-m", declaration.module],
        args=list(declaration.arguments) if isinstance(declaration, ScheduledService | Task) else None,
        env=[k8s.core.v1.EnvVarArgs(name=variable, value=value) for variable, value in environment.items()],
        ports=[k8s.core.v1.ContainerPortArgs(name="http", container_port=server.port)] if server else None,
        startup_probe=_probe(server.probes.liveness, period=2, failures=30) if server else None,
        liveness_probe=_probe(server.probes.liveness, period=10, failures=3) if server else None,
        readiness_probe=_probe(server.probes.readiness, period=5, failures=2) if server else None,
        lifecycle=_goodbye() if server and server.public else None,
        resources=k8s.core.v1.ResourceRequirementsArgs(
            requests={"cpu": resources.cpu, "memory": resources.memory}, limits={"memory": resources.memory}
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


def _goodbye() -> k8s.core.v1.LifecycleArgs:
    # The load balancer needs some seconds to learn that a pod goes; until then it still answers.
    wait = k8s.core.v1.SleepActionArgs(seconds=10)
    return k8s.core.v1.LifecycleArgs(pre_stop=k8s.core.v1.LifecycleHandlerArgs(sleep=wait))


def _files(
    files: Sequence[SecretFile],
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


def _folder(file: SecretFile) -> str:
    return f"/run/secrets/{file.secret}"


def _path(file: SecretFile) -> str:
    return f"{_folder(file)}/{file.key}"


def _reaches(met: Sequence[Binding], platform: Platform) -> list[Reach]:
    reaches = [reach for binding in met for reach in binding.reaches]
    if any(binding.grant for binding in met):
        reaches.append(IDENTITY_AGENT)
    if any(binding.calls_aws for binding in met):
        reaches.append(platform.aws)
    if platform.traces:
        reaches.append(platform.traces)
    return reaches
