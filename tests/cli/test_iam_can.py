"""`suture iam can`: all that decides whether a principal may do something, on a small account."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from chalicelib.aws.clients import Clients
from chalicelib.iam.documents import parse
from chalicelib.iam.roles import PassableRole
from chalicelib.model import Resource
from suture.account_roles import Read
from suture.can import can
from suture.organization import control

REGION, ACCOUNT = "us-east-1", "123456789012"
HERE = f"{REGION}:{ACCOUNT}"
OTHER = "210987654321"
Json = dict[str, Any]


def allow(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def deny(action: Any, **more: Any) -> Json:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*", **more}]}


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


@pytest.fixture
def said(run: Any) -> Callable[..., tuple[str, str]]:
    """`said("role/app", "s3:GetObject", arn)`: the verdict and all that was told, the exit code checked."""

    def ask(who: str, action: str, resource: str, *more: str) -> tuple[str, str]:
        result = run("iam", "can", who, action, resource, "--json", *more)
        found = json.loads(result.stdout)
        assert {"allowed": 0, "denied": 1, "allowed-if": 2}[found["verdict"]] == result.exit_code
        return found["verdict"], " ".join([*found["reasons"], *found["notes"]])

    return ask


@pytest.fixture
def app(shop: Any) -> str:
    """A role that may read whatever the resource's own policy does not keep from it."""
    return str(shop.role("app"))


def give(shop: Any, document: Any, role: str = "app") -> None:
    shop.iam.put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=json.dumps(document))


def queue(policy: Json) -> str:
    client("sqs").create_queue(QueueName="q", Attributes={"Policy": json.dumps(policy)} if policy else {})
    return f"arn:aws:sqs:{HERE}:q"


def topic(policy: Json) -> str:
    sns = client("sns")
    arn = str(sns.create_topic(Name="t")["TopicArn"])
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))
    return arn


def bucket(policy: Json) -> str:
    s3 = client("s3")
    s3.create_bucket(Bucket="papers")
    s3.put_bucket_policy(Bucket="papers", Policy=json.dumps(policy))
    return "arn:aws:s3:::papers/a/b"


def secret(policy: Json) -> str:
    made = client("secretsmanager")
    arn = str(made.create_secret(Name="db", SecretString="x")["ARN"])
    made.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps(policy))
    return arn


def bus(policy: Json) -> str:
    events = client("events")
    events.create_event_bus(Name="orders")
    events.put_permission(EventBusName="orders", Policy=json.dumps(policy))
    return f"arn:aws:events:{HERE}:event-bus/orders"


def table(policy: Json) -> str:
    dynamodb = client("dynamodb")
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    more = {"BillingMode": "PAY_PER_REQUEST", "KeySchema": key, "AttributeDefinitions": types}
    arn = str(dynamodb.create_table(TableName="orders", **more)["TableDescription"]["TableArn"])
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))
    return arn


def repository(policy: Json) -> str:
    ecr = client("ecr")
    arn = str(ecr.create_repository(repositoryName="team/app")["repository"]["repositoryArn"])
    ecr.set_repository_policy(repositoryName="team/app", policyText=json.dumps(policy))
    return arn


