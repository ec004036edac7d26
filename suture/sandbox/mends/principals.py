"""Principals of policies: a role or user that is gone shows as its unique id, and no policy that names one is written.

moto keeps what it is given. AWS keeps the id of each role and user that a policy names, shows its ARN for as long as
it exists, and refuses a policy that names one that does not: IAM User Guide, "AWS JSON policy elements: Principal";
AWS re:Post, "Why is there an unknown principal format in my IAM resource-based policy?" and, a service each, "Invalid
principal in policy". Only the policy's own account is looked at: what other accounts hold, nobody here knows.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.models import ECRBackend, ecr_backends
from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend, events_backends
from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.models import IAMBackend, iam_backends
from moto.kms.models import KmsBackend, kms_backends
from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend, s3_backends
from moto.secretsmanager.models import SecretsManagerBackend, secretsmanager_backends
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, sns_backends
from moto.sqs.exceptions import InvalidAttributeValue
from moto.sqs.models import SQSBackend, sqs_backends

from .patching import around

Document = dict[str, Any]
Put = Callable[[Document], None]
_UNIQUE_ID = re.compile(r"A(IDA|ROA)[A-Z0-9]{12,}")


def mend() -> None:
    for backend, method, parameter, error in _WRITES:
        _refuse_before(backend, method, parameter, error)

    for name, found in (("delete_role", "get_role"), ("delete_user", "get_user")):
        _forget_after(name, found)


def _refuse_before(backend: type, method: str, parameter: str, error: Callable[[str], Any]) -> None:
    """Before `backend.method` keeps the policy in its `parameter` (or in the attribute Policy of that)."""
    wanted = inspect.signature(getattr(backend, method))

    @around(backend, method)
    def checked(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        given = wanted.bind(self, *args, **kwargs)
        policy = given.arguments.get(parameter)
        if isinstance(policy, Mapping):
            policy = policy.get("Policy")
        absent = absent_principal(policy, self.account_id)
        if absent:
            raise error(absent)
        return original(self, *args, **kwargs)


def absent_principal(policy: Any, account: str) -> str:
    """The first principal of a policy (JSON text or a document) that no longer exists in `account`, or nothing."""
    document = _read(policy)
    if document is None:
        return ""
    named = [who for who in _named(document) if _UNIQUE_ID.fullmatch(who) or _is_of(who, account)]
    there = {known for arn, id_ in _identities(account) for known in (arn, id_)} if named else set()
    return next((who for who in named if who not in there), "")


def _read(policy: Any) -> Document | None:
    try:
        document = json.loads(policy) if isinstance(policy, str | bytes) else policy
    except ValueError:
        return None
    return document if isinstance(document, dict) and _statements(document) else None


def _statements(document: Document) -> list[Any]:
    listed = document.get("Statement") or []
    return [listed] if isinstance(listed, dict) else list(listed)


def _blocks(document: Document) -> Iterator[dict[str, Any]]:
    for statement in _statements(document):
        for name in ("Principal", "NotPrincipal") if isinstance(statement, dict) else ():
            if isinstance(statement.get(name), dict):
                yield statement[name]


def _named(document: Document) -> Iterator[str]:
    for block in _blocks(document):
        named = block.get("AWS") or []
        yield from (who for who in ([named] if isinstance(named, str) else named) if isinstance(who, str))


def _is_of(who: str, account: str) -> bool:
    parts = who.split(":", 5)
    is_identity = len(parts) == 6 and parts[2] == "iam" and parts[5].startswith(("role/", "user/"))
    return is_identity and parts[4] == account and "*" not in who


def _identities(account: str) -> Iterator[tuple[str, str]]:
    """The ARN and the unique id of every role and user."""
    for backend in list(iam_backends[account].values()):
        yield from ((str(role.arn), str(role.id)) for role in list(backend.roles.values()))
        yield from ((str(user.arn), str(user.id)) for user in list(backend.users.values()))


def _forget_after(method: str, find: str) -> None:
    @around(IAMBackend, method)
    def forgotten(original: Any, self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        owner = getattr(self, find)(name)
        arn, id_ = str(owner.arn), str(owner.id)
        answer = original(self, name, *args, **kwargs)
        for document, put in list(held_policies(self.account_id)):
            if arn in _named(document):
                put(_with(document, arn, id_))
        return answer


def _with(document: Document, arn: str, id_: str) -> Document:
    """The document with a unique id in the place of an ARN among its principals."""
    changed: Document = json.loads(json.dumps(document))
    for block in _blocks(changed):
        named = block.get("AWS")
        if named == arn:
            block["AWS"] = id_
        elif isinstance(named, list):
            block["AWS"] = [id_ if who == arn else who for who in named]
    return changed


_HOLDERS: tuple[tuple[Any, str, str], ...] = (
    (iam_backends, "roles", "assume_role_policy_document"),
    (sqs_backends, "queues", "policy"),
    (sns_backends, "topics", "policy"),
    (kms_backends, "keys", "policy"),
    (secretsmanager_backends, "secrets", "policy"),
    (s3_backends, "buckets", "policy"),
    (dynamodb_backends, "resource_policies", "policy_doc"),
    (ecr_backends, "repositories", "policy"),
)
"""What holds a policy as one text: a service's backends, their owners of policies, and the attribute that it is."""


