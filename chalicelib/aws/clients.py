"""The one door to AWS: a client a service and region, made when first needed; errors classified once.

Stores outside AWS are behind the same door, and their adapters (`chalicelib.vaults`) stand beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as NotConnected
from botocore.session import Session

from ..denials import denial_of, remedy
from ..errors import Busy, CallFailed, Denied, Gone, Invalid, Misconfigured, Throttled
from ..model import Json
from .operations import api_of, operation, resource_of

if TYPE_CHECKING:
    import boto3  # a seventh of a cold start, for nothing that botocore lacks

    from ..vaults import Vault

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 4}, connect_timeout=3, read_timeout=20, user_agent="suture"
)

_NEXT = ("NextToken", "NextToken")
_MARKERS = {
    "lambda": ("NextMarker", "Marker"),
    "iam": ("Marker", "Marker"),
    "apigateway": ("position", "position"),
    "apigatewayv2": _NEXT,
    "sqs": _NEXT,
    "sns": _NEXT,
    "secretsmanager": _NEXT,
    "events": _NEXT,
    "kms": ("NextMarker", "Marker"),
    "ecr": ("nextToken", "nextToken"),
    "ssm": _NEXT,
    "stepfunctions": ("nextToken", "nextToken"),
    "ecs": ("nextToken", "nextToken"),
    "cloudformation": _NEXT,
    "organizations": _NEXT,
    "s3": ("ContinuationToken", "ContinuationToken"),
    "s3:ListObjectsV2": ("NextContinuationToken", "ContinuationToken"),
    "dynamodb:ListTables": ("LastEvaluatedTableName", "ExclusiveStartTableName"),
    "dynamodb": _NEXT,
    "cloudtrail": _NEXT,
    "cloudwatch": _NEXT,
    "cognito-idp": _NEXT,
    "config": _NEXT,
    "elbv2": ("NextMarker", "Marker"),
    "iot": ("nextToken", "nextToken"),
    "logs": ("nextToken", "nextToken"),
}
"""Where an answer says that there is more, and where the next request repeats it: by service, and by operation where a
service has several ways. botocore's paginators know the same, and cost a cold start the reading of one more model."""

_CLASSES: Mapping[str, type[CallFailed]] = {
    "AccessDenied": Denied,
    "AccessDeniedException": Denied,
    "UnauthorizedOperation": Denied,
    "403": Denied,
    "ResourceNotFoundException": Gone,
    "NotFoundException": Gone,
    "NoSuchEntity": Gone,
    "AWS.SimpleQueueService.NonExistentQueue": Gone,
    "QueueDoesNotExist": Gone,
    "NotFound": Gone,
    "PolicyNotFoundException": Gone,
    "RepositoryNotFoundException": Gone,
    "RepositoryPolicyNotFoundException": Gone,
    "NoSuchBucket": Gone,
    "NoSuchBucketPolicy": Gone,
    "NoSuchPublicAccessBlockConfiguration": Gone,
    "NoSuchTagSet": Gone,
    "ParameterNotFound": Gone,
    "InvalidResourceId": Gone,  # what SSM says of the tags of a parameter that is not there
    "StateMachineDoesNotExist": Gone,
    "ResourceNotFound": Gone,
    "TargetGroupNotFound": Gone,
    "KmsAccessDeniedException": Denied,
    "TooManyUpdates": Busy,
    "ResourceConflictException": Busy,
    "ConcurrentModification": Busy,
    "ConflictException": Busy,
    "EntityTemporarilyUnmodifiable": Busy,
    "PreconditionFailedException": Busy,
    "PreconditionFailed": Busy,
    "ConditionalRequestConflict": Busy,
    "ExpiredToken": Throttled,
    "ExpiredTokenException": Throttled,
    "Throttling": Throttled,
    "ThrottlingException": Throttled,
    "TooManyRequestsException": Throttled,
    "RequestLimitExceeded": Throttled,
    "ProvisionedThroughputExceededException": Throttled,
    "ServiceUnavailable": Throttled,
    "ServiceUnavailableException": Throttled,
    "InternalFailure": Throttled,
    "InternalServerError": Throttled,
    "ServiceException": Throttled,
    "ServiceFailure": Throttled,
}


_OUTSIDE = ("azure-keyvault", "gcp-secretmanager")
_ENTRA = {"Audience": ["api://AzureADTokenExchange"], "SigningAlgorithm": "RS256", "DurationSeconds": 300}
"""What Entra ID asks of a token that it exchanges: "Workload identity federation", Microsoft Learn."""


class Aws(Protocol):
    """What readers get: calls into one account and region."""

    account: str
    region: str
    partition: str

    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        """Make one catalogued call. Raises a CallFailed."""

    def pages(self, name: str, parameters: Mapping[str, Json], key: str) -> Iterator[Json]:
        """All items under `key` of a paginated call, one by one. Raises a CallFailed."""


