"""The record of a deployment: anchored every day, recomputed by `suture audit`, and checked without Suture."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from faults import Faults, Killed
from world import REGION, World, function

from chalicelib.audit import Sealed, manifest, sealed
from chalicelib.aws.anchoring import anchor
from chalicelib.model import canonical
from suture.audit import Source, verify
from suture.audit_export import export

BUCKET = "suture-prod-audit-123456789012-us-east-1"


@pytest.fixture
def key(w: World) -> str:
    """The audit bucket and key of `w`, which resources.json would make."""
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    arn = boto3.client("kms", region_name=REGION).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    w.d._environment = {**w.d._environment, "AUDIT_BUCKET": BUCKET, "AUDIT_KEY": arn["KeyMetadata"]["Arn"]}
    return str(arn["KeyMetadata"]["Arn"])


def source(key: str) -> Source:
    return Source(boto3.session.Session(region_name=REGION), "cases", BUCKET, key)


def a_case(w: World, name: str = "orders") -> str:
    """A public grant, fixed by itself: a case of several records."""
    client = function(name)
    w.change("AWS::Lambda::Function", name, "CreateFunction20150331", created=True)
    w.run()
    client.add_permission(FunctionName=name, StatementId="x", Action="lambda:InvokeFunction", Principal="*")
    w.change("AWS::Lambda::Function", name, "AddPermission20150331v2")
    w.run()
    return w.case("lambda-policy-public").id


def item(case: str, sk: str) -> dict[str, Any]:
    table = boto3.resource("dynamodb", region_name=REGION).Table("cases")
    found: dict[str, Any] = table.get_item(Key={"pk": f"CASE#{case}", "sk": sk})["Item"]
    return found


def put(entry: dict[str, Any]) -> None:
    boto3.resource("dynamodb", region_name=REGION).Table("cases").put_item(Item=entry)


def wrong(key: str) -> list[tuple[str, str]]:
    return [(p.case, p.where) for p in verify(source(key)).problems]


def keys() -> list[str]:
    listed = boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=BUCKET)
    return [o["Key"] for o in listed.get("Contents", ())]


def kept(key: str) -> list[Sealed]:
    return [found.sealed for found in source(key).manifests() if found.sealed]


def test_the_first_sweep_of_a_day_anchors_and_later_ones_do_not(w: World, key: str) -> None:
    case = a_case(w)
    w.sweep()
    day = w.d.now().strftime("%Y-%m-%d")
    assert keys() == [f"manifests/{day}.json"]
    manifest = kept(key)[0]
    head = json.loads(item(case, "HEAD")["body"])
    assert manifest.document["heads"][case] == {"version": head["version"], "hash": head["chain"]}
    w.sweep()
    assert next(iter(source(key).manifests())).writes == 1


def test_each_manifest_names_the_one_before_and_only_what_moved_since(w: World, key: str) -> None:
    first = a_case(w)
    w.d.ahead = timedelta(hours=2)
    w.sweep()
    w.d.ahead = timedelta(days=1, hours=2)
    second = a_case(w, "invoices")
    w.sweep()
    one, two = kept(key)
    said = two.document
    assert said["previous"] == hashlib.sha256(one.text.encode()).hexdigest()
    assert second in said["heads"] and first not in said["heads"]
    found = verify(source(key))
    assert (found.problems, found.cases, found.manifests) == ((), 2, 2)


def test_a_bucket_that_refuses_is_said_and_tried_again(w: World, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    a_case(w)
    w.d._environment = {**w.d._environment, "AUDIT_BUCKET": "not-there"}
    w.sweep()
    assert "the records of this day are not anchored" in capsys.readouterr().out
    w.d._environment = {**w.d._environment, "AUDIT_BUCKET": BUCKET}
    w.sweep()
    assert len(keys()) == 1


@pytest.mark.parametrize("later", [timedelta(hours=1), timedelta(days=1)], ids=["the same day", "the next day"])
def test_a_sweep_that_dies_at_any_call_leaves_a_record_that_verifies(w: World, key: str, later: timedelta) -> None:
    faults = Faults(w)
    anchor(w.d)
    for killed_at in range(1, len(faults.calls) + 1):
        w.d.ahead += timedelta(days=1)
        faults.reset(kill_at=killed_at)
        with pytest.raises(Killed):
            anchor(w.d)
        w.d.ahead += later
        faults.reset()
        anchor(w.d)
        assert wrong(key) == [], f"killed at call {killed_at}"
    assert {found.writes for found in source(key).manifests()} == {1}


def test_nothing_is_built_on_a_manifest_of_somebody_else(
    w: World, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a_case(w)
    s3 = boto3.client("s3", region_name=REGION)
    text = canonical(manifest("2020-01-01", "2020-01-01T02:00:00Z", "", {}))
    planted = {"no manifest": "{}", "not signed by us": sealed(text, base64.b64encode(b"forged").decode())}
    for content in planted.values():
        s3.put_object(Bucket=BUCKET, Key="manifests/2020-01-01.json", Body=content)
        w.sweep()
        assert "the records of this day are not anchored" in capsys.readouterr().out
    assert keys() == ["manifests/2020-01-01.json"]
    assert ("", "manifest 2020-01-01") in wrong(key)


def test_a_record_changed_by_hand_is_named(w: World, key: str) -> None:
    case = a_case(w)
    original = item(case, "R#00000002")
    put({**original, "body": original["body"].replace("watch", "nobody")})
    assert wrong(key) == [(case, "R#00000002")]
    put(original)
    assert wrong(key) == []


def test_a_past_that_was_cut_off_with_its_head_contradicts_the_manifest(w: World, key: str) -> None:
    case = a_case(w)
    w.sweep()
    head, last = item(case, "HEAD"), json.loads(item(case, "HEAD")["body"])["version"]
    record = item(case, f"R#{last:08d}")
    boto3.resource("dynamodb", region_name=REGION).Table("cases").delete_item(Key={k: record[k] for k in ("pk", "sk")})
    shorter = {**json.loads(head["body"]), "version": last - 1, "chain": json.loads(record["body"])["before"]}
    put({**head, "version": last - 1, "body": json.dumps(shorter)})
    assert wrong(key) == [(case, f"R#{last:08d}")]
    put(record)
    put(head)


def test_a_manifest_of_somebody_else_is_refused(w: World, key: str) -> None:
    a_case(w)
    w.sweep()
    day = w.d.now().strftime("%Y-%m-%d")
    other = boto3.client("kms", region_name=REGION).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    assert wrong(other["KeyMetadata"]["Arn"]) == [("", f"manifest {day}")]


def test_a_manifest_written_over_is_said_and_the_first_one_counts(w: World, key: str) -> None:
    case = a_case(w)
    w.sweep()
    day = w.d.now().strftime("%Y-%m-%d")
    boto3.client("s3", region_name=REGION).put_object(Bucket=BUCKET, Key=f"manifests/{day}.json", Body=b"{}")
    assert wrong(key) == [("", f"manifest {day}")]
    assert case in kept(key)[0].document["heads"]


def test_the_export_is_checked_with_hashes_and_the_public_key_alone(w: World, key: str, tmp_path: Path) -> None:
    case = a_case(w)
    w.sweep()
    counted = export(source(key), tmp_path / "record.zip")
    with zipfile.ZipFile(tmp_path / "record.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    lines = files[f"records/{case}.jsonl"].decode().splitlines()
    assert counted == (1, len(lines), 1)
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {n: hashlib.sha256(c).hexdigest() for n, c in files.items() if n != "SHA256SUMS"}
    linked = ["", *(hashlib.sha256(line.encode()).hexdigest() for line in lines)]
    assert [json.loads(line)["before"] for line in lines] == linked[:-1]
    assert json.loads(files["heads.json"])[case]["hash"] == linked[-1]
    public = serialization.load_pem_public_key(files["public-key.pem"])
    name = next(n for n in files if n.startswith("manifests/") and n.endswith(".json"))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(base64.b64decode(files[f"{name}.sig"]), files[name], ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(files[f"{name}.sig"]), files[name] + b" ", ec.ECDSA(hashes.SHA256()))
    assert "sha256sum" in files["README.txt"].decode()
