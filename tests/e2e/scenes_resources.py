"""Scenes of resource policies: eight services' own, functions' grants, and a layer's."""

from __future__ import annotations

import json
from typing import Any

from botocore import xform_name
from calling import rest_api
from foreign import Client, allow, code, policy
from holders import ACCOUNT, HERE, HOLDERS, Aws, Holder
from scenes import OTHER, OURS, OWN_ROOT, PARTNER, STRANGER, Ask, Calls, Scene, State, resource_ask

OWN = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
WRITES: dict[str, Any] = {
    "queue": ("sqs:SetQueueAttributes", lambda i, d: {"QueueUrl": None, "Attributes": {"Policy": d}}),
    "topic": (
        "sns:SetTopicAttributes",
        lambda i, d: {"TopicArn": f"arn:aws:sns:{HERE}:{i}", "AttributeName": "Policy", "AttributeValue": d},
    ),
    "secret": ("secretsmanager:PutResourcePolicy", lambda i, d: {"SecretId": i, "ResourcePolicy": d}),
    "key": ("kms:PutKeyPolicy", lambda i, d: {"KeyId": i, "PolicyName": "default", "Policy": d}),
    "bus": ("events:PutPermission", lambda i, d: {"EventBusName": i, "Policy": d}),
    "table": (
        "dynamodb:PutResourcePolicy",
        lambda i, d: {"ResourceArn": f"arn:aws:dynamodb:{HERE}:table/{i}", "Policy": d},
    ),
    "repository": ("ecr:SetRepositoryPolicy", lambda i, d: {"repositoryName": i, "policyText": d}),
    "bucket": (
        "s3:PutBucketPolicy",
        lambda i, d: {"Bucket": i, "ExpectedBucketOwner": ACCOUNT, "Policy": d},
    ),
}
"""The one write that closes each holder: its operation, and its parameters from the id and the document."""


def holder_scene(name: str, who: str = "deployer", groups: tuple[str, ...] = ("owner",)) -> Scene:
    """A statement for everyone beside a partner's, the account's own and a refusal: it alone is narrowed."""
    holder: Holder = HOLDERS[name]
    on = holder.resource
    manage = f"{holder.action.split(':')[0]}:*"
    named = allow({"AWS": PARTNER}, holder.action, on, Sid="partner")
    opened = allow("*", holder.action, on, Sid="open")
    own = allow({"AWS": OWN_ROOT}, manage, on, Sid="own")
    operation, parameters = WRITES[name]

    def breaks(client: Client) -> str:
        return holder.make(client.aws, policy(named, opened, own))

    def fixed(client: Client, id_: str, before: State) -> State:
        assert before["Statement"] == [named, opened, own]
        return {**before, "Statement": [named, {**opened, "Condition": OWN}, own]}

    def call(client: Client, id_: str, policy: Any) -> dict[str, Any]:
        given: dict[str, Any] = parameters(id_, policy)
        if "QueueUrl" in given:
            given["QueueUrl"] = client.aws("sqs").get_queue_url(QueueName=id_)["QueueUrl"]
        return given

    def put(client: Client, id_: str, policy: Any) -> None:
        service, name = operation.split(":")
        getattr(client.aws(service), xform_name(name))(**call(client, id_, json.dumps(policy)))

    at = on or f"arn:aws:ecr:{HERE}:repository/shop/orders"
    at = f"arn:aws:{manage[:-2]}:{HERE}:x" if at == "*" else at

    def whole(state: State) -> Any:
        return state

    return Scene(
        holder.runbook,
        holder.control,
        holder.type,
        breaks,
        lambda client, id_: holder.policy(client.aws, id_),
        fixed,
        lambda client, id_, before: [(operation, call(client, id_, fixed(client, id_, before)))],
        (
            resource_ask("a stranger", whole, "arn:aws:iam::333333333333:role/x", holder.action, at, True),
            resource_ask("the partner", whole, STRANGER, holder.action, at, False),
            resource_ask("a role of the account", whole, OURS, holder.action, at, False),
        ),
        who=who,
        groups=groups,
        put=put,
    )


