"""What names and methods of the AWS SDK for JavaScript call, version 2 and 3."""

from __future__ import annotations

from . import sdk

DOCUMENT_METHODS = {
    "get": "GetItem",
    "put": "PutItem",
    "update": "UpdateItem",
    "delete": "DeleteItem",
    "query": "Query",
    "scan": "Scan",
    "batchGet": "BatchGetItem",
    "batchWrite": "BatchWriteItem",
    "transactGet": "TransactGetItems",
    "transactWrite": "TransactWriteItems",
    "executeStatement": "ExecuteStatement",
    "batchExecuteStatement": "BatchExecuteStatement",
    "executeTransaction": "ExecuteTransaction",
}
"""Methods of DynamoDB's document client (v2 and v3's lib-dynamodb; there each also is `GetCommand` and so on)."""

QUIET = frozenset(
    (
        "send",
        "destroy",
        "on",
        "promise",
        "createSet",
        "middlewareStack",
        "setEndpoint",
        "removeListener",
        "catch",
        "then",
    )
)
"""Methods of clients that call nothing by themselves; what `send` sends is a command of its own."""


def service_of(package: str) -> str:
    """botocore's service of `@aws-sdk/client-s3` or `aws-sdk/clients/s3`; nothing for other modules."""
    for head in ("@aws-sdk/client-", "aws-sdk/clients/"):
        if package.startswith(head):
            return sdk.service_named(package.removeprefix(head).removesuffix(".js"))
    return ""


def is_sdk(package: str) -> bool:
    return package == "aws-sdk" or package.startswith(("aws-sdk/", "@aws-sdk/", "@smithy/", "@aws-crypto/"))


def operation(service: str, method: str) -> str:
    """The operation of a method in camel case; nothing where there is none."""
    return sdk.operations(service).get(method.lower(), "") if "_" not in method else ""


def waited(service: str, state: str) -> str:
    """The operation that `waitFor('bucketExists')` polls."""
    return sdk.waiters(service).get(state.lower(), "")


def command(package: str, symbol: str) -> tuple[str, str]:
    """Service and operation of `GetObjectCommand`; nothing for what is no command."""
    if not symbol.endswith("Command"):
        return "", ""
    name = symbol.removesuffix("Command")
    if package == "@aws-sdk/lib-dynamodb":
        return "dynamodb", DOCUMENT_METHODS.get(name[:1].lower() + name[1:], "")
    service = service_of(package)
    return service, operation(service, name) if service else ""


def function(package: str, symbol: str) -> tuple[str, str]:
    """Service and operation of `paginateListObjectsV2` and `waitUntilTableExists`."""
    service = "dynamodb" if package == "@aws-sdk/lib-dynamodb" else service_of(package)
    if symbol.startswith("paginate") and service:
        name = symbol.removeprefix("paginate")
        found = operation(service, name)
        return service, found or (DOCUMENT_METHODS.get(name.lower(), "") if "lib-" in package else "")
    if symbol.startswith("waitUntil") and service:
        return service, sdk.waiters(service).get(symbol.removeprefix("waitUntil").lower(), "")
    return "", ""


def made_by(package: str, symbol: str) -> str:
    """What `new` makes of a symbol: a service's name for a client, `documents`, or nothing."""
    if symbol in ("DynamoDB.DocumentClient", "DocumentClient", "DynamoDBDocumentClient", "DynamoDBDocument"):
        return "documents"
    if package == "aws-sdk":
        return sdk.service_named(symbol)
    service = service_of(package)
    if not service:
        return ""
    plain = symbol.removesuffix("Client").lower()
    return service if symbol.endswith("Client") or sdk.service_named(plain) == service else ""
