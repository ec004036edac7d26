"""Our escalation paths beside the labels of other projects' test-suites (../shared, not shipped)."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from chalicelib.iam.documents import parse
from chalicelib.iam.escalation import escalations

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpora/iam.dev.jsonl"
pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="needs ../shared/corpora/iam.dev.jsonl")

ARGUABLE = {
    "AWSBackupOperatorAccess": "it may send one document, AWSEC2-CreateVssSnapshot, which runs no script of the sender",
    "AWSBackupServiceRolePolicyForBackup": "as above",
    "AWSLicenseManagerServiceRolePolicy": "it may send AWSLicenseManager- documents only, which nobody else can make",
    "AWSSSMForSAPServiceLinkedRolePolicy": "it may send AWS's documents for SAP only",
    "AWSIoTDeviceTesterForFreeRTOSFullAccess": "labelled as a path through EC2, but it may pass roles to IoT only",
}
"""Labels `privesc_computed` that we hold to be wrong, by the policy's name. Of `privesc`, there is none."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [r for line in CORPUS.read_text().splitlines() if (r := json.loads(line))["kind"] == "identity"]


def escalates(row: dict[str, Any]) -> bool:
    return bool(escalations([parse(row["policy"], "identity")]))


@pytest.mark.parametrize("derived", [False, True], ids=["as published", "derived variants"])
def test_precision_and_recall(rows: list[dict[str, Any]], derived: bool) -> None:
    labelled = [r for r in rows if "privesc" in r["labels"] and bool(r["derived"]) is derived]
    count = Counter((r["labels"]["privesc"], escalates(r)) for r in labelled)
    precision = count[True, True] / (count[True, True] + count[False, True])
    recall = count[True, True] / (count[True, True] + count[True, False])
    print(f"escalation: precision {precision:.3f} recall {recall:.3f} of {len(labelled)}")
    assert precision >= 0.98
    assert recall >= 0.98


def test_the_policies_of_aws_are_judged_as_computed_but_for_the_arguable(rows: list[dict[str, Any]]) -> None:
    labelled = [r for r in rows if "privesc_computed" in r["labels"]]
    assert len(labelled) > 600
    assert {r["ref"] for r in labelled if escalates(r) != r["labels"]["privesc_computed"]} == set(ARGUABLE)


def test_an_ordinary_policy_takes_less_than_a_millisecond(rows: list[dict[str, Any]]) -> None:
    """The median over AWS's own policies, which are longer than what most roles have; the best of three rounds."""
    documents = [parse(r["policy"], "identity") for r in rows if r["source"] == "aws-managed"][::4]
    medians = []
    for _ in range(3):
        taken = []
        for document in documents:
            begun = time.process_time()
            escalations([document])
            taken.append(time.process_time() - begun)
        medians.append(sorted(taken)[len(taken) // 2])
    assert min(medians) < 0.001
