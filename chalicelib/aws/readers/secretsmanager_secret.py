"""Secrets with their resource policy, never with their values. Known by their ARN, since names are reused.

Source: the Secrets Manager API reference, GetResourcePolicy, ListSecrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...errors import Gone, Invalid
from ...model import Resource
from ..clients import Aws
from . import _holder

TYPE = "AWS::SecretsManager::Secret"
OPERATIONS = ("secretsmanager:ListSecrets", "secretsmanager:GetResourcePolicy")


def lead(aws: Aws, resource_id: str) -> Iterator[tuple[str, str]]:
    """The secret by its full ARN: events name it as its caller did, by name or by part of the ARN."""
    if re.fullmatch(r"arn:\S+-[A-Za-z0-9]{6}", resource_id, re.ASCII):
        yield TYPE, resource_id
        return
    try:
        yield TYPE, str(aws.call("secretsmanager:GetResourcePolicy", {"SecretId": resource_id})["ARN"])
    except Gone:
        return


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The secret with the ARN `resource_id`, or None when it is gone or scheduled for deletion. Raises a CallFailed."""
    try:
        answer = aws.call("secretsmanager:GetResourcePolicy", {"SecretId": resource_id})
    except Gone:
        return None
    except Invalid as error:
        if error.code == "InvalidRequestException":
            return None
        raise
    return _holder.holder(aws, TYPE, str(answer["ARN"]), resource_id, answer.get("ResourcePolicy"), Name=answer["Name"])


def list_ids(aws: Aws) -> Iterator[str]:
    """The ARNs of all secrets in this account and region."""
    for secret in aws.pages("secretsmanager:ListSecrets", {}, "SecretList"):
        yield secret["ARN"]


def tags(aws: Aws, resource_id: str, arn: str) -> Mapping[str, str]:
    """The secret's tags, from the list of secrets of that name: only it gives them without describing the secret."""
    name = arn.rsplit(":secret:", 1)[-1][:-7]
    filters = {"Filters": [{"Key": "name", "Values": [name]}]}
    listed = aws.pages("secretsmanager:ListSecrets", filters, "SecretList")
    return next((_holder.pairs(secret.get("Tags") or ()) for secret in listed if secret["ARN"] == arn), {})
