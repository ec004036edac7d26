"""What a cold start loads and what an event costs, counted in the unpacked package by bench/cold_start.py.

Modules, calls and clients are counted, and no time is: those are for the bench, on a machine with nothing else to do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from suture.build import Build

ROOT = Path(__file__).parents[2]

NEVER = (
    "azure", "boto3", "click", "cryptography", "google", "grpc", "jsonschema", "moto", "multiprocessing", "pydantic",
    "requests", "rich", "s3transfer", "samtranslator", "setuptools", "slack_sdk", "suture", "yaml",
)  # fmt: skip
"""No handler needs these to look at a clean resource; boto3's clients are botocore's, and half of it is not."""

NOT_AT_IMPORT = ("botocore", "jmespath", "chalicelib")
"""`import app` gives Chalice its decorators and nothing else."""

ONLY_FOR_A_FINDING = (
    "chalicelib.approvals",
    "chalicelib.aws.executor",
    "chalicelib.aws.journal",
    "chalicelib.chat",
    "chalicelib.compliance",
    "chalicelib.deciding",
    "chalicelib.decisions",
    "chalicelib.expressions",
    "chalicelib.governance",
    "chalicelib.iam.subset",
    "chalicelib.messages",
    "chalicelib.opening",
    "chalicelib.ownership",
    "chalicelib.planning",
    "chalicelib.proofs",
    "chalicelib.remediation",
    "chalicelib.runbooks",
    "chalicelib.stores",
    "chalicelib.sweeping",
    "chalicelib.vaults",
)

MOST_CALLS = {
    "clean function": 5,
    "function with a version and an alias": 7,  # two more than without
    "clean role": 5,
}


@pytest.fixture(scope="module")
def measured(built: Build) -> Mapping[str, Any]:
    """The bench's own document, from a short run."""
    command = [sys.executable, str(ROOT / "bench" / "cold_start.py"), "--runs", "1", "--repeat", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def inside(modules: Iterable[str], packages: Iterable[str]) -> list[str]:
    """Those of `modules` that are one of `packages`, or are in one."""
    return sorted(m for m in modules if any(m == p or m.startswith(f"{p}.") for p in packages))


def test_importing_the_entry_points_loads_chalice_and_nothing_heavy(measured: Mapping[str, Any]) -> None:
    loaded = measured["modules"]["import app"]
    assert {"app", "chalice.app"} <= set(loaded)
    assert inside(loaded, (*NEVER, *NOT_AT_IMPORT)) == []


def test_a_first_event_without_a_finding_loads_only_what_reading_and_judging_need(measured: Mapping[str, Any]) -> None:
    loaded = measured["modules"]["first event"]
    assert {"chalicelib.pipeline", "chalicelib.controls.lambda_policy_public", "botocore.client"} <= set(loaded)
    assert inside(loaded, (*NEVER, *ONLY_FOR_A_FINDING)) == []


@pytest.mark.parametrize("scene", MOST_CALLS)
def test_an_event_without_a_finding_costs_few_calls(measured: Mapping[str, Any], scene: str) -> None:
    row = measured["warm"][scene]
    assert 0 < row["calls"]["most"] <= MOST_CALLS[scene], row["calls"]["last"]
    assert row["failures"] == 0


def test_an_event_without_a_finding_writes_one_observation_only(measured: Mapping[str, Any]) -> None:
    assert measured["warm"]["clean function"]["calls"]["last"] == [
        "lambda:ListVersionsByFunction",
        "lambda:ListAliases",
        "lambda:GetPolicy",
        "lambda:ListFunctionUrlConfigs",
        "dynamodb:UpdateItem",
    ]


def test_the_bench_sees_findings_where_there_are_some(measured: Mapping[str, Any]) -> None:
    """A bench that found nothing would count the cheap case everywhere."""
    first, again = (measured["warm"][f"public grant, {when}"] for when in ("first seen", "seen again"))
    assert "dynamodb:TransactWriteItems" in first["calls"]["last"]
    assert "lambda:ListTags" in again["calls"]["last"]
    assert not first["failures"] and not again["failures"]


def test_no_client_is_made_twice_nor_in_a_warm_event(measured: Mapping[str, Any]) -> None:
    assert measured["clients"]["twice"] == []
    assert {"lambda us-east-1", "dynamodb us-east-1"} <= set(measured["clients"]["made"])
    assert [row["clients"] for row in measured["warm"].values()] == [[]] * len(measured["warm"])


def test_clients_that_a_clean_resource_does_not_need_are_not_made(measured: Mapping[str, Any]) -> None:
    """The scenes run in this order in one process: both functions and the role are clean, and then findings come."""
    made = [client.split()[0] for client in measured["clients"]["made"]]
    assert made[:3] == ["lambda", "dynamodb", "iam"]


@pytest.mark.parametrize(
    ("modules", "found"),
    [
        (["yaml"], ["yaml"]),
        (["yaml.nodes", "json"], ["yaml.nodes"]),
        (["yamlish", "chalicelib.yaml"], []),
    ],
)
def test_a_module_is_known_by_its_package(modules: list[str], found: list[str]) -> None:
    assert inside(modules, ["yaml"]) == found
