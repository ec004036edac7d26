"""Scenes of roles: what they may do, whom they trust, and the versions of policies that they hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from foreign import LAMBDA_TRUST, Client, allow
from holders import ACCOUNT
from scenes import (
    OURS,
    OWN_ROOT,
    PARTNER,
    STRANGER,
    Ask,
    Calls,
    Scene,
    State,
    arn_of,
    document,
    identity_ask,
    in_force,
    managed,
    may_do,
    resource_ask,
    role_state,
)

from chalicelib.model import canonical

ROLE = "AWS::IAM::Role"
TWO = ("security", "owner")
LOGS = may_do("logs:PutLogEvents")
PROVIDERS = f"arn:aws:iam::{ACCOUNT}:oidc-provider/"
GITHUB, GITLAB = "token.actions.githubusercontent.com", "gitlab.com"
S3, NEEDED = document(may_do("s3:*"), LOGS), document(may_do("s3:GetObject", "arn:aws:s3:::photos/*"), LOGS)
FULL_S3 = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
NEEDED_OF_AWS = document(may_do("s3:GetObject", "arn:aws:s3:::photos/*"))

PROPOSALS = {
    "e2e-narrowed": {"all": NEEDED, arn_of("policy", "e2e-narrowed-own"): NEEDED, FULL_S3: NEEDED_OF_AWS},
    "e2e-sharing": {arn_of("policy", "e2e-shared"): NEEDED},
}
"""What people say that the roles of two scenes need, by role and policy: it stands in the pins of this play."""


def role_scene(runbook: str, control: str, name: str, **more: Any) -> Scene:
    return Scene(runbook, control, ROLE, read=role_state, **more)


def _inline(name: str, **policies: Any) -> Any:
    return lambda client: client.role(name, **{k: json.dumps(v) for k, v in policies.items()}) and name


def bounded(runbook: str, control: str, name: str, *statements: Any, asks: Sequence[Ask]) -> Scene:
    """A boundary is put around the role, and its policies stay."""

    def boundary(client: Client) -> str:
        pages = client.aws("iam").list_policies(Scope="Local")["Policies"]
        return str(next(p["Arn"] for p in pages if p["PolicyName"].startswith("suture-boundary")))

    return role_scene(
        runbook,
        control,
        name,
        breaks=_inline(name, all=document(*statements), logs=document(LOGS)),
        fixed=lambda client, id_, before: {**before, "boundary": in_force(client, boundary(client))},
        calls=lambda client, id_, before: [
            ("iam:PutRolePermissionsBoundary", {"RoleName": name, "PermissionsBoundary": boundary(client)})
        ],
        asks=(*asks, identity_ask("write logs", "logs:PutLogEvents", False)),
        groups=TWO,
    )


def limited() -> Scene:
    """Passing roles is limited to the services that the role's other rights reach: inline, and by a new version."""
    name, own = "e2e-passing", arn_of("policy", "e2e-passing-own")
    services = ["edgelambda", "lambda", "logs", "sqs"]
    condition = {"StringEquals": {"iam:PassedToService": [f"{s}.amazonaws.com" for s in services]}}
    passing = may_do("iam:PassRole", Condition=condition)

    def breaks(client: Client) -> str:
        client.role(name, all=json.dumps(document(may_do(["lambda:CreateFunction", "iam:PassRole"]), LOGS)))
        managed(client, "e2e-passing-own", document(may_do(["sqs:SendMessage", "iam:PassRole"])), attached_to=[name])
        return name

    inline = document(may_do(["lambda:CreateFunction"]), passing, LOGS)
    version = document(may_do(["sqs:SendMessage"]), passing)
    to_anything = Ask("pass a role to EC2", lambda s: _passes(s, "ec2.amazonaws.com"), True)
    to_lambda = Ask("pass a role to Lambda", lambda s: _passes(s, "lambda.amazonaws.com"), False)
    return role_scene(
        "iam-limit-passrole",
        "iam-passrole-wildcard",
        name,
        breaks=breaks,
        fixed=lambda client, id_, before: {**before, "inline": {"all": inline}, "attached": {own: version}},
        calls=lambda client, id_, before: [
            ("iam:PutRolePolicy", {"RoleName": name, "PolicyName": "all", "PolicyDocument": inline}),
            ("iam:CreatePolicyVersion", {"PolicyArn": own, "PolicyDocument": version, "SetAsDefault": True}),
        ],
        asks=(to_anything, to_lambda, identity_ask("create functions", "lambda:CreateFunction", False)),
        groups=TWO,
    )


