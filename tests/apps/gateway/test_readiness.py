from typing import TYPE_CHECKING, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from apps.gateway.readiness import StreamReadiness

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class Kinesis:
    """Answers DescribeStreamSummary as it is told, once for each answer."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)

    def describe_stream_summary(self, StreamName: str) -> dict[str, dict[str, str]]:  # noqa: N803 - boto3's name
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"StreamDescriptionSummary": {"StreamStatus": answer}}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "DescribeStreamSummary")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("ACTIVE", None),
        ("UPDATING", None),
        ("CREATING", "stream s is CREATING"),
        ("DELETING", "stream s is DELETING"),
        (refusal("AccessDeniedException"), None),
        (refusal("ExpiredTokenException"), "stream s: ExpiredTokenException"),
        (refusal("ResourceNotFoundException"), "stream s: ResourceNotFoundException"),
        (EndpointConnectionError(endpoint_url="x"), "stream s: EndpointConnectionError"),
    ],
)
async def test_the_gateway_is_ready_when_the_stream_answers(answer: str | Exception, reason: str | None) -> None:
    assert await StreamReadiness(cast("KinesisClient", Kinesis(answer)), "s")() == reason


async def test_many_probes_ask_once() -> None:
    ready = StreamReadiness(cast("KinesisClient", Kinesis("CREATING")), "s")
    assert [await ready() for _ in range(3)] == ["stream s is CREATING"] * 3
