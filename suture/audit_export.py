"""The whole record in one file that an auditor checks without Suture and without AWS: a zip with its own instructions.

Record files hold one record a line, exactly as stored, so that `sha256sum` over a line gives what the next one names.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import BadInput
from chalicelib.model import canonical

from .audit import Source

_PAGE = """\
THE RECORD OF A SUTURE DEPLOYMENT

Table {table}; bucket {bucket}; {cases} cases, {records} records, {manifests} daily manifests.

What is here
  records/<case>.jsonl     every transition of one case, oldest first, one JSON document a line, as it was stored
  heads.json               where each case stood when this file was made: version, and the hash of its last record
  manifests/<day>.json     what was anchored that day: the version and hash of every case that had moved
  manifests/<day>.json.sig its signature: ECDSA over SHA-256, DER, in base64
  public-key.pem           the public half of the key that signs; compare it with `aws kms get-public-key`
  SHA256SUMS               the hash of every other file here

How to check it, with a shell, sha256sum and openssl
  1. That nothing was damaged:
       sha256sum -c SHA256SUMS
  2. That a case's records follow from each other. Each line names in "before" the hash of the line above it
     (the first names nothing), and the last line's hash stands in heads.json:
       while IFS= read -r line; do printf '%s' "$line" | sha256sum; done < records/C-0123456789.jsonl
  3. That a manifest is signed:
       base64 -d manifests/2026-01-31.json.sig > signature
       openssl dgst -sha256 -verify public-key.pem -signature signature manifests/2026-01-31.json
  4. That the manifests follow from each other: each names in "previous" the hash of the one before it:
       sha256sum manifests/*.json
  5. That the records are those that were anchored: for a case in a manifest, the line with that "version" must
     have the "hash" that the manifest names.

What a record says: "at" (UTC), "by" (a person of governance/approvers.yaml, or a function of Suture), "from" and "to"
(states of the case), "what", and "details", which name plans by their digests. Secrets are never recorded: where a
plan uses one, the record holds a keyed fingerprint.
"""


def export(source: Source, target: Path) -> tuple[int, int, int]:
    """Write everything to `target`, a zip. Answers with how many cases, records and manifests.

    Raises BadInput where the record cannot be read or the file cannot be written.
    """
    try:
        files, counted = _files(source)
    except (ClientError, BotoCoreError) as error:
        step = "use credentials that may read the table, the bucket and kms:GetPublicKey, and check the names"
        raise BadInput(f"the record cannot be read: {error}", where=source.table, next_step=step) from error
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    except OSError as error:
        step = "name a file in a folder that exists and has room"
        raise BadInput(f"it cannot be written: {error.strerror}", where=str(target), next_step=step) from error
    return counted


def _files(source: Source) -> tuple[dict[str, bytes], tuple[int, int, int]]:
    cases = source.cases()
    files: dict[str, bytes] = {}
    heads = {case: {"version": t.head[0], "hash": t.head[1]} for case, t in cases.items() if t.head}
    for case, told in cases.items():
        files[f"records/{case}.jsonl"] = "".join(f"{r.text}\n" for r in told.records).encode()
    files["heads.json"] = canonical(heads).encode()
    manifests = list(source.manifests()) if source.bucket else []
    for manifest in manifests:
        kept = manifest.sealed
        files[f"manifests/{manifest.day}.json"] = kept.text.encode() if kept else b""
        files[f"manifests/{manifest.day}.json.sig"] = kept.signature.encode() if kept else b""
    if manifests:
        files["public-key.pem"] = _pem(source.public_key())
    counted = (len(cases), sum(len(t.records) for t in cases.values()), len(manifests))
    told_of = {"table": source.table, "bucket": source.bucket or "none: nothing here is anchored"}
    page = _PAGE.format(**told_of, cases=counted[0], records=counted[1], manifests=counted[2])
    files["README.txt"] = page.encode()
    files["SHA256SUMS"] = "".join(_sums(files)).encode()
    return files, counted


def _sums(files: dict[str, bytes]) -> Iterator[str]:
    for name, content in sorted(files.items()):
        yield f"{hashlib.sha256(content).hexdigest()}  {name}\n"


def _pem(der: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(("-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", "")).encode()
