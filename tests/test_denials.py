"""AWS's own words for a refusal, and what Suture makes of them. The forms are those of the IAM User Guide."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.clients import Clients
from chalicelib.aws.operations import missing_actions
from chalicelib.denials import Denial, denial_of, remedy
from chalicelib.errors import Denied

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:shop"
WRITER = "User: arn:aws:sts::123456789012:assumed-role/suture-prod-remediate-iam/suture-prod-remediate-iam"
SAYS = f"{WRITER} is not authorized to perform: lambda:RemovePermission on resource: {FUNCTION}"
TOKEN = "ghp_" + "aB3dE5gH7j" * 3 + "kL9mN1"
ORDER = "arn:aws:organizations::111122223333:policy/o-a1b2c3d4e5/service_control_policy/p-a1b2c3d4"

FORMS = [
    ("because no identity-based policy allows the lambda:RemovePermission action", "identity-based policy", False),
    ("because no permissions boundary allows the lambda:RemovePermission action", "permissions boundary", False),
    ("because no service control policy allows the lambda:RemovePermission action", "service control policy", False),
    ("because no session policy allows the lambda:RemovePermission action", "session policy", False),
    ("because no resource-based policy allows the lambda:RemovePermission action", "resource-based policy", False),
    ("because no VPC endpoint policy allows the lambda:RemovePermission action", "VPC endpoint policy", False),
    ("because no role trust policy allows the sts:AssumeRole action", "role trust policy", False),
    ("with an explicit deny in a service control policy", "service control policy", True),
    (f"with an explicit deny in a service control policy: {ORDER}", "service control policy", True),
    ("with an explicit deny in a resource control policy", "resource control policy", True),
    ("with an explicit deny in an identity-based policy", "identity-based policy", True),
    ("with an explicit deny in a permissions boundary", "permissions boundary", True),
    ("with an explicit deny in a session policy", "session policy", True),
    ("with an explicit deny in a resource-based policy", "resource-based policy", True),
    ("with an explicit deny in a VPC endpoint policy", "VPC endpoint policy", True),
    ("with an explicit deny in the role trust policy", "role trust policy", True),
    ("", "", False),
]
OF_OTHERS = ("service control", "resource control", "session", "VPC endpoint", "resource-based", "role trust")


@pytest.mark.parametrize(("form", "kind", "is_explicit"), FORMS)
def test_each_form_names_action_resource_and_policy(form: str, kind: str, is_explicit: bool) -> None:
    found = denial_of(f"{SAYS} {form}")
    policy = ORDER if ORDER in form else ""
    role = "suture-prod-remediate-iam"
    assert found == Denial(("lambda:RemovePermission",), FUNCTION, kind, is_explicit, policy, role)
    for part in ("lambda:RemovePermission", FUNCTION, kind, policy):
        assert part in found.what
    step = remedy(found)
    assert kind.startswith(OF_OTHERS) == (".chalice/remediate_iam.policy.json" not in step)
    assert not kind.startswith("service control") or "whoever manages the organization" in step
    assert not kind.startswith("permissions") or "boundary" in step or is_explicit


@pytest.mark.parametrize(
    ("message", "action", "resource"),
    [
        ("Access Denied", "s3:PutBucketPolicy", "arn:aws:s3:::shop"),  # S3 to callers of other accounts
        ("", "s3:PutBucketPolicy", "arn:aws:s3:::shop"),
        (f"Access Denied {TOKEN}", "s3:PutBucketPolicy", "arn:aws:s3:::shop"),
        ("User: anonymous is not authorized to perform: s3:GetObject", "s3:GetObject", "arn:aws:s3:::shop"),
        (
            "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/sam is not "
            f"authorized to perform: ec2:RunInstances on resource: {FUNCTION}. Encoded authorization failure: Q",
            "ec2:RunInstances",
            FUNCTION,
        ),
    ],
)
def test_where_aws_says_less_the_catalogue_says_it(message: str, action: str, resource: str) -> None:
    found = denial_of(message, ("s3:PutBucketPolicy",), "arn:aws:s3:::shop")
    assert (found.actions, found.resource) == ((action,), resource)
    assert remedy(found) == ""
    assert "remediate.policy.json" in remedy(found, "suture-prod-remediate")


class Refusing(Clients):
    """Clients of an account that refuses every call with one message."""

    message = ""

    def client(self, service: str) -> object:
        error = {"Error": {"Code": "AccessDeniedException", "Message": self.message}}

        class Client:
            def __getattr__(self, name: str) -> object:
                def refuse(**_: object) -> None:
                    raise ClientError(error, name)

                return refuse

        return Client()


def refused(name: str, parameters: dict[str, object], message: str) -> Denied:
    clients = Refusing("123456789012", "us-east-1")
    clients.message = message
    with pytest.raises(Denied) as caught:
        clients.call(name, parameters)
    return caught.value


def test_the_error_of_a_call_names_all_of_it_however_long_aws_says_it() -> None:
    long = "arn:aws:lambda:us-east-1:123456789012:function:" + "a" * 64 + ":" + "b" * 128
    says = SAYS.replace(FUNCTION, long)
    form = "because no identity-based policy allows the lambda:RemovePermission action"
    error = refused("lambda:RemovePermission", {"FunctionName": "shop"}, f"{says} {form}")
    assert missing_actions(error) == [f"lambda:RemovePermission on {long}"]
    assert error.what.startswith("lambda:RemovePermission answered AccessDeniedException: no identity-based policy")
    assert "the role suture-prod-remediate-iam should hold lambda:RemovePermission" in error.next_step


def test_a_bare_refusal_is_told_from_the_catalogue() -> None:
    error = refused("lambda:RemovePermission", {"FunctionName": FUNCTION, "StatementId": "x"}, "Access Denied")
    assert missing_actions(error) == [f"lambda:RemovePermission on {FUNCTION}"]


@pytest.mark.parametrize("name", ["secretsmanager:CreateSecret", "lambda:UpdateFunctionConfiguration"])
def test_what_a_request_held_is_not_repeated(name: str) -> None:
    says = f"{WRITER} is not authorized to perform: {name} on resource: arn:{TOKEN} value={TOKEN} because no {TOKEN}"
    error = refused(name, {"Name": "suture/x", "SecretString": TOKEN}, says)
    assert TOKEN not in f"{error} {error.missing} {error.__cause__} {error.__context__}"
