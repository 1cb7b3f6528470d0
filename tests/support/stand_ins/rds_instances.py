"""What MiniStack's RDS lacks of an instance: its owner's secret, another name, and a restore to a point in time.

Asked for one database by its resource's id it tells of every one, so that a deleted one seems to be there as long as
another is. It tells back neither where RDS keeps a password nor which logs it exports, and its databases have no names
of their own.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import rds

Answer = tuple[int, dict[str, str], bytes]
Instances = list[dict[str, Any]]
Params = Mapping[str, Any]

DOMAIN = "rehearsal.eu-west-1.rds.amazonaws.com"

filter_instances: Callable[[Instances, Mapping[str, list[str]]], Instances] = rds._apply_instance_filters
instance_xml: Callable[[Mapping[str, Any]], str] = rds._instance_xml
create_instance: Callable[[Params], Answer] = rds._ACTION_MAP["CreateDBInstance"]
restore_snapshot: Callable[[Params], Answer] = rds._ACTION_MAP["RestoreDBInstanceFromDBSnapshot"]
modify_instance: Callable[[Params], Answer] = rds._ACTION_MAP["ModifyDBInstance"]


def install() -> None:
    """Let it do what it lacks."""
    rds._instance_xml = _told
    rds._apply_instance_filters = _by_resource
    rds._ACTION_MAP |= {
        "CreateDBInstance": _with_key,
        "ModifyDBInstance": _changed,
        "RestoreDBInstanceFromDBSnapshot": _of_snapshot,
        "RestoreDBInstanceToPointInTime": _restored,
    }


def _told(instance: Mapping[str, Any]) -> str:
    """The XML of an instance with its name in the network and its owner's secret, another one for each instance."""
    arn, name = instance["DBInstanceArn"], instance["DBInstanceIdentifier"]
    own = f"{arn.rpartition(':db:')[0].replace(':rds:', ':secretsmanager:')}:secret:rds!{instance['DbiResourceId']}"
    secret = f"<SecretArn>{own}</SecretArn><KmsKeyId>{instance.get('_secret_key', '')}</KmsKeyId>"
    address = f"<Address>{instance['Endpoint']['Address']}</Address>"
    xml = instance_xml(instance).replace(address, f"<Address>{name}.{DOMAIN}</Address>")
    logs = "".join(f"<member>{log}</member>" for log in instance.get("EnabledCloudwatchLogsExports", ()))
    exports = "EnabledCloudwatchLogsExports"
    xml = xml.replace(f"<{exports}/>", f"<{exports}>{logs}</{exports}>")
    return f"{xml}<MasterUserSecret>{secret}<SecretStatus>active</SecretStatus></MasterUserSecret>"


def _by_resource(instances: Instances, filters: Mapping[str, list[str]]) -> Instances:
    """The instances that filters choose, also by the ids of their resources."""
    wanted = filters.get("dbi-resource-id")
    return [
        instance
        for instance in filter_instances(instances, filters)
        if not wanted or instance["DbiResourceId"] in wanted
    ]


def _with_key(params: Params) -> Answer:
    """Make an instance that knows with which key its owner's secret is encrypted, and which logs it exports."""
    answer = create_instance(params)
    if instance := rds._instances.get(rds._p(params, "DBInstanceIdentifier")):
        instance["_secret_key"] = rds._p(params, "MasterUserSecretKmsKeyId")
        instance["EnabledCloudwatchLogsExports"] = rds._parse_member_list(params, EXPORTS)
    return answer


def _of_snapshot(params: Params) -> Answer:
    """Make an instance as it is asked for, with what only its snapshot says: MiniStack heeds neither."""
    snapshot = rds._snapshots.get(rds._p(params, "DBSnapshotIdentifier"))
    if snapshot is None:
        return restore_snapshot(params)
    options = {option: str(snapshot[key]) for option, key in OF_SNAPSHOT.items() if snapshot.get(key)}
    status, headers, body = _with_key({**options, **params, "StorageEncrypted": str(snapshot["Encrypted"]).lower()})
    return status, headers, body.replace(b"CreateDBInstanceRes", b"RestoreDBInstanceFromDBSnapshotRes")