def _passes(state: State, service: str) -> bool:
    from chalicelib.iam.documents import parse
    from chalicelib.iam.permissions import may

    held = [parse(d, "identity") for d in (*state["inline"].values(), *state["attached"].values())]
    facts = {"iam:PassedToService": service}
    return may(held, "iam:PassRole", arn_of("role", "any"), context=facts).is_allowed


def narrowed() -> Scene:
    """Every way at once: an inline policy rewritten, a customer's in a new version, one of AWS's replaced by a copy."""
    name, own = "e2e-narrowed", arn_of("policy", "e2e-narrowed-own")

    def breaks(client: Client) -> str:
        client.role(name, all=json.dumps(S3))
        managed(client, "e2e-narrowed-own", S3, attached_to=[name])
        client.aws("iam").attach_role_policy(RoleName=name, PolicyArn=FULL_S3)
        return name

    def copy(client: Client) -> str:
        """The one policy under /suture/ that carries this role's name; before the fix there is none."""
        found = client.aws("iam").list_policies(Scope="Local", PathPrefix="/suture/")["Policies"]
        return str(next(p["Arn"] for p in found if f"-{name}-" in p["PolicyName"]))

    def calls(client: Client, id_: str, before: State) -> Calls:
        return [
            ("iam:PutRolePolicy", {"RoleName": name, "PolicyName": "all", "PolicyDocument": NEEDED}),
            ("iam:CreatePolicyVersion", {"PolicyArn": own, "PolicyDocument": NEEDED, "SetAsDefault": True}),
            (
                "iam:CreatePolicy",
                {"PolicyName": "*", "Path": "/suture/", "PolicyDocument": NEEDED_OF_AWS, "Description": "*"},
            ),
            ("iam:AttachRolePolicy", {"RoleName": name, "PolicyArn": "*"}),
            ("iam:DetachRolePolicy", {"RoleName": name, "PolicyArn": FULL_S3}),
        ]

    return role_scene(
        "iam-narrow-policies",
        "iam-role-wildcard-actions",
        name,
        breaks=breaks,
        fixed=lambda client, id_, before: {
            **before,
            "inline": {"all": NEEDED},
            "attached": {own: NEEDED, copy(client): NEEDED_OF_AWS},
        },
        calls=calls,
        asks=_photos(),
    )


def shared() -> Scene:
    """Another role uses the policy too: two people decide, and it gets narrower for both."""
    name, own = "e2e-sharing", arn_of("policy", "e2e-shared")

    def breaks(client: Client) -> str:
        for role in (name, "e2e-returns"):
            client.role(role)
        managed(client, "e2e-shared", S3, attached_to=[name, "e2e-returns"])
        return name

    return role_scene(
        "iam-narrow-shared-policies",
        "iam-role-wildcard-actions",
        name,
        breaks=breaks,
        fixed=lambda client, id_, before: {**before, "attached": {own: NEEDED}},
        calls=lambda client, id_, before: [
            ("iam:CreatePolicyVersion", {"PolicyArn": own, "PolicyDocument": NEEDED, "SetAsDefault": True})
        ],
        asks=_photos(),
        groups=TWO,
    )


def _photos() -> tuple[Ask, ...]:
    return (
        identity_ask("delete any bucket", "s3:DeleteBucket", True, "arn:aws:s3:::x"),
        identity_ask("read the photos", "s3:GetObject", False, "arn:aws:s3:::photos/cat"),
        identity_ask("write logs", "logs:PutLogEvents", False),
    )


def stale() -> Scene:
    """Two old versions grant more than the one in force; one grants less and stays. Numbers do not come back."""
    name, arn = "e2e-stale", arn_of("policy", "e2e-stale")
    wide, less, passing = document(may_do("s3:*")), document(LOGS), document(may_do(["sqs:SendMessage", "sns:Publish"]))
    force = document(LOGS, may_do("sqs:ReceiveMessage"))

    def breaks(client: Client) -> str:
        client.role("e2e-setter", set=json.dumps(document(may_do("iam:SetDefaultPolicyVersion", arn))))
        managed(client, name, wide, less, passing, force, attached_to=["e2e-setter"])
        return arn

    def read(client: Client, id_: str) -> State:
        iam = client.aws("iam")
        found = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        old = [v["VersionId"] for v in found if not v["IsDefaultVersion"]]
        documents = [iam.get_policy_version(PolicyArn=arn, VersionId=v)["PolicyVersion"]["Document"] for v in old]
        return {"force": in_force(client, arn), "old": sorted(documents, key=canonical)}

    def can_bring_back(state: State) -> bool:
        return any("s3:*" in json.dumps(old) for old in state["old"])

    return Scene(
        "iam-delete-stale-versions",
        "iam-policy-stale-version",
        "AWS::IAM::ManagedPolicy",
        breaks,
        read,
        lambda client, id_, before: {"force": force, "old": [less]},
        lambda client, id_, before: [
            ("iam:DeletePolicyVersion", {"PolicyArn": arn, "VersionId": v}) for v in ("v1", "v3")
        ],
        (Ask("put everything in S3 back in force", can_bring_back, True),),
    )


