"""Leading a plaintext secret out of a function: pure functions over plain JSON, used in the runbook's stages.

As in surgery.py, a function answers with a new value, and once a released runbook uses a major, it gives the same
output for the same input for ever. Values of variables come as fingerprints, but for `environment_…` in late values.
`secrets` are answers of DescribeSecret, each with the item of `led_out` that it was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import BadPolicy, Escalation
from .model import Json, canonical
from .surgery import token

LATEST = "$LATEST"
SUFFIX = "_SECRET_ARN"

Item = Mapping[str, Json]


def led_out(resource: Mapping[str, Json], evidence: Sequence[Item], case: str) -> list[dict[str, Json]]:
    """The secrets that $LATEST still holds: Name, Kind, Confidence, Secret (where it is to be stored), Token.

    The token stands for the value too, so the version that it names in the store holds this very value.
    """
    variables = _variables(resource["config"])
    return [
        {
            "Name": item["Name"],
            "Qualifier": None,
            "Kind": item["Kind"],
            "Confidence": item["Confidence"],
            "Secret": f"suture/{resource['id']}/{item['Name']}/{case}",
            "Token": token(case, str(resource["arn"]), str(item["Name"]), str(variables.get(item["Name"]))),
        }
        for item in evidence
        if "Name" in item and item.get("Qualifier") is None
    ]


def to_store(secrets: Sequence[Item]) -> list[Json]:
    """The items whose secret does not exist."""
    return [s["item"] for s in secrets if s["found"] is None]


def to_restore(secrets: Sequence[Item]) -> list[Json]:
    """The items whose secret is scheduled for deletion: its name is taken for the whole recovery window."""
    return [s["item"] for s in secrets if s["found"] and s["found"].get("DeletedDate")]


def differing(secrets: Sequence[Item]) -> list[Json]:
    """The items of which the store holds another value, put there by us. A version of anybody else's is a rotation."""
    return [s["item"] for s in secrets if s["found"] and _is_another(s["item"]["Token"], s["found"])]


def _is_another(wanted: str, answer: Item) -> bool:
    versions: Mapping[str, Sequence[str]] = answer.get("VersionIdsToStages") or {}
    if wanted in versions:
        return False
    current = [id_ for id_, labels in versions.items() if "AWSCURRENT" in labels]
    return not current or len(current[0]) == len(wanted)


def read_grants(resource: Item, secrets: Sequence[Item], role: Item | None, case: str) -> list[dict[str, str]]:
    """The inline policies that the function's role lacks: RoleName, PolicyName, PolicyDocument, one a secret.

    A role that may read a secret already gets none. Raises Escalation where a policy of the role cannot be read.
    """
    if role is None:
        return []
    held = {p["PolicyName"]: canonical(p["PolicyDocument"]) for p in role["config"]["RolePolicyList"]}
    region = str(resource["region"])
    wanted = {
        f"suture-read-{case}-{token(str(s['found']['ARN']))[:8]}": canonical(grant(s["found"], region))
        for s in secrets
        if s["found"] and _verdict(role, s["found"], ()) != "allowed"
    }
    return [
        {"RoleName": str(role["id"]), "PolicyName": name, "PolicyDocument": document}
        for name, document in wanted.items()
        if held.get(name) != document
    ]


def grants_take_effect(role: Item | None, secrets: Sequence[Item], grants: Sequence[Item]) -> bool:
    """May the role read each secret once it has these policies? No Deny and no boundary is sure to stand in the way."""
    if role is None:
        return False
    added = [g["PolicyDocument"] for g in grants]
    return all(_verdict(role, s["found"], added) != "denied" for s in secrets if s["found"])


