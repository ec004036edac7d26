"""Traces of infrastructure as code: which tool will put its own version back."""

from __future__ import annotations

import pytest

from chalicelib.model import Principal
from chalicelib.ownership import iac_of

STACK = {"aws:cloudformation:stack-name": "shop-dev", "aws:cloudformation:logical-id": "Checkout"}
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io) terraform-provider-aws/5.60.0"


def by(agent: str = "", invoked_by: str = "") -> Principal:
    return Principal("AssumedRole", "123456789012", "arn:aws:iam::123456789012:role/ci", "s", "", invoked_by, agent)


@pytest.mark.parametrize(
    ("principals", "tags", "tool", "where"),
    [
        ([], STACK, "cloudformation", "shop-dev"),
        ([], {**STACK, "lambda:createdBy": "SAM"}, "cloudformation", "shop-dev"),
        ([], {**STACK, "STAGE": "dev"}, "serverless", "shop-dev"),
        ([], {**STACK, "STAGE": "prod"}, "cloudformation", "shop-dev"),
        ([], {**STACK, "aws:cloudformation:logical-id": "Checkout3BAA72D1"}, "cdk", "shop-dev"),
        ([], {**STACK, "aws:cloudformation:logical-id": "Checkout3baa72d1"}, "cloudformation", "shop-dev"),
        ([by(TERRAFORM)], STACK, "cloudformation", "shop-dev"),
        ([by(invoked_by="cloudformation.amazonaws.com")], {}, "cloudformation", ""),
        ([by(TERRAFORM)], {}, "terraform", ""),
        ([by("aws-cli/2"), by("APN/1.0 OpenTofu/1.6")], {}, "terraform", ""),
        ([by("cdk-hotswap/success-lambda-function")], {}, "cdk", ""),
        ([by("APN/1.0 Pulumi/1.0 PulumiAws/6")], {}, "pulumi", ""),
        ([by("aws-cli/2.15 Python/3.11")], {"team": "shop"}, "", ""),
        ([by(invoked_by="config.amazonaws.com")], {}, "", ""),
        ([], {"cloudformation:stack-name": "forged"}, "", ""),
        ([], {}, "", ""),
    ],
)
def test_the_owner_by_its_traces(principals: list[Principal], tags: dict[str, str], tool: str, where: str) -> None:
    found = iac_of(principals, tags)
    assert (found.tool, found.where) == (tool, where)
    assert bool(found) == bool(tool) == bool(found.reason)
