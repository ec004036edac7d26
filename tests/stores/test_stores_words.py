"""The pure half of the stores: names, policies, what a plan may grant, and what is refused before it ships."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.clients import _OUTSIDE, Clients
from chalicelib.aws.operations import OPERATIONS
from chalicelib.errors import BadGovernance, BadRunbook, CallFailed, Escalation
from chalicelib.iam.documents import parse
from chalicelib.iam.permissions import may
from chalicelib.model import Call, Resource
from chalicelib.proofs import unproved
from chalicelib.runbooks import Runbook, load
from chalicelib.stores import (
    FOREIGN,
    STORES,
    fetching,
    foreign_stores,
    only_readers,
    reading_policy,
    secret_name,
    secret_reference,
    shelved,
    store_of,
    tagged,
    unread_by,
    value_in,
)
from chalicelib.vaults import is_missing, opened
from chalicelib.writers import writer_of
from suture.lint_governance import pins_problems
from suture.policies import policy
from suture.render import rendered_policies
from suture.yamlfile import Source
from suture.yamlfile import load as load_yaml

ROOT = Path(__file__).parents[2]
HERE = "us-east-1:123456789012"
ARN = f"arn:aws:lambda:{HERE}:function:orders"
ROLE, ADMIN = "arn:aws:iam::123456789012:role/teams/orders", "arn:aws:iam::123456789012:role/break-glass"
FUNCTION = Resource("AWS::Lambda::Function", ARN, "orders", "123456789012", "us-east-1", {"Role": ROLE})
FACTS = {"arn": ARN, "region": "us-east-1", "account": "123456789012"}
KEY = f"arn:aws:kms:{HERE}:key/0d1c2b3a-0000-4000-8000-000000000000"

NAMES = [
    ("secretsmanager", "DB_PASSWORD", None, "suture/orders/latest/DB_PASSWORD/C-1"),
    ("secretsmanager", "DB_PASSWORD", "7", "suture/orders/7/DB_PASSWORD/C-1"),
    ("ssm", "DB_PASSWORD", None, "/suture/orders/latest/DB_PASSWORD/C-1"),
    ("azure-key-vault", "TOKEN", None, "suture-orders-latest-TOKEN-C-1"),
    ("gcp-secret-manager", "TOKEN", "7", "suture-orders-7-TOKEN-C-1"),
]


@pytest.mark.parametrize(("store", "variable", "qualifier", "name"), NAMES)
def test_names_follow_the_convention(store: str, variable: str, qualifier: str | None, name: str) -> None:
    assert secret_name(store, "orders", {"Name": variable, "Qualifier": qualifier}, "C-1") == name


words = st.text("abz019_-", min_size=1, max_size=100)


@given(words, words, words, words)
def test_names_fit_their_store_and_differ_when_their_parts_do(f: str, one: str, other: str, case: str) -> None:
    for store in ("azure-key-vault", "gcp-secret-manager"):
        names = [secret_name(store, f, {"Name": n}, case) for n in (one, other)]
        assert all(re.fullmatch("[0-9a-zA-Z-]{1,127}", n) for n in names)
        assert (names[0] == names[1]) == (one == other)


def test_an_underscore_and_a_hyphen_are_two_names() -> None:
    names = {secret_name("azure-key-vault", "orders", {"Name": n}, "C-1") for n in ("A_B", "A-B", "A__B")}
    assert len(names) == 3


def test_an_unknown_store_is_refused() -> None:
    with pytest.raises(Escalation, match="there is no store vault"):
        secret_name("vault", "orders", {"Name": "A"}, "C-1")


REFERENCES = [
    ("secretsmanager", ARN, f"arn:aws:secretsmanager:{HERE}:secret:n"),
    ("azure-key-vault", "https://shop.vault.azure.net/", "https://shop.vault.azure.net/secrets/n"),
    ("gcp-secret-manager", "shop-prod", "projects/shop-prod/secrets/n"),
]


@pytest.mark.parametrize(("store", "where", "reference"), REFERENCES)
def test_the_reference_is_what_code_asks_for(store: str, where: str, reference: str) -> None:
    assert secret_reference(store, "n", where) == reference
    assert secret_reference("ssm", "/n", ARN) == f"arn:aws:ssm:{HERE}:parameter/n"


# --- what a store tells ----------------------------------------------------------------------------------------------

MARK = {"suture:fingerprint": "hmac:1"}


def in_key_vault(*versions: tuple[str, Mapping[str, str]], deleted: bool = False) -> Any:
    found = [{"Version": v, "Enabled": True, "Tags": tags} for v, tags in versions]
    return shelved("azure-key-vault", {"Id": "https://v/secrets/n", "Versions": found, "Deleted": deleted})


def in_secret_manager(*states: str) -> Any:
    """Google's answer has the newest version first."""
    found = [{"Version": str(n), "State": state} for n, state in reversed([*enumerate(states, 1)])]
    notes = {"suture.fingerprint": "hmac:1"}
    return shelved("gcp-secret-manager", {"Id": "projects/p/secrets/n", "Annotations": notes, "Versions": found})


