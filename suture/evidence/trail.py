"""What a role did, from CloudTrail records in files: S3 log files, JSON lines, LookupEvents' answers, replay files."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedIOBase, BufferedReader, BytesIO
from pathlib import Path

from chalicelib.iam.actions import PASS_ROLE, of_event
from chalicelib.iam.evidence import TRAIL, Observed, is_unseen, service_of
from chalicelib.model import Json
from suture.recordings import Broken, documents, records

from .arns import Where, arns

_REFUSED = ("AccessDenied", "UnauthorizedOperation", "UnauthorizedAccess", "Client.UnauthorizedOperation")
_PASSING = ("Create", "Update", "Put", "Register", "Run", "Start", "Submit", "Associate", "Modify", "Import")
_TAGGING = {"ec2": "ec2:CreateTags", "sqs": "sqs:TagQueue", "iam": "iam:TagRole", "ssm": "ssm:AddTagsToResource"}
EXCLUDABLE = ("kms", "rds-data")
"""Services whose events a trail can leave out (CloudTrail User Guide, "Logging management events")."""


LARGEST_UNPACKED = 512 * 1024 * 1024
"""Bytes of one file that are unpacked at most; CloudTrail's own are below 50 MB."""
NOT_RECORDS = ("CloudTrail-Digest", "CloudTrail-Insight", "CloudTrail-Aggregated")
"""Folders beside the log files whose files hold no records (CloudTrail User Guide, "Finding your log files")."""


@dataclass(slots=True)
class Trail:
    """The role's calls in some files. `records` counts everybody's, `mine` the role's; `problems` are pieces that are
    no records, `unread` counts those of them that may have been calls of the role, for all that is known.

    `regions` are those that any record is of, `data` the services of which there are data events, by anybody.
    """

    found: dict[tuple[str, str], Observed] = field(default_factory=dict)
    records: int = 0
    mine: int = 0
    refused: int = 0
    first: str = ""
    last: str = ""
    regions: set[str] = field(default_factory=set)
    data: set[str] = field(default_factory=set)
    included: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    unread: int = 0

    @property
    def observed(self) -> list[Observed]:
        return list(self.found.values())

    def cannot_read(self, what: str) -> None:
        """A piece with unknown content."""
        self.problems.append(what)
        self.unread += 1


class Reading:
    """Collects the calls of one role, by its ARN, out of any number of files; older ones than `since` (ISO) are left
    out. `trail` has what was found so far."""

    def __init__(self, role: str, since: str = "") -> None:
        self.trail, self.role, self.since = Trail(), role, since
        self._found = self.trail.found

    def path(self, path: Path) -> None:
        """A file, or all files below a folder. Never raises."""
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if path.is_dir() and any(part in NOT_RECORDS for part in file.relative_to(path).parts):
                continue
            try:
                with file.open("rb") as raw:
                    self.stream(file.name, raw)
            except OSError as error:
                self.trail.cannot_read(f"{file.name}: cannot be read ({type(error).__name__})")

    def stream(self, name: str, raw: BufferedReader | BytesIO) -> None:
        """One file's bytes, packed or not. Cut off or too large is a problem; what came before it counts."""
        try:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            limited = _Limited(gzip.GzipFile(fileobj=raw) if packed else raw)
            for place, document in documents(limited):
                for inner, record in records(document):
                    self._piece(" ".join(filter(None, (name, place, inner))), record)
        except (OSError, EOFError, zlib.error) as error:
            what = str(error) if isinstance(error, _TooLarge) else type(error).__name__
            self.trail.cannot_read(f"{name}: cannot be read ({what})")

    def _piece(self, place: str, record: Json | Broken) -> None:
        event = _event(record)
        if event is not None:
            self.take(event, place)
        elif isinstance(record, Broken):
            self.trail.cannot_read(f"{place}: {record.what}")
        else:
            self.trail.problems.append(f"{place}: it is no CloudTrail record")

    def take(self, record: Mapping[str, Json], place: str, last: str = "", calls: int = 1) -> None:
        """One record; or one that stands for several `calls`, from its own time to `last`."""
        when, trail = str(record.get("eventTime") or ""), self.trail
        last = last or when
        if not _is_time(when) or (self.since and last[:10] < self.since[:10]):
            return
        trail.records += calls
        trail.first, trail.last = min(trail.first or when, when), max(trail.last, last)
        trail.regions.add(str(record.get("awsRegion") or ""))
        service = service_of(next(iter(of_event(str(record.get("eventSource")), str(record["eventName"])))))
        if record.get("managementEvent") is False or record.get("eventCategory") == "Data":
            trail.data.add(service)
        elif service in EXCLUDABLE:
            trail.included.add(service)
        if not is_of(record, self.role) or record.get("eventType") == "AwsServiceEvent":
            return
        trail.mine += calls
        if _is_refused(str(record.get("errorCode") or "")):
            trail.refused += calls
            return
        for action, arn in _actions(record):
            known = self._found.get((action, arn))
            first, until = (min(known.first, when), max(known.last, last)) if known else (when, last)
            self._found[action, arn] = Observed(action, arn, TRAIL, first, until, known.place if known else place)