def key(policy: Json) -> str:
    return str(client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"])


RESOURCES = {
    "sqs:SendMessage": queue,
    "sns:Publish": topic,
    "s3:GetObject": bucket,
    "secretsmanager:GetSecretValue": secret,
    "events:PutEvents": bus,
    "dynamodb:GetItem": table,
    "ecr:BatchGetImage": repository,
}


def grant(action: str, resource: str, principal: Any, effect: str = "Allow", **more: Any) -> Json:
    statement = {"Sid": "own", "Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


class TestResources:
    @pytest.mark.parametrize("action", RESOURCES)
    def test_the_resources_own_policy_allows_by_itself(self, app: str, said: Any, action: str) -> None:
        arn = RESOURCES[action](grant(action, "*", {"AWS": app}))
        verdict, told = said("role/app", action, arn)
        assert (verdict, 'the resource\'s policy: statement 1 "own" allows it' in told) == ("allowed", True)

    @pytest.mark.parametrize("action", RESOURCES)
    def test_the_resources_own_policy_denies(self, shop: Any, app: str, said: Any, action: str) -> None:
        give(shop, allow(action))
        arn = RESOURCES[action](grant(action, "*", "*", "Deny"))
        verdict, told = said("role/app", action, arn)
        assert (verdict, 'the resource\'s policy: statement 1 "own" denies it' in told) == ("denied", True)

    @pytest.mark.parametrize("action", RESOURCES)
    def test_neither_allows(self, app: str, said: Any, action: str) -> None:
        arn = RESOURCES[action](grant(action, "*", {"AWS": f"arn:aws:iam::{OTHER}:root"}))
        assert said("role/app", action, arn)[0] == "denied"

    def test_a_boundary_holds_what_the_role_is_given_by_name(self, shop: Any, app: str, said: Any) -> None:
        arn = queue(grant("sqs:*", "*", {"AWS": app}))
        limit = shop.iam.create_policy(PolicyName="limit", PolicyDocument=json.dumps(allow("s3:*")))["Policy"]["Arn"]
        shop.iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=limit)
        verdict, told = said("role/app", "sqs:SendMessage", arn)
        assert verdict == "denied" and "boundary" in told

    def test_a_session_that_the_resource_names_is_beyond_the_boundary(self, shop: Any, app: str, said: Any) -> None:
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/ann"
        arn = queue(grant("sqs:*", "*", {"AWS": session}))
        limit = shop.iam.create_policy(PolicyName="limit", PolicyDocument=json.dumps(allow("s3:*")))["Policy"]["Arn"]
        shop.iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=limit)
        assert said(session, "sqs:SendMessage", arn)[0] == "allowed"
        assert said("role/app", "sqs:SendMessage", arn)[0] == "denied"

    def test_a_qualifiers_policy_is_its_own(self, shop: Any, app: str, said: Any) -> None:
        arn = shop.function("shop", app)
        version = shop.functions.publish_version(FunctionName="shop")["Version"]
        shop.functions.add_permission(
            FunctionName="shop", Qualifier=version, StatementId="s", Action="lambda:InvokeFunction", Principal=app
        )
        assert said("role/app", "lambda:InvokeFunction", f"{arn}:{version}")[0] == "allowed"
        assert said("role/app", "lambda:InvokeFunction", arn)[0] == "denied"

    @pytest.mark.parametrize(
        ("resource", "told"),
        [
            (f"arn:aws:sqs:{REGION}:{OTHER}:q", f"the resource is of account {OTHER}"),
            (f"arn:aws:sqs:{HERE}:q*", "the ARN stands for several queues"),
            (f"arn:aws:glue:{REGION}:{OTHER}:job/x", f"the resource is of account {OTHER}"),
        ],
    )
    def test_a_policy_that_cannot_be_read_makes_an_if(
        self, shop: Any, app: str, said: Any, resource: str, told: str
    ) -> None:
        give(shop, allow("*"))
        verdict, why = said("role/app", f"{resource.split(':')[2]}:Get", resource)
        assert verdict == "allowed-if" and told in why
        give(shop, deny("*"))
        assert said("role/app", f"{resource.split(':')[2]}:Get", resource)[0] == "denied"

    def test_across_accounts_the_own_policies_must_allow_too(self, app: str, said: Any) -> None:
        assert said("role/app", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{OTHER}:q")[0] == "denied"

    def test_a_resource_that_is_not_there_is_said(self, shop: Any, app: str, said: Any) -> None:
        give(shop, allow("*"))
        verdict, told = said("role/app", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:none")
        assert verdict == "allowed" and "There is no such queue" in told


ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


class TestKeys:
    @pytest.mark.parametrize(
        ("principal", "own", "verdict"),
        [
            (ROOT, allow("kms:Decrypt"), "allowed"),
            (ROOT, allow("s3:*"), "denied"),
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"}, allow("s3:*"), "allowed"),
            ({"AWS": f"arn:aws:iam::{OTHER}:root"}, allow("kms:*"), "denied"),
            ({"AWS": "*"}, allow("s3:*"), "allowed"),
        ],
    )
    def test_the_key_policy_must_allow_or_leave_it_to_iam(
        self, shop: Any, app: str, said: Any, principal: Any, own: Json, verdict: str
    ) -> None:
        give(shop, own)
        assert said("role/app", "kms:Decrypt", key(grant("kms:*", "*", principal)))[0] == verdict

    def test_a_key_that_is_not_there_decrypts_nothing(self, shop: Any, app: str, said: Any) -> None:
        give(shop, allow("*"))
        gone = f"arn:aws:kms:{HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        assert said("role/app", "kms:Decrypt", gone)[0] == "denied"


class TestAssuming:
    @pytest.mark.parametrize(
        ("principal", "own", "verdict"),
        [
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, allow("sts:AssumeRole"), "allowed"),
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, allow("s3:*"), "denied"),
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"}, allow("s3:*"), "allowed"),
            ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"}, deny("sts:*"), "denied"),
            ({"Service": "ec2.amazonaws.com"}, allow("sts:*"), "denied"),
        ],
    )
    def test_needs_the_trust_policy(
        self, shop: Any, app: str, said: Any, principal: Any, own: Json, verdict: str
    ) -> None:
        give(shop, own)
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        target = shop.role("target", {"Version": "2012-10-17", "Statement": [statement]})
        assert said("role/app", "sts:AssumeRole", target)[0] == verdict

    def test_a_trust_policy_is_no_policy_for_changing_the_role(self, shop: Any, app: str, said: Any) -> None:
        everything = {"Effect": "Allow", "Principal": {"AWS": app}, "Action": "*"}
        target = shop.role("target", {"Version": "2012-10-17", "Statement": [everything]})
        assert said("role/app", "iam:PutRolePolicy", target)[0] == "denied"

    def test_a_role_that_is_not_there(self, shop: Any, app: str, said: Any) -> None:
        give(shop, allow("*"))
        assert said("role/app", "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/none")[0] == "denied"