def test_a_parameter_is_known_by_its_name_its_key_and_its_tags() -> None:
    assert shelved("ssm", {"Parameters": []}) is None
    found = {"Name": "/n", "KeyId": KEY, "Type": "SecureString", "Version": 3}
    assert shelved("ssm", {"Parameters": [found]}) == {"Reference": "/n", "KmsKeyId": KEY, "VersionId": "1"}
    tags = {"TagList": [{"Key": "suture:case", "Value": "C-1"}, {"Key": "suture:fingerprint", "Value": "hmac:1"}]}
    answers = [{"item": {"Name": "A"}, "found": tags}, {"item": {"Name": "B"}, "found": None}]
    assert tagged(answers) == [{"Name": "A", "Stored": "hmac:1"}, {"Name": "B", "Stored": None}]


def test_a_secret_in_key_vault_is_known_by_the_first_version_of_ours() -> None:
    assert in_key_vault() is None
    assert in_key_vault(deleted=True) == {"Reference": "https://v/secrets/n", "Deleted": True}
    assert in_key_vault(("v1", MARK), ("v2", {})) == {
        "Reference": "https://v/secrets/n",
        "VersionId": "v1",
        "Stored": "hmac:1",
    }
    assert in_key_vault(("v1", {}))["Stored"] is None


@pytest.mark.parametrize(
    ("states", "stored", "deleted", "empty"),
    [
        ((), "hmac:1", False, True),
        (("ENABLED",), "hmac:1", False, False),
        (("DISABLED",), "hmac:1", True, False),
        (("DISABLED", "ENABLED"), "hmac:1", False, False),
        (("DESTROYED",), None, False, False),
        (("DESTROYED", "ENABLED"), None, False, False),
    ],
)
def test_a_secret_of_google_is_known_by_its_annotations_and_its_first_version(
    states: tuple[str, ...], stored: str | None, deleted: bool, empty: bool
) -> None:
    found = in_secret_manager(*states)
    assert (found["Stored"], found["Deleted"], found["Empty"]) == (stored, deleted, empty)


def test_who_may_not_read_yet() -> None:
    answers = [{"item": "a", "found": ["m"]}, {"item": "b", "found": ["x"]}, {"item": "c", "found": None}]
    assert unread_by(answers, "m") == ["b", "c"]


FETCHED = [
    ({"SecretId": "arn:x", "VersionId": "t"}, "secretsmanager:GetSecretValue", {"SecretId": "arn:x", "VersionId": "t"}),
    (
        {"Store": "ssm", "SecretId": "/suture/a", "VersionId": "1"},
        "ssm:GetParameter#Stored",
        {"Name": "/suture/a:1", "WithDecryption": True},
    ),
    (
        {"Store": "azure-key-vault", "SecretId": "https://v.vault.azure.net/secrets/n", "VersionId": "v1"},
        "azure-keyvault:GetSecret",
        {"Vault": "https://v.vault.azure.net", "Name": "n", "Version": "v1"},
    ),
    (
        {"Store": "gcp-secret-manager", "SecretId": "projects/p/secrets/n", "VersionId": "1"},
        "gcp-secretmanager:AccessSecretVersion",
        {"Project": "p", "Name": "n", "Version": "1"},
    ),
]


@pytest.mark.parametrize(("secret", "operation", "asked"), FETCHED)
def test_what_was_removed_is_asked_back_from_its_store(secret: Any, operation: str, asked: Any) -> None:
    assert fetching(secret) == (operation, asked)
    assert OPERATIONS[operation].kind == "late" and OPERATIONS[operation].hushed


def test_a_store_that_there_is_not_gives_nothing_back() -> None:
    with pytest.raises(Escalation, match="there is no store attic"):
        fetching({"Store": "attic", "SecretId": "x", "VersionId": "1"})


@pytest.mark.parametrize("answer", [{"SecretString": "v"}, {"Parameter": {"Value": "v"}}, {"Value": "v"}])
def test_the_value_in_an_answer(answer: Any) -> None:
    assert value_in(answer) == "v"


