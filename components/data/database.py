"""The database: PostgreSQL 15 on RDS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from apps.platform.needs import Connect, MeasureDatabase, OwnDatabase
from components.binding import Actions, Binding, EgressTarget, Handlers, MountedKey
from components.component import Component
from components.data.config import DatabaseConfig
from components.data.secret_store import ClusterSecretStore
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import Identity, Statement

PORT = 5432
FINAL = "-final"
"""How the name of a snapshot ends that an instance left when it was deleted."""
LOGS = ("postgresql", "upgrade")
"""What RDS writes to CloudWatch."""
OWNER = "owner"
PASSWORD_KEY = "password"  # noqa: S105 a name
"""The key of RDS's own secret under which the owner's password stands."""
CA_FILE = "/etc/ssl/certs/rds.pem"
"""Where an image that connects to RDS keeps the bundle of RDS's certificate authorities."""


@dataclass(frozen=True, slots=True)
class DatabaseArgs:
    """How large the database is, how well it is kept, and who may connect.

    `identifier`: its name in the account, fixed, so that its log groups can be there before it (`log_groups`).
    `snapshot`: what it begins with, when it is made. `allowed_groups`: the security groups whose members may connect,
    by a name for each. `protected`: it refuses to be deleted.
    """

    config: DatabaseConfig
    identifier: str
    db_name: str
    account: str
    region: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    subnet_cidrs: tuple[str, ...]
    key: EncryptionKey
    snapshot: str | None = None
    allowed_groups: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    protected: bool = False

    def __post_init__(self) -> None:
        days = self.config.backup_days
        if self.protected and days < 7:
            raise ValueError(f"a protected database keeps backups for at least 7 days, not {days}")
        if self.protected and not self.config.final_snapshot:
            raise ValueError(
                "a protected database leaves a final snapshot: its protection is lifted before it is deleted"
            )


