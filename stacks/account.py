"""What an account has once, before any environment and after it: where states are kept, who deploys, where images are
pushed, what everything may cost, and what of each environment outlives it.

An account of its own for production keeps it out of reach of whoever may deploy dev, so there is such a stack for each.
"""

from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_aws as aws

from apps.catalog import CATALOG
from components.account.access_log_bucket import AccessLogBucket, AccessLogBucketArgs
from components.account.archive_bucket import ArchiveBucket, ArchiveBucketArgs
from components.account.archive_queries import ArchiveQueries, ArchiveQueriesArgs
from components.account.budget import Budget
from components.account.github_deployment import GitHubDeployment, GitHubDeploymentArgs, role_settings
from components.account.github_runners import GitHubRunners, GitHubRunnersArgs
from components.account.image_repositories import ImageRepositories, ImageRepositoriesArgs, registry
from components.account.processing_starter import LOG_GROUP, ProcessingStarter, ProcessingStarterArgs
from components.account.retained import LOG_DAYS, Retained, RetainedArgs
from components.account.scheduled_end import ScheduledEnd, ScheduledEndArgs, end_project_arn
from components.account.spark_reports import SparkReports, SparkReportsArgs
from components.account.state_backend import StateBackend, StateBackendArgs
from stacks.config import PROJECT, ROOT, AccountConfig
from stacks.github import archive_of, deployed_environment, end_commands, end_cron, forecasts_of, schedule_of
from stacks.providers import aws_provider
from stacks.retained import SECRETS, archive_bucket, retained_names

SPARK_MODULE = "apps/longterm/spark/__main__.py"
"""What Spark runs over the archive of an environment."""


def deploy(config: AccountConfig, stack: str) -> None:
    """Declare the stack of an account."""
    opts = pulumi.ResourceOptions(providers=[aws_provider(config, stack)])
    state = StateBackend(
        "state", StateBackendArgs(state_bucket(config.account, config.region), config.account, PROJECT), opts
    )
    AccessLogBucket(
        "access-logs",
        AccessLogBucketArgs(access_log_bucket(config.account, config.region), config.account, config.environments),
        opts,
    )
    images = ImageRepositories("images", ImageRepositoriesArgs(PROJECT, CATALOG.images, state.key), opts)
    Budget("budget", config.budget, opts)
    retained = {
        environment: Retained(
            environment,
            RetainedArgs(
                names=retained_names(environment),
                description=f"{PROJECT}: data, secrets and logs of {environment}",
                secrets={secret.name: held for secret, held in SECRETS.items()},
                account=config.account,
                region=config.region,
            ),
            opts,
        )
        for environment in config.environments
    }
    archives = {
        environment: ArchiveBucket(
            f"{environment}-archive",
            ArchiveBucketArgs(
                archive_bucket(environment, config.account),
                resources.key_arn,
                colder_after_days=archive.colder_after_days,
            ),
            opts,
        )
        for environment, resources in retained.items()
        if (archive := archive_of(environment))
    }
    for environment, bucket in archives.items():
        _read_archive(config, environment, bucket, retained[environment].key_arn, opts)
    _start_processing(config, retained, opts)
    deployment = _deployment(config, {name: resources.key_arn for name, resources in retained.items()}, opts)
    images.grant_push("images-push", deployment.images)
    state.grant_read("preview-state", deployment.preview)
    for environment, role in deployment.deploy.items():
        state.grant_write(f"deploy-{environment}-state", role, environment)
        retained[environment].grant_find(f"deploy-{environment}-retained", role)
        if environment in archives:
            archives[environment].grant_find(f"deploy-{environment}-archive", role)
        pulumi.export(f"{environment}DeployRoleArn", role.arn)
    pulumi.export("previewRoleArn", deployment.preview.arn)
    pulumi.export("imagesRoleArn", deployment.images.arn)
    pulumi.export("backendUrl", pulumi.Output.concat("s3://", state.bucket, f"?region={config.region}"))
    pulumi.export("secretsProvider", pulumi.Output.concat("awskms:///", state.key.arn, f"?region={config.region}"))
    pulumi.export("registry", registry(config.account, config.region))
    pulumi.export("imageRepositories", images.urls)