class TestPeople:
    @pytest.fixture
    def ann(self, shop: Any) -> str:
        iam = shop.iam
        arn = str(iam.create_user(UserName="ann", Path="/team/")["User"]["Arn"])
        iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=json.dumps(allow("s3:GetObject")))
        managed = iam.create_policy(PolicyName="wide", PolicyDocument=json.dumps(allow("sqs:*")))["Policy"]["Arn"]
        iam.attach_user_policy(UserName="ann", PolicyArn=managed)
        iam.create_group(GroupName="devs")
        iam.put_group_policy(GroupName="devs", PolicyName="own", PolicyDocument=json.dumps(allow("sns:*")))
        iam.attach_group_policy(GroupName="devs", PolicyArn="arn:aws:iam::aws:policy/AmazonKinesisReadOnlyAccess")
        iam.add_user_to_group(GroupName="devs", UserName="ann")
        return arn

    @pytest.mark.parametrize(
        ("action", "who"),
        [
            ("s3:GetObject", "policy own: statement 1"),
            ("sqs:ListQueues", ":policy/wide: statement 1"),
            ("sns:ListTopics", "policy own of group devs: statement 1"),
            ("kinesis:ListStreams", "AmazonKinesisReadOnlyAccess: statement 1"),
        ],
    )
    def test_a_users_policies_are_four(self, ann: str, said: Any, action: str, who: str) -> None:
        for name in ("user/ann", ann):
            verdict, told = said(name, action, "*")
            assert verdict == "allowed" and who in told
        assert said("user/ann", "iam:CreateUser", "*")[0] == "denied"

    def test_a_group_is_what_its_members_get(self, ann: str, said: Any) -> None:
        verdict, told = said("group/devs", "sns:Publish", "*")
        assert verdict == "allowed" and "A group makes no calls" in told
        assert said("group/devs", "s3:GetObject", "*")[0] == "denied"

    def test_a_users_boundary_and_who_is_beyond_it(self, shop: Any, ann: str, said: Any) -> None:
        limit = shop.iam.create_policy(PolicyName="limit", PolicyDocument=json.dumps(allow("sns:*")))["Policy"]["Arn"]
        shop.iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=limit)
        assert said("user/ann", "s3:GetObject", "*")[0] == "denied"
        assert said("user/ann", "sns:Publish", "*")[0] == "allowed"
        assert said("user/ann", "sqs:SendMessage", queue(grant("sqs:*", "*", {"AWS": ann})))[0] == "allowed"

    def test_a_variable_is_the_users_name(self, shop: Any, ann: str, said: Any) -> None:
        home = allow("dynamodb:*", "arn:aws:dynamodb:*:*:table/${aws:username}-*")
        shop.iam.put_user_policy(UserName="ann", PolicyName="home", PolicyDocument=json.dumps(home))
        mine = f"arn:aws:dynamodb:{HERE}:table/ann-x"
        assert said("user/ann", "dynamodb:GetItem", mine)[0] == "allowed-if"
        assert said("user/ann", "dynamodb:GetItem", mine, "--context", "aws:SourceIp=10.0.0.1")[0] == "allowed"
        assert said("user/ann", "dynamodb:GetItem", mine.replace("ann", "bob"))[0] == "allowed-if"

    def test_a_service_linked_role(self, shop: Any, said: Any) -> None:
        shop.iam.create_service_linked_role(AWSServiceName="elasticbeanstalk.amazonaws.com")
        name = next(r["RoleName"] for r in shop.iam.list_roles()["Roles"] if r["Path"].startswith("/aws-service-role/"))
        give(shop, allow("s3:ListAllMyBuckets"), name)
        assert said(f"role/{name}", "s3:ListAllMyBuckets", "*")[0] == "allowed"

    @pytest.mark.parametrize(
        ("who", "told"),
        [
            ("user/bob", "there is no user 'bob'"),
            ("group/ops", "there is no group 'ops'"),
            ("role/ann", "there is no role 'ann'"),
            ("ann", "is no role or user or group"),
            (f"arn:aws:iam::{ACCOUNT}:root", "is no role or user or group"),
            (f"arn:aws:iam::{OTHER}:user/ann", f"the credentials are for account {ACCOUNT}"),
            (f"arn:aws:iam::{ACCOUNT}:user/ann", f"perhaps arn:aws:iam::{ACCOUNT}:user/team/ann"),
            ("user/a\nb", "is no role or user or group"),
        ],
    )
    def test_who_cannot_be_asked_about(self, ann: str, run: Any, who: str, told: str) -> None:
        result = run("iam", "can", who, "s3:GetObject", "*")
        assert result.exit_code == 2 and told in result.stderr and result.stdout == ""

    @pytest.mark.parametrize(
        "action", ["s3:Get*", "s3", "s3:", ":GetObject", "s3:Get Object", "s3:GetObject:x", "s3:*"]
    )
    def test_one_action_is_asked_about(self, ann: str, run: Any, action: str) -> None:
        assert run("iam", "can", "user/ann", action, "*").exit_code == 2


