"""Where a secret can be led: four stores behind one small interface, as tables and pure functions.

A store is what its runbooks say. `lead` is the whole way out in stages; `put` stores the value and reads back what was
stored (metadata only), `grant` lets the function read it, `retire` takes it out of use; each step stands beside the
calls that take it back. `reference` names the secret for the code that will ask for it. Choosing a store is pinning
its runbook for an account, so that a writer has the rights of that store and of no other.

The stages of all four ways out speak of a stored secret in one form, which `shelved` makes of a store's answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .errors import Escalation
from .model import Json

READERS_SID = "OnlyItsReaders"
LONGEST_NAME = 127


@dataclass(frozen=True, slots=True)
class Store:
    """One store. `lead`, `put`, `grant` and `retire` are runbook ids; an empty `grant` is a person's work, which
    `by_hand` says. `service` begins its operations' names, `fetch` gives a stored value back, `suffix` ends the name of
    the variable that says where it lies. `extra` brings its client, whose modules are `needs`.
    """

    name: str
    title: str
    service: str
    lead: str
    put: str
    grant: str
    retire: str
    fetch: str
    suffix: str
    by_hand: str = ""
    extra: str = ""
    needs: tuple[str, ...] = ()


_ALL = (
    Store(
        "secretsmanager",
        "AWS Secrets Manager",
        "secretsmanager",
        lead="lambda-lead-out-secret",
        put="lambda-store-secret",
        grant="lambda-grant-secret",
        retire="lambda-retire-secret",
        fetch="secretsmanager:GetSecretValue",
        suffix="_SECRET_ARN",
    ),
    Store(
        "ssm",
        "SSM Parameter Store",
        "ssm",
        lead="lambda-lead-out-secret-ssm",
        put="lambda-store-secret-ssm",
        grant="lambda-grant-secret-ssm",
        retire="lambda-retire-secret-ssm",
        fetch="ssm:GetParameter#Stored",
        suffix="_PARAMETER",
    ),
    Store(
        "azure-key-vault",
        "Azure Key Vault",
        "azure-keyvault",
        lead="lambda-lead-out-secret-azure",
        put="lambda-store-secret-azure",
        grant="",
        retire="lambda-retire-secret-azure",
        fetch="azure-keyvault:GetSecret",
        suffix="_SECRET_URL",
        by_hand="Give the function's identity the role Key Vault Secrets User on that one secret.",
        extra="azure",
        needs=("azure.keyvault.secrets", "azure.identity"),
    ),
    Store(
        "gcp-secret-manager",
        "Google Secret Manager",
        "gcp-secretmanager",
        lead="lambda-lead-out-secret-gcp",
        put="lambda-store-secret-gcp",
        grant="lambda-grant-secret-gcp",
        retire="lambda-retire-secret-gcp",
        fetch="gcp-secretmanager:AccessSecretVersion",
        suffix="_SECRET_NAME",
        extra="gcp",
        needs=("google.cloud.secretmanager_v1", "google.auth"),
    ),
)
DEFAULT = _ALL[0].name
STORES: Mapping[str, Store] = {store.name: store for store in _ALL}
FOREIGN: Mapping[str, Store] = {store.service: store for store in _ALL if store.needs}
"""Stores outside AWS, by how their operations' names begin."""


def foreign_stores(operations: Iterable[str]) -> tuple[Store, ...]:
    """The stores outside AWS that some operations call, each once."""
    services = dict.fromkeys(name.split(":")[0] for name in operations)
    return tuple(FOREIGN[service] for service in services if service in FOREIGN)


def store_of(operations: Iterable[str]) -> Store | None:
    """The store that some operations put secrets into or read; None where they touch none."""
    services = {name.split(":")[0] for name in operations}
    return next((store for store in _ALL if store.service in services), None)


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


FINGERPRINT = "suture:fingerprint"
"""The tag that says, by a keyed fingerprint, which value was stored. Google's annotations spell it with a dot."""