def _changed(params: Params) -> Answer:
    """Change an instance, its name and the key of its owner's secret too."""
    answer, name = modify_instance(params), rds._p(params, "NewDBInstanceIdentifier")
    key = rds._p(params, "MasterUserSecretKmsKeyId")
    if answer[0] != 200 or not (name or key):
        return answer
    instance = rds._instances[rds._p(params, "DBInstanceIdentifier")]
    instance["_secret_key"] = key or instance.get("_secret_key", "")
    if name:
        del rds._instances[instance["DBInstanceIdentifier"]]
        _name(instance, name)
    changed: Answer = rds._single_instance_response("ModifyDBInstanceResponse", "ModifyDBInstanceResult", instance)
    return changed


def _restored(params: Params) -> Answer:
    """Make an instance with the data of another. What is not said is as RDS has it by default, not as it is there."""
    name, source = (rds._p(params, f"{which}DBInstanceIdentifier") for which in ("Target", "Source"))
    if name in rds._instances:
        return _refused("DBInstanceAlreadyExists", f"DB instance {name} already exists")
    if source not in rds._instances:
        return _refused("DBInstanceNotFound", f"DBInstance {source} not found.")
    if not (rds._p(params, "RestoreTime") or rds._p(params, "UseLatestRestorableTime") == "true"):
        return _refused("InvalidParameterCombination", "RestoreTime or UseLatestRestorableTime is needed")
    instance = copy.deepcopy(rds._instances[source])
    groups = rds._parse_member_list(params, "VpcSecurityGroupIds")
    parameters = rds._p(params, "DBParameterGroupName") or "default.postgres15"
    instance |= {
        "DbiResourceId": f"db-{rds.new_uuid().replace('-', '')[:20].upper()}",
        "DBInstanceClass": rds._p(params, "DBInstanceClass") or instance["DBInstanceClass"],
        "VpcSecurityGroups": [{"VpcSecurityGroupId": group, "Status": "active"} for group in groups],
        "DBParameterGroups": [{"DBParameterGroupName": parameters, "ParameterApplyStatus": "in-sync"}],
        "DBSubnetGroup": instance["DBSubnetGroup"]
        | {"DBSubnetGroupName": rds._p(params, "DBSubnetGroupName") or "default"},
        "_secret_key": rds._p(params, "MasterUserSecretKmsKeyId"),
        "EnabledCloudwatchLogsExports": rds._parse_member_list(params, EXPORTS),
    }
    for option, key in OPTIONS.items():
        instance[key] = rds._p(params, option) == "true"
    _name(instance, name)
    answer: Answer = rds._single_instance_response(
        "RestoreDBInstanceToPointInTimeResponse", "RestoreDBInstanceToPointInTimeResult", instance
    )
    return answer


EXPORTS = "EnableCloudwatchLogsExports"

OPTIONS = {
    "CopyTagsToSnapshot": "CopyTagsToSnapshot",
    "DeletionProtection": "DeletionProtection",
    "EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled",
    "MultiAZ": "MultiAZ",
    "PubliclyAccessible": "PubliclyAccessible",
}
"""What a restore says -> what the instance is then."""

OF_SNAPSHOT = {
    "AllocatedStorage": "AllocatedStorage",
    "DBName": "DBName",
    "Engine": "Engine",
    "EngineVersion": "EngineVersion",
    "KmsKeyId": "KmsKeyId",
    "MasterUsername": "MasterUsername",
    "Port": "Port",
    "StorageType": "StorageType",
}
"""What makes an instance -> where a snapshot holds it."""


def _name(instance: dict[str, Any], name: str) -> None:
    before = instance["DBInstanceArn"]
    instance["DBInstanceIdentifier"], instance["DBInstanceArn"] = name, f"{before.rpartition(':')[0]}:{name}"
    rds._tags[instance["DBInstanceArn"]] = instance["TagList"]
    rds._instances[name] = instance


def _refused(code: str, why: str) -> Answer:
    answer: Answer = rds._error(code, why, 400)
    return answer
