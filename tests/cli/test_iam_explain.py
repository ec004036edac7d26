"""`suture iam explain` of an account's principals: chains over roles and policy versions, and the picture."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
CREATE = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


@pytest.fixture
def make(shop: Any) -> Callable[..., str]:
    """`make("app", allow("s3:*"), trusts=ROOT)`: a role with inline policies p0, p1, …"""

    def role(name: str, *documents: Any, trusts: Any = None) -> str:
        statement = {"Effect": "Allow", "Principal": trusts, "Action": "sts:AssumeRole"}
        more = ({"Version": "2012-10-17", "Statement": [statement]},) if trusts else ()
        arn = str(shop.role(name, *more))
        for i, document in enumerate(documents):
            shop.iam.put_role_policy(RoleName=name, PolicyName=f"p{i}", PolicyDocument=json.dumps(document))
        return arn

    return role


def managed(shop: Any, name: str, *versions: Any) -> str:
    """A managed policy with these versions; the last one is in force."""
    arn = str(shop.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(versions[0]))["Policy"]["Arn"])
    for document in versions[1:]:
        shop.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
    return arn


def answer(run: Any, who: str, *more: str) -> dict[str, Any]:
    result = run("iam", "explain", who, *more)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def paths(run: Any, who: str, *more: str) -> list[str]:
    return list(answer(run, who, *more)["escalation"])


class TestChains:
    def test_two_hops_to_an_administrator(self, make: Any, run: Any) -> None:
        make("boss", allow("*"))
        make("two", allow(CREATE), trusts=ROOT)
        make("one", allow("sts:AssumeRole", f"{ROLE}two"))
        found = answer(run, "role/one")
        assert (found["admin"], found["escalation"]) == (False, ["sts-assume-role"])
        assert "Is administrator as role boss." in " ".join(found["reasons"])

    def test_a_role_that_names_it_needs_no_right(self, shop: Any, make: Any, run: Any) -> None:
        one = make("one", allow("s3:GetObject"))
        make("boss", allow("*"), trusts={"AWS": one})
        make("other", allow("s3:GetObject"))
        make("next", allow("s3:*"), trusts={"AWS": f"{ROLE}other"})
        found = answer(run, "role/one")
        assert found["escalation"] == ["sts-assume-role"]
        assert "Assumes role boss, whose trust policy names it" in " ".join(found["reasons"])
        assert paths(run, "role/next") == []
        limit = managed(shop, "limit", allow("s3:*"))
        shop.iam.put_role_permissions_boundary(RoleName="one", PermissionsBoundary=limit)
        assert paths(run, "role/one") == []

    def test_what_the_boundary_denies_is_no_finding(self, shop: Any, make: Any, run: Any) -> None:
        make("boss", allow("*"), trusts=ROOT)
        for name, within in (("held", "s3:*"), ("free", ["s3:*", "sts:*"])):
            make(name, allow("sts:AssumeRole"))
            limit = managed(shop, f"limit-{name}", allow(within))
            shop.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=limit)
        assert paths(run, "role/held") == []
        assert paths(run, "role/free") == ["sts-assume-role"]

    def test_a_bounded_role_on_the_way_leads_nowhere(self, shop: Any, make: Any, run: Any) -> None:
        make("boss", allow("*"), trusts=ROOT)
        limit = managed(shop, "limit", allow("s3:*"))
        shop.iam.put_role_permissions_boundary(RoleName="boss", PermissionsBoundary=limit)
        make("one", allow("sts:AssumeRole"))
        assert paths(run, "role/one") == []

    def test_roles_that_aws_looks_after_lead_nowhere(self, shop: Any, make: Any, run: Any) -> None:
        shop.iam.create_service_linked_role(AWSServiceName="lex.amazonaws.com")
        name = next(r["RoleName"] for r in shop.iam.list_roles()["Roles"] if "/aws-service-role/" in r["Path"])
        shop.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allow("*")))
        make("one", allow(["sts:AssumeRole", *CREATE]))
        assert paths(run, "role/one") == []


class TestVersions:
    def test_of_its_own_policy(self, shop: Any, make: Any, run: Any) -> None:
        arn = managed(shop, "own", allow("*"), allow(["s3:GetObject", "iam:SetDefaultPolicyVersion"]))
        make("app")
        shop.iam.attach_role_policy(RoleName="app", PolicyArn=arn)
        found = answer(run, "role/app")
        assert found["escalation"] == ["iam-set-default-policy-version"]
        assert f"Puts version v1 of {arn} in force" in " ".join(found["reasons"])

    def test_of_a_boundary(self, shop: Any, make: Any, run: Any) -> None:
        make("app", allow(["s3:*", "iam:SetDefaultPolicyVersion", "dynamodb:*"]))
        limit = managed(shop, "limit", allow("*"), allow(["s3:*", "iam:SetDefaultPolicyVersion"]))
        shop.iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=limit)
        assert paths(run, "role/app") == ["iam-set-default-policy-version"]

    def test_without_other_versions_there_is_no_path(self, shop: Any, make: Any, run: Any) -> None:
        make("app", allow("iam:SetDefaultPolicyVersion"))
        shop.iam.attach_role_policy(RoleName="app", PolicyArn=managed(shop, "own", allow("s3:*")))
        assert paths(run, "role/app") == []

    def test_of_a_policy_that_a_role_has_which_it_may_assume(self, shop: Any, make: Any, run: Any) -> None:
        make("holder", trusts=ROOT)
        shop.iam.attach_role_policy(RoleName="holder", PolicyArn=managed(shop, "p", allow("*"), allow("s3:*")))
        make("app", allow(["iam:SetDefaultPolicyVersion", "sts:AssumeRole"]))
        make("alone", allow("iam:SetDefaultPolicyVersion"))
        assert paths(run, "role/app") == ["iam-set-default-policy-version"]
        assert paths(run, "role/alone") == []


class TestPeople:
    def test_a_user_through_its_group(self, shop: Any, make: Any, run: Any) -> None:
        make("boss", allow("*"), trusts=ROOT)
        shop.iam.create_user(UserName="ann")
        shop.iam.create_group(GroupName="devs")
        shop.iam.add_user_to_group(GroupName="devs", UserName="ann")
        assert paths(run, "user/ann") == []
        policy = json.dumps(allow("sts:AssumeRole"))
        shop.iam.put_group_policy(GroupName="devs", PolicyName="assume", PolicyDocument=policy)
        found = answer(run, f"arn:aws:iam::{ACCOUNT}:user/ann")
        assert (found["escalation"], found["reach"], found["public"]) == (["sts-assume-role"], "private", False)
        assert "Policy assume of group devs" in run("iam", "explain", "user/ann", "--pretty").stdout
        assert paths(run, "group/devs") == ["sts-assume-role"]


class TestPicture:
    @pytest.mark.parametrize("width", [80, 120])
    def test_lines_fit_and_hang_below_their_text(
        self, make: Any, run: Any, monkeypatch: pytest.MonkeyPatch, width: int
    ) -> None:
        make("boss", allow("*"))
        make("two", allow(CREATE), trusts=ROOT)
        make("one", allow("sts:AssumeRole", f"{ROLE}two"))
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(width))
        shown = run("iam", "explain", "role/one", "--pretty").stdout.splitlines()
        shown = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown]
        assert max(map(len, shown)) <= width
        at = next(i for i, line in enumerate(shown) if line.startswith("  4. As role two: Has it run"))
        assert shown[at + 1].startswith("     ") and shown[at + 1][5] != " "

    def test_piped_lines_are_whole(self, make: Any, run: Any) -> None:
        make("one", allow(CREATE))
        shown = run("iam", "explain", "role/one", "--pretty", "--roles", "0").stdout.splitlines()
        assert any(
            line.startswith("  3. Has it run, by") and line.endswith("(lambda:InvokeFunction).") for line in shown
        )
        assert any("Other roles were not looked at" in line for line in shown)

    def test_of_many_statements_those_that_matter_are_shown(self, run: Any, tmp_path: Any) -> None:
        path = tmp_path / "p.json"
        statements = [allow("s3:GetObject")["Statement"][0] for _ in range(60)]
        statements[55] = allow("iam:CreateAccessKey")["Statement"][0]
        path.write_text(json.dumps({"Statement": statements}))
        shown = run("iam", "explain", str(path), "--pretty").stdout
        assert "leads to: iam-create-access-key" in shown and "and 59 statements more" in shown