@pytest.mark.parametrize("name", STORES)
def test_a_way_out_knows_its_store(name: str) -> None:
    lead = next(b for b in packaged().values() if b.id == STORES[name].lead)
    assert store_of(lead.operations()) == STORES[name]
    assert [s.name for s in lead.stages] == [
        *("triage", "contain", "store", "grant", "reference", "observe", "remove", "prune", "rotate", "close")
    ]


# --- who may read ---------------------------------------------------------------------------------------------------

ALL = parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "identity")
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:suture/orders/latest/A/C-1-AbCdEf"


def verdict(action: str, who: str, arn: str = SECRET) -> str:
    theirs = parse(only_readers(ROLE, [ADMIN]), "resource")
    context = {"aws:PrincipalArn": who}
    return may([ALL], action, arn, resource_policy=theirs, context=context, principal=(who,)).verdict


STRANGER = "arn:aws:iam::123456789012:role/developer"
MANAGING = (
    "DescribeSecret",
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "RotateSecret",
    "DeleteSecret",
    "RestoreSecret",
)


@pytest.mark.parametrize(("who", "expected"), [(ROLE, "allowed"), (ADMIN, "allowed"), (STRANGER, "denied")])
def test_only_the_function_and_named_readers_read(who: str, expected: str) -> None:
    assert verdict("secretsmanager:GetSecretValue", who) == expected


@pytest.mark.parametrize("action", MANAGING)
@pytest.mark.parametrize("who", [ROLE, ADMIN, STRANGER, "arn:aws:iam::123456789012:root"])
def test_nobody_is_locked_out_of_repairing(action: str, who: str) -> None:
    assert verdict(f"secretsmanager:{action}", who) == "allowed"


@pytest.mark.parametrize("reader", ["*", "arn:aws:iam::123456789012:role/*", "developer", "arn:aws:s3:::x"])
def test_a_reader_is_named_exactly(reader: str) -> None:
    with pytest.raises(Escalation, match="names no role or user"):
        only_readers(ROLE, [reader])


# --- what a plan may grant ------------------------------------------------------------------------------------------

NAME = "suture/orders/latest/A/C-1"
MADE = Call("secretsmanager:CreateSecret", {"Name": NAME})


def grant(document: Mapping[str, Any], **more: str) -> Call:
    basic = {"RoleName": "orders", "PolicyName": "suture-secret-C-1-latest-A", "PolicyDocument": json.dumps(document)}
    return Call("iam:PutRolePolicy", {**basic, **more})


def denies(document: Mapping[str, Any], secret: str = NAME) -> Call:
    return Call("secretsmanager:PutResourcePolicy", {"SecretId": secret, "ResourcePolicy": json.dumps(document)})


def changed(document: Mapping[str, Any], **statement: Any) -> dict[str, Any]:
    return {**document, "Statement": [{**document["Statement"][0], **statement}]}


OWN = reading_policy("secretsmanager", FACTS, NAME, "")
PROVED = [
    (grant(OWN),),
    (grant(reading_policy("secretsmanager", FACTS, NAME, KEY)),),
    (grant(reading_policy("ssm", FACTS, f"/{NAME}", KEY)),),
    (MADE, denies(only_readers(ROLE, [ADMIN]))),
    (Call("ssm:PutParameter", {"Name": f"/{NAME}"}),),
    (Call("azure-keyvault:SetSecret", {"Name": "suture-orders-latest-A-C-1"}),),
    (Call("gcp-secretmanager:AddSecretAccessor", {"Name": "suture-orders-x", "Member": "serviceAccount:a@b.c"}),),
]
REFUSED = [
    (grant(OWN, RoleName="admin"),),
    (grant(changed(OWN, Action="secretsmanager:*")),),
    (grant(changed(OWN, Resource="*")),),
    (grant(changed(OWN, Resource=SECRET.replace("orders", "billing")[:-6] + "??????")),),
    (grant(changed(OWN, Resource=SECRET[:-10] + "*-??????")),),
    (grant({**OWN, "Statement": [*OWN["Statement"], {"Effect": "Allow", "Action": "*", "Resource": "*"}]}),),
    (grant(reading_policy("secretsmanager", FACTS, NAME, f"arn:aws:kms:{HERE}:key/*")),),
    (denies(only_readers(ROLE, [ADMIN])),),
    (MADE, denies(only_readers(ADMIN, []))),
    (MADE, denies(changed(only_readers(ROLE, []), Effect="Allow"))),
    (MADE, denies(changed(only_readers(ROLE, []), Action="secretsmanager:*"))),
    (Call("ssm:PutParameter", {"Name": "/prod/db"}),),
    (Call("ssm:PutParameter", {"Name": "/suture/billing/latest/A/C-1"}),),
    (Call("azure-keyvault:SetSecret", {"Name": "prod-db"}),),
    (Call("gcp-secretmanager:AddSecretAccessor", {"Name": "suture-orders-x", "Member": "allUsers"}),),
    (Call("gcp-secretmanager:AddSecretAccessor", {"Name": "suture-orders-x", "Member": "group:all@shop.example"}),),
    (Call("gcp-secretmanager:AddSecretAccessor", {"Name": "prod-db", "Member": "serviceAccount:a@b.c"}),),
]


