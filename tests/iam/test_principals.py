"""Names of service principals: a region in one means the same service there."""

from __future__ import annotations

import pytest

from chalicelib.iam.principals import global_name

NAMES = {
    "logs.eu-west-1.amazonaws.com": "logs.amazonaws.com",
    "logs.us-gov-west-1.amazonaws.com": "logs.amazonaws.com",
    "states.cn-north-1.amazonaws.com.cn": "states.amazonaws.com.cn",
    "logs.amazonaws.com": "logs.amazonaws.com",
    "lambda.alarms.cloudwatch.amazonaws.com": "lambda.alarms.cloudwatch.amazonaws.com",
    "delivery.logs.amazonaws.com": "delivery.logs.amazonaws.com",
    "evil-logs.eu-west-1.example.com": "evil-logs.eu-west-1.example.com",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_region_is_left_out(name: str) -> None:
    assert global_name(name) == NAMES[name]
