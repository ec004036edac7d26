"""AWS calls in Python code: what is found, on which resources, and what is doubted."""

from __future__ import annotations

import time

import pytest

from suture.evidence import sdk
from suture.evidence.arns import Where
from suture.evidence.package_python import read_python

WHERE = Where("aws", "*", "1")
HEAD = "import os, boto3\n"


def found(*files: str, **environment: str) -> tuple[dict[str, set[str]], sdk.Findings]:
    """Actions with their resources, and all findings; the first file is app.py, others m1.py, …"""
    named = {("app.py" if i == 0 else f"m{i}.py"): HEAD + text for i, text in enumerate(files)}
    read = read_python(named, environment)
    actions: dict[str, set[str]] = {}
    for one in sdk.observed(read.calls, WHERE):
        actions.setdefault(one.action, set()).add(one.resource)
    return actions, read


TABLE = "arn:aws:dynamodb:*:1:table/orders"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("boto3.client('s3').get_object(Bucket='b', Key='k')", {"s3:GetObject": {"arn:aws:s3:::b/k"}}),
        ("boto3.client('s3').get_object(Bucket=b, Key='k')", {"s3:GetObject": {""}}),
        ("boto3.client('s3').head_object(Bucket='b', Key=k)", {"s3:GetObject": {"arn:aws:s3:::b/*"}}),
        ("boto3.client(service_name='stepfunctions').start_execution()", {"states:StartExecution": {""}}),
        ("boto3.session.Session(region_name='x').client('sts').get_caller_identity()", {"sts:GetCallerIdentity": {""}}),
        ("from boto3 import client as c\nc('sns').publish(PhoneNumber='1')", {"sns:Publish": {""}}),
        ("import boto3 as b\ne = b.client('events')\ne.put_events(Entries=[])", {"events:PutEvents": {""}}),
        ("import botocore.session as s\ns.get_session().create_client('sqs').list_queues()", {"sqs:ListQueues": {""}}),
        (
            "p = boto3.client('s3').get_paginator('list_objects_v2')\np.paginate(Bucket='b')",
            {"s3:ListBucket": {"arn:aws:s3:::b"}},
        ),
        ("p = boto3.client('s3').get_paginator('list_objects_v2')", {"s3:ListBucket": {""}}),
        (
            "boto3.client('dynamodb').get_waiter('table_exists').wait(TableName='orders')",
            {"dynamodb:DescribeTable": {TABLE}},
        ),
        ("boto3.resource('dynamodb').Table('orders').query(Limit=1)", {"dynamodb:Query": {TABLE}}),
        ("boto3.resource('dynamodb').Table('orders').item_count", {"dynamodb:DescribeTable": {TABLE}}),
        ("boto3.resource('dynamodb').Table('orders').name", {}),
        ("boto3.resource('dynamodb').Table('orders').meta.client.scan(TableName='orders')", {"dynamodb:Scan": {TABLE}}),
        ("boto3.resource('s3').Object('b', 'k').put(Body=b'')", {"s3:PutObject": {"arn:aws:s3:::b/k"}}),
        (
            "boto3.resource('s3').Bucket('b').upload_file('f', 'k')",
            {"s3:PutObject": {"arn:aws:s3:::b/k"}, "s3:AbortMultipartUpload": {"arn:aws:s3:::b/k"}},
        ),
        (
            "for o in boto3.resource('s3').Bucket('b').objects.all():\n  o.delete()",
            {"s3:ListBucket": {"arn:aws:s3:::b"}, "s3:DeleteObject": {"arn:aws:s3:::b/*"}},
        ),
        ("boto3.client('s3').download_file('b', 'k', 'f')", {"s3:GetObject": {"arn:aws:s3:::b/k"}}),
        (
            "boto3.client('s3').generate_presigned_url('put_object', Params={'Bucket': 'b', 'Key': 'k'})",
            {"s3:PutObject": {"arn:aws:s3:::b/k"}},
        ),
        ("c = {'a': boto3.client('sqs')}\nc['a'].purge_queue()", {"sqs:PurgeQueue": {""}}),
        ("c = boto3.client('sqs') if x else boto3.client('sns')\nc.tag_resource()", {"sns:TagResource": {""}}),
        (
            "name = 'get' + '_object'\ngetattr(boto3.client('s3'), name)(Bucket='b', Key='k')",
            {"s3:GetObject": {"arn:aws:s3:::b/k"}},
        ),
        ("f = boto3.client('sns').publish\nf(TopicArn='arn:aws:sns:r:1:t')", {"sns:Publish": {"arn:aws:sns:r:1:t"}}),
        (
            "async def f():\n  async with aioboto3.Session().client('sqs') as q:\n    await "
            "q.purge_queue()\nimport aioboto3",
            {"sqs:PurgeQueue": {""}},
        ),
        (
            "boto3.client('lambda').create_function(FunctionName='f', Role=r)",
            {"lambda:CreateFunction": {"arn:aws:lambda:*:1:function:f"}, "iam:PassRole": {""}},
        ),
        ("boto3.client('apigateway').get_rest_apis()", {"apigateway:GET": {""}}),
        ("boto3.client('apigatewaymanagementapi').post_to_connection()", {"execute-api:ManageConnections": {""}}),
        (
            "boto3.client('secretsmanager').get_secret_value(SecretId='db')",
            {"secretsmanager:GetSecretValue": {"arn:aws:secretsmanager:*:1:secret:db-??????"}},
        ),
        (
            "boto3.client('ssm').get_parameters(Names=['/a', '/b'])",
            {"ssm:GetParameters": {"arn:aws:ssm:*:1:parameter/a", "arn:aws:ssm:*:1:parameter/b"}},
        ),
        ("'text'.join([]); {}.get('x'); requests.put_object()", {}),
    ],
)
def test_calls_are_found_on_their_resources(code: str, expected: dict[str, set[str]]) -> None:
    actions, read = found(code)
    assert actions == expected
    assert set(read.blind) <= {"*"} and ("aioboto3" in code or not read.blind or "requests" in code)


