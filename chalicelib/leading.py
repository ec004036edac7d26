"""Leading a plaintext secret out of a function: pure functions over plain JSON, used in the runbook's stages.

As in surgery.py, a function answers with a new value, and once a released runbook uses a major, it gives the same
output for the same input for ever. Values of variables come as fingerprints, but for `environment_…` in late values.
`secrets` are what a store answered (`found`: DescribeSecret's answer, or the form of `stores.shelved`), each with the
item of `led_out` that it was asked for. A function that asks for the `store` speaks of Secrets Manager without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import BadPolicy, Escalation
from .model import Json, canonical
from .stores import DEFAULT, STORES, reading_policy, secret_name, secret_reference
from .surgery import token

LATEST = "$LATEST"

Item = Mapping[str, Json]


def led_out(
    resource: Mapping[str, Json], evidence: Sequence[Item], case: str, store: str = DEFAULT
) -> list[dict[str, Json]]:
    """The secrets that $LATEST still holds: Name, Kind, Confidence, Secret (where it is to be stored), Token.

    The token stands for the value too, so the version that it names in Secrets Manager holds this very value. The
    other stores keep the value's Fingerprint beside it.
    """
    variables = _variables(resource["config"])
    return [
        {
            "Name": item["Name"],
            "Qualifier": None,
            "Kind": item["Kind"],
            "Confidence": item["Confidence"],
            "Token": token(case, str(resource["arn"]), str(item["Name"]), str(variables.get(item["Name"]))),
            **_shelf(store, resource, item, case),
        }
        for item in evidence
        if "Name" in item and item.get("Qualifier") is None
    ]


def _shelf(store: str, resource: Mapping[str, Json], item: Item, case: str) -> dict[str, Json]:
    """Where an item's secret is to be stored, and beside what fingerprint; in Parameter Store by its ARN too."""
    if store == DEFAULT:
        return {"Secret": f"suture/{resource['id']}/{item['Name']}/{case}"}
    name = secret_name(store, str(resource["id"]), item, case)
    arn = {"Arn": secret_reference(store, name, str(resource["arn"]))} if store == "ssm" else {}
    return {"Secret": name, "Fingerprint": _variables(resource["config"]).get(item["Name"]), **arn}


def to_store(secrets: Sequence[Item]) -> list[Json]:
    """The items whose secret does not exist."""
    return [s["item"] for s in secrets if s["found"] is None]


def to_fill(secrets: Sequence[Item]) -> list[Json]:
    """The items of which the store has no value yet: their secret does not exist, or is empty."""
    return [s["item"] for s in secrets if s["found"] is None or s["found"].get("Empty")]


def to_restore(secrets: Sequence[Item]) -> list[Json]:
    """The items whose secret is out of use and can be brought back: its name is taken as long as that lasts."""
    return [s["item"] for s in secrets if s["found"] and (s["found"].get("DeletedDate") or s["found"].get("Deleted"))]


def differing(secrets: Sequence[Item]) -> list[Json]:
    """The items of which the store holds another value, put there by us. A version of anybody else's is a rotation:
    what counts is the version by which an undo would put the variable back.
    """
    return [s["item"] for s in secrets if s["found"] and _is_another(s["item"], s["found"])]


def _is_another(item: Item, answer: Item) -> bool:
    if "Fingerprint" in item:
        is_unknown = answer.get("Deleted") and "Stored" not in answer
        return not is_unknown and (answer.get("Stored") or item.get("Stored")) != item["Fingerprint"]
    versions: Mapping[str, Sequence[str]] = answer.get("VersionIdsToStages") or {}
    wanted = item["Token"]
    if wanted in versions:
        return False
    current = [id_ for id_, labels in versions.items() if "AWSCURRENT" in labels]
    return not current or len(current[0]) == len(wanted)


def read_grants(
    resource: Item, secrets: Sequence[Item], role: Item | None, case: str, store: str = DEFAULT
) -> list[dict[str, str]]:
    """The inline policies that the function's role lacks: RoleName, PolicyName, PolicyDocument, one a secret.

    A role that may read a secret already gets none. Raises Escalation where a policy of the role cannot be read.
    """
    if role is None:
        return []
    held = {p["PolicyName"]: canonical(p["PolicyDocument"]) for p in role["config"]["RolePolicyList"]}
    lacking = [s for s in secrets if s["found"] and _verdict(role, s, (), store) != "allowed"]
    wanted = dict(_policy(resource, s, case, store) for s in lacking)
    return [
        {"RoleName": str(role["id"]), "PolicyName": name, "PolicyDocument": document}
        for name, document in wanted.items()
        if held.get(name) != document
    ]


