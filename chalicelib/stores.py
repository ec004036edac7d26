"""Where a secret can be led: four stores behind one small interface, as tables and pure functions.

A store is what its runbooks say: `put` stores the value and reads back what was stored (metadata only, its runbook's
`verify`), `grant` lets the function read it, `retire` takes it out of use; each step stands beside the calls that
take it back. `reference` names the secret for the code that will ask for it. Choosing a store is pinning its runbook
for an account, so that a writer has the rights of that store and of no other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .errors import Escalation
from .model import Json

READERS_SID = "OnlyItsReaders"
LONGEST_NAME = 127


@dataclass(frozen=True, slots=True)
class Store:
    """One store. `put`, `grant` and `retire` are runbook ids; an empty `grant` is a person's work, which
    `by_hand` says. `service` begins its operations' names. `extra` brings its client, whose modules are `needs`.
    """

    name: str
    title: str
    service: str
    put: str
    grant: str
    retire: str
    by_hand: str = ""
    extra: str = ""
    needs: tuple[str, ...] = ()


_ALL = (
    Store(
        "secretsmanager",
        "AWS Secrets Manager",
        "secretsmanager",
        "lambda-store-secret",
        "lambda-grant-secret",
        "lambda-retire-secret",
    ),
    Store(
        "ssm",
        "SSM Parameter Store",
        "ssm",
        "lambda-store-secret-ssm",
        "lambda-grant-secret-ssm",
        "lambda-retire-secret-ssm",
    ),
    Store(
        "azure-key-vault",
        "Azure Key Vault",
        "azure-keyvault",
        "lambda-store-secret-azure",
        "",
        "lambda-retire-secret-azure",
        by_hand="Give the function's identity the role Key Vault Secrets User on that one secret.",
        extra="azure",
        needs=("azure.keyvault.secrets", "azure.identity"),
    ),
    Store(
        "gcp-secret-manager",
        "Google Secret Manager",
        "gcp-secretmanager",
        "lambda-store-secret-gcp",
        "lambda-grant-secret-gcp",
        "lambda-retire-secret-gcp",
        extra="gcp",
        needs=("google.cloud.secretmanager_v1", "google.auth"),
    ),
)
STORES: Mapping[str, Store] = {store.name: store for store in _ALL}
FOREIGN: Mapping[str, Store] = {store.service: store for store in _ALL if store.needs}
"""Stores outside AWS, by how their operations' names begin."""


def foreign_stores(operations: Iterable[str]) -> tuple[Store, ...]:
    """The stores outside AWS that some operations call, each once."""
    services = dict.fromkeys(name.split(":")[0] for name in operations)
    return tuple(FOREIGN[service] for service in services if service in FOREIGN)


def secret_name(store: str, function: str, item: Mapping[str, Json], case: str) -> str:
    """The name of the secret that one evidence item leads to, in the alphabet of its store.

    AWS takes paths. The other two take letters, digits and hyphens up to 127 characters (Key Vault, "Objects,
    identifiers, and versioning"; Google allows more): what had to be changed for that is told apart by a digest.
    """
    parts = ("suture", function, item.get("Qualifier") or "latest", str(item["Name"]), case)
    if store in ("secretsmanager", "ssm"):
        return ("/" if store == "ssm" else "") + "/".join(parts)
    if store not in STORES:
        raise Escalation(f"there is no store {store}", next_step=f"choose one of: {', '.join(STORES)}")
    plain = "-".join(parts)
    name = re.sub("[^0-9A-Za-z-]+", "-", plain)
    if name == plain and len(name) <= LONGEST_NAME:
        return name
    mark = hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}-{mark}"


def secret_reference(store: str, name: str, place: str) -> str:
    """What code asks the store for. `place` is the function's ARN for AWS's stores, the vault's URL, or the project.

    Secrets Manager appends six characters to the ARN of `name`, and takes it without them as well.
    """
    if store in ("secretsmanager", "ssm"):
        _, partition, _, region, account, *_ = place.split(":")
        kind = "secret:" if store == "secretsmanager" else "parameter"
        return f"arn:{partition}:{store}:{region}:{account}:{kind}{name}"
    return f"{place.rstrip('/')}/secrets/{name}" if store == "azure-key-vault" else f"projects/{place}/secrets/{name}"


def arn_name(arn: str) -> str:
    """The last part of an ARN: `shop` of `arn:aws:iam::123456789012:role/teams/shop`."""
    return arn.rsplit("/", 1)[-1]


def only_readers(role: str, readers: Sequence[str]) -> dict[str, Json]:
    """The policy of a new secret: reading its value is denied to everyone but `role` and `readers` (role ARNs).

    Nothing but the reading is denied. Whoever administers secrets may still describe, rotate, delete and restore
    this one, and may lift the policy itself: nobody, least of all the break-glass role, can be locked out for good.
    `aws:PrincipalArn` of a session is its role's ARN (IAM User Guide, "AWS global condition context keys").
    """
    allowed = sorted({role, *readers})
    wrong = [
        arn for arn in allowed if not re.fullmatch(r"arn:[a-z-]+:iam::\d{12}:(role|user)/[\w+=,.@/-]+|.*:root", arn)
    ]
    if wrong:
        raise Escalation(f"{wrong[0]!r} names no role or user", next_step="list readers by the ARN of their role")
    statement = {
        "Sid": READERS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": allowed}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def reading_policy(store: str, resource: Mapping[str, Json], name: str, key: str) -> dict[str, Json]:
    """What the function's role is granted: to read this one secret, and its customer `key` through the store.

    `key` is a key's ARN, or empty for AWS's own. The six characters that Secrets Manager appends are `?`.
    """
    partition, region, account = resource["arn"].split(":")[1], resource["region"], resource["account"]
    if store == "ssm":
        action, service, context = "ssm:GetParameter", "ssm", "PARAMETER_ARN"
        arn = f"arn:{partition}:ssm:{region}:{account}:parameter{name}"
    else:
        action, service, context = "secretsmanager:GetSecretValue", "secretsmanager", "SecretARN"
        arn = f"arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????"
    found: list[dict[str, Json]] = [{"Sid": "ReadTheSecret", "Effect": "Allow", "Action": action, "Resource": arn}]
    if key:
        condition = {
            "StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"},
            "StringLike": {f"kms:EncryptionContext:{context}": arn},
        }
        decrypt = {"Sid": "ThroughItsKey", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
        found.append({**decrypt, "Condition": condition})
    return {"Version": "2012-10-17", "Statement": found}
