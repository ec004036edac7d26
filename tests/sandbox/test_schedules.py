"""Schedules: what they mean, and that they fire their targets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from chalicelib.errors import BadInput
from suture.sandbox.bus import Bus
from suture.sandbox.clockwork import Clockwork
from suture.sandbox.schedules import parse_schedule
from suture.sandbox.server import Server

ACCOUNT, REGION = "123456789012", "us-east-1"
NOON = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("expression", "last", "due"),
    [
        ("rate(1 minute)", NOON - timedelta(seconds=59), False),
        ("rate(1 minute)", NOON - timedelta(seconds=60), True),
        ("rate(2 hours)", NOON - timedelta(hours=1), False),
        ("rate(3 days)", NOON - timedelta(days=3), True),
        ("cron(0 12 * * ? *)", NOON - timedelta(hours=1), True),
        ("cron(0 12 * * ? *)", NOON - timedelta(seconds=10), False),
        ("cron(1 12 * * ? *)", NOON - timedelta(hours=1), False),
        ("cron(0/15 8-17 ? * MON-FRI *)", NOON - timedelta(hours=1), True),
        ("cron(0 12 ? * TUE,WED *)", NOON - timedelta(hours=1), False),
        ("cron(0 12 2 3,4 ? 2026)", NOON - timedelta(hours=1), True),
        ("cron(0 12 2 MAR ? 2027)", NOON - timedelta(hours=1), False),
    ],
)
def test_when_a_schedule_is_due(expression: str, last: datetime, due: bool) -> None:
    assert parse_schedule(expression)(last, NOON) is due


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(2 hour)",
        "rate(0 minutes)",
        "rate(1 week)",
        "every hour",
        "cron(0 12 * * *)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 12 L * ? *)",
        "cron(0/0 12 * * ? *)",
        "cron(5-1 12 * * ? *)",
    ],
)
def test_wrong_schedules_are_refused(expression: str) -> None:
    with pytest.raises(BadInput):
        parse_schedule(expression)


def test_a_scheduled_rule_invokes_its_function_on_time_and_on_demand() -> None:
    invoked: list[tuple[str, str]] = []
    bus = Bus(ACCOUNT, REGION, lambda arn, text: not invoked.append((arn, text)))
    server, now = Server(0, ACCOUNT, REGION, handlers=bus.handlers()), [NOON]
    bus.lock = server.lock
    server.start()
    try:
        session = boto3.Session(region_name=REGION, **server.credentials("deployer"))
        events = session.client("events", endpoint_url=server.url)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sweep"
        events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
        events.put_targets(Rule="hourly", Targets=[{"Id": "1", "Arn": arn}])
        clockwork = Clockwork(bus, ACCOUNT, REGION, lambda: now[0])
        assert clockwork.tick() == []
        now[0] += timedelta(hours=1)
        assert clockwork.tick() == ["hourly"]
        assert clockwork.tick() == []
        assert clockwork.fire(arn) == 1
        assert clockwork.fire(arn + "x") == 0
        events.disable_rule(Name="hourly")
        now[0] += timedelta(hours=2)
        assert clockwork.tick() == []
    finally:
        bus.close()
        server.stop()
    assert [each[0] for each in invoked] == [arn, arn]
    event = json.loads(invoked[0][1])
    assert (event["detail-type"], event["source"], event["time"]) == (
        "Scheduled Event",
        "aws.events",
        "2026-03-02T13:00:30Z",
    )
    assert event["resources"] == [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/hourly"]
