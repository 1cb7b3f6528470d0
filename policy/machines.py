"""Machines: their disks, their credentials, their tags, and who may log in to them."""

import base64
import binascii
from collections.abc import Iterator

from policy.check import ResourceCheck
from policy.properties import Properties, is_given, is_true, mappings
from policy.secrets import secrets_in

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CONFIGURATION = "aws:ec2/launchConfiguration:LaunchConfiguration"
INSTANCE = "aws:ec2/instance:Instance"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
VOLUME = "aws:ebs/volume:Volume"

TAGGED = {"instance", "network-interface", "volume"}


def _metadata(props: Properties) -> Iterator[str]:
    options = next(mappings(props.get("metadataOptions")), {})
    if options.get("httpTokens") != "required" or options.get("httpPutResponseHopLimit") != 1:
        yield "lets pods reach the node's credentials: httpTokens required and httpPutResponseHopLimit 1"


def _template_disks(props: Properties) -> Iterator[str]:
    devices = list(mappings(props.get("blockDeviceMappings")))
    for device in devices:
        disk = next(mappings(device.get("ebs")), None)
        if disk is not None and not is_true(disk.get("encrypted")):
            yield f"leaves {device.get('deviceName')} in clear: ebs.encrypted"
    if not any(is_given(device, "ebs") for device in devices):
        yield "leaves the disks as the image has them, in clear: blockDeviceMappings with ebs.encrypted"


def _instance_disks(props: Properties) -> Iterator[str]:
    if not is_true(next(mappings(props.get("rootBlockDevice")), {}).get("encrypted")):
        yield "has its root disk in clear: rootBlockDevice.encrypted"
    for disk in mappings(props.get("ebsBlockDevices")):
        if not is_true(disk.get("encrypted")):
            yield f"leaves {disk.get('deviceName')} in clear: encrypted"


def _volume(props: Properties) -> Iterator[str]:
    if not is_true(props.get("encrypted")):
        yield "is in clear: encrypted"


def _tags(props: Properties) -> Iterator[str]:
    tagged = {spec.get("resourceType") for spec in mappings(props.get("tagSpecifications")) if spec.get("tags")}
    if missing := TAGGED - tagged:
        yield f"leaves {', '.join(sorted(missing))} without tags: no bill says whose they are (tagSpecifications)"


def _login(props: Properties) -> Iterator[str]:
    if is_given(props, "keyName") or is_given(props, "remoteAccess"):
        yield "takes logins with a key that nobody rotates or records: none is needed, kubectl debug reaches a node"


def _template(props: Properties) -> Iterator[str]:
    if not is_given(props, "launchTemplate"):
        yield "has no launch template: its disks are in clear, its metadata open to pods, its machines without tags"


def _user_data(props: Properties) -> Iterator[str]:
    for name in ("userData", "userDataBase64"):
        text = str(props.get(name) or "")
        for found in secrets_in(text + "\n" + _decoded(text)):
            yield f"holds {found} in its user data, which every pod and reader of the account can see"


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


CHECKS = (
    ResourceCheck(
        name="node-metadata",
        description="Pods cannot reach the node's credentials",
        types=(TEMPLATE, CONFIGURATION, INSTANCE),
        find=_metadata,
        also=("CKV_AWS_79", "CKV_AWS_341", "CIS AWS 5.6"),
    ),
    ResourceCheck(
        name="node-disks-encrypted",
        description="The disks of nodes are encrypted, whatever their image says",
        types=(TEMPLATE,),
        find=_template_disks,
        also=("CKV_AWS_8",),
    ),
    ResourceCheck(
        name="machine-disks-encrypted",
        description="The disks of machines are encrypted",
        types=(CONFIGURATION, INSTANCE),
        find=_instance_disks,
        also=("CKV_AWS_8",),
    ),
    ResourceCheck(
        name="volumes-encrypted",
        description="Volumes are encrypted",
        types=(VOLUME,),
        find=_volume,
        also=("CKV_AWS_3", "CIS AWS 2.2.1"),
    ),
    ResourceCheck(
        name="nodes-tagged", description="Nodes, their disks and interfaces carry tags", types=(TEMPLATE,), find=_tags
    ),
    ResourceCheck(
        name="no-logins",
        description="Nobody logs in to a machine with a key",
        types=(TEMPLATE, CONFIGURATION, INSTANCE, NODE_GROUP),
        find=_login,
        also=("CKV_AWS_100",),
    ),
    ResourceCheck(
        name="nodes-from-template",
        description="Nodes are made from a launch template, which the checks can read",
        types=(NODE_GROUP,),
        find=_template,
    ),
    ResourceCheck(
        name="no-secret-in-user-data",
        description="What a machine starts with holds no secret",
        types=(TEMPLATE, CONFIGURATION, INSTANCE),
        find=_user_data,
        also=("CKV_AWS_46",),
    ),
)