@pytest.mark.parametrize("calls", PROVED)
def test_what_leads_out_the_functions_own_secret_is_proved(calls: tuple[Call, ...]) -> None:
    assert unproved(calls, FUNCTION) == ""


@pytest.mark.parametrize("calls", REFUSED)
def test_what_grants_more_is_refused(calls: tuple[Call, ...]) -> None:
    assert "is not proved" in unproved(calls, FUNCTION)


# --- what ships -----------------------------------------------------------------------------------------------------


def test_the_door_knows_the_stores_outside_aws() -> None:
    assert set(_OUTSIDE) == set(FOREIGN)


def test_another_region_of_the_account_has_the_same_vaults() -> None:
    here = Clients("123456789012", "us-east-1")
    assert here.in_region("eu-west-1").vaults is here.vaults


def test_aws_says_to_entra_who_we_are() -> None:
    """The adapter's token is a call of the catalogue, made when the first store asks for it, for one audience only."""

    class Sts:
        asked: Mapping[str, Any] = {}

        def get_web_identity_token(self, **parameters: Any) -> Mapping[str, str]:
            Sts.asked = parameters
            return {"WebIdentityToken": "a.b.c"}

    clients = Clients("123456789012", "us-east-1")
    clients._clients["sts"] = Sts()
    assert clients._identity_token() == "a.b.c"
    assert Sts.asked["Audience"] == ["api://AzureADTokenExchange"] and Sts.asked["DurationSeconds"] == 300
    clients._clients["sts"] = object()
    with pytest.raises(CallFailed, match="this botocore knows no sts:GetWebIdentityToken"):
        clients._identity_token()


@pytest.mark.parametrize("name", STORES)
def test_one_writer_stores_and_another_grants(name: str) -> None:
    books = packaged()
    of = {b.id: b for b in books.values()}
    assert writer_of(of[STORES[name].put].operations()) == "remediate_secrets"
    assert writer_of(of[STORES[name].retire].operations()) == "remediate_secrets"
    if name in ("secretsmanager", "ssm"):
        assert writer_of(of[STORES[name].grant].operations()) == "remediate_iam"
    with pytest.raises(BadRunbook, match="both IAM and secrets"):
        writer_of({*of[STORES[name].put].operations(), "iam:PutRolePolicy"})


def packaged() -> Mapping[str, Runbook]:
    return load(json.loads((ROOT / "runbooks" / "packaged.json").read_text()))


def rights(writer: str, *operations: str) -> Any:
    """The policy of a writer, with CloudFormation's parts filled in."""
    text = json.dumps(policy(writer, operations))
    for name, value in {"Partition": "aws", "Region": "us-east-1", "AccountId": "123456789012"}.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    document = json.loads(re.sub(r'{"Fn::Sub": ("[^"]*")}', r"\1", text))
    allows = [s for s in document["Statement"] if s["Effect"] == "Allow" and "Fn::" not in json.dumps(s)]
    return parse({**document, "Statement": allows}, "identity")


VIA_SSM, AUDIENCE = {"kms:ViaService": "ssm.us-east-1.amazonaws.com"}, "sts:IdentityTokenAudience"
BACK = ("ssm:GetParameter#Stored",)


def of(parameter: str) -> dict[str, str]:
    return {"kms:EncryptionContext:PARAMETER_ARN": f"arn:aws:ssm:{HERE}:parameter/{parameter}"}