def _policy(resource: Item, secret: Item, case: str, store: str) -> tuple[str, str]:
    """The name and the text of the policy by which the function's role reads one secret."""
    found = secret["found"]
    if store == DEFAULT:
        return f"suture-read-{case}-{token(str(found['ARN']))[:8]}", canonical(grant(found, str(resource["region"])))
    name, key = str(found["Reference"]), str(found.get("KmsKeyId") or "")
    document = reading_policy(store, resource, name, key if _is_key(key) else "")
    return f"suture-secret-{case}-{token(name)[:8]}", canonical(document)


def _is_key(key: str) -> bool:
    """A customer's key, by its ARN. An alias is AWS's own, or may be pointed elsewhere any time."""
    return key.startswith("arn:") and ":key/" in key


def grants_take_effect(
    role: Item | None, secrets: Sequence[Item], grants: Sequence[Item], store: str = DEFAULT
) -> bool:
    """May the role read each secret once it has these policies? No Deny and no boundary is sure to stand in the way."""
    if role is None:
        return False
    added = [g["PolicyDocument"] for g in grants]
    return all(_verdict(role, s, added, store) != "denied" for s in secrets if s["found"])


def grant(answer: Item, region: str) -> dict[str, Json]:
    """The policy that lets its holder read one secret, and decrypt it where its key is a customer's.

    Source: "Permissions for the KMS key", AWS Secrets Manager User Guide.
    """
    arn = str(answer["ARN"])
    statements: list[Json] = [
        {"Sid": "ReadOneSecret", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}
    ]
    key = str(answer.get("KmsKeyId") or "")
    if _is_key(key):
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


def _verdict(role: Item, secret: Item, added: Sequence[Json], store: str) -> str:
    """Whether a role with some policies more may read a secret: allowed, denied or allowed-if."""
    from .iam import documents, permissions

    config = role["config"]
    held = [p["PolicyDocument"] for p in (*config["RolePolicyList"], *config["AttachedManagedPolicies"])]
    bound = (config.get("PermissionsBoundary") or {}).get("PolicyDocument")
    try:
        identity = [documents.parse(d, "identity") for d in (*held, *added)]
        boundary = [documents.parse(bound, "identity")] if bound else [] if config.get("PermissionsBoundary") else None
    except BadPolicy as error:
        raise Escalation(f"a policy of the role {role['id']} cannot be read: {error.what}") from None
    who = str(role["arn"])
    asked = _reading(secret, store)
    found = [permissions.may(identity, action, on, boundary=boundary, principal=who).verdict for action, on in asked]
    return next((verdict for verdict in ("denied", "allowed-if") if verdict in found), "allowed")


def _reading(secret: Item, store: str) -> Iterator[tuple[str, str]]:
    """What a function does to read a secret of AWS's stores: actions, each on which ARN."""
    if store == DEFAULT:
        yield "secretsmanager:GetSecretValue", str(secret["found"]["ARN"])
        return
    yield "ssm:GetParameter", str(secret["item"]["Arn"])
    key = str(secret["found"].get("KmsKeyId") or "")
    if _is_key(key):
        yield "kms:Decrypt", key


def references(resource: Item, secrets: Sequence[Item], store: str = DEFAULT) -> dict[str, str]:
    """The variables that are to be set beside the old ones, and are not: in Secrets Manager `<NAME>_SECRET_ARN`, with
    the ARN, elsewhere the store's suffix, with what its code asks for.
    """
    there, named = _variables(resource["config"]), "ARN" if store == DEFAULT else "Reference"
    wanted = {f"{s['item']['Name']}{STORES[store].suffix}": s["found"] for s in secrets if s["found"]}
    return {name: str(answer[named]) for name, answer in wanted.items() if there.get(name) != answer.get("Mark")}


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


def stored_under(secrets: Sequence[Item], store: str = DEFAULT) -> dict[str, dict[str, str]]:
    """By variable, where its value lies: SecretId, VersionId, and the Store unless it is Secrets Manager. What an undo
    fetches when it puts the variable back.
    """
    if store != DEFAULT:
        return {s["item"]["Name"]: _lies(s["found"], store) for s in secrets if s["found"]}
    return {
        s["item"]["Name"]: {"SecretId": str(s["found"]["ARN"]), "VersionId": str(s["item"]["Token"])}
        for s in secrets
        if s["found"]
    }


def _lies(found: Item, store: str) -> dict[str, str]:
    return {"Store": store, "SecretId": str(found["Reference"]), "VersionId": str(found.get("VersionId") or "")}


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
