"""Key Vault and Secret Manager by their official clients on loopback: what a refusal becomes, and that none leaks."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from places import ADMIN, MEMBER, Place, azure_vault, endpoint, place

from chalicelib.errors import Busy, CallFailed, Denied, Gone, Invalid, Throttled
from suture.sandbox.vaults import key_vault, secret_manager
from suture.sandbox.vaults.loopback import Answer, Asked

VALUE = "hunter2-" + "Tr0ub4dor&3"


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with place("azure-key-vault", tmp_path, monkeypatch) as at:
        yield at


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with place("gcp-secret-manager", tmp_path, monkeypatch) as at:
        yield at


def call(at: Place, operation: str, **more: Any) -> Mapping[str, Any]:
    assert at.vault is not None
    if at.name == "azure-key-vault":
        return at.vault.call(f"azure-keyvault:{operation}", {"Vault": at.params["vault"], "Name": "s-1", **more})
    return at.vault.call(f"gcp-secretmanager:{operation}", {"Project": secret_manager.PROJECT, "Name": "s-1", **more})


def put(at: Place, value: str = VALUE, token: str = "t") -> Mapping[str, Any]:
    if at.name == "azure-key-vault":
        return call(at, "SetSecret", Value=value, Tags={"suture:token": token})
    if "s-1" not in at.service.secrets:
        call(at, "CreateSecret", Annotations={}, Locations=[])
    return call(at, "AddSecretVersion", Value=value)


@pytest.fixture(params=["azure", "google"])
def at(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


# --- the same for both ----------------------------------------------------------------------------------------------

REFUSALS = [
    (400, Invalid),
    (401, Denied),
    (403, Denied),
    (404, Gone),
    (409, Invalid),
    (429, Throttled),
    (500, Throttled),
    (503, Throttled),
]


def refusing(status: int, echo: str) -> Callable[[Asked], Answer | None]:
    """A service that refuses everything but signing in, and repeats the request's secret in doing so."""
    body = {"error": {"code": status, "status": "OF_A_TEST", "message": f"you sent {echo}"}}

    def refuse(asked: Asked) -> Answer | None:
        is_signing_in = "/oauth2/" in asked.path or "/.well-known/" in asked.path or asked.path == "/token"
        return None if is_signing_in else Answer(status, body, {"Retry-After": "60"})

    return refuse


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
def test_a_refusal_comes_at_once_as_our_own_error_without_the_value(
    at: Place, status: int, kind: type[CallFailed], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    put(at)
    assert at.loopback is not None
    at.loopback.refuse = refusing(status, VALUE)
    with pytest.raises(kind) as refused:
        put(at, VALUE, "another")
    assert refused.value.__context__ is None and refused.value.__cause__ is None
    assert refused.value.operation.split(":")[1] in ("SetSecret", "AddSecretVersion")
    told = "".join(traceback.format_exception(refused.value)) + repr(vars(refused.value))
    told += "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    for form in (VALUE, quote(VALUE), base64.b64encode(VALUE.encode()).decode(), VALUE[::-1]):
        assert form not in told


def test_a_service_that_does_not_answer_is_waited_for(at: Place) -> None:
    from chalicelib.vaults.secret_manager import SecretManager

    put(at)
    assert at.vault is not None
    if at.name == "gcp-secret-manager":
        at.vault = SecretManager({**at.vault._options, "client_options": {"api_endpoint": "127.0.0.1:1"}})
    with pytest.raises(Throttled):
        call(at, "DescribeSecret", **({"Vault": "https://127.0.0.1:1"} if at.name == "azure-key-vault" else {}))


def test_the_same_request_twice_stores_once(at: Place) -> None:
    assert put(at) == put(at)
    assert [len(v) for v in (call(at, "DescribeSecret")["Versions"],)] == [1]


def test_answers_hold_no_value(at: Place) -> None:
    assert VALUE not in repr(put(at)) + repr(call(at, "DescribeSecret"))


def test_the_value_of_a_version_comes_back_for_an_undo(at: Place) -> None:
    fetch = {"azure-key-vault": "GetSecret", "gcp-secret-manager": "AccessSecretVersion"}[at.name]
    version = put(at)["VersionId"]
    assert call(at, fetch, Version=version)["Value"] == VALUE
    with pytest.raises(Gone):
        call(at, fetch, Version="7" if at.name == "gcp-secret-manager" else "0" * 32)


@pytest.mark.parametrize("value", ["ä€😀", "line\nbreak", "x" * 4000, '{"a": "b"}', " ", "=1+1", "\x00"])
def test_any_value_arrives_whole(at: Place, value: str) -> None:
    put(at, value)
    assert at.holds("s-1") == [value]


# --- Key Vault ------------------------------------------------------------------------------------------------------


def test_the_client_sends_no_body_before_it_is_challenged(azure: Place) -> None:
    put(azure)
    assert azure.loopback is not None
    unsigned = [a for a in azure.loopback.asked if a.path.startswith("/secrets") and not a.bearer]
    assert unsigned and all(a.body is None for a in unsigned)
    assert [a.query["api-version"] for a in azure.loopback.asked if a.path.startswith("/secrets")][-1] == "7.4"


def test_a_challenge_for_another_domain_gets_no_token(azure: Place) -> None:
    """The client's own check, which is only off in these tests: a vault that is none of Azure's is sent nothing."""
    from azure.identity import ClientSecretCredential

    from chalicelib.vaults.key_vault import KeyVault

    assert azure.loopback is not None
    credential = ClientSecretCredential(
        key_vault.TENANT, key_vault.CLIENT, "x", authority=azure.loopback.url, disable_instance_discovery=True
    )
    strict = Place("azure-key-vault", azure.params, KeyVault(lambda: "", credential), azure.loopback, azure.service)
    with pytest.raises(Invalid):
        put(strict)
    assert not [a for a in azure.loopback.asked if "/oauth2/" in a.path or a.bearer or VALUE in repr(a.body)]


def test_a_wrong_client_secret_is_denied(azure: Place) -> None:
    assert azure.loopback is not None
    wrong = Place("azure-key-vault", azure.params, azure_vault(azure.loopback, "wrong"), azure.loopback, azure.service)
    with pytest.raises(Denied, match=r"docs/stores\.md"):
        put(wrong)


def test_a_token_of_aws_signs_in_without_a_stored_secret(azure: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a Lambda function does by default: tenant and client in the environment, the assertion from STS."""
    from chalicelib.vaults.key_vault import KeyVault

    assert azure.loopback is not None
    for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", azure.loopback.url)
    monkeypatch.setenv("AZURE_TENANT_ID", key_vault.TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", key_vault.CLIENT)
    asked: list[str] = []
    vault = KeyVault(lambda: asked.append("token") or "a.b.c", None, {"verify_challenge_resource": False})
    monkeypatch.setattr("azure.identity.ClientAssertionCredential", _without_discovery)
    put(Place("azure-key-vault", azure.params, vault, azure.loopback, azure.service))
    assert asked == ["token"]
    forms = [a.body for a in azure.loopback.asked if "/oauth2/" in a.path]
    assert [f["client_assertion"] for f in forms] == ["a.b.c"] and "client_secret" not in forms[0]


def _without_discovery(tenant: str, client: str, token: Callable[[], str]) -> Any:
    """The client's own credential; an authority on loopback is in nobody's list of instances."""
    from azure.identity._credentials.client_assertion import ClientAssertionCredential

    return ClientAssertionCredential(tenant, client, token, disable_instance_discovery=True)


def test_nothing_to_sign_in_with_is_said(azure: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.vaults.key_vault import KeyVault

    for name in ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Denied, match="AZURE_TENANT_ID"):
        put(Place("azure-key-vault", azure.params, KeyVault(lambda: "")))


def test_a_name_that_is_taken_gets_no_new_version(azure: Place) -> None:
    put(azure)
    with pytest.raises(Invalid, match="did not make it"):
        put(azure, "other", "of-another-case")
    assert azure.holds("s-1") == [VALUE]


def test_soft_deletion_keeps_the_name_and_gives_the_secret_back(azure: Place) -> None:
    put(azure)
    azure.service.lag = 4
    call(azure, "DeleteSecret")
    described = call(azure, "DescribeSecret")
    assert (described["Versions"], described["Deleted"]) == ([], False), "it is on its way"
    with pytest.raises(Busy):
        call(azure, "RecoverDeletedSecret")
    with pytest.raises(Invalid) as refused:
        put(azure)
    assert refused.value.code == "ObjectIsDeletedButRecoverable"
    assert call(azure, "DescribeSecret")["Deleted"]
    call(azure, "RecoverDeletedSecret")
    assert azure.holds("s-1") == [VALUE]


def test_what_was_purged_is_gone(azure: Place) -> None:
    put(azure)
    call(azure, "DeleteSecret")
    azure.service.deleted.clear()
    with pytest.raises(Gone):
        call(azure, "RecoverDeletedSecret")


@pytest.mark.parametrize("right", ["List", "Set", "Delete"])
def test_a_missing_right_is_denied(azure: Place, right: str) -> None:
    azure.service.denied = {right}
    with pytest.raises(Denied, match="Secrets Officer"):
        put(azure)
        call(azure, "DeleteSecret")


def test_versions_over_several_pages_are_all_seen(azure: Place) -> None:
    azure.service.page = 1
    put(azure)
    version = azure.service.secrets["s-1"][0]
    azure.service.secrets["s-1"] += [type(version)(f"v{n}", "x", "", {}, True, 0) for n in range(3)]
    assert len(call(azure, "DescribeSecret")["Versions"]) == 4


# --- Secret Manager -------------------------------------------------------------------------------------------------


def test_aws_signs_in_at_google_without_a_stored_secret(google: Place) -> None:
    """Workload identity federation: a signed GetCallerIdentity is exchanged for a token."""
    from google.auth.aws import Credentials

    from chalicelib.vaults.secret_manager import SecretManager

    assert google.loopback is not None
    pool = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/aws"
    check = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    credentials = Credentials.from_info(
        {
            "type": "external_account",
            "audience": pool,
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
            "token_url": f"{google.loopback.url}/v1/token",
            "credential_source": {"environment_id": "aws1", "regional_cred_verification_url": check},
        },
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )
    vault = SecretManager({"credentials": credentials, "client_options": endpoint(google.loopback)})
    put(Place(google.name, google.params, vault, google.loopback, google.service))
    assert google.holds("s-1") == [VALUE]
    assert google.loopback.asked[0].path == "/v1/token"


def test_a_policy_changed_meanwhile_is_not_overwritten(google: Place) -> None:
    put(google)
    secret = google.service.secrets["s-1"]
    theirs = {"role": "roles/secretmanager.admin", "members": [ADMIN]}

    def change(asked: Asked) -> None:
        if asked.path.endswith(":setIamPolicy"):
            secret.bindings, secret.policy_etag = [theirs], "BwXchanged="

    assert google.loopback is not None
    google.loopback.refuse = change
    with pytest.raises(Busy):
        call(google, "AddSecretAccessor", Member=MEMBER)
    assert secret.bindings == [theirs]


def test_a_grant_and_its_undo_leave_the_rest_of_the_policy(google: Place) -> None:
    put(google)
    secret = google.service.secrets["s-1"]
    theirs = [
        {"role": "roles/secretmanager.admin", "members": ["user:sam@shop.example"]},
        {"role": "roles/secretmanager.secretAccessor", "members": ["user:olly@shop.example"]},
    ]
    secret.bindings = theirs
    call(google, "AddSecretAccessor", Member=MEMBER)
    call(google, "AddSecretAccessor", Member=MEMBER)
    assert call(google, "GetSecretAccessors")["Members"] == sorted([MEMBER, "user:olly@shop.example"])
    call(google, "RemoveSecretAccessor", Member=MEMBER)
    call(google, "RemoveSecretAccessor", Member=MEMBER)
    assert secret.bindings == theirs


def test_a_version_that_is_destroyed_stays_so(google: Place) -> None:
    put(google)
    google.service.secrets["s-1"].versions[0]["state"] = "DESTROYED"
    for operation in ("DisableSecretVersion", "EnableSecretVersion"):
        with pytest.raises(Invalid) as refused:
            call(google, operation, Version="1")
        assert refused.value.code == "FAILED_PRECONDITION"


def test_replicas_and_their_key_are_as_configured(google: Place) -> None:
    call(google, "CreateSecret", Annotations={"suture.case": "C-1"}, Locations=["europe-west1"], KmsKeyName="k")
    described = google.service.secrets["s-1"].described
    replica = {"location": "europe-west1", "customerManagedEncryption": {"kmsKeyName": "k"}}
    assert described["replication"] == {"userManaged": {"replicas": [replica]}}
    assert described["annotations"] == {"suture.case": "C-1"}


@pytest.mark.parametrize(("data", "crc"), [(b"123456789", 0xE3069283), (b"", 0), (b"a", 0xC1D04330)])
def test_the_checksum_is_castagnolis(data: bytes, crc: int) -> None:
    from chalicelib.vaults.secret_manager import crc32c

    assert crc32c(data) == crc
