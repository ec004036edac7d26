"""An environment variable of a function, or of a published version of it, holds a secret in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import Hidden, Json, Resource
from ..plaintext import secret_in
from ..redaction import safe_text
from . import Control, Judgement, OfValues, Signal
from ._functions import LIFE_SIGNALS, qualifiers, spoken


def judge(resource: Resource) -> Judgement | None:
    """One item a (version, variable): Qualifier, Name, Kind, Confidence, Reason, Aliases, First; never the value.

    An alias has no environment of its own: the version's item names the `Aliases` that point there. `First` is
    false where an earlier version holds the same value under the same name, so that it is stored once.
    """
    return retold(resource, tuple(_items(resource)))


def retold(resource: Resource, items: tuple[Mapping[str, Json], ...]) -> Judgement | None:
    """The judgement by these items alone."""
    found = [item for item in items if "Unknown" not in item]
    if found:
        names = ", ".join(sorted({safe_text(item["Name"], 60) for item in found})[:3])
        where = spoken(resource, (item["Qualifier"] for item in found))
        sure = any(item["Confidence"] != "possible" for item in found)
        title = f"A secret stands in plain text in the environment of {where}: {names}"
        return Judgement(title, items, "" if sure else "medium")
    if items:
        where = spoken(resource, (item["Qualifier"] for item in items))
        return Judgement(f"The environment of {where} cannot be read", items, "low")
    return None


def _items(resource: Resource) -> Iterator[dict[str, Json]]:
    seen: set[tuple[str, str]] = set()
    for qualifier, entry in qualifiers(resource):
        if entry["Qualifier"] != entry["FunctionVersion"]:
            continue
        environment = entry["Environment"]
        if environment.get("Error"):
            code = safe_text(environment["Error"].get("ErrorCode", "no reason given"), 80)
            yield {"Qualifier": qualifier, "Unknown": f"AWS did not decrypt the environment: {code}"}
        for name, hidden in sorted((environment.get("Variables") or {}).items()):
            item = _item(qualifier, name, hidden)
            if item is not None:
                first = (name, hidden.reveal()) not in seen
                seen.add((name, hidden.reveal()))
                yield {**item, "Aliases": _aliases(resource, entry), "First": first}


def value_of(resource: Resource, item: Mapping[str, Json]) -> Hidden | None:
    """The value that an item of the evidence is about."""
    for qualifier, entry in qualifiers(resource):
        if qualifier == item["Qualifier"] and entry["Qualifier"] == entry["FunctionVersion"]:
            found: Hidden | None = (entry["Environment"].get("Variables") or {}).get(item.get("Name"))
            return found
    return None


def _item(qualifier: str | None, name: str, hidden: Hidden) -> dict[str, Json] | None:
    secret = secret_in(name, hidden.reveal())
    if secret is None:
        return None
    return {
        "Qualifier": qualifier,
        "Name": name,
        "Kind": secret.kind,
        "Confidence": secret.confidence,
        "Reason": secret.reason,
    }


def _aliases(resource: Resource, version: Mapping[str, Json]) -> list[str]:
    entries = resource.config["Qualifiers"]
    pointing = (e["Qualifier"] for e in entries if e["FunctionVersion"] == version["Qualifier"])
    return sorted(name for name in pointing if name != version["Qualifier"])


CONTROL = Control(
    title="Environment variables hold no secrets",
    why=(
        "Everyone who may read the function's configuration reads the secret, and it stays in every published "
        "version, template and log that it passed through."
    ),
    severity="high",
    pillar="secure-coding",
    resource_type="AWS::Lambda::Function",
    signals=(
        Signal("aws.lambda", ("UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion", *LIFE_SIGNALS)),
    ),
    judge=judge,
    of_values=OfValues(value_of, retold),
    references=(
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html",
    ),
    peers=("awslambda_function_no_secrets_in_variables", "CKV_AWS_45"),
)
