"""CloudWatch Logs: subscription filters for every log group of an account, which moto lacks.

AWS: CloudWatch Logs API Reference, PutAccountPolicy (one subscription policy an account and region; the same name
overwrites), DescribeAccountPolicies, DeleteAccountPolicy. Other types of policy stay out, as they do in moto.
"""

from __future__ import annotations

import json
import time
from typing import Any

from moto.logs.exceptions import InvalidParameterException, LimitExceededException, ResourceNotFoundException
from moto.logs.responses import LogsResponse

from .patching import instead

_TYPE = "SUBSCRIPTION_FILTER_POLICY"


def mend() -> None:
    @instead(LogsResponse, "put_account_policy")
    def put_account_policy(self: Any) -> str:
        name, text = self._get_param("policyName"), self._get_param("policyDocument")
        if self._get_param("policyType") != _TYPE:
            raise NotImplementedError(f"account policies other than {_TYPE}")
        kept = _policies(self)
        if not _destination(text):
            raise InvalidParameterException(constraint="hold a DestinationArn", parameter="policyDocument", value=text)
        if kept and name not in kept:
            raise LimitExceededException
        kept[name] = {
            "policyName": name,
            "policyDocument": text,
            "lastUpdatedTime": int(time.time() * 1000),
            "policyType": _TYPE,
            "scope": "ALL",
            "accountId": self.current_account,
        }
        return json.dumps({"accountPolicy": kept[name]})

    @instead(LogsResponse, "describe_account_policies")
    def describe_account_policies(self: Any) -> str:
        known = _policies(self).values() if self._get_param("policyType") == _TYPE else ()
        name = self._get_param("policyName")
        return json.dumps({"accountPolicies": [one for one in known if name in (None, one["policyName"])]})

    @instead(LogsResponse, "delete_account_policy")
    def delete_account_policy(self: Any) -> str:
        if _policies(self).pop(self._get_param("policyName"), None) is None:
            raise ResourceNotFoundException
        return ""


def _policies(response: Any) -> dict[str, dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = response.logs_backend.__dict__.setdefault("suture_account_policies", {})
    return kept


def _destination(text: str) -> str:
    try:
        return str(json.loads(text).get("DestinationArn", ""))
    except (ValueError, AttributeError):
        return ""
