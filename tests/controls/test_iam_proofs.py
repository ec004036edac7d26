"""Which writes of identity policies are proved to grant nothing new, and which are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from execution_roles import LOGS, allow, deny, document, managed, own, role

from chalicelib import proofs
from chalicelib.model import Call, Resource

ARN_OF_AWS = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
COPY = "arn:aws:iam::123456789012:policy/suture/copy"
WIDE, NARROW = document(allow("s3:*")), document(allow("s3:GetObject"))
GUARDED = document(allow("s3:*"), deny("s3:DeleteBucket"))
ROLE = role(WIDE, attached={own("own"): WIDE, ARN_OF_AWS: GUARDED})


def call(operation: str, **parameters: Any) -> Call:
    return Call(operation, {k: json.dumps(v) if isinstance(v, dict) else v for k, v in parameters.items()})


def put(found: Any, **more: Any) -> Call:
    return call("iam:PutRolePolicy", **{"RoleName": "orders", "PolicyName": "p0", "PolicyDocument": found, **more})


def version(found: Any, arn: str = own("own")) -> Call:
    return call("iam:CreatePolicyVersion", PolicyArn=arn, PolicyDocument=found, SetAsDefault=True)


def make(found: Any) -> Call:
    return call("iam:CreatePolicy", PolicyName="copy", Path="/suture/", PolicyDocument=found)


def attach(arn: str = COPY, name: str = "orders") -> Call:
    return call("iam:AttachRolePolicy", RoleName=name, PolicyArn=arn)


def detach(arn: str = ARN_OF_AWS, name: str = "orders") -> Call:
    return call("iam:DetachRolePolicy", RoleName=name, PolicyArn=arn)


KEPT = document(allow("s3:GetObject"), deny("s3:DeleteBucket"))
PROVED = {
    "a narrower inline policy": (put(NARROW),),
    "the same inline policy": (put(WIDE),),
    "a narrower version": (version(NARROW),),
    "a copy in the place of one of AWS's": (make(KEPT), attach(), detach()),
    "detaching what denies nothing": (detach(own("own")),),
}
REFUSED = {
    "a wider inline policy": ((put(document(allow("*"))),), "allows"),
    "an inline policy that was not there": ((put(NARROW, PolicyName="new"),), "no such policy"),
    "another role's inline policy": ((put(NARROW, RoleName="other"),), "no such policy"),
    "no JSON": ((put("{"),), "JSON"),
    "a wider version": ((version(document(allow("*"))),), "allows"),
    "a version of a policy that is not attached": ((version(NARROW, own("other")),), "not attached"),
    "a version without the old Deny": ((version(NARROW, ARN_OF_AWS),), "no longer denies"),
    "attaching a policy of unknown content": ((attach(own("strange")),), "did not make"),
    "attaching AdministratorAccess": ((attach("arn:aws:iam::aws:policy/AdministratorAccess"),), "did not make"),
    "a wider copy": ((make(document(allow("*"))), attach()), "allows"),
    "a copy for another role": ((make(KEPT), attach(name="other")), "did not make"),
    "detaching a Deny": ((detach(),), "denies something"),
    "a copy without the Deny": ((make(NARROW), attach(), detach()), "denies something"),
    "a copy that is made and not attached": ((make(KEPT), detach()), "denies something"),
    "detaching what is not attached": ((detach(own("other")),), "not attached"),
    "an undo call as a step": ((call("iam:SetDefaultPolicyVersion", PolicyArn=own("own"), VersionId="v1"),), "proof"),
}


@pytest.mark.parametrize("name", PROVED)
def test_what_only_narrows_is_proved(name: str) -> None:
    assert proofs.unproved(PROVED[name], ROLE) == ""


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_grant_is_refused(name: str) -> None:
    calls, why = REFUSED[name]
    assert why in proofs.unproved(calls, ROLE)


def test_only_versions_out_of_force_may_go() -> None:
    config = {"Arn": own("own"), "DefaultVersionId": "v2"}
    policy = Resource("AWS::IAM::ManagedPolicy", own("own"), own("own"), "123456789012", "us-east-1", config)

    def gone(version_id: str, arn: str = own("own")) -> str:
        return proofs.unproved((call("iam:DeletePolicyVersion", PolicyArn=arn, VersionId=version_id),), policy)

    assert gone("v1") == ""
    assert "not in force" in gone("v2")
    assert "not in force" in gone("v1", own("other"))


def test_a_policy_that_cannot_be_read_is_never_detached() -> None:
    config = {**ROLE.config, "AttachedManagedPolicies": [managed(ARN_OF_AWS, {"Unparsed": "x"})]}
    unreadable = Resource(ROLE.type, ROLE.arn, ROLE.id, ROLE.account, ROLE.region, config)
    assert proofs.unproved((detach(),), unreadable)
    assert proofs.unproved((put(LOGS, PolicyName="p0"),), ROLE)