def grant(answer: Item, region: str) -> dict[str, Json]:
    """The policy that lets its holder read one secret, and decrypt it where its key is a customer's.

    Source: "Permissions for the KMS key", AWS Secrets Manager User Guide.
    """
    arn = str(answer["ARN"])
    statements: list[Json] = [
        {"Sid": "ReadOneSecret", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}
    ]
    key = str(answer.get("KmsKeyId") or "")
    if key.startswith("arn:") and ":key/" in key:
        via = {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com", "kms:EncryptionContext:SecretARN": arn}
        statements.append(
            {
                "Sid": "DecryptThatSecret",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": key,
                "Condition": {"StringEquals": via},
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def _verdict(role: Item, answer: Item, added: Sequence[Json]) -> str:
    """Whether a role with some policies more may read a secret: allowed, denied or allowed-if."""
    from .iam import documents, permissions

    config, arn = role["config"], str(answer["ARN"])
    held = [p["PolicyDocument"] for p in (*config["RolePolicyList"], *config["AttachedManagedPolicies"])]
    bound = (config.get("PermissionsBoundary") or {}).get("PolicyDocument")
    try:
        identity = [documents.parse(d, "identity") for d in (*held, *added)]
        boundary = [documents.parse(bound, "identity")] if bound else [] if config.get("PermissionsBoundary") else None
    except BadPolicy as error:
        raise Escalation(f"a policy of the role {role['id']} cannot be read: {error.what}") from None
    action, who = "secretsmanager:GetSecretValue", str(role["arn"])
    return permissions.may(identity, action, arn, boundary=boundary, principal=who).verdict


def references(resource: Item, secrets: Sequence[Item]) -> dict[str, str]:
    """The variables that are to be set beside the old ones, and are not: `<NAME>_SECRET_ARN`, with the ARN."""
    there = _variables(resource["config"])
    wanted = {f"{s['item']['Name']}{SUFFIX}": s["found"] for s in secrets if s["found"]}
    return {name: str(answer["ARN"]) for name, answer in wanted.items() if there.get(name) != answer.get("Mark")}


def taken_names(resource: Item, wanted: Mapping[str, str]) -> list[str]:
    """Names of `references` that the function uses for something else already."""
    there = _variables(resource["config"])
    return sorted(name for name in wanted if name in there)


def environment_with(config: Item, added: Mapping[str, str]) -> dict[str, Json]:
    """The whole environment of $LATEST with some variables set: UpdateFunctionConfiguration replaces it as a whole."""
    return {"Variables": {**_variables(config), **added}}


def environment_less(config: Item, names: Sequence[str]) -> dict[str, Json]:
    """The whole environment of $LATEST less some variables."""
    return {"Variables": {name: value for name, value in _variables(config).items() if name not in names}}


def stored_under(secrets: Sequence[Item]) -> dict[str, dict[str, str]]:
    """By variable, where its value lies: SecretId, VersionId. What an undo fetches when it puts the variable back."""
    return {
        s["item"]["Name"]: {"SecretId": str(s["found"]["ARN"]), "VersionId": str(s["item"]["Token"])}
        for s in secrets
        if s["found"]
    }


def role_name(config: Item) -> str:
    """The name of the function's role, which is all that IAM's calls take of it."""
    return str(config.get("Role") or "").rsplit("/", 1)[-1]


def _variables(config: Item) -> Mapping[str, Any]:
    for entry in config.get("Qualifiers") or ():
        if entry.get("Qualifier") == LATEST:
            found: Mapping[str, Any] = (entry.get("Environment") or {}).get("Variables") or {}
            return found
    return {}


def carriers(evidence: Sequence[Item]) -> list[str]:
    """The published versions that still carry a secret, oldest first."""
    found = {str(i["Qualifier"]) for i in evidence if "Name" in i and i.get("Qualifier") is not None}
    return sorted(found, key=lambda version: (len(version), version))


def needed(arn: str, evidence: Sequence[Item], facts: Mapping[str, Item]) -> list[dict[str, str]]:
    """The carriers that something still uses, each with what does: Version, By. `arn` is the function's.

    `facts` hold `aliases`, `provisioned` and `sources`: what ListAliases, ListProvisionedConcurrencyConfigs and
    ListEventSourceMappings answered.
    """
    by: dict[str, set[str]] = {version: set() for version in carriers(evidence)}
    for version, user in _users(arn, facts):
        if version in by:
            by[version].add(user)
    return [{"Version": version, "By": ", ".join(sorted(users))} for version, users in by.items() if users]


def idle(evidence: Sequence[Item], users: Sequence[Item]) -> list[str]:
    """The carriers that nothing uses."""
    used = {user["Version"] for user in users}
    return [version for version in carriers(evidence) if version not in used]


def _users(arn: str, facts: Mapping[str, Item]) -> Iterator[tuple[str, str]]:
    for alias in facts["aliases"]["Aliases"]:
        weighted = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        for version in (str(alias["FunctionVersion"]), *weighted):
            yield version, f"alias {alias['Name']}"
    for one in facts["provisioned"]["ProvisionedConcurrencyConfigs"]:
        yield str(one["FunctionArn"]).rsplit(":", 1)[-1], "provisioned concurrency"
    for one in facts["sources"]["EventSourceMappings"]:
        if str(one["FunctionArn"]).startswith(f"{arn}:"):
            yield str(one["FunctionArn"]).rsplit(":", 1)[-1], f"event source mapping {one['UUID']}"
