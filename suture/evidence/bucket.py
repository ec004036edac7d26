"""CloudTrail's log files in a bucket: those of the role's account and of the days in question, read one after another.

Names of the files: CloudTrail User Guide, "CloudTrail log file name format": a file that was delivered on a day holds
records of that day or before it, and of the account it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from chalicelib.errors import BadInput, CallFailed
from chalicelib.model import Json

from .trail import NOT_RECORDS, Reading

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients

MOST_LISTED, MOST_READ = 500_000, 20_000
LARGEST_OBJECT = 64 * 1024 * 1024
"""Bytes of one packed file that are fetched at most; CloudTrail's own are below 5 MB."""
_AT_ONCE = 8
_PLACE = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.ASCII)
_LOG = re.compile(r"(\d{12})_CloudTrail_[a-z0-9-]+_(\d{4})(\d\d)(\d\d)T\d{4}Z_\w+\.json(?:\.gz)?", re.ASCII)
_SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".gz", ".log")


class Place(NamedTuple):
    """Where log files are: all keys with the prefix."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def place_of(address: str) -> Place:
    """`s3://bucket/prefix`. Raises BadInput."""
    found = _PLACE.fullmatch(address)
    if not found:
        raise BadInput("is no address of log files", where=address, next_step="write it as s3://BUCKET/PREFIX")
    return Place(found[1], found[2] or "")


def read_bucket(aws: Clients, place: Place, reading: Reading) -> tuple[str, ...]:
    """Take the records of all log files at a place; what was left out, as sentences.

    Raises CallFailed where the bucket cannot be listed. A file that cannot be had is a problem of the reading.
    """
    account, since = reading.role.split(":")[4], reading.since
    asked = {"Bucket": place.bucket, "Prefix": place.prefix}
    listed = list(islice(aws.pages("s3:ListObjectsV2", asked, "Contents"), MOST_LISTED + 1))
    wanted = [o for o in listed[:MOST_LISTED] if _is_wanted(o["Key"], account, since)]
    if len(listed) > MOST_LISTED or len(wanted) > MOST_READ:
        step = "name a narrower prefix, or fewer --days"
        reading.trail.cannot_read(f"{place}: too many log files; only the first {MOST_READ:,} were read: {step}")
    for key, body in _fetched(aws, place.bucket, wanted[:MOST_READ]):
        name = key.rsplit("/", 1)[-1]
        if isinstance(body, str):
            reading.trail.cannot_read(f"{name}: {body}")
        else:
            reading.stream(name, BytesIO(body))
    if wanted:
        return ()
    return (f"There are no log files of account {account} since {since[:10]} at {place}.",)


def _is_wanted(key: str, account: str, since: str) -> bool:
    """Whether a key may hold records of the account since then. Names that are not CloudTrail's own may."""
    *folders, name = key.split("/")
    if any(folder in NOT_RECORDS for folder in folders):
        return False
    found = _LOG.fullmatch(name)
    if found is None:
        return name.endswith(_SUFFIXES)
    return found[1] == account and "-".join(found.groups()[1:]) >= since[:10]


def _fetched(aws: Clients, bucket: str, objects: Sequence[Mapping[str, Json]]) -> Iterator[tuple[str, bytes | str]]:
    """Each object's key and bytes, or why it could not be had; a few are fetched at a time, in their order."""

    def fetch(one: Mapping[str, Json]) -> bytes | str:
        if int(one["Size"]) > LARGEST_OBJECT:
            return f"larger than {LARGEST_OBJECT // 1024 // 1024} MB"
        try:
            body = aws.call("s3:GetObject", {"Bucket": bucket, "Key": one["Key"]})["Body"].read(LARGEST_OBJECT)
        except CallFailed as error:
            return f"cannot be fetched ({error.code})"
        except (BotoCoreError, HTTPError, OSError) as error:
            return f"cannot be fetched ({type(error).__name__})"
        return bytes(body)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(objects), _AT_ONCE):
            some = objects[start : start + _AT_ONCE]
            yield from zip((str(o["Key"]) for o in some), pool.map(fetch, some), strict=True)