class Database(Component):
    """A private, encrypted instance that takes only TLS, and IAM tokens for every role but the owner.

    RDS keeps the owner's password in Secrets Manager: it never passes through Pulumi.

    Makes:

    - a subnet group, and a security group with a rule for each group that may connect
    - a parameter group
    - the instance
    """

    actions: ClassVar[Actions] = {
        Connect: ("rds-db:connect",),
        MeasureDatabase: ("rds-db:connect", "cloudwatch:GetMetricData"),
    }
    host: pulumi.Output[str]
    owner_secret_arn: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._group = aws.ec2.SecurityGroup(
            name, vpc_id=args.vpc_id, description="PostgreSQL from named groups", opts=self._child
        )
        self._allowed = [self.admit(source, group) for source, group in args.allowed_groups.items()]
        self.instance = self._instance()
        self.host = self.instance.address
        self.owner_secret_arn = self.instance.master_user_secrets[0].secret_arn
        self.register_outputs({"host": self.host, "ownerSecretArn": self.owner_secret_arn})

    def mount_owner_password(
        self, store: ClusterSecretStore, namespace: str, after: pulumi.Resource
    ) -> "DatabaseWithOwner":
        """Copy the owner's password into a namespace, for whoever administers the database there."""
        secret = f"{self._name}-owner"
        copy = store.create_external_secret(
            secret, namespace, self.owner_secret_arn, {PASSWORD_KEY: PASSWORD_KEY}, [after]
        )
        return DatabaseWithOwner(self, MountedKey("DATABASE_PASSWORD_FILE", secret, PASSWORD_KEY), copy)

    def grant_connect(self, to: Identity, user: str) -> aws.iam.RolePolicy:
        """Let whoever runs log in as one database role."""
        return to.allow(f"connect-{self._name}", self._login_statement(user))

    def grant_measure(self, to: Identity, user: str) -> aws.iam.RolePolicy:
        """Let whoever runs log in as one database role and read metrics, of which CloudWatch cannot name some alone."""
        metrics = Statement(("cloudwatch:GetMetricData",), ["*"])
        return to.allow(f"measure-{self._name}", self._login_statement(user), metrics)

    def admit(self, source: str, group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupIngressRule:
        """Let the members of a security group connect. `source`: a name for it."""
        return aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-from-{source}",
            security_group_id=self._group.id,
            referenced_security_group_id=group_id,
            description=f"PostgreSQL from {source}",
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            opts=self._child,
        )

    @property
    def handlers(self) -> Handlers:
        """Return how a Connect is met; its owner is met by what `mount_owner_password` returns."""
        return {Connect: self._connect, MeasureDatabase: self._measure}

    def login(self, user: str, auth: str) -> Binding:
        """Return what every process that connects has: where the database answers, and as whom to log in."""
        environment: dict[str, pulumi.Input[str]] = {
            "AWS_REGION": self._args.region,
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": str(PORT),
            "DATABASE_NAME": self._args.db_name,
            "DATABASE_CA_FILE": CA_FILE,
            "DATABASE_USER": user,
            "DATABASE_AUTH": auth,
        }
        return Binding(
            environment,
            egress=(EgressTarget(PORT, self._args.subnet_cidrs),),
            admit=self.admit,
            depends_on=(self.instance, *self._allowed),
        )

    def _connect(self, need: Connect) -> Binding:
        return replace(self.login(need.role, "iam"), grant=lambda to: self.grant_connect(to, need.role))

    def _measure(self, need: MeasureDatabase) -> Binding:
        login = self.login(need.role, "iam")
        return replace(
            login,
            environment={**login.environment, "DATABASE_INSTANCE": self.instance.identifier},
            grant=lambda to: self.grant_measure(to, need.role),
            calls_aws=True,
        )

    def _login_statement(self, user: str) -> Statement:
        prefix = f"arn:aws:rds-db:{self._args.region}:{self._args.account}:dbuser:"
        return Statement(self.actions[Connect], [pulumi.Output.concat(prefix, self.instance.resource_id, "/", user)])

    def _instance(self) -> aws.rds.Instance:
        args, config = self._args, self._args.config
        subnets = aws.rds.SubnetGroup(self._name, subnet_ids=list(args.subnet_ids), opts=self._child)
        parameters = aws.rds.ParameterGroup(
            self._name,
            family="postgres15",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=key, value=value, apply_method=method)
                for key, value, method in (
                    ("rds.force_ssl", "1", "immediate"),
                    ("log_min_duration_statement", "1000", "immediate"),
                    ("log_lock_waits", "1", "immediate"),
                    ("idle_in_transaction_session_timeout", "60000", "immediate"),
                )
            ],
            opts=self._child,
        )
        return aws.rds.Instance(
            self._name,
            identifier=args.identifier,
            engine="postgres",
            engine_version="15",
            instance_class=config.instance_class,
            db_name=args.db_name,
            snapshot_identifier=args.snapshot,
            port=PORT,
            allocated_storage=config.storage_gib,
            max_allocated_storage=config.storage_gib * 5,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=args.key.arn,
            username=OWNER,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=args.key.arn,
            iam_database_authentication_enabled=True,
            ca_cert_identifier="rds-ca-rsa2048-g1",
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[self._group.id],
            publicly_accessible=False,
            parameter_group_name=parameters.name,
            multi_az=config.multi_az,
            backup_retention_period=config.backup_days,
            backup_window="03:00-04:00",
            maintenance_window="sun:04:30-sun:05:30",
            auto_minor_version_upgrade=True,
            copy_tags_to_snapshot=True,
            deletion_protection=args.protected,
            # They cost as much as a snapshot; what comes back by its snapshot does not need them too.
            delete_automated_backups=config.restore_latest or not config.final_snapshot,
            skip_final_snapshot=not config.final_snapshot,
            # Of another name in each life of the stack: the snapshot of the one before is still there.
            final_snapshot_identifier=(
                pulumi.Output.concat(f"{args.identifier}-", subnets.name, FINAL) if config.final_snapshot else None
            ),
            enabled_cloudwatch_logs_exports=list(LOGS),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protected,
                # Two cannot have its name.
                delete_before_replace=True,
                # It begins with a snapshot and goes on from there: a newer one is for its next life.
                ignore_changes=["snapshotIdentifier"],
            ),
        )


def log_groups(identifier: str) -> tuple[str, ...]:
    """Return where RDS writes the logs of an instance; it makes the groups where there are none."""
    return tuple(f"/aws/rds/instance/{identifier}/{log}" for log in LOGS)


@dataclass(frozen=True, slots=True)
class DatabaseWithOwner:
    """A database with its owner's password in a namespace, where pods read it as a file."""

    database: Database
    file: MountedKey
    external_secret: pulumi.Resource

    @property
    def handlers(self) -> Handlers:
        """Return how a Connect and the OwnDatabase are met."""
        return {**self.database.handlers, OwnDatabase: self._own}

    def _own(self, _need: OwnDatabase) -> Binding:
        login = self.database.login(OWNER, "password")
        return replace(login, files=(self.file,), depends_on=(*login.depends_on, self.external_secret))
