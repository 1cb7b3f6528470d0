"""A service that runs to its end: again and again, once in a deployment, or when somebody else starts it."""

from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from apps.platform.declaration import ReleaseJob, ScheduledService
from components.binding import EnvironmentVariables
from components.component import Component
from components.workload.pods import WorkloadArgs, make_pods, pod_template


class ScheduledWorkload(Component):
    """What runs to its end, again and again.

    Makes:

    - a CronJob that never overlaps itself
    - a service account, the identity that its needs ask for, and a network policy
    """

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        declaration = args.declaration
        if not isinstance(declaration, ScheduledService):
            raise TypeError(f"{declaration.name} has no schedule")
        pods = make_pods(args, "Never", self)
        k8s.batch.v1.CronJob(
            declaration.name,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=declaration.name, namespace=args.platform.namespace, labels=pods.labels
            ),
            spec=k8s.batch.v1.CronJobSpecArgs(
                schedule=declaration.schedule,
                time_zone="Etc/UTC",
                concurrency_policy="Forbid",
                starting_deadline_seconds=120,
                successful_jobs_history_limit=1,
                failed_jobs_history_limit=3,
                job_template=k8s.batch.v1.JobTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(labels=pods.labels),
                    spec=k8s.batch.v1.JobSpecArgs(
                        backoff_limit=1,
                        active_deadline_seconds=declaration.deadline_seconds,
                        template=pods.template,
                    ),
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(pods.depends_on)),
        )
        self.register_outputs({})


class ReleaseWorkload(Component):
    """What runs once in a deployment, which waits until it has succeeded.

    Makes:

    - a Job, and a new one for a new image
    - a service account, the identity that its needs ask for, and a network policy
    """

    job: k8s.batch.v1.Job

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        declaration = args.declaration
        if not isinstance(declaration, ReleaseJob):
            raise TypeError(f"{declaration.name} is not a release job")
        pods = make_pods(args, "Never", self)
        self.job = k8s.batch.v1.Job(
            declaration.name,
            # No name: the next Job stands beside the last one until it has succeeded.
            metadata=k8s.meta.v1.ObjectMetaArgs(namespace=args.platform.namespace, labels=pods.labels),
            spec=k8s.batch.v1.JobSpecArgs(
                backoff_limit=4,
                active_deadline_seconds=declaration.deadline_seconds,
                template=pods.template,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(pods.depends_on)),
        )
        self.register_outputs({})


class StartedWorkload(Component):
    """What runs to its end when a controller starts it: `pods` says how.

    Makes:

    - a service account, the identity that its needs ask for, and a network policy
    """

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.ready = make_pods(args, "Never", self).depends_on
        """What must be there before a pod of it is made."""
        self.register_outputs({})

    def pods(self, settings: EnvironmentVariables) -> k8s.core.v1.PodTemplateSpecArgs:
        """Return its pods with other settings than its needs bring. Raises ValueError for wrong ones."""
        return pod_template(replace(self._args, settings={**self._args.settings, **settings}), "Never")