def shelved(store: str, answer: Mapping[str, Json]) -> dict[str, Json] | None:
    """One stored secret as a store's metadata tells of it; None where there is none.

    `Reference` is what code asks for, `VersionId` the version that we stored, `Stored` the fingerprint of its value
    (Parameter Store tells that apart, see `tagged`), `KmsKeyId` AWS's key. `Deleted` says that it is out of use and
    can be brought back, `Empty` that it never had a value.
    """
    return _SHELVED[store](answer)


def _in_parameter_store(answer: Mapping[str, Json]) -> dict[str, Json] | None:
    """A parameter's versions are counted from 1, which is ours; the history keeps a hundred."""
    found = next(iter(answer.get("Parameters") or ()), None)
    return {"Reference": found["Name"], "KmsKeyId": found.get("KeyId"), "VersionId": "1"} if found else None


def _in_key_vault(answer: Mapping[str, Json]) -> dict[str, Json] | None:
    """`Versions` come oldest first. A secret without a version of ours holds no fingerprint."""
    versions = answer["Versions"]
    if not versions:
        return {"Reference": answer["Id"], "Deleted": True} if answer["Deleted"] else None
    ours = next(((v["Version"], tag) for v in versions if (tag := v["Tags"].get(FINGERPRINT))), ("", None))
    return {"Reference": answer["Id"], "VersionId": ours[0], "Stored": ours[1]}


def _in_secret_manager(answer: Mapping[str, Json]) -> dict[str, Json]:
    """The first version is ours. One that was destroyed holds nothing any more, whatever the annotation says."""
    states = {v["Version"]: v["State"] for v in answer["Versions"]}
    is_held = states.get("1") != "DESTROYED"
    return {
        "Reference": answer["Id"],
        "VersionId": "1",
        "Stored": answer["Annotations"].get(FINGERPRINT.replace(":", ".")) if is_held else None,
        "Deleted": states.get("1") == "DISABLED" and "ENABLED" not in states.values(),
        "Empty": not states,
    }


_SHELVED: Mapping[str, Callable[[Mapping[str, Json]], dict[str, Json] | None]] = {
    "ssm": _in_parameter_store,
    "azure-key-vault": _in_key_vault,
    "gcp-secret-manager": _in_secret_manager,
}


def tagged(answers: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """The items of which parameters' tags were asked (`{item, found}`), each with the fingerprint that they tell."""
    return [{**a["item"], "Stored": _tag(a["found"])} for a in answers]


def _tag(found: Mapping[str, Json] | None) -> Json:
    tags = (found or {}).get("TagList") or ()
    return next((tag["Value"] for tag in tags if tag["Key"] == FINGERPRINT), None)


def unread_by(readers: Sequence[Mapping[str, Json]], member: str) -> list[Json]:
    """The items (`{item, found}`, found being who may read) that one member may not read yet."""
    return [r["item"] for r in readers if member not in (r["found"] or ())]


def fetching(secret: Mapping[str, Json]) -> tuple[str, dict[str, Json]]:
    """The call that gives a stored value back, and what it asks for. `secret` names `Store` (none: Secrets Manager),
    `SecretId`, which is the secret's reference, and `VersionId`. Raises Escalation for a store that there is not.
    """
    name, version = str(secret["SecretId"]), str(secret["VersionId"])
    store = str(secret.get("Store") or DEFAULT)
    if store not in STORES:
        raise Escalation(f"there is no store {store}", next_step=f"choose one of: {', '.join(STORES)}")
    place, _, last = name.rpartition("/secrets/")
    asked: Mapping[str, dict[str, Json]] = {
        "secretsmanager": {"SecretId": name, "VersionId": version},
        "ssm": {"Name": f"{name}:{version}", "WithDecryption": True},
        "azure-key-vault": {"Vault": place, "Name": last, "Version": version},
        "gcp-secret-manager": {"Project": place.removeprefix("projects/"), "Name": last, "Version": version},
    }
    return STORES[store].fetch, asked[store]


def value_in(answer: Mapping[str, Json]) -> str:
    """The value in what the call of `fetching` answered."""
    return str(answer["SecretString"] if "SecretString" in answer else answer.get("Parameter", answer)["Value"])


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
