"""A workflow of Teams, formerly an incoming webhook: how a case stands, as a card without a button.

The address of a workflow is its own key, so it is kept as an SSM SecureString and never logged. What it takes: "Create
incoming webhooks with Workflows for Microsoft Teams".
"""

from __future__ import annotations

import json

from ...errors import CallFailed
from ..facts import facts_of
from ..gate import refuse_secrets
from ..teams import cards
from ..teams.client import CARD
from ..teams.places import WORKFLOWS, TeamsFailed, checked, exchanged
from . import Job, Told
from .line import SinkFailed

PARAMETER = "/suture/teams-workflow"


def send(job: Job) -> Told:
    """Post the case as it stands. A workflow cannot change what it posted, so each look of a case is a card."""
    if not job.is_news and not job.why:
        return job.told
    case = job.case
    made = cards.notification(case, facts_of(job.d, case), job.why)
    body = {"type": "message", "attachments": [{"contentType": CARD, "contentUrl": None, "content": made}]}
    refuse_secrets(body)
    url = checked(_address(job), WORKFLOWS, is_sandboxed=job.d.is_sandboxed)
    try:
        exchanged(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    except TeamsFailed as error:
        raise SinkFailed(error.code, error.status, error.wait) from None
    return job.told


def _address(job: Job) -> str:
    name = job.rules.options.get("address") or PARAMETER
    try:
        answer = job.d.clients.call("ssm:GetParameter", {"Name": name, "WithDecryption": True})
    except CallFailed as error:
        raise SinkFailed(f"no_secret ({error.code})") from error
    return str(answer["Parameter"]["Value"]).strip()