class TestOrganisations:
    def member(self, *policies: tuple[str, Json]) -> str:
        """A member account in a unit of an organisation, with policies on the unit."""
        made = client("organizations")
        made.create_organization(FeatureSet="ALL")
        root = made.list_roots()["Roots"][0]["Id"]
        account = made.create_account(AccountName="shop", Email="shop@example.com")["CreateAccountStatus"]["AccountId"]
        unit = made.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
        made.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
        made.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
        for name, document in policies:
            more = {"Description": name, "Type": "SERVICE_CONTROL_POLICY", "Content": json.dumps(document)}
            policy = made.create_policy(Name=name, **more)["Policy"]["PolicySummary"]["Id"]
            made.attach_policy(PolicyId=policy, TargetId=unit)
        return str(account)

    @pytest.mark.parametrize(
        ("role", "action", "expected", "reason"),
        [
            ("role/app", "iam:CreateUser", "denied", "a service control policy no-iam of ou-"),
            ("role/app", "s3:ListAllMyBuckets", "allowed", "a service control policy FullAWSAccess of r-"),
            ("role/aws-service-role/x.amazonaws.com/app", "iam:CreateUser", "allowed", "policy all"),
        ],
    )
    def test_a_unit_denies(self, account: None, role: str, action: str, expected: str, reason: str) -> None:
        """Asked with rights in the organisation, as a delegated administrator has them: moto knows none such."""
        member = self.member(("no-iam", deny("iam:*")))
        arn = f"arn:aws:iam::{member}:{role}"
        mine = PassableRole(arn, (parse(allow("*"), "identity")._replace(name="all"),))
        read = Read(Resource("AWS::IAM::Role", arn, "app", member, REGION, {}), {}, mine)
        answer, _ = can(Clients(member, REGION), read, (arn,), action, "*", None)
        assert answer.verdict == expected
        assert any(reason in r for r in answer.reasons)

    def test_what_a_member_may_not_read_is_said(self, account: None) -> None:
        self.member()
        found = control(Clients("999999999999", REGION), "arn:aws:iam::999999999999:role/app")
        assert found.levels == () and "were not looked at: AWS refused it (AccountNotFoundException)" in found.note

    def test_the_management_account_is_free(self, shop: Any, app: str, said: Any) -> None:
        give(shop, allow("*"))
        client("organizations").create_organization(FeatureSet="ALL")
        verdict, told = said("role/app", "iam:CreateUser", "*")
        assert verdict == "allowed" and "do not bind the management account" in told

    def test_no_organisation(self, shop: Any, app: str, said: Any) -> None:
        assert "in no organisation" in said("role/app", "s3:GetObject", "*")[1]