def test_environment_variables_name_resources_where_they_are_given() -> None:
    code = "t = boto3.resource('dynamodb').Table(os.environ['T'])\nt.put_item(Item={})"
    assert found(code, T="orders")[0] == {"dynamodb:PutItem": {TABLE}}
    assert found(code)[0] == {"dynamodb:PutItem": {""}}
    default = "boto3.client('s3').get_object(Bucket=os.getenv('B', 'dev'), Key='k')"
    assert found(default)[0] == {"s3:GetObject": {""}}, "the default need not be what runs"


def test_clients_are_followed_through_functions_classes_and_modules() -> None:
    app = """
from m1 import Store, table
import m2
def handler(event, context):
    table().get_item(Key={})
    Store().save(event)
    m2.queue.send_message(QueueUrl='https://sqs.eu-west-1.amazonaws.com/123456789012/jobs')
    helper(boto3.client('sns'))
def helper(client):
    client.publish(TopicArn='arn:aws:sns:r:1:t')
"""
    store = """
def table():
    return boto3.resource('dynamodb').Table('orders')
class Base:
    bucket = 'b'
class Store(Base):
    def __init__(self):
        self.s3 = boto3.client('s3')
    def save(self, event):
        self.s3.put_object(Bucket='b', Key=event['id'])
"""
    actions, read = found(app, store, "queue = boto3.client('sqs')")
    assert actions == {
        "dynamodb:GetItem": {TABLE},
        "s3:PutObject": {"arn:aws:s3:::b/*"},
        "sqs:SendMessage": {"arn:aws:sqs:*:123456789012:jobs"},
        "sns:Publish": {"arn:aws:sns:r:1:t"},
    }
    assert not read.blind


@pytest.mark.parametrize(
    "code",
    [
        "def get(t):\n  c.get_item(TableName=t)\nc = boto3.client('dynamodb')\nget('orders')\nget(event['t'])",
        "t = 'orders'\nt = event['t']\nboto3.client('dynamodb').get_item(TableName=t)",
        "t = 'orders'\nt += event['t']\nboto3.client('dynamodb').get_item(TableName=t)",
        "def get(t='orders'):\n  c.get_item(TableName=t)\nc = boto3.client('dynamodb')\npool.map(get, names)",
        "for t in event:\n  boto3.client('dynamodb').get_item(TableName=t)",
        "boto3.client('dynamodb').get_item(**event)",
        "def f(t):\n  boto3.client('dynamodb').get_item(TableName=t)\nf(*event)\nf('orders')",
    ],
)
def test_a_resource_that_may_be_another_is_not_known(code: str) -> None:
    assert found(code)[0] == {"dynamodb:GetItem": {""}}


def test_a_method_on_something_unknown_counts_for_the_clients_that_there_are() -> None:
    actions, _ = found("boto3.client('dynamodb')\ndef f(x):\n  x['a'].delete_item(TableName='orders')\n  x.query()")
    assert actions == {"dynamodb:DeleteItem": {TABLE}, "dynamodb:Query": {""}}


@pytest.mark.parametrize(
    ("code", "service"),
    [
        ("boto3.client(event['s']).list()", "*"),
        ("boto3.client('no-such-service')", "*"),
        ("getattr(boto3.client('s3'), event['m'])()", "s3"),
        ("import store\nstore.Cache(boto3.client('dynamodb'))", "*"),
        ("json.wrap(boto3.client('stepfunctions'))", "states"),
        ("boto3.client('s3').get_paginator(event['p'])", "s3"),
        ("boto3.client('s3').generate_presigned_url(event['m'])", "s3"),
        ("import awswrangler", "*"),
        ("import json, dateutil, mypy_boto3_s3", None),
    ],
)
def test_what_cannot_be_followed_is_doubted(code: str, service: str | None) -> None:
    _, read = found(code)
    assert (service in read.blind) if service else not read.blind


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_read() -> None:
    _, read = found("def (", "boto3.client('sqs').list_queues()")
    assert list(read.unread) == ["app.py"] and "*" in read.blind and len(read.calls) == 1


def test_the_sdk_itself_is_not_read() -> None:
    assert not read_python({"boto3/session.py": "def (", "python/botocore/x.py": "def ("}, {}).unread


def test_long_chains_and_deep_nesting_take_bounded_time() -> None:
    begun = time.monotonic()
    chain = "x" + ".f(1)" * 300
    deep = "(" * 80 + "1" + ")" * 80
    found(f"boto3.client('s3')\n{chain}\ny = {deep}\nz = " + "[" * 60 + "]" * 60)
    found("x = " + "-" * 50_000 + "1")
    assert time.monotonic() - begun < 5
