"""What a person's commands read with that person's credentials (`suture iam can`, `explain`, `narrow`).

No function has these rights, and no runbook may name them. Actions: AWS Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Mapping

from .entries import Operation, look

_BUCKET = "arn:{partition}:s3:::{Bucket}"
_GROUP = "arn:{partition}:iam::{account}:group/{GroupName}"
_USER = "arn:{partition}:iam::{account}:user/{UserName}"


COMMAND_OPERATIONS: Mapping[str, Operation] = {
    "iam:GetUser": look("iam:GetUser", _USER),
    "iam:ListUserPolicies": look("iam:ListUserPolicies", _USER),
    "iam:GetUserPolicy": look("iam:GetUserPolicy", _USER),
    "iam:ListAttachedUserPolicies": look("iam:ListAttachedUserPolicies", _USER),
    "iam:ListGroupsForUser": look("iam:ListGroupsForUser", _USER),
    "iam:GetGroup": look("iam:GetGroup", _GROUP),
    "iam:ListGroupPolicies": look("iam:ListGroupPolicies", _GROUP),
    "iam:GetGroupPolicy": look("iam:GetGroupPolicy", _GROUP),
    "iam:ListAttachedGroupPolicies": look("iam:ListAttachedGroupPolicies", _GROUP),
    "cloudtrail:GetEventDataStore": look("cloudtrail:GetEventDataStore", "{EventDataStore}"),
    "cloudtrail:StartQuery": look("cloudtrail:StartQuery", "*"),
    "cloudtrail:GetQueryResults": look("cloudtrail:GetQueryResults", "*"),
    "cloudtrail:CancelQuery": look("cloudtrail:CancelQuery", "*"),
    "s3:ListObjectsV2": look("s3:ListBucket", _BUCKET),
    "s3:GetObject": look("s3:GetObject", _BUCKET + "/{Key}"),
}
