"""A REST API stage lacks throttling of its own, an access log, or tracing."""

from __future__ import annotations

from ..model import Resource
from ..redaction import safe_text
from ..surgery import EVERY_METHOD, unlimited
from . import Control, Judgement, Signal

_WORDS = {"throttling": "throttling of its own", "access-log": "access log", "tracing": "tracing"}


def judge(resource: Resource) -> Judgement | None:
    """One item: what is Missing, and what is there (Rate in requests a second, Burst in requests, null for none).

    Throttling is what holds for every method (`*/*`); methods with settings of their own are not looked at.
    """
    config = resource.config
    has = {
        "throttling": not unlimited(config),
        "access-log": bool((config.get("accessLogSettings") or {}).get("destinationArn")),
        "tracing": config.get("tracingEnabled") is True,
    }
    missing = [guard for guard, there in has.items() if not there]
    if not missing:
        return None
    settings = (config.get("methodSettings") or {}).get(EVERY_METHOD) or {}
    item = {
        "Missing": missing,
        "Rate": settings.get("throttlingRateLimit"),
        "Burst": settings.get("throttlingBurstLimit"),
    }
    lacks = " and no ".join(_WORDS[guard] for guard in missing)
    return Judgement(f"The API stage {safe_text(resource.id, 100)} has no {lacks}", (item,))


CONTROL = Control(
    title="API stages are throttled, logged and traced",
    why=(
        "Without a throttle one caller can use up the whole account's limit and its budget; without a log and "
        "traces nobody can say afterwards who called and what happened."
    ),
    severity="medium",
    pillar="network-api",
    resource_type="AWS::ApiGateway::Stage",
    signals=(Signal("aws.apigateway", ("CreateStage", "UpdateStage", "DeleteStage", "CreateDeployment")),),
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-xray.html",
    ),
    peers=(
        "APIGateway.3",
        "apigateway_restapi_tracing_enabled",
        "CKV_AWS_73",
        "CKV_AWS_76",
    ),
)
