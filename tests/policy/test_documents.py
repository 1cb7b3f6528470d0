"""Policy documents, whatever shape they come in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.documents import account_of, is_account, is_unnamed, statements

NAMES = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters=":*-"), min_size=1)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
FIELDS = ("Effect", "Action", "NotAction", "Resource", "Principal", "NotPrincipal", "Condition")


@given(st.lists(NAMES, min_size=1, max_size=3), st.lists(NAMES, min_size=1, max_size=3))
def test_one_or_several_text_or_not_a_document_says_the_same(actions: list[str], resources: list[str]) -> None:
    several = {"Effect": "Allow", "Action": actions, "Resource": resources}
    single = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in several.items()}
    forms: list[Any] = [
        {"Statement": [several]},
        {"Statement": several},
        {"Statement": single},
        json.dumps({"Statement": single}),
        json.dumps({"Version": "2012-10-17", "Statement": [several]}),
    ]
    assert len({str(list(statements(form))) for form in forms}) == 1
    (read,) = statements(forms[0])
    assert (read.allows, read.actions, read.resources) == (True, tuple(actions), tuple(resources))


@given(ANYTHING | st.dictionaries(st.sampled_from(FIELDS), ANYTHING).map(lambda s: {"Statement": [s]}))
def test_whatever_stands_there_is_read_or_passed_over(anything: Any) -> None:
    for form in (anything, json.dumps(anything)):
        for statement in statements(form):
            statement.may("iam:PassRole")
            statement.requires("aws:SourceAccount")


@given(st.text())
def test_text_that_is_no_document_says_nothing(text: str) -> None:
    assert list(statements(text)) == []


@pytest.mark.parametrize("pattern", ["*", "iam:*", "iam:Pass*", "IAM:PASSROLE", "iam:?assRole"])
def test_actions_are_compared_as_iam_does(pattern: str) -> None:
    (read,) = statements({"Statement": {"Effect": "Allow", "Action": pattern, "Resource": "*"}})
    assert read.may("iam:PassRole")
    assert not read.may("sts:AssumeRole") or pattern == "*"


def test_keys_of_conditions_are_compared_as_iam_does() -> None:
    (read,) = statements({"Statement": {"Condition": {"StringEquals": {"AWS:SourceAccount": "1"}}}})
    assert read.requires("aws:SourceAccount") == ("1",)


@pytest.mark.parametrize(
    ("resource", "unnamed"),
    [
        ("*", True),
        ("arn:aws:s3:::*", True),
        ("arn:aws:s3:::*/*", True),
        ("arn:aws:s3:::bucket/*", False),
        ("arn:aws:secretsmanager:*:*:secret:*", True),
        ("arn:aws:secretsmanager:eu-west-1:1:secret:*", True),
        ("arn:aws:secretsmanager:eu-west-1:1:secret:sensors/*", False),
        ("arn:aws:iam::*:role/*", True),
        ("arn:aws:iam::1:role/*", True),
        ("arn:aws:iam::1:role/sensors/*", False),
        ("arn:aws:iam::*:role/sensors/*", True),
        ("arn:aws:logs:eu-west-1:1:log-group:*", True),
        ("arn:aws:logs:eu-west-1:1:log-group:/aws/eks/x:*", False),
        ("arn:aws:kinesis:eu-west-1:1:stream/readings", False),
        ("arn:aws:sqs:eu-west-1:1:readings", False),
        ("arn:aws:sqs:eu-west-1:1:*", True),
        ("arn:aws:autoscaling:eu-west-1:1:autoScalingGroup:*:autoScalingGroupName/eks-*", False),
    ],
)
def test_a_resource_is_named_or_not(resource: str, unnamed: bool) -> None:
    assert is_unnamed(resource) == unnamed


def test_a_principal_tells_its_account() -> None:
    assert account_of("arn:aws:iam::111111111111:role/x") == "111111111111"
    assert account_of("111111111111") == "111111111111"
    assert account_of("*") is None
    assert is_account("111111111111")
    assert is_account("arn:aws:iam::111111111111:root")
    assert not is_account("arn:aws:iam::111111111111:role/x")
