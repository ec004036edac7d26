"""Lambda's additions to its CloudTrail records.

Sources: Lambda Developer Guide, "Logging AWS Lambda API calls using CloudTrail"; recorded events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .calls import Call

Json = Any
_PENDING = {"state": "Pending", "stateReason": "The function is being created.", "stateReasonCode": "Creating"}
_UPDATING = {
    "lastUpdateStatus": "InProgress",
    "lastUpdateStatusReason": "The function is being created.",
    "lastUpdateStatusReasonCode": "Creating",
}


def extra_request(call: Call, account: str) -> dict[str, Json]:
    """What UpdateFunctionCode adds to its request."""
    if call.operation != "UpdateFunctionCode":
        return {}
    name = str(call.parameters.get("FunctionName", "")).split(":function:")[-1].split(":")[0]
    place = {"partition": "aws", "region": call.region, "account": account}
    return {"fullyQualifiedArn": {"arnPrefix": place, "relativeId": {"functionName": name}, "functionQualifier": {}}}


def response(operation: str, written: Mapping[str, Json], publish: bool = False) -> dict[str, Json]:
    """The configuration that a function call answers, as it is while the change still runs."""
    if "functionArn" not in written or "codeSha256" not in written:
        return dict(written)
    settled = {k: v for k, v in written.items() if not k.startswith(("state", "lastUpdateStatus"))}
    settled.setdefault("environment", {})
    if settled.get("layers"):
        settled["layers"] = [{"uncompressedCodeSize": layer["codeSize"], **layer} for layer in settled["layers"]]
    fresh = operation in {"CreateFunction", "PublishVersion"} or (operation == "UpdateFunctionCode" and publish)
    return {**settled, **(_PENDING if fresh else {"state": "Active", **_UPDATING})}
