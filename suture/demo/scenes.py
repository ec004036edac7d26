"""The scenes, in the order in which they are played. Each makes one mistake and shows what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import SutureError

from .shop import DEPLOY_ROLE, Shop
from .stage import Stage


@dataclass(frozen=True, slots=True)
class Scene:
    title: str
    intro: str
    play: Callable[[Stage, Shop], None]


def _public_grant(stage: Stage, shop: Shop) -> None:
    shop.open_orders_to_everyone()
    stage.await_case("lambda-policy-public", "shop-orders", "RESOLVED")


def _public_url(stage: Stage, shop: Shop) -> None:
    shop.make_site_public()
    stage.await_case("lambda-url-public", "shop-site", "RESOLVED")


def _password(stage: Stage, shop: Shop) -> None:
    shop.put_password_into_environment()
    page = stage.await_case("lambda-env-plaintext-secret", "shop-payments", "PENDING")
    stage.decide("oncall", page, "approve", "store it; we change the code this week")
    page = stage.await_stage("lambda-env-plaintext-secret", "shop-payments", "PENDING", "grant")
    stage.decide("security", page, "approve", "its own secret, and nothing else")
    page = stage.await_stage("lambda-env-plaintext-secret", "shop-payments", "PENDING", "reference")
    stage.decide("oncall", page, "approve", "beside the old one, so nothing breaks")
    stage.await_stage("lambda-env-plaintext-secret", "shop-payments", "WAITING_OWNER", "observe")


def _administrator(stage: Stage, shop: Shop) -> None:
    shop.give_payments_everything()
    page = stage.await_case("iam-role-admin", "shop-payments-role", "PENDING")
    stage.click("security", page, "approve", "contain it now, narrow it later")
    stage.click("oncall", stage.case(page["case"]["id"]), "approve", "payments work within the boundary")
    stage.await_case("iam-role-admin", "shop-payments-role", "RESOLVED")


def _trust(stage: Stage, shop: Shop) -> None:
    shop.let_anyone_be_reports()
    page = stage.await_case("iam-trust-public", "shop-reports-role", "PENDING")
    if stage.click(DEPLOY_ROLE, page, "approve", "it is fine, really"):
        raise SutureError("whoever caused a change could approve its fix", where="demo")
    stage.click("security", page, "approve", "nobody outside needs this role")
    stage.await_case("iam-trust-public", "shop-reports-role", "RESOLVED")


def _stage(stage: Stage, shop: Shop) -> None:
    shop.deploy_stage_unguarded()
    page = stage.await_case("apigateway-stage-unguarded", "stages/live", "PENDING")
    stage.click("oncall", page, "reject", "a load test runs until Friday")
    stage.await_case("apigateway-stage-unguarded", "stages/live", "REJECTED")


def _undo(stage: Stage, shop: Shop) -> None:
    page = stage.case(str(stage.cases("lambda-url-public", "shop-site")[-1]["id"]))
    stage.click("security", page, "undo", "the partner's webhook cannot sign its requests yet")
    stage.await_case("lambda-url-public", "shop-site", "UNDONE")


def _terraform(stage: Stage, shop: Shop) -> None:
    for nth in (1, 2, 3):
        shop.let_terraform_open_uploads()
        stage.await_case("lambda-policy-public", "shop-uploads", "RESOLVED", nth)
    shop.let_terraform_open_uploads()
    stage.await_case("lambda-policy-public", "shop-uploads", "ESCALATED", 4)


SCENES = (
    Scene(
        "A grant to everyone",
        "The pipeline lets everyone invoke shop-orders, beside the grant that S3 needs.",
        _public_grant,
    ),
    Scene("A public URL", "The pipeline switches the URL of shop-site to NONE.", _public_url),
    Scene(
        "A password in plain sight",
        "Somebody puts a database password into an environment variable. It is led out in stages; here are the first.",
        _password,
    ),
    Scene("A role that may do everything", "shop-payments gets * on *. Containing it takes two.", _administrator),
    Scene("A role for anyone", "The role of shop-reports trusts *. Who caused that may not decide about it.", _trust),
    Scene("An unguarded stage", "An API stage goes live without throttling, log or tracing.", _stage),
    Scene("Taken back", "The partner of shop-site calls: the fixed URL must be public again, knowingly.", _undo),
    Scene(
        "Terraform disagrees",
        "Every apply restores a public grant on shop-uploads.",
        _terraform,
    ),
)