class _TooLarge(OSError):
    pass


class _Limited(BufferedIOBase):
    """A stream of which no more than `LARGEST_UNPACKED` bytes are read: a few packed ones may stand for very many."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream, self._left = stream, LARGEST_UNPACKED

    def readline(self, size: int | None = -1) -> bytes:
        line = self._stream.readline(-1 if size is None else size)
        self._left -= len(line)
        if self._left < 0:
            raise _TooLarge(f"more than {LARGEST_UNPACKED // 1024 // 1024} MB")
        return line


def read_trail(paths: Iterable[Path], role: str, since: str = "") -> Trail:
    """Read files and folders for the calls of a role, by its ARN; older ones than `since` (ISO) are left out."""
    reading = Reading(role, since)
    for path in paths:
        reading.path(path)
    return reading.trail


def _event(record: Json | Broken) -> Mapping[str, Json] | None:
    """The CloudTrail record itself, out of an EventBridge envelope too."""
    if isinstance(record, dict) and isinstance(record.get("detail"), dict):
        record = record["detail"]
    return record if isinstance(record, dict) and isinstance(record.get("eventName"), str) else None


def is_of(record: Mapping[str, Json], role: str) -> bool:
    """Whether a session of the role made the call. The issuer's ARN has the role's path; the session's has not."""
    identity = record.get("userIdentity")
    if not isinstance(identity, dict):
        return False
    context = identity.get("sessionContext")
    issuer = context.get("sessionIssuer") if isinstance(context, dict) else None
    if isinstance(issuer, dict) and isinstance(issuer.get("arn"), str):
        return bool(issuer["arn"] == role)
    parts, mine = str(identity.get("arn") or "").split(":", 5), role.split(":", 5)
    if identity.get("type") != "AssumedRole" or len(parts) != 6 or len(mine) != 6:
        return False
    return parts[4] == mine[4] and parts[5].split("/")[1:2] == mine[5].split("/")[-1:]


def _is_refused(code: str) -> bool:
    return code.removesuffix("Exception") in _REFUSED


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _actions(record: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    given = record.get("requestParameters")
    parameters = given if isinstance(given, dict) else {}
    where = _where(record)
    name = str(record["eventName"])
    for action in of_event(str(record.get("eventSource")), name):
        for arn in arns(action, _unwrapped(parameters), where) or _named_resources(action, record) or ("",):
            yield action, arn
    service = service_of(next(iter(of_event(str(record.get("eventSource")), name))))
    if service not in ("iam", "sts") and name.startswith(_PASSING):
        roles = list(_roles(parameters))
        yield from ((PASS_ROLE, arn) for arn in dict.fromkeys(roles))
        if not roles and _may_hide_a_role(record, parameters):
            yield PASS_ROLE, ""
    if any(k.lower() in ("tags", "tagset", "tagspecificationset") and v for k, v in parameters.items()):
        yield _TAGGING.get(service, f"{service}:TagResource"), ""


def _where(record: Mapping[str, Json]) -> Where:
    identity = record.get("userIdentity")
    arn = str(identity.get("arn") or "") if isinstance(identity, dict) else ""
    partition = arn.split(":")[1] if arn.count(":") >= 5 else "aws"
    account = str(record.get("recipientAccountId") or "") or "*"
    return Where(partition, str(record.get("awsRegion") or "*"), account)


def _unwrapped(parameters: Mapping[str, Json]) -> Mapping[str, Json]:
    """CloudTrail may put a list as a comma-less string or hide it; only plain values are of use here."""
    return {k: v for k, v in parameters.items() if v != "HIDDEN_DUE_TO_SECURITY_REASONS"}


def _named_resources(action: str, record: Mapping[str, Json]) -> tuple[str, ...]:
    """The ARNs that the record itself lists, where all are of the action's service and the kind is told by one."""
    listed = record.get("resources")
    if not isinstance(listed, list) or service_of(action) not in ("kms", "dynamodb", "sqs", "lambda", "kinesis"):
        return ()
    found = [str(r.get("ARN") or r.get("arn") or "") for r in listed if isinstance(r, dict)]
    own = [a for a in found if a.split(":", 5)[2:3] == [service_of(action)]]
    return tuple(dict.fromkeys(own)) if own and len(own) == len(found) and is_unseen(action) else ()


def _roles(value: Json, depth: int = 0) -> Iterator[str]:
    """ARNs of roles anywhere in a call's parameters: each was passed to a service."""
    if isinstance(value, str):
        parts = value.split(":", 5)
        if len(value) <= 2048 and len(parts) == 6 and parts[2] == "iam" and parts[5].startswith("role/"):
            yield value
    elif depth < 12 and isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _roles(inner, depth + 1)


def _may_hide_a_role(record: Mapping[str, Json], parameters: Mapping[str, Json]) -> bool:
    """A role may have been passed without its ARN in the record: by name, hidden, or cut off."""
    if record.get("requestParameters") is None or any("omitted" in str(k).lower() for k in parameters):
        return True
    return any("role" in k.lower() or "instanceprofile" in k.lower() for k, v in parameters.items() if v)
