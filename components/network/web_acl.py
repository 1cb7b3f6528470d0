"""What AWS WAF keeps from the load balancer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.component import Component

COMMON, KNOWN_BAD = "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"

ONLY_COUNTED = ("SizeRestrictions_BODY", "SizeRestrictions_Cookie_HEADER")
"""Common rules that block nothing here: they stop bodies over 8 KiB, which the services limit themselves, each as it
needs, and cookies over 10 KiB, which a login may set."""


@dataclass(frozen=True, slots=True)
class WebAclArgs:
    """What is protected.

    `requests_per_address`: most requests of one address in five minutes. `signed_paths`: prefixes under which devices
    send signed bodies. The common rules are not for them: they read a compressed body as text, and would now and then
    find in it what they look for, and the device would take that for an answer.
    """

    load_balancer_arn: pulumi.Input[str]
    requests_per_address: int
    signed_paths: Sequence[str]

    def __post_init__(self) -> None:
        if not self.signed_paths:
            raise ValueError("without a signed path the common rules need no exception: leave it out, and this check")


class WebAcl(Component):
    """What AWS WAF keeps from a load balancer.

    Makes:

    - a web ACL: a limit for each address, AWS's rules against known bad input, and its common rules
    - its association with the load balancer
    """

    def __init__(self, name: str, args: WebAclArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        child = pulumi.ResourceOptions(parent=self)
        rate: aws.wafv2.WebAclRuleStatementArgsDict = {
            "rate_based_statement": {
                "aggregate_key_type": "IP",
                "limit": args.requests_per_address,
                "evaluation_window_sec": 300,
            }
        }
        known_bad: aws.wafv2.WebAclRuleStatementArgsDict = {
            "managed_rule_group_statement": {"vendor_name": "AWS", "name": KNOWN_BAD}
        }
        acl = aws.wafv2.WebAcl(
            name,
            scope="REGIONAL",
            description="What does not reach the load balancer",
            default_action={"allow": {}},
            rules=[
                {**_rule(name, 0, "rate", rate), "action": {"block": {}}},
                {**_rule(name, 1, "known-bad", known_bad), "override_action": {"none": {}}},
                {**_rule(name, 2, "common", _common(args.signed_paths)), "override_action": {"none": {}}},
            ],
            visibility_config=_visible(name),
            opts=child,
        )
        aws.wafv2.WebAclAssociation(name, resource_arn=args.load_balancer_arn, web_acl_arn=acl.arn, opts=child)
        self.register_outputs({})


def _rule(
    acl: str, priority: int, name: str, statement: aws.wafv2.WebAclRuleStatementArgsDict
) -> aws.wafv2.WebAclRuleArgsDict:
    return {
        "name": name,
        "priority": priority,
        "statement": statement,
        "visibility_config": {**_visible(f"{acl}-{name}")},
    }


def _visible(metric: str) -> aws.wafv2.WebAclVisibilityConfigArgsDict:
    return {"cloudwatch_metrics_enabled": True, "metric_name": metric, "sampled_requests_enabled": True}


def _common(signed_paths: Sequence[str]) -> aws.wafv2.WebAclRuleStatementArgsDict:
    """The common rules, everywhere but on the signed paths."""
    paths = "|".join(re.escape(path) for path in signed_paths)
    return {
        "managed_rule_group_statement": {
            "vendor_name": "AWS",
            "name": COMMON,
            "rule_action_overrides": [{"name": rule, "action_to_use": {"count": {}}} for rule in ONLY_COUNTED],
            "scope_down_statement": {
                "not_statement": {
                    "statement": {
                        "regex_match_statement": {
                            "regex_string": f"^({paths})/",
                            "field_to_match": {"uri_path": {}},
                            "text_transformations": [{"priority": 0, "type": "NONE"}],
                        }
                    }
                }
            },
        }
    }