def _read_archive(
    config: AccountConfig,
    environment: str,
    bucket: ArchiveBucket,
    key_arn: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Declare what reads the archive of an environment besides it, as far as its file asks for it."""
    archive, name = archive_of(environment), archive_bucket(environment, config.account)
    if archive and archive.athena:
        args = ArchiveQueriesArgs(
            archive.athena, f"{PROJECT}-{environment}-archive", config.account, config.region, name, key_arn
        )
        ArchiveQueries(f"{environment}-queries", args, opts)
    if archive and archive.reports:
        SparkReports(
            f"{PROJECT}-reports-{environment}",
            SparkReportsArgs(
                config=archive.reports,
                project=PROJECT,
                environment=environment,
                account=config.account,
                region=config.region,
                bucket=name,
                key_arn=key_arn,
                sources=spark_sources(),
                module=SPARK_MODULE,
            ),
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[bucket])),
        )


def _start_processing(config: AccountConfig, retained: Mapping[str, Retained], opts: pulumi.ResourceOptions) -> None:
    """Declare what starts jobs on SageMaker, for each environment whose file asks for some, and where they log."""
    asking = [name for name in config.environments if (found := forecasts_of(name)) and found.runs_on == "sagemaker"]
    for environment in asking:
        args = ProcessingStarterArgs(
            PROJECT,
            environment,
            config.account,
            config.region,
            role_settings(PROJECT, config.account, environment),
            retained[environment].key_arn,
        )
        ProcessingStarter(f"{environment}-processing", args, opts)
    if asking:
        # An account has one such group. SageMaker would make it without our key, and for ever.
        aws.cloudwatch.LogGroup(
            "processing",
            name=LOG_GROUP,
            retention_in_days=LOG_DAYS,
            kms_key_id=retained[asking[0]].key_arn,
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True)),
        )


def _deployment(
    config: AccountConfig, log_keys: Mapping[str, pulumi.Input[str]], opts: pulumi.ResourceOptions
) -> GitHubDeployment:
    """Declare the roles of GitHub's workflows, and the machines that run those which reach a cluster."""
    account, region = config.account, config.region
    schedules = {name: found for name in config.environments if config.runners and (found := schedule_of(name))}
    deployment = GitHubDeployment(
        "github",
        GitHubDeploymentArgs(
            config.github,
            PROJECT,
            account,
            region,
            tuple(deployed_environment(name) for name in config.environments),
            {name: end_project_arn(PROJECT, account, region, name) for name in schedules},
        ),
        opts,
    )
    if config.runners is None:
        return deployment
    for name in config.environments:
        args = GitHubRunnersArgs(config.runners, config.github, PROJECT, account, name, log_keys[name])
        GitHubRunners(f"github-runners-{name}", args, opts)
    for name, schedule in schedules.items():
        ScheduledEnd(
            f"end-{name}",
            ScheduledEndArgs(
                config.runners,
                config.github,
                PROJECT,
                account,
                environment=name,
                cron=end_cron(schedule),
                commands=end_commands(name, state_bucket(account, region), region),
                role=deployment.deploy[name],
                log_key_arn=log_keys[name],
            ),
            opts,
        )
    return deployment


def spark_sources(folder: Path = ROOT) -> dict[str, Path]:
    """Return the files that Spark's machines need, by where Python looks for them."""
    jobs = folder / SPARK_MODULE
    packages = [parent / "__init__.py" for parent in jobs.parents if parent.is_relative_to(folder / "apps")]
    return {str(file.relative_to(folder)): file for file in sorted({*packages, *jobs.parent.glob("*.py")})}


def state_bucket(account: str, region: str) -> str:
    """Return the name of the bucket: it must be known before any state is, and bucket names are the whole world's."""
    return f"{PROJECT}-state-{account}-{region}"


def access_log_bucket(account: str, region: str) -> str:
    """Return the name of the bucket that load balancers write into. The stack of an environment must know it too."""
    return f"{PROJECT}-access-logs-{account}-{region}"