def held_policies(account: str) -> Iterator[tuple[Document, Put]]:
    """Every trust and resource policy of an account that is there, and how it is replaced."""
    for backends, owners, name in _HOLDERS:
        for backend in list(backends[account].values()):
            for owner in list(getattr(backend, owners).values()):
                yield from _text_of(owner, name)
    yield from _of_statements(account)


def _text_of(owner: Any, name: str) -> Iterator[tuple[Document, Put]]:
    kept = getattr(owner, name, None)
    document = _read(kept)
    if document is not None:

        def put(new: Document) -> None:
            text = json.dumps(new)
            setattr(owner, name, text.encode() if isinstance(kept, bytes) else text)

        yield document, put


def _of_statements(account: str) -> Iterator[tuple[Document, Put]]:
    """Policies that are kept as statements: those of functions and of event buses."""
    for lambdas in list(lambda_backends[account].values()):
        for grants in list(lambdas._lambdas.__dict__.get("suture_grants", {}).values()):

            def put(new: Document, grants: Any = grants) -> None:
                grants.statements = new["Statement"]

            yield {"Statement": grants.statements}, put
    for events in list(events_backends[account].values()):
        for bus in list(events.event_buses.values()):
            document = _read(bus.policy)
            if document is not None:
                yield document, bus.add_policy


class _Malformed(JsonRESTError):  # type: ignore[misc]
    code = 400

    def __init__(self, message: str) -> None:
        super().__init__("MalformedPolicyDocumentException", message)


class _MalformedBucketPolicy(S3ClientError):  # type: ignore[misc]
    def __init__(self, who: str) -> None:
        super().__init__("MalformedPolicy", "Invalid principal in policy")


def _of_iam(who: str) -> Any:
    return MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{who}"')


def _of_kms(who: str) -> Any:
    return _Malformed("Policy contains a statement with one or more invalid principals.")


def _of_secrets(who: str) -> Any:
    return _Malformed("This resource policy contains an unsupported principal.")


def _of_sqs(who: str) -> Any:
    return InvalidAttributeValue("Policy")


def _of_sns(who: str) -> Any:
    return SNSInvalidParameter("Invalid parameter: Policy Error: PrincipalNotFound")


def _of_ecr(who: str) -> Any:
    what = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    return InvalidParameterException(what)


def _of_dynamodb(who: str) -> Any:
    return MockValidationException(f"Invalid policy document: Invalid principal in policy: {who}")


def _of_events(who: str) -> Any:
    return ValidationException(f"Provided principal is not valid. Principal: {who}")


_WRITES: tuple[tuple[type, str, str, Callable[[str], Any]], ...] = (
    (IAMBackend, "create_role", "assume_role_policy_document", _of_iam),
    (IAMBackend, "update_assume_role_policy", "policy_document", _of_iam),
    (SQSBackend, "create_queue", "kwargs", _of_sqs),
    (SQSBackend, "set_queue_attributes", "attributes", _of_sqs),
    (SNSBackend, "create_topic", "attributes", _of_sns),
    (SNSBackend, "set_topic_attribute", "attribute_value", _of_sns),
    (KmsBackend, "create_key", "policy", _of_kms),
    (KmsBackend, "put_key_policy", "policy", _of_kms),
    (SecretsManagerBackend, "put_resource_policy", "policy", _of_secrets),
    (S3Backend, "put_bucket_policy", "policy", _MalformedBucketPolicy),
    (DynamoDBBackend, "put_resource_policy", "policy_doc", _of_dynamodb),
    (ECRBackend, "set_repository_policy", "policy_text", _of_ecr),
    (EventsBackend, "put_permission", "policy", _of_events),
)
"""Each method that keeps a policy, the parameter that holds it, and how its service refuses it."""