def trust(
    runbook: str, control: str, name: str, before: Sequence[Any], after: Sequence[Any], asks: Sequence[Ask]
) -> Scene:
    """A trust policy is rewritten: exactly these statements become exactly those."""

    def fixed(client: Client, id_: str, state: State) -> State:
        assert state["trust"]["Statement"] == list(before)
        return {**state, "trust": {**state["trust"], "Statement": list(after)}}

    return role_scene(
        runbook,
        control,
        name,
        breaks=lambda client: client.role(name, *before) and name,
        fixed=fixed,
        calls=lambda client, id_, state: [
            (
                "iam:UpdateAssumeRolePolicy",
                {"RoleName": name, "PolicyDocument": fixed(client, id_, state)["trust"]},
            )
        ],
        asks=tuple(asks),
        whole=lambda state: state["trust"],
        put=lambda client, id_, document: client.aws("iam").update_assume_role_policy(
            RoleName=name, PolicyDocument=json.dumps(document)
        ),
    )


def assumes(what: str, name: str, caller: str, lost: bool) -> Ask:
    return resource_ask(what, lambda s: s["trust"], caller, "sts:AssumeRole", arn_of("role", name), lost)


def oidc(host: str, **claims: str) -> dict[str, Any]:
    conditions = {"StringLike": {f"{host}:{claim}": value for claim, value in claims.items()}}
    return allow({"Federated": PROVIDERS + host}, "sts:AssumeRoleWithWebIdentity", Condition=conditions)


def _trusts() -> tuple[Scene, ...]:
    to_lambda = allow(LAMBDA_TRUST, "sts:AssumeRole", Sid="function")
    anyone = "arn:aws:iam::333333333333:role/x"
    mixed = allow({"AWS": ["*", OWN_ROOT]}, "sts:AssumeRole", Sid="mixed")
    partner = allow({"AWS": PARTNER}, "sts:AssumeRole", Condition={"StringEquals": {"sts:ExternalId": "x-1"}})
    others = allow({"AWS": [PARTNER, OWN_ROOT]}, "sts:AssumeRole", Sid="others")
    deputy = allow({"Service": ["scheduler.amazonaws.com", "lambda.amazonaws.com"]}, "sts:AssumeRole", Sid="both")
    bound = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    project = oidc(GITLAB, sub="project_path:acme/shop:*")
    services = "sts:AssumeRole", arn_of("role", "e2e-deputy-trust")
    return (
        trust(
            "iam-narrow-trust",
            "iam-trust-public",
            "e2e-anyone",
            [to_lambda, mixed, partner],
            [to_lambda, {**mixed, "Principal": {"AWS": [OWN_ROOT]}}, partner],
            [assumes("a stranger", "e2e-anyone", anyone, True), assumes("our own", "e2e-anyone", OURS, False)],
        ),
        trust(
            "iam-remove-external-trust",
            "iam-trust-external",
            "e2e-external",
            [to_lambda, others, partner],
            [to_lambda, {**others, "Principal": {"AWS": [OWN_ROOT]}}, partner],
            [assumes("the other account", "e2e-external", STRANGER, True)],
        ),
        trust(
            "iam-remove-open-federation",
            "iam-trust-oidc-open",
            "e2e-pipelines",
            [to_lambda, oidc(GITHUB, aud="sts.amazonaws.com"), project],
            [to_lambda, project],
            [Ask("GitHub's pipelines", lambda s: GITHUB in json.dumps(s["trust"]), True)],
        ),
        trust(
            "iam-bind-service-trust",
            "iam-trust-confused-deputy",
            "e2e-deputy-trust",
            [deputy, partner],
            [
                {**deputy, "Principal": {"Service": ["lambda.amazonaws.com"]}},
                {
                    **deputy,
                    "Sid": "bothOwnAccount",
                    "Principal": {"Service": ["scheduler.amazonaws.com"]},
                    "Condition": bound,
                },
                partner,
            ],
            [
                resource_ask("a stranger's schedule", lambda s: s["trust"], "scheduler.amazonaws.com", *services, True),
                resource_ask("any function", lambda s: s["trust"], "lambda.amazonaws.com", *services, False),
            ],
        ),
    )


SCENES = (
    bounded(
        "iam-contain-role",
        "iam-role-admin",
        "e2e-mighty",
        may_do("*"),
        asks=[identity_ask("make users", "iam:CreateUser", True)],
    ),
    limited(),
    narrowed(),
    shared(),
    stale(),
    *_trusts(),
)
