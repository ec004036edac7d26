"""A parameter of type String or StringList holds a secret: whoever may read parameters reads it, without any key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import Hidden, Json, Resource
from ..plaintext.names import words_of
from ..redaction import safe_text
from . import Control, Judgement, OfValues, Signal
from ._secrets import Spot, found_in, spoken, value_at

_SURE = ("certain", "likely", "possible")


def judge(resource: Resource) -> Judgement | None:
    """One item: Name, Type, Kind, Confidence, Reason; never the value. What is encrypted holds the control."""
    found = sorted(found_in(_spots(resource)), key=lambda item: _SURE.index(item["Confidence"]))
    return retold(resource, tuple(found[:1]))


def retold(resource: Resource, items: tuple[Mapping[str, Json], ...]) -> Judgement | None:
    """The judgement by these items alone."""
    where = f"a parameter of type {safe_text(resource.config['Type'], 20)}"
    return spoken(where, items, "Name")


def value_of(resource: Resource, item: Mapping[str, Json]) -> Hidden | None:
    """The value that an item of the evidence is about."""
    return value_at(_spots(resource), item)


def _spots(resource: Resource) -> Iterator[Spot]:
    """The value by the last part of its name: `/shop/db/password`. Where that is one word, which may only tell whose
    secret it is, by the last two besides: `/shop/password/db`.
    """
    config = resource.config
    if config.get("Value") is None:
        return
    parts = [part for part in str(config["Name"]).split("/") if part]
    facts = {"Name": config["Name"], "Type": config["Type"]}
    yield Spot(facts, parts[-1], config["Value"])
    if parts[1:] and len(words_of(parts[-1])) == 1:
        yield Spot(facts, "_".join(parts[-2:]), config["Value"])


CONTROL = Control(
    title="Parameters that hold a secret are encrypted",
    why=(
        "A String parameter is shown to everyone who may read parameters, in the console too; a SecureString needs the "
        "right to its key besides, and each decryption is recorded."
    ),
    severity="high",
    pillar="secure-coding",
    resource_type="AWS::SSM::Parameter",
    signals=(Signal("aws.ssm", ("PutParameter", "DeleteParameter")),),
    judge=judge,
    of_values=OfValues(value_of, retold),
    references=(
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html",
        "https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html",
    ),
    peers=("CKV2_AWS_34", "CKV_AWS_384"),
)
