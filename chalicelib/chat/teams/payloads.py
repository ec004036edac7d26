"""What Teams sends, read strictly: exactly the fields that we use, of the types that are documented, or a 400.

Read only after `signing.check`. Who somebody is follows from Entra's tenant and object alone; tenant, bot and channel
must be ours. Source: "Universal Actions for Adaptive Cards" (`adaptiveCard/action`), Microsoft Teams.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...approvals import Identity
from ...errors import BadRequest
from ...model import Json
from ...routing import Teams as Rules
from .places import CONNECTORS, is_at
from .signing import CHANNEL, is_for

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_MOST_TEXT, _MOST_ID = 3000, 300


@dataclass(frozen=True, slots=True)
class Click:
    """A button with what was typed beside it: `case` and `plan` are what its card showed, and prove nothing.

    `id` is the activity's, and `is_asked` says that a person pressed it: Teams refreshes cards by itself.
    """

    identity: Identity
    id: str
    is_asked: bool
    verb: str
    case: str
    plan: str
    reason: str
    digits: str
    by: str
    at: str


def click(raw: bytes, claims: Mapping[str, Json], rules: Rules, *, is_sandboxed: bool = False) -> Click | None:
    """An `adaptiveCard/action`; None for an activity that asks nothing of us. Raises BadRequest."""
    activity = _json(raw)
    service = _text(activity, "serviceUrl")
    if not is_for(claims, service) or not (is_sandboxed or is_at(service, CONNECTORS)):
        raise BadRequest("the request is not signed by Teams", status=401)
    if _text(activity, "channelId") != CHANNEL:
        raise BadRequest("this is no request of Teams", status=403)
    if _text(activity, "type") != "invoke" or activity.get("name") != "adaptiveCard/action":
        return None
    identity = _identity(activity, rules)
    _is_ours(activity, rules)
    value = _object(activity, "value")
    action = _object(value, "action")
    data = _object(action, "data")
    typed = {name: _typed(data, name) for name in ("reason", "digits", "by", "at")}
    return Click(
        identity=identity,
        id=_id(activity, "id"),
        is_asked=value.get("trigger") != "automatic",
        verb=_id(action, "verb"),
        case=_id(data, "c"),
        plan=_typed(data, "p"),
        **typed,
    )


def _identity(activity: Mapping[str, Json], rules: Rules) -> Identity:
    """Somebody of our own tenant: a guest's or a federated person's activity names another one, and is refused."""
    conversation = _object(activity, "conversation")
    tenants = [_text(_object(_object(activity, "channelData"), "tenant"), "id")]
    tenants += [_text(conversation, "tenantId")] if "tenantId" in conversation else []
    if any(tenant != rules.tenant for tenant in tenants):
        raise BadRequest("this is another tenant's request", status=403)
    object_ = _text(_object(activity, "from"), "aadObjectId")
    if not _GUID.fullmatch(object_):
        raise BadRequest("the person is no object of Entra")
    return Identity(rules.tenant, "entra", object_)


def _is_ours(activity: Mapping[str, Json], rules: Rules) -> None:
    if _text(_object(activity, "recipient"), "id") != f"28:{rules.app}":
        raise BadRequest("this is another bot's request", status=403)
    channel = _id(_object(activity, "conversation"), "id").partition(";")[0]
    if channel not in rules.channels:
        raise BadRequest("Suture takes decisions in its own channels only", status=403)


def _json(raw: bytes) -> Mapping[str, Json]:
    try:
        found = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(found, dict):
        raise BadRequest("the body is no JSON object")
    return found


def _object(data: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = data.get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"{name} is missing")
    return found


def _text(data: Mapping[str, Json], name: str) -> str:
    found = data.get(name)
    if not isinstance(found, str):
        raise BadRequest(f"{name} is missing")
    return found


def _id(data: Mapping[str, Json], name: str) -> str:
    found = _text(data, name)
    if not 0 < len(found) <= _MOST_ID:
        raise BadRequest(f"{name} is none")
    return found


def _typed(data: Mapping[str, Json], name: str) -> str:
    """What was typed into one input; one that is not on the card, or was left empty, is not there."""
    found = data.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise BadRequest(f"{name} is no text")
    if len(found) > _MOST_TEXT:
        raise BadRequest(f"a text has more than {_MOST_TEXT} characters", status=413)
    return found
