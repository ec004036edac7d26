"""Recompute the whole record of a deployment: every case's chain, and every day's signed manifest.

Reads the table and the audit bucket with the caller's own credentials, and nothing of it is believed because Suture
says so: hashes are computed anew, and KMS checks the signatures.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.audit import Problem, Sealed, Stored, anchor_problems, chain_problems, link, opened
from chalicelib.errors import BadInput
from chalicelib.model import Json

_FOLDER = "manifests/"
_READS = 3
"""So often is a case read again that does not add up: it may just be moving."""


@dataclass(frozen=True, slots=True)
class Told:
    """One case as the table tells it: its records in order, and its head as (version, hash) and text, or None."""

    case: str
    records: tuple[Stored, ...]
    head: tuple[int, str] | None
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One day's anchor, and how often the object was written. `sealed` is None where it is no manifest of ours."""

    day: str
    sealed: Sealed | None
    writes: int


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and everything that is wrong with it."""

    cases: int
    records: int
    manifests: int
    last_day: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a deployment keeps its record. `session` is a boto3 session; an empty `bucket` means: the table alone."""

    session: Any
    table: str
    bucket: str
    key: str

    def cases(self) -> dict[str, Told]:
        """Every case of the table. Raises ClientError or BotoCoreError."""
        pages = (
            self._dynamodb()
            .get_paginator("scan")
            .paginate(
                TableName=self.table,
                ConsistentRead=True,
                FilterExpression="begins_with(pk, :case)",
                ExpressionAttributeValues={":case": {"S": "CASE#"}},
            )
        )
        found: dict[str, list[Mapping[str, Any]]] = {}
        for page in pages:
            for item in page["Items"]:
                found.setdefault(item["pk"]["S"].removeprefix("CASE#"), []).append(item)
        return {case: _told(case, items) for case, items in sorted(found.items())}

    def case(self, id_: str) -> Told:
        """One case, read again."""
        pages = (
            self._dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self.table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :case",
                ExpressionAttributeValues={":case": {"S": f"CASE#{id_}"}},
            )
        )
        return _told(id_, [item for page in pages for item in page["Items"]])

    def manifests(self) -> Iterator[Manifest]:
        """Every day's manifest, in order, each as it was first written."""
        s3 = self.session.client("s3")
        versions: dict[str, list[Mapping[str, Any]]] = {}
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=_FOLDER):
            for version in page.get("Versions", ()):
                versions.setdefault(version["Key"], []).append(version)
        for key in sorted(versions):
            day = key.removeprefix(_FOLDER).removesuffix(".json")
            yield Manifest(day, opened(self._first(s3, versions[key])), len(versions[key]))

    def is_signed(self, manifest: Sealed) -> bool:
        """Does KMS say that the deployment's key signed this very text?"""
        try:
            answer = self.session.client("kms").verify(
                KeyId=self.key,
                Message=hashlib.sha256(manifest.text.encode()).digest(),
                MessageType="DIGEST",
                Signature=base64.b64decode(manifest.signature),
                SigningAlgorithm="ECDSA_SHA_256",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in ("KMSInvalidSignatureException", "ValidationException"):
                return False
            raise
        return bool(answer["SignatureValid"])

    def public_key(self) -> bytes:
        """The key that checks the signatures without AWS, as DER."""
        return bytes(self.session.client("kms").get_public_key(KeyId=self.key)["PublicKey"])

    def _first(self, s3: Any, versions: list[Mapping[str, Any]]) -> str:
        first = min(reversed(versions), key=lambda v: v["LastModified"])  # S3 lists the newest first
        answer = s3.get_object(Bucket=self.bucket, Key=first["Key"], VersionId=first["VersionId"])
        return str(answer["Body"].read().decode("utf-8", "replace"))

    def _dynamodb(self) -> Any:
        return self.session.client("dynamodb")


def verify(source: Source, since: str = "") -> Verified:
    """Recompute everything; with `since` (a day) only the manifests of that day and later are held against the table.

    Raises BadInput with the next step where the table, the bucket or the key cannot be read.
    """
    try:
        manifests = list(source.manifests()) if source.bucket else []
        cases = source.cases()
        problems = [p for told in cases.values() for p in _chain(source, told)]
        problems += _anchors(source, manifests, cases, since)
    except (ClientError, BotoCoreError) as error:
        raise BadInput(
            f"the record cannot be read: {error}",
            where=f"table {source.table}" + (f", bucket {source.bucket}" if source.bucket else ""),
            next_step="use credentials that may read the table, the bucket and kms:Verify, and check the names",
        ) from error
    records = sum(len(told.records) for told in cases.values())
    last = manifests[-1].day if manifests else ""
    return Verified(len(cases), records, len(manifests), last, tuple(problems))


def _chain(source: Source, told: Told) -> tuple[Problem, ...]:
    for _ in range(_READS):
        problems = tuple(chain_problems(told.case, told.records, told.head))
        if not problems:
            break
        told = source.case(told.case)
    return problems


def _anchors(source: Source, manifests: list[Manifest], cases: Mapping[str, Told], since: str) -> Iterator[Problem]:
    hashes = {case: {r.sk: link(r.text) for r in told.records} for case, told in cases.items()}
    before = ""
    for manifest in manifests:
        where, kept = f"manifest {manifest.day}", manifest.sealed
        if manifest.writes > 1:
            yield Problem("", where, f"it was written {manifest.writes} times; the first writing is looked at")
        if kept is None or not source.is_signed(kept):
            yield Problem("", where, "it is not signed by the deployment's key")
        elif kept.document["previous"] != before or kept.document["day"] != manifest.day:
            yield Problem("", where, "it does not follow from the manifest before: one is missing or was replaced")
        if kept is not None and manifest.day >= since:
            yield from anchor_problems(kept.document, hashes)
        before = link(kept.text) if kept else ""


def _told(case: str, items: list[Mapping[str, Any]]) -> Told:
    bodies = {item["sk"]["S"]: str(item.get("body", {}).get("S", "")) for item in items}
    records = tuple(Stored(sk, text) for sk, text in sorted(bodies.items()) if sk.startswith("R#"))
    text = bodies.get("HEAD", "")
    data = _head(text)
    return Told(case, records, (data["version"], str(data.get("chain", ""))) if data else None, text)


def _head(text: str) -> Mapping[str, Json] | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) and type(data.get("version")) is int else None
