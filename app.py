"""Entry points: decorators, parse, hand over. What happens is told in chalicelib/pipeline.py.

Decorators live here and nowhere else: a blueprint's event handler deploys without this module. Nothing is read,
validated or connected at import, because `chalice package` imports this file and every cold start pays for it.
"""

# Chalice ships no types for its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

from chalice import Chalice, IAMAuthorizer, Rate, Response

# A start allocates much and drops nothing: by default the collector would look through all of it 130 times, in vain.
gc.set_threshold(50_000, 20, 50)

_QUEUE = "arn:aws:sqs:us-east-1:000000000000:named-in-resources-json"
_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_IDENTITY = ("accountId", "userArn", "user", "caller", "sourceIp", "userAgent")

app = Chalice(app_name="suture", configure_logs=False)
signed = IAMAuthorizer()


@app.on_sqs_message(queue_arn=_QUEUE, batch_size=50, maximum_batching_window_in_seconds=1)
def watch(event: Any) -> Any:
    return _pipeline("watch", event.to_dict(), event.context)


@app.schedule(Rate(10, unit=Rate.MINUTES))
def sweep(event: Any) -> Any:
    return _pipeline("sweep", event.to_dict(), event.context)


@app.lambda_function()
def config_rule(event: dict[str, Any], context: Any) -> Any:
    return _pipeline("config_rule", event, context)


@app.on_sqs_message(queue_arn=_QUEUE, batch_size=1, maximum_concurrency=5)
def remediate(event: Any) -> Any:
    return _pipeline("remediate", event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=_QUEUE, batch_size=1, maximum_concurrency=2)
def remediate_iam(event: Any) -> Any:
    return _pipeline("remediate_iam", event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=_QUEUE, batch_size=1, maximum_concurrency=2)
def remediate_secrets(event: Any) -> Any:
    return _pipeline("remediate_secrets", event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=_QUEUE, batch_size=10)
def notify(event: Any) -> Any:
    return _pipeline("notify", event.to_dict(), event.context)


@app.route("/cases", methods=["GET"], authorizer=signed)
def cases() -> Response:
    return _chat()


@app.route("/cases/{id}", methods=["GET"], authorizer=signed)
def case(id: str) -> Response:
    return _chat()


@app.route("/cases/{id}/decision", methods=["POST"], authorizer=signed)
def decision(id: str) -> Response:
    return _chat()


@app.route("/pause", methods=["POST"], authorizer=signed)
def pause() -> Response:
    return _chat()


@app.route("/resume", methods=["POST"], authorizer=signed)
def resume() -> Response:
    return _chat()


_FORM = ["application/x-www-form-urlencoded"]


@app.route("/slack/interactive", methods=["POST"], content_types=_FORM)
def slack_interactive() -> Response:
    return _slack("interactive")


@app.route("/slack/command", methods=["POST"], content_types=_FORM)
def slack_command() -> Response:
    return _slack("command")


@app.route("/slack/events", methods=["POST"])
def slack_events() -> Response:
    return _slack("events")


@app.route("/page", methods=["GET"])
@app.route("/page/posture", methods=["GET"])
@app.route("/page/suppressions", methods=["GET"])
@app.route("/page/runbooks", methods=["GET"])
@app.route("/page/sign-in", methods=["GET"])
@app.route("/page/signed-in", methods=["GET"])
@app.route("/page/style.css", methods=["GET"])
@app.route("/page/icon.svg", methods=["GET"])
def page() -> Response:
    return _page()


@app.route("/page/cases/{id}", methods=["GET"])
def page_case(id: str) -> Response:
    return _page()


@app.route("/page/cases/{id}/decision", methods=["POST"], content_types=_FORM)
def page_decision(id: str) -> Response:
    return _page()


@app.route("/page/sign-out", methods=["POST"], content_types=_FORM)
def page_sign_out() -> Response:
    return _page()


@app.route("/teams", methods=["POST"])
def teams() -> Response:
    return _raw("teams")


def _pipeline(name: str, event: dict[str, Any], context: Any) -> Any:
    return getattr(import_module("chalicelib.pipeline"), name)(event, context)


def _chat() -> Response:
    """Hand the current request to `pipeline.chat`, which answers with an HTTP status and a JSON body.

    A body that is no UTF-8 arrives there with replacement characters, and is refused as no JSON.
    """
    request = app.current_request
    identity = request.context.get("identity") or {}
    status, body = import_module("chalicelib.pipeline").chat(
        {
            "method": request.method,
            "resource": request.context.get("resourcePath", ""),
            "path_parameters": dict(request.uri_params or {}),
            "query": dict(request.query_params or {}),
            "body": request.raw_body.decode("utf-8", "replace"),
            "identity": {name: identity[name] for name in _IDENTITY if identity.get(name)},
        }
    )
    return Response(body=dict(body), status_code=status, headers=_HEADERS)


def _slack(door: str) -> Response:
    return _raw("slack", door=door)


def _raw(name: str, **more: str) -> Response:
    """Hand the raw bytes that a chat signed, or sent with its token, to `pipeline`, with header names in lower case."""
    request = app.current_request
    headers = {name.lower(): value for name, value in request.headers.items()}
    asked = {"headers": headers, "raw": request.raw_body, **more}
    status, body = getattr(import_module("chalicelib.pipeline"), name)(asked)
    return Response(body=dict(body) if body is not None else "", status_code=status, headers=_HEADERS)


def _page() -> Response:
    """Hand the current request to `pipeline.page`, which answers with HTML."""
    request = app.current_request
    status, body, headers = import_module("chalicelib.pipeline").page(
        {
            "method": request.method,
            "resource": request.context.get("resourcePath", ""),
            "path": request.context.get("path", ""),
            "parameters": dict(request.uri_params or {}),
            "query": dict(request.query_params or {}),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "raw": request.raw_body,
        }
    )
    return Response(body=body, status_code=status, headers=dict(headers))