def grants(client: Client, name: str) -> State:
    """The policies of a function and of its alias, as plain reads show them, by Sid: AddPermission appends, so that
    what was taken out and put back stands elsewhere, and means the same."""
    found = {}
    for qualifier in ("", "prod"):
        lambdas = client.aws("lambda")
        where = {"Qualifier": qualifier} if qualifier else {}
        try:
            policy = json.loads(lambdas.get_policy(FunctionName=name, **where)["Policy"])
            found[qualifier] = {**policy, "Statement": sorted(policy["Statement"], key=_sid)}
        except lambdas.exceptions.ResourceNotFoundException:
            found[qualifier] = None
    return found


def _sid(statement: State) -> str:
    return str(statement["Sid"])


def _function(client: Client, name: str) -> Any:
    lambdas = client.function(name)
    lambdas.publish_version(FunctionName=name)
    lambdas.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    return lambdas


def _grant(client: Client, function: str, sid: str, principal: str, **more: str) -> None:
    client.aws("lambda").add_permission(
        FunctionName=function, StatementId=sid, Action="lambda:InvokeFunction", Principal=principal, **more
    )


def _arn(function: str) -> str:
    return f"arn:aws:lambda:{HERE}:function:{function}"


def _without(state: State, gone: dict[str, str]) -> State:
    """The policies less one statement by Sid a qualifier; a policy without statements is gone."""
    found = {}
    for qualifier, held in state.items():
        kept = [s for s in (held or {}).get("Statement", []) if s["Sid"] != gone.get(qualifier)]
        found[qualifier] = {**held, "Statement": kept} if kept else None
    return found


def public_grants() -> Scene:
    name = "e2e-public"

    def breaks(client: Client) -> str:
        _function(client, name)
        _grant(client, name, "partner", OTHER)
        _grant(client, name, "all", "*")
        _grant(client, name, "all", "*", Qualifier="prod")
        return name

    def calls(client: Client, id_: str, before: State) -> Calls:
        where = ({}, {"Qualifier": "prod"})
        gone = [{"FunctionName": _arn(name), **q, "StatementId": "all"} for q in where]
        return [("lambda:RemovePermission", parameters) for parameters in gone]

    def asks(what: str, caller: str, lost: bool) -> Any:
        return resource_ask(what, lambda s: s[""], caller, "lambda:InvokeFunction", _arn(name), lost)

    return Scene(
        "lambda-remove-public-grants",
        "lambda-policy-public",
        "AWS::Lambda::Function",
        breaks,
        grants,
        lambda client, id_, before: _without(before, {"": "all", "prod": "all"}),
        calls,
        (asks("a stranger", "arn:aws:iam::333333333333:role/x", True), asks("the partner", STRANGER, False)),
    )