class Clients:
    """An `Aws` for the account that the process's credentials belong to, or those of a boto3 session.

    `vaults` are adapters of stores outside AWS, by service; one that is missing is opened by its first call.
    """

    def __init__(self, account: str, region: str, session: boto3.session.Session | Session | None = None) -> None:
        if not region:
            raise Misconfigured(
                "no AWS region is set", where="environment", next_step="export AWS_REGION, or pass --region"
            )
        self.account, self.region = account, region
        self._session = session or Session()
        self.partition = self._session.get_partition_for_region(region) if "-" in region else "aws"
        self._clients: dict[str, Any] = {}
        self.vaults: dict[str, Vault] = {}

    def in_region(self, region: str) -> Clients:
        """The same account in another region; what the session has read is not read again."""
        there = Clients(self.account, region, self._session)
        there.vaults = self.vaults
        return there

    def client(self, service: str) -> Any:
        _hush()
        if service not in self._clients:
            own = isinstance(self._session, Session)
            make = self._session.create_client if own else self._session.client
            self._clients[service] = make(service, region_name=self.region, config=_CONFIG)
        return self._clients[service]

    def call(self, name: str, parameters: Mapping[str, Json]) -> Mapping[str, Json]:
        operation(name)
        service, api = api_of(name).split(":")
        if service in _OUTSIDE:
            return self._vault(service, name).call(name, parameters)
        try:
            return _without_metadata(getattr(self.client(service), _method(api))(**parameters))
        except (ClientError, BotoCoreError) as error:
            refused = error
        # Raised out here, so that what AWS said of a request with a secret in it is not even in a traceback.
        failed = classified(refused, name)
        if isinstance(failed, Denied):
            failed = self._denied(refused, name, failed, parameters)
        raise failed from (None if operation(name).hushed else refused)

    def _denied(self, refused: Exception, name: str, failed: Denied, parameters: Mapping[str, Json]) -> Denied:
        """The refusal with the action and the resource that it is about, and which policy should allow it."""
        entry = operation(name)
        actions = [action for action, _ in entry.iam]
        where = [resource_of(t, parameters, self.account, self.region, self.partition) for _, t in entry.iam]
        known = where[0] if len(where) == 1 and "*" not in where[0] else ""
        said = getattr(refused, "response", {}).get("Error", {}).get("Message") or ""
        denial = denial_of(str(said), actions, known, is_hushed=bool(entry.hushed))
        what = f"{name} answered {failed.code}: {denial.what}"
        told = Denied(what, operation=name, code=failed.code, where=failed.where, next_step=remedy(denial))
        place = f" on {denial.resource}" if denial.resource else ""
        told.missing = tuple(f"{action}{place}" for action in denial.actions)
        return told

    def _vault(self, service: str, name: str) -> Vault:
        if service not in self.vaults:
            from ..vaults import opened

            self.vaults[service] = opened(service, self._identity_token, name)
        return self.vaults[service]

    def _identity_token(self) -> str:
        """A token by which AWS says to Entra ID who we are (STS API Reference, GetWebIdentityToken)."""
        name = "sts:GetWebIdentityToken"
        try:
            return str(self.call(name, _ENTRA)["WebIdentityToken"])
        except AttributeError:
            step = "put a newer botocore into the layer with suture[azure]"
            raise Invalid(
                f"this botocore knows no {name}", operation=name, code="OldBotocore", next_step=step
            ) from None

    def pages(self, name: str, parameters: Mapping[str, Json], key: str) -> Iterator[Json]:
        told, asked = _MARKERS.get(name) or _MARKERS[name.split(":")[0]]
        last = None
        while True:
            answer = self.call(name, {**parameters, asked: last} if last else parameters)
            yield from answer.get(key, ())
            marker = answer.get(told)
            if not marker:
                return
            if marker == last:
                raise Invalid(f"{name} answered the same page twice", operation=name, code="SamePage")
            last = marker


def classified(error: ClientError | BotoCoreError, name: str) -> CallFailed:
    """What kind of failure an AWS error is. One that no table names is `Invalid`, which escalates."""
    kind_of_error, hushed = type(error).__name__, operation(name).hushed
    if isinstance(error, HTTPClientError | NotConnected | NoCredentialsError):
        said = kind_of_error if hushed else error
        return Throttled(f"{name} got no answer: {said}", operation=name, code=kind_of_error)
    if not isinstance(error, ClientError):  # its text may hold the value of a parameter, and that a secret
        return Invalid(f"{name} cannot be called: {kind_of_error}", operation=name, code=kind_of_error)
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    kind = _CLASSES.get(code) or (Throttled if status >= 500 else Invalid)
    message = "" if hushed else f": {str(error.response.get('Error', {}).get('Message', ''))[:300]}"
    return kind(f"{name} answered {code}{message}", operation=name, code=code)


def _hush() -> None:
    """Whatever level somebody sets, botocore's debug records, which hold whole requests and answers, stay unwritten."""
    theirs = logging.getLogger("botocore")
    if theirs.isEnabledFor(logging.DEBUG):
        theirs.setLevel(logging.INFO)


def _method(api: str) -> str:
    from botocore import xform_name

    return str(xform_name(api))


def _without_metadata(answer: Mapping[str, Json]) -> Mapping[str, Json]:
    return {k: v for k, v in answer.items() if k != "ResponseMetadata"}
