"""CloudTrail's records against recorded ones: the same call by the same kind of identity has the same keys.

Each recipe makes a recorded call anew, with boto3, on the sandbox.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from suture.sandbox.server import Server

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "cloudtrail"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
Clients = Callable[[str], Any]
Recipe = Callable[[Clients, dict[str, Any], Clients], None]
RECIPES: dict[str, Recipe] = {}


def recipe(sample: str) -> Callable[[Recipe], Recipe]:
    def keep(one: Recipe) -> Recipe:
        RECIPES[sample] = one
        return one

    return keep


class World:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.server = Server(emit=self.events.append)
        self.server.start()

    def clients(self, **credentials: str) -> Clients:
        def client(service: str) -> Any:
            known = credentials or self.server.credentials("deployer")
            return boto3.client(service, endpoint_url=self.server.url, region_name="us-east-1", **known)

        return client

    def user(self, policy: str = "AdministratorAccess") -> Clients:
        iam = self.clients()("iam")
        iam.create_user(UserName="christophe")
        if policy:
            iam.attach_user_policy(UserName="christophe", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        key = iam.create_access_key(UserName="christophe")["AccessKey"]
        return self.clients(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def last(self, name: str) -> dict[str, Any]:
        self.server.drain()
        found = [event["detail"] for event in self.events if event["detail"]["eventName"] == name]
        assert found, f"no event {name} among {[e['detail']['eventName'] for e in self.events]}"
        return found[-1]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.server.stop()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("lambda.py", "def lambda_handler(event, context): ...")
    return buffer.getvalue()


def function(client: Clients, name: str) -> str:
    role = client("iam").create_role(RoleName="fn", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    made = client("lambda").create_function(
        FunctionName=name, Runtime="python3.9", Role=role, Handler="lambda.lambda_handler", Code={"ZipFile": zipped()}
    )
    return str(made["FunctionArn"])


@recipe("lambda/AddPermission20150331v2--stratus-1")
def add_permission(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    function(setup, "f")
    c("lambda").add_permission(FunctionName="f", StatementId="backdoor", Action="lambda:InvokeFunction", Principal="*")


@recipe("lambda/UpdateFunctionCode20150331v2--stratus-1")
def update_code(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    arn = function(setup, "f")
    c("lambda").update_function_code(FunctionName=arn, ZipFile=zipped(), Publish=True)


@recipe("lambda/UpdateFunctionConfiguration20150331v2--stratus-1")
def update_configuration(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    arn = function(setup, "f")
    layer = setup("lambda").publish_layer_version(LayerName="l", Content={"ZipFile": zipped()})["LayerVersionArn"]
    c("lambda").update_function_configuration(FunctionName=arn, Layers=[layer])


@recipe("apigateway/CreateStage--c7n-1")
def create_stage(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    gateway = c("apigateway")
    api = gateway.create_rest_api(name="shop")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(
        restApiId=api,
        stageName="latest",
        deploymentId=deployment,
        description="",
        cacheClusterEnabled=False,
        tracingEnabled=False,
    )


@recipe("apigateway/TagResource--c7n-1")
def tag_stage(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    create_stage(setup, asked, setup)
    api = setup("apigateway").get_rest_apis()["items"][0]["id"]
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api}/stages/latest"
    c("apigateway").tag_resource(resourceArn=arn, tags={"WAF": "BR-IP"})


@recipe("iam/CreateRole--stratus-1")
def create_role(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    c("iam").create_role(
        RoleName="r",
        AssumeRolePolicyDocument=TRUST,
        PermissionsBoundary="arn:aws:iam::aws:policy/AWSDenyAll",
    )


@recipe("iam/UpdateAssumeRolePolicy--stratus-1")
def update_trust(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    c("iam").update_assume_role_policy(RoleName="r", PolicyDocument=TRUST)


@recipe("iam/AttachRolePolicy--stratus-1")
def attach_role_policy(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    c("iam").attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


@recipe("iam/AttachUserPolicy--stratus-1")
def attach_user_policy(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("iam").create_user(UserName="u")
    c("iam").attach_user_policy(UserName="u", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


@recipe("iam/CreateUser--stratus-1")
def create_user(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    c("iam").create_user(UserName="u", Tags=[{"Key": "StratusRedTeam", "Value": "true"}])


@recipe("iam/CreateAccessKey--stratus-1")
def create_access_key(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("iam").create_user(UserName="u")
    c("iam").create_access_key(UserName="u")


@recipe("iam/CreateLoginProfile--stratus-1")
def create_login(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("iam").create_user(UserName="u")
    c("iam").create_login_profile(UserName="u", Password="-".join(("correct", "horse", "9")))


@recipe("iam/UpdateLoginProfile--stratus-1")
def update_login(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    create_login(setup, asked, setup)
    c("iam").update_login_profile(UserName="u", Password="-".join(("correct", "horse", "10")))


@recipe("sts/AssumeRole--stratus-1")
def assume_role(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    c("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/security", RoleSessionName="aws-go-sdk-1", DurationSeconds=900
    )


@recipe("secretsmanager/GetSecretValue--stratus-1")
def get_secret(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    arn = setup("secretsmanager").create_secret(Name="s", SecretString="-".join(("v", "1")))["ARN"]
    c("secretsmanager").get_secret_value(SecretId=arn)


@recipe("secretsmanager/BatchGetSecretValue--stratus-1")
def batch_get_secret(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("secretsmanager").create_secret(
        Name="s", SecretString="-".join(("v", "1")), Tags=[{"Key": "StratusRedTeam", "Value": "1"}]
    )
    c("secretsmanager").batch_get_secret_value(Filters=[{"Key": "tag-key", "Values": ["StratusRedTeam"]}])


@recipe("ssm/GetParameters--stratus-1")
def get_parameters(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("ssm").put_parameter(Name="/p", Value="-".join(("v", "1")), Type="SecureString")
    c("ssm").get_parameters(Names=["/p"], WithDecryption=True)


@recipe("ec2/AuthorizeSecurityGroupIngress--stratus-1")
def open_port(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    group = setup("ec2").create_security_group(GroupName="g", Description="d")["GroupId"]
    c("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )


def instance(setup: Clients) -> str:
    image = setup("ec2").describe_images()["Images"][0]["ImageId"]
    made = setup("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    return str(made)


@recipe("ec2/StopInstances--stratus-1")
def stop_instances(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    one = instance(setup)
    c("ec2").stop_instances(InstanceIds=[one], **({"Force": asked["force"]} if "force" in asked else {}))


@recipe("ec2/StartInstances--stratus-1")
def start_instances(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    one = instance(setup)
    setup("ec2").stop_instances(InstanceIds=[one])
    c("ec2").start_instances(InstanceIds=[one])


@recipe("ec2/ModifyInstanceAttribute--stratus-1")
def modify_instance(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    one = instance(setup)
    setup("ec2").stop_instances(InstanceIds=[one])
    c("ec2").modify_instance_attribute(InstanceId=one, UserData={"Value": base64.b64encode(b"#!/bin/sh")})


@recipe("ec2/ModifySnapshotAttribute--stratus-1")
def share_snapshot(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    volume = setup("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    snapshot = setup("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
    c("ec2").modify_snapshot_attribute(
        SnapshotId=snapshot,
        Attribute="createVolumePermission",
        CreateVolumePermission={"Add": [{"UserId": "846424999548"}]},
    )


@recipe("ec2/ModifyImageAttribute--stratus-1")
def share_image(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    image = setup("ec2").create_image(InstanceId=instance(setup), Name="image")["ImageId"]
    c("ec2").modify_image_attribute(
        ImageId=image, Attribute="launchPermission", LaunchPermission={"Add": [{"UserId": "846424999548"}]}
    )


@recipe("ec2/DeleteFlowLogs--stratus-1")
def delete_flow_logs(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    setup("s3").create_bucket(Bucket="flow-logs-1")
    vpc = setup("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = setup("ec2").create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination="arn:aws:s3:::flow-logs-1",
    )
    c("ec2").delete_flow_logs(FlowLogIds=made["FlowLogIds"])


def trail(setup: Clients) -> str:
    setup("s3").create_bucket(Bucket="trail-bucket-1")
    setup("cloudtrail").create_trail(Name="trail-1", S3BucketName="trail-bucket-1")
    return "trail-1"


@recipe("cloudtrail/StopLogging--stratus-1")
def stop_logging(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    c("cloudtrail").stop_logging(Name=trail(setup))


@recipe("cloudtrail/DeleteTrail--stratus-1")
def delete_trail(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    c("cloudtrail").delete_trail(Name=trail(setup))


@recipe("cloudtrail/PutEventSelectors--stratus-1")
def put_selectors(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    selectors = [
        {
            "ReadWriteType": "ReadOnly",
            "IncludeManagementEvents": False,
            "DataResources": [
                {"Type": "AWS::S3::Object", "Values": []},
                {"Type": "AWS::Lambda::Function", "Values": []},
            ],
            "ExcludeManagementEventSources": [],
        }
    ]
    c("cloudtrail").put_event_selectors(TrailName=trail(setup), EventSelectors=selectors)


@recipe("elasticloadbalancing/AddTags--c7n-1")
def add_tags(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    subnets = [one["SubnetId"] for one in setup("ec2").describe_subnets()["Subnets"][:2]]
    made = setup("elbv2").create_load_balancer(Name="test", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    c("elbv2").add_tags(ResourceArns=[made], Tags=[{"Key": "WAF", "Value": "Internal"}])


@recipe("elasticfilesystem/CreateMountTarget--c7n-1")
def mount_target(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    files = setup("efs").create_file_system(CreationToken="x")["FileSystemId"]
    subnet = setup("ec2").describe_subnets()["Subnets"][0]
    group = setup("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"]
    c("efs").create_mount_target(FileSystemId=files, SubnetId=subnet["SubnetId"], SecurityGroups=[group])


@recipe("elasticfilesystem/ModifyMountTargetSecurityGroups--c7n-1")
def mount_groups(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    mount_target(setup, asked, setup)
    files = setup("efs").describe_file_systems()["FileSystems"][0]["FileSystemId"]
    mount = setup("efs").describe_mount_targets(FileSystemId=files)["MountTargets"][0]["MountTargetId"]
    group = setup("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"]
    c("efs").modify_mount_target_security_groups(MountTargetId=mount, SecurityGroups=[group])


@recipe("rds/ModifyDBSnapshotAttribute--stratus-1")
def share_db_snapshot(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    rds = setup("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="d",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        AllocatedStorage=5,
        MasterUsername="root",
        MasterUserPassword="-".join(("long", "enough", "1")),
    )
    rds.create_db_snapshot(DBInstanceIdentifier="d", DBSnapshotIdentifier="exfiltration")
    c("rds").modify_db_snapshot_attribute(
        DBSnapshotIdentifier="exfiltration", AttributeName="restore", ValuesToAdd=["503161813013"]
    )


@recipe("cloudfront/TagResource--c7n-1")
def tag_distribution(c: Clients, asked: dict[str, Any], setup: Clients) -> None:
    made = setup("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "x",
            "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "a.s3.amazonaws.com"}]},
            "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
            "Comment": "",
            "Enabled": True,
        }
    )["Distribution"]["ARN"]
    c("cloudfront").tag_resource(Resource=made, Tags={"Items": [{"Key": "WAF", "Value": "Internal"}]})


def sample(name: str) -> dict[str, Any]:
    path = SAMPLES / f"{name}.json"
    if not path.exists():
        pytest.skip(f"needs ../shared/samples/cloudtrail/{name}.json")
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def known_keys() -> set[str]:
    """Every top-level key of any recorded call of eventVersion 1.08 or later."""
    keys: set[str] = {"errorCode", "errorMessage"}
    for path in SAMPLES.rglob("*.json"):
        one = json.loads(path.read_text())
        if _version(one) >= 8:
            keys |= one.keys()
    return keys


def _version(one: dict[str, Any]) -> int:
    return int(str(one["eventVersion"]).split(".")[1])


def differences(ours: Any, theirs: Any, path: str) -> list[str]:
    """Keys and types in which two JSON values differ; of lists the first elements are compared."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{path}.{key} is ours alone" for key in ours.keys() - theirs.keys()]
        found += [f"{path}.{key} is missing" for key in theirs.keys() - ours.keys()]
        for key in ours.keys() & theirs.keys():
            found += differences(ours[key], theirs[key], f"{path}.{key}")
        return sorted(found)
    if isinstance(ours, list) and isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{path}[]") if ours and theirs else []
    same = type(ours) is type(theirs) or (isinstance(ours, int | float) and isinstance(theirs, int | float))
    return [] if same else [f"{path} is {type(ours).__name__}, recorded as {type(theirs).__name__}"]


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_record_has_the_keys_and_types_of_the_recorded_one(name: str, world: World) -> None:
    recorded = sample(name)
    by_user = recorded["userIdentity"]["type"] == "IAMUser"
    caller = world.user() if by_user else world.clients()
    RECIPES[name](caller, recorded.get("requestParameters") or {}, world.clients())
    ours = world.last(recorded["eventName"])

    assert ours["eventSource"] == recorded["eventSource"]
    assert ours["readOnly"] == recorded["readOnly"]
    assert "errorCode" not in ours
    assert ours["userIdentity"]["type"] == recorded["userIdentity"]["type"]
    assert not ours.keys() - known_keys()
    found = differences(ours["requestParameters"], recorded["requestParameters"], "requestParameters")
    found += differences(ours["responseElements"], recorded["responseElements"], "responseElements")
    assert not found, "\n".join(found)
    if by_user and str(recorded["userIdentity"].get("accessKeyId")).startswith("AKIA"):
        assert not differences(ours["userIdentity"], recorded["userIdentity"], "userIdentity")
