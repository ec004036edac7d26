"""Resources that hold a policy of their own: how each is made, and how plain boto3 reads its policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

ACCOUNT, REGION = "123456789012", "us-east-1"
HERE = f"{REGION}:{ACCOUNT}"
Aws = Callable[[str], Any]
"""From a service to its client."""


class Holder(NamedTuple):
    """One service: its type, control and runbook, an action and the resource that its policies name, a maker that gives
    a new resource a policy and answers with its id, and a plain read of that policy."""

    type: str
    control: str
    runbook: str
    action: str
    resource: str | None
    make: Callable[[Aws, str | None], str]
    policy: Callable[[Aws, str], str]


def queue(aws: Aws, text: str | None) -> str:
    attributes = {"Policy": text} if text else {}
    aws("sqs").create_queue(QueueName="orders", Attributes=attributes)
    return "orders"


def topic(aws: Aws, text: str | None) -> str:
    client = aws("sns")
    arn = client.create_topic(Name="orders")["TopicArn"]
    if text:
        client.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text)
    return "orders"


def secret(aws: Aws, text: str | None) -> str:
    client = aws("secretsmanager")
    arn = client.create_secret(Name="shop/db", SecretString="x")["ARN"]
    if text:
        client.put_resource_policy(SecretId=arn, ResourcePolicy=text)
    return str(arn)


def kms_key(aws: Aws, text: str | None) -> str:
    client = aws("kms")
    made = client.create_key(**({"Policy": text} if text else {}))
    return str(made["KeyMetadata"]["KeyId"])


def bus(aws: Aws, text: str | None) -> str:
    client = aws("events")
    client.create_event_bus(Name="shop")
    if text:
        client.put_permission(EventBusName="shop", Policy=text)
    return "shop"


def table(aws: Aws, text: str | None) -> str:
    client = aws("dynamodb")
    client.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    if text:
        client.put_resource_policy(ResourceArn=f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders", Policy=text)
    return "orders"


def repository(aws: Aws, text: str | None) -> str:
    client = aws("ecr")
    client.create_repository(repositoryName="shop/orders")
    if text:
        client.set_repository_policy(repositoryName="shop/orders", policyText=text)
    return "shop/orders"


def bucket(aws: Aws, text: str | None) -> str:
    client = aws("s3")
    client.create_bucket(Bucket="shop-uploads")
    if text:
        client.put_bucket_policy(Bucket="shop-uploads", Policy=text)
    return "shop-uploads"


def queue_policy(aws: Aws, id_: str) -> Any:
    client = aws("sqs")
    url = client.get_queue_url(QueueName=id_)["QueueUrl"]
    return json.loads(client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])


def topic_policy(aws: Aws, id_: str) -> Any:
    return json.loads(aws("sns").get_topic_attributes(TopicArn=f"arn:aws:sns:{HERE}:{id_}")["Attributes"]["Policy"])


def secret_policy(aws: Aws, id_: str) -> Any:
    return json.loads(aws("secretsmanager").get_resource_policy(SecretId=id_)["ResourcePolicy"])


def key_policy(aws: Aws, id_: str) -> Any:
    return json.loads(aws("kms").get_key_policy(KeyId=id_, PolicyName="default")["Policy"])


def bus_policy(aws: Aws, id_: str) -> Any:
    return json.loads(aws("events").describe_event_bus(Name=id_)["Policy"])


def table_policy(aws: Aws, id_: str) -> Any:
    return json.loads(aws("dynamodb").get_resource_policy(ResourceArn=f"arn:aws:dynamodb:{HERE}:table/{id_}")["Policy"])


def repository_policy(aws: Aws, id_: str) -> Any:
    return json.loads(aws("ecr").get_repository_policy(repositoryName=id_)["policyText"])


def bucket_policy(aws: Aws, id_: str) -> Any:
    return json.loads(aws("s3").get_bucket_policy(Bucket=id_)["Policy"])


HOLDERS = {
    "queue": Holder(
        "AWS::SQS::Queue",
        "sqs-queue-public",
        "sqs-close-queue",
        "sqs:SendMessage",
        f"arn:aws:sqs:{HERE}:orders",
        queue,
        queue_policy,
    ),
    "topic": Holder(
        "AWS::SNS::Topic",
        "sns-topic-public",
        "sns-close-topic",
        "sns:Publish",
        f"arn:aws:sns:{HERE}:orders",
        topic,
        topic_policy,
    ),
    "secret": Holder(
        "AWS::SecretsManager::Secret",
        "secretsmanager-secret-public",
        "secretsmanager-close-secret",
        "secretsmanager:GetSecretValue",
        "*",
        secret,
        secret_policy,
    ),
    "key": Holder("AWS::KMS::Key", "kms-key-public", "kms-close-key", "kms:Decrypt", "*", kms_key, key_policy),
    "bus": Holder(
        "AWS::Events::EventBus",
        "events-bus-public",
        "events-close-bus",
        "events:PutEvents",
        f"arn:aws:events:{HERE}:event-bus/shop",
        bus,
        bus_policy,
    ),
    "table": Holder(
        "AWS::DynamoDB::Table",
        "dynamodb-table-public",
        "dynamodb-close-table",
        "dynamodb:GetItem",
        f"arn:aws:dynamodb:{HERE}:table/orders",
        table,
        table_policy,
    ),
    "repository": Holder(
        "AWS::ECR::Repository",
        "ecr-repository-public",
        "ecr-close-repository",
        "ecr:BatchGetImage",
        None,
        repository,
        repository_policy,
    ),
    "bucket": Holder(
        "AWS::S3::Bucket",
        "s3-bucket-public",
        "s3-close-bucket",
        "s3:GetObject",
        "arn:aws:s3:::shop-uploads/*",
        bucket,
        bucket_policy,
    ),
}
