"""The page in front of the small account of world.py: asked directly, or served on loopback for a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from world import ACCOUNT, REGION, World, role, world

from chalicelib.approvals import Identity, identity_of_arn
from chalicelib.cases import Case
from chalicelib.chat.decide import Request, decide
from chalicelib.chat.page import door
from chalicelib.chat.page.asked import FORM, Answer, Asked
from suture.web.desk import Chair
from suture.web.guard import LocalGuard

TRUST = "iam-trust-public"
ADMIN = "iam-role-admin"
ORIGIN = "http://127.0.0.1:8765"
ROLES = {"sam": "security", "olly": "oncall", "drew": "shop-deploy", "dev": "developer"}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def identity(role_: str) -> Identity | None:
    return identity_of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role_}/somebody")


class Inside:
    """The decision API, in this process: whoever asks is whom the credentials would say."""

    def __init__(self, w: World, who: Identity | None) -> None:
        self._w, self._who = w, who

    def decide(
        self,
        case: str,
        kind: str,
        plan: str,
        reason: str = "",
        until: str = "",
        attested: Mapping[str, str] | None = None,
    ) -> None:
        decide(self._w.d, self._who, Request(case, kind, plan, reason, until, **(attested or {})))


class PageWorld(World):
    """`jar` is the browser's cookies."""

    guard: LocalGuard
    jar: dict[str, str]

    def proposed(self, name: str = "open", **more: Any) -> Case:
        """A public trust: high tier, one approval."""
        role(name, trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        self.change("AWS::IAM::Role", name, "iam:UpdateAssumeRolePolicy", **more)
        self.run()
        return next(c for c in reversed(self.cases(TRUST)) if c.resource_id == name)

    def mighty(self, name: str = "mighty") -> Case:
        """An administrator: high tier, two people of two groups."""
        role(name, policy=EVERYTHING)
        self.change("AWS::IAM::Role", name, "iam:PutRolePolicy")
        self.run()
        return next(c for c in reversed(self.cases(ADMIN)) if c.resource_id == name)

    def unguarded(self, name: str = "live") -> Case:
        """A stage without throttling and log: medium tier."""
        gateway = boto3.client("apigateway", region_name=REGION)
        if not gateway.get_account().get("cloudwatchRoleArn"):
            patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role("gateway-logs")}
            gateway.update_account(patchOperations=[patch])
        api = gateway.create_rest_api(name="shop")["id"]
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        gateway.create_stage(restApiId=api, stageName=name, deploymentId=gateway.create_deployment(restApiId=api)["id"])
        self.change("AWS::ApiGateway::Stage", f"{api}/{name}", "apigateway:CreateStage", created=True)
        self.run()
        return self.case("apigateway-stage-unguarded")

    def ask(self, method: str, path: str, raw: bytes = b"", **headers: str) -> Answer:
        """One request with the jar's cookies; cookies that are given go into the jar."""
        place, _, asked = path.partition("?")
        query = dict(pair.split("=", 1) for pair in asked.split("&") if "=" in pair)
        cookie = "; ".join(f"{n}={v}" for n, v in self.jar.items())
        given = {"cookie": cookie, **{n.replace("_", "-"): v for n, v in headers.items()}}
        answer = door.answer(self.d, self.guard, Asked(method, place, query, given, raw))
        for name, value in answer.headers:
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                self.jar[key] = rest.partition(";")[0]
        return answer

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, **fields: str) -> Answer:
        return self.ask("POST", path, urlencode(fields).encode(), content_type=FORM, origin=ORIGIN)

    def sit(self, who: str) -> str:
        """Sign in as somebody; the token of their forms."""
        self.jar.clear()
        assert self.get(f"/sign-in?token={self.guard._token}").status == 303
        held = self.guard._held(Asked("GET", "/", {}, {"cookie": "; ".join(f"{n}={v}" for n, v in self.jar.items())}))
        chair = next(c.id for c in self.guard._chairs.values() if c.identity == identity(ROLES[who]))
        assert self.post("/sign-in", csrf=self.guard._cookies.csrf(held), person=chair).status == 303
        return self.token()

    def token(self) -> str:
        cookie = "; ".join(f"{n}={v}" for n, v in self.jar.items())
        visitor = self.guard.visitor(Asked("GET", "/", {}, {"cookie": cookie}))
        return visitor.csrf if visitor else ""

    def decide_on_page(self, case: Case, decision: str, **fields: str) -> Answer:
        """Send a form of a case's page; functions that it wakes do their work."""
        known = {"csrf": self.token(), "decision": decision, "plan": case.plan_digest}
        answer = self.post(f"/cases/{case.id}/decision", **{**known, **fields})
        self.run()
        return answer


def chairs_of(w: World) -> tuple[Chair, ...]:
    people = {p.id: p for p in w.d.packaged.people}
    made = []
    for id_, role_ in ROLES.items():
        name = people[id_].name if id_ in people else f"{role_} (reads only)"
        made.append(Chair(id_, name, identity(role_), Inside(w, identity(role_))))  # type: ignore[arg-type]
    return tuple(made)


@contextmanager
def page_world(root: Path, origin: str = ORIGIN, token: str = "a-token-of-this-test") -> Iterator[PageWorld]:
    with world(root) as made:
        made.__class__ = PageWorld
        assert isinstance(made, PageWorld)
        made.jar = {}
        key = b"k" * 32
        made.guard = LocalGuard(chairs_of(made), made.d.packaged.people, token, key, origin, made.d.now)
        yield made
