"""The played tenant of Teams in front of the small account of world.py, in one process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from world import ACCOUNT, PEOPLE, REGION, World, role, world

from chalicelib import pipeline
from chalicelib.cases import Case
from chalicelib.chat import notices
from chalicelib.chat.teams import door
from suture.sandbox.teams import tenant
from suture.sandbox.teams.server import FakeTeams
from suture.sandbox.teams.tenant import APP, SECURITY, TENANT, URGENT, Message, Tenant

TRUST = "iam-trust-public"
STAGE = "AWS::ApiGateway::Stage"
LISTED = ("sam", "olly", "drew")


class TeamsWorld(World):
    """`held` are messages with a delay, until `later` lets them come."""

    space: Tenant
    held: list[tuple[str, Mapping[str, Any], int]]

    def _handler(self, name: str) -> Any:
        if name != "notices":
            return super()._handler(name)
        return lambda d, event: pipeline._each(
            d, event["Records"], lambda record: notices.tell(d, pipeline._message(record))
        )

    def later(self, times: int = 1) -> None:
        for _ in range(times):
            if self.d.teams:
                self.d.teams._down = (0.0, self.d.teams._down[1])
            held, self.held = self.held, []
            for name, message, _ in held:
                self.send(name, message)
            self.run()

    def proposed(self, name: str = "open", **more: Any) -> Case:
        """A proposal of the high tier: a role that anybody may take on."""
        role(name, trust={"AWS": ["*", f"arn:aws:iam::{ACCOUNT}:root"]})
        self.change("AWS::IAM::Role", name, "iam:UpdateAssumeRolePolicy", **more)
        self.run()
        return self.case(TRUST)

    def unguarded(self, name: str = "live") -> Case:
        """A proposal of the medium tier: an API stage without throttling and log."""
        gateway = boto3.client("apigateway", region_name=REGION)
        account = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role("gateway-logs")}
        gateway.update_account(patchOperations=[account])
        api = gateway.create_rest_api(name="shop")["id"]
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        deployment = gateway.create_deployment(restApiId=api)["id"]
        gateway.create_stage(restApiId=api, stageName=name, deploymentId=deployment)
        self.change(STAGE, f"{api}/{name}", "apigateway:CreateStage", created=True)
        self.run()
        return self.case("apigateway-stage-unguarded")

    def message(self, case: Case) -> Message:
        """The newest message about a case that asks or tells how it stands, and is no history."""
        about = [m for m in self.space.messages if case.id in json.dumps(m.card["body"][:1])]
        return [m for m in about if m.conversation != "workflow"][-1]

    def press(self, who: str, case: Case, verb: str, **typed: str) -> str:
        """What this person sees after they asked for their card, where it has no such button, and pressed one."""
        message = self.message(case)
        try:
            status, said = self.space.execute(who, message, verb, **typed)
        except LookupError:
            status, said = self.space.execute(who, message, "view")
            assert status == 200, said
            if "activity.message" in said["type"]:
                return str(said["value"])
            status, said = self.space.execute(who, message, verb, **typed)
        assert status == 200, said
        self.run()
        return words_of(said["value"])

    def forged(self, who: str, case: Case, verb: str, **data: str) -> tuple[int, str]:
        """A press of a button that this person does not see, with whatever data."""
        about = {"c": case.id, "p": case.plan_digest, **data}
        action = {"type": "Action.Execute", "verb": verb, "data": about}
        status, said = self.space.send(self.space.activity(who, self.message(case), action))
        self.run()
        return status, words_of(said.get("value", said) if said else "")

    def refreshed(self, who: str, case: Case) -> dict[str, Any]:
        """The card that this person sees after Teams refreshed it by itself."""
        message = self.message(case)
        self.space.execute(who, message, "view", trigger="automatic")
        return message.personal[who]


def pressed(tw: TeamsWorld, **changes: Any) -> dict[str, Any]:
    """The activity of an approval that would count, but for `changes`."""
    case = tw.cases()[-1]
    action = {"type": "Action.Execute", "verb": "approve", "data": {"c": case.id, "p": case.plan_digest}}
    return {**tw.space.activity("olly", tw.message(case), action), **changes}


def words_of(value: Any) -> str:
    """Every text in a card, one after the other."""
    if isinstance(value, str):
        return value
    found: list[str] = []

    def walk(inner: Any) -> None:
        if isinstance(inner, dict):
            found.extend(inner[n] for n in ("text", "title", "label") if isinstance(inner.get(n), str))
            walk(list(inner.values()))
        elif isinstance(inner, list):
            for item in inner:
                walk(item)

    walk(value)
    return " ".join(found)


def verbs_of(card: Mapping[str, Any]) -> list[str]:
    """The buttons of a card."""
    return [b["verb"] for e in card["body"] if e["type"] == "ActionSet" for b in e["actions"]]


def chat_rules(url: str, **more: Any) -> dict[str, Any]:
    return {
        "teams": {
            "tenant": TENANT,
            "app": APP,
            "channel": SECURITY,
            "service": f"{url}/teams/",
            "routes": [{"owners": ["payments"], "channel": URGENT}],
            "storm": {"more_than": 10, "within": "10m"},
            **more,
        }
    }


def package_chat(root: Path, chat: Mapping[str, Any]) -> None:
    """Entra identities for the people of world.py, and the rules of the tenant."""
    path = root / "governance" / "packaged.json"
    rules = json.loads(path.read_text())
    entra = {id_: [{"tenant": TENANT, "object": tenant.PEOPLE[id_]}] for id_ in LISTED}
    people = {id_: {**p, "entra": entra[id_]} for id_, p in PEOPLE.items()}
    path.write_text(json.dumps({**rules, "approvers": {"people": people}, "chat": chat}))


@contextmanager
def teams_world(root: Path, workflow: Any = None, **more: Any) -> Iterator[TeamsWorld]:
    """`workflow` are the rules of a workflow that is told too, `more` other rules of the tenant."""
    with world(root) as made, FakeTeams() as fake:
        told = {} if workflow is None else {"workflow": {"address": "/teams/workflow", **workflow}}
        package_chat(root, {**chat_rules(fake.tenant.url, **more), **told})
        made.__class__ = TeamsWorld
        assert isinstance(made, TeamsWorld)
        made.space, made.held = fake.tenant, []
        ssm = boto3.client("ssm", region_name=REGION)
        ssm.put_parameter(Name="/teams/secret", Value=fake.tenant.secret, Type="SecureString")
        ssm.put_parameter(Name="/teams/workflow", Value=f"{fake.tenant.url}/workflow", Type="SecureString")
        made.d._environment = {
            **made.d._environment,
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "TEAMS_LOGIN_URL": fake.tenant.url,
            "TEAMS_OPENID_URL": f"{fake.tenant.url}/openid",
            "TEAMS_SECRET_PARAMETER": "/teams/secret",
        }
        made.space.clock = lambda: made.d.now().timestamp()
        made.space.door = lambda headers, raw: door.answer(made.d, {"headers": headers, "raw": raw})
        real = made.d.queues.send

        def send(name: str, message: Mapping[str, Any], delay: int = 0) -> None:
            made.held.append((name, message, delay)) if delay else real(name, message)

        made.d.queues.send = send  # type: ignore[method-assign]
        yield made
