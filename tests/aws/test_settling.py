"""Verification waits as long as the calls may take to settle, counted once, however many deliveries that takes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from world import ACCOUNT, REGION, Context, World

from chalicelib import remediation
from chalicelib.aws.hands import CALL_SECONDS, MustWait, Sight, settled
from chalicelib.cases import Case
from chalicelib.times import iso


def proposed(w: World) -> Case:
    url = boto3.client("sqs", region_name=REGION).create_queue(QueueName="orders")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
    anyone = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    boto3.client("sqs", region_name=REGION).set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    w.change("AWS::SQS::Queue", "orders", "sqs:SetQueueAttributes")
    w.run()
    return w.case("sqs-queue-public")


def test_what_settles_longer_than_a_function_lives_is_given_up_in_a_later_delivery(w: World) -> None:
    """Somebody opened the queue again, so that it never looks closed: 60 seconds, and a writer sees 30 of them."""
    case, hands = proposed(w), remediation._hands(w.d, Context(CALL_SECONDS - 1))
    plan, now = case.the_plan, w.d.now()
    assert plan is not None

    def still_open(sight: Sight) -> str:
        return "still open" if sight.broken else ""

    with pytest.raises(MustWait):
        settled(hands, replace(case, state="VERIFYING", applied=iso(now - timedelta(seconds=30))), plan, still_open)
    later = replace(case, state="VERIFYING", applied=iso(now - timedelta(seconds=61)))
    assert settled(hands, later, plan, still_open)[1] == "still open"