MAY = [
    (("ssm:PutParameter",), "ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/{NAME}", {}, "allowed"),
    (("ssm:PutParameter",), "ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/prod/db", {}, "denied"),
    (("ssm:PutParameter",), "kms:Encrypt", KEY, VIA_SSM, "allowed"),
    (("ssm:PutParameter",), "kms:Encrypt", KEY, {"kms:ViaService": "s3.us-east-1.amazonaws.com"}, "denied"),
    (("ssm:PutParameter",), "kms:Decrypt", KEY, VIA_SSM, "denied"),
    (("ssm:PutParameter",), "secretsmanager:CreateSecret", SECRET, {}, "denied"),
    (BACK, "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/{NAME}", {}, "allowed"),
    (BACK, "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/prod/db", {}, "denied"),
    (BACK, "kms:Decrypt", KEY, {**VIA_SSM, **of(NAME)}, "allowed"),
    (BACK, "kms:Decrypt", KEY, {**VIA_SSM, **of("prod/db")}, "denied"),
    (BACK, "kms:Decrypt", KEY, VIA_SSM, "denied"),
    (
        ("azure-keyvault:SetSecret",),
        "sts:GetWebIdentityToken",
        "*",
        {AUDIENCE: ["api://AzureADTokenExchange"]},
        "allowed",
    ),
    (("azure-keyvault:SetSecret",), "sts:GetWebIdentityToken", "*", {AUDIENCE: ["https://evil.example"]}, "denied"),
    (("azure-keyvault:SetSecret",), "sts:GetWebIdentityToken", "*", {}, "denied"),
    (("gcp-secretmanager:CreateSecret",), "sts:GetWebIdentityToken", "*", {}, "denied"),
]


@pytest.mark.parametrize(("operations", "action", "resource", "context", "expected"), MAY)
def test_a_writer_has_the_rights_of_its_store_only(
    operations: tuple[str, ...], action: str, resource: str, context: Any, expected: str
) -> None:
    assert may([rights("remediate_secrets", *operations)], action, resource, context=context).verdict == expected


TOKEN = "sts:GetWebIdentityToken"
LEADS = {
    "ssm": {
        "watch": {"ssm:DescribeParameters", "ssm:ListTagsForResource", "cloudtrail:LookupEvents"},
        "remediate_iam": {"iam:PutRolePolicy", "iam:DeleteRolePolicy", "ssm:DescribeParameters"},
        "remediate_secrets": {"ssm:PutParameter", "ssm:DeleteParameter", "ssm:GetParameter"},
    },
    "azure-key-vault": {"watch": {TOKEN}, "remediate": {TOKEN, "lambda:DeleteFunction"}, "remediate_secrets": {TOKEN}},
    "gcp-secret-manager": {"remediate_secrets": {"lambda:UpdateFunctionConfiguration"}},
}


@pytest.mark.parametrize("name", LEADS)
def test_the_rights_of_a_way_out_follow_from_its_pin(name: str, tmp_path: Path) -> None:
    (tmp_path / "governance").mkdir()
    (tmp_path / "runbooks").symlink_to(ROOT / "runbooks")
    shutil.copy(ROOT / "resources.json", tmp_path)
    pins(tmp_path / "governance", STORES[name].lead)
    files = {path.name.partition(".")[0]: text for path, text in rendered_policies(tmp_path).items()}
    for function, wanted in LEADS[name].items():
        assert all(f'"{action}"' in files[function] for action in wanted), function
    others = {"secretsmanager:Create", "ssm:Put", TOKEN} - {"ssm:Put" if name == "ssm" else ""}
    others -= {TOKEN} if name == "azure-key-vault" else set()
    assert not [other for other in others if f'"{other}' in files["remediate_secrets"]]


PINS = "mode: propose\npins:\n  - {runbook: %s, version: 1.0.0, mode: propose}\n"


def pins(folder: Path, runbook: str) -> Source:
    (folder / "pins.yaml").write_text(PINS % runbook)
    return load_yaml(folder / "pins.yaml", BadGovernance, folder)


@pytest.mark.parametrize("name", ["azure-key-vault", "gcp-secret-manager"])
@pytest.mark.parametrize("verb", ["put", "lead"])
def test_a_pin_is_refused_where_its_client_is_missing(
    name: str, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = STORES[name]
    source = pins(tmp_path, getattr(store, verb))
    assert bool(pins_problems(source, packaged())) == is_missing(store)
    monkeypatch.setattr("chalicelib.vaults.find_spec", lambda module: None)
    (problem,) = pins_problems(source, packaged())
    assert problem.where == "pins.yaml:3" and store.title in problem.what
    assert f"suture[{store.extra}]" in problem.next_step
    with pytest.raises(CallFailed, match="is not in this package"):
        opened(store.service, lambda: "", f"{store.service}:DescribeSecret")


def test_a_pin_on_aws_needs_no_client(tmp_path: Path) -> None:
    assert pins_problems(pins(tmp_path, "lambda-store-secret-ssm"), packaged()) == ()
    assert foreign_stores(["ssm:PutParameter", "azure-keyvault:SetSecret", "azure-keyvault:DeleteSecret"]) == (
        STORES["azure-key-vault"],
    )
