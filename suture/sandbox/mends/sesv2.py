"""SES: a mail keeps both its bodies and its headers, and is refused for headers that SES does not take.

moto keeps one body and drops the headers. AWS: SES API v2, SendEmail (MessageHeader); SES Developer Guide, "Amazon SES
header fields", the list of those that are disallowed beside `Simple` content.
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.sesv2.responses import SESV2Response

from .patching import around

_NAME, _VALUE = re.compile(r"[!-9;-~]{1,126}"), re.compile(r"[ -~]{1,995}")
_MOST = 15
_OURS = "bcc cc content-disposition content-type date from message-id mime-version reply-to return-path subject to"


class _Refused(JsonRESTError):  # type: ignore[misc]
    code = 400


def mend() -> None:
    @around(SESV2Response, "send_email")
    def send_email(original: Any, self: Any) -> str:
        simple = json.loads(self.body).get("Content", {}).get("Simple")
        headers = (simple or {}).get("Headers") or []
        wrong = [h["Name"] for h in headers if not _is_taken(h)]
        if wrong or len(headers) > _MOST:
            raise _Refused("BadRequestException", f"Invalid headers: {', '.join(wrong) or len(headers)}")
        answer: str = original(self)
        if simple:
            sent = self.sesv2_backend.core_backend.sent_messages[-1]
            bodies = {kind: (simple["Body"].get(kind) or {}).get("Data", "") for kind in ("Text", "Html")}
            sent.text, sent.html, sent.headers = (
                bodies["Text"],
                bodies["Html"],
                {h["Name"]: h["Value"] for h in headers},
            )
        return answer


def _is_taken(header: Any) -> bool:
    name, value = header["Name"], header["Value"]
    is_whole = bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value))
    return is_whole and name.lower() not in _OURS.split()