def nightly_rule(aws: Aws, name: str, target: str) -> dict[str, str]:
    events = aws("events")
    events.put_rule(Name=name, EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": target}])
    return {"SourceArn": f"arn:aws:events:{HERE}:rule/{name}"}


def service_grants() -> Scene:
    """Services that act for anybody get the one API and the one rule that the account has before loose grants leave."""
    name = "e2e-deputy"
    loose = {"loose-api": "apigateway.amazonaws.com", "loose-rule": "events.amazonaws.com"}
    sources: dict[str, dict[str, str]] = {}

    def breaks(client: Client) -> str:
        _function(client, name)
        sources["loose-api"] = rest_api(client.aws, name, _arn(name))
        sources["loose-rule"] = nightly_rule(client.aws, name, _arn(name))
        for sid, service in loose.items():
            _grant(client, name, sid, service)
        return name

    def fixed(client: Client, id_: str, before: State) -> State:
        held, new = before[""]["Statement"], _new_sids(client, name)
        kept = [s for s in held if s["Sid"] not in loose]
        bound = [
            {**s, "Sid": new[s["Principal"]["Service"]], "Condition": {"ArnLike": {"AWS:SourceArn": arn}}}
            for s in held
            if s["Sid"] in loose
            for arn in sources[s["Sid"]].values()
        ]
        return {**before, "": {**before[""], "Statement": sorted([*kept, *bound], key=_sid)}}

    def calls(client: Client, id_: str, before: State) -> Calls:
        added = [
            {"Action": "lambda:InvokeFunction", "Principal": service, **sources[sid], "StatementId": "*"}
            for sid, service in loose.items()
        ]
        gone: list[dict[str, Any]] = [{"StatementId": sid} for sid in loose]
        on = {"FunctionName": _arn(name)}
        return [
            *(("lambda:AddPermission", {**on, **parameters}) for parameters in added),
            *(("lambda:RemovePermission", {**on, **parameters}) for parameters in gone),
        ]

    def by_service(state: State) -> bool:
        """Whether somebody else's rule or API may have its service call the function."""
        asked = [s for s in state[""]["Statement"] if s["Principal"].get("Service") in loose.values()]
        return any("Condition" not in s for s in asked)

    return Scene(
        "lambda-bind-service-grants",
        "lambda-policy-unbound-service",
        "AWS::Lambda::Function",
        breaks,
        grants,
        fixed,
        calls,
        (Ask("a stranger's rule or API", by_service, True),),
    )


def _new_sids(client: Client, function: str) -> dict[str, str]:
    """By service, the Sid of the grant that none of the scene's calls made."""
    held = grants(client, function)[""]["Statement"]
    return {s["Principal"]["Service"]: s["Sid"] for s in held if s["Sid"].startswith("suture-")}


def layer() -> Scene:
    name, arn = "e2e-common", f"arn:aws:lambda:{HERE}:layer:e2e-common:1"

    def breaks(client: Client) -> str:
        lambdas = client.aws("lambda")
        lambdas.publish_layer_version(LayerName=name, Content={"ZipFile": code()})
        for sid, principal in (("partner", OTHER), ("all", "*")):
            lambdas.add_layer_version_permission(
                LayerName=name,
                VersionNumber=1,
                StatementId=sid,
                Action="lambda:GetLayerVersion",
                Principal=principal,
            )
        return f"{name}:1"

    def read(client: Client, id_: str) -> State:
        return json.loads(client.aws("lambda").get_layer_version_policy(LayerName=name, VersionNumber=1)["Policy"])

    def asks(what: str, caller: str, lost: bool) -> Any:
        return resource_ask(what, lambda s: s, caller, "lambda:GetLayerVersion", arn, lost)

    return Scene(
        "lambda-unshare-layer",
        "lambda-layer-public",
        "AWS::Lambda::LayerVersion",
        breaks,
        read,
        lambda client, id_, before: _without({"": before}, {"": "all"})[""],
        lambda client, id_, before: [
            ("lambda:RemoveLayerVersionPermission", {"LayerName": name, "VersionNumber": 1, "StatementId": "all"})
        ],
        (asks("a stranger", "arn:aws:iam::333333333333:role/x", True), asks("the partner", STRANGER, False)),
    )


def public_acl() -> Scene:
    """S3 ignores an ACL for everyone; the ACL and the other settings of the block stay."""
    name = "e2e-public-acl"

    def breaks(client: Client) -> str:
        s3 = client.aws("s3")
        s3.create_bucket(Bucket=name)
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
        s3.put_bucket_acl(Bucket=name, ACL="public-read")
        return name

    def read(client: Client, id_: str) -> State:
        s3 = client.aws("s3")
        block = s3.get_public_access_block(Bucket=id_)["PublicAccessBlockConfiguration"]
        return {"block": block, "grants": s3.get_bucket_acl(Bucket=id_)["Grants"]}

    def fixed(client: Client, id_: str, before: State) -> State:
        assert before["block"]["BlockPublicPolicy"] and not before["block"]["IgnorePublicAcls"]
        return {**before, "block": {**before["block"], "IgnorePublicAcls": True}}

    def calls(client: Client, id_: str, before: State) -> Calls:
        block = fixed(client, id_, before)["block"]
        parameters = {"Bucket": id_, "ExpectedBucketOwner": ACCOUNT, "PublicAccessBlockConfiguration": block}
        return [("s3:PutPublicAccessBlock", parameters)]

    def by_acl(state: State) -> bool:
        """Whether a stranger may list the bucket."""
        return not state["block"]["IgnorePublicAcls"] and any("URI" in g["Grantee"] for g in state["grants"])

    return Scene(
        "s3-ignore-public-acls",
        "s3-bucket-acl-public",
        "AWS::S3::Bucket",
        breaks,
        read,
        fixed,
        calls,
        (Ask("a stranger who lists it", by_acl, True),),
    )


WHO: dict[str, tuple[str, tuple[str, ...]]] = {
    "queue": ("shop-deploy", ("owner",)),
    "table": ("intern", ("owner", "security")),
}
"""Who breaks a holder where it is not the deployer, and who then must consent: an owner that caused it, and somebody
whom nobody lists, about whom security is asked too."""

SCENES = (
    *(holder_scene(name, *WHO.get(name, ())) for name in HOLDERS),
    public_grants(),
    service_grants(),
    layer(),
    public_acl(),
)
