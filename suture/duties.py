"""What each function does besides calling customers' resources: the keys, queues and parts of ours that it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.model import Json

PREFIX = "suture-${Stage}-"
BOUNDARY: Json = {"Ref": "Boundary"}

_CASES = ("CASE", "RES", "COUNT")
_JOURNALED = (*_CASES, "FAILURE", "JOURNAL", "LEASE")
QUEUES = ("ChangesQueue", "RemediateQueue", "RemediateIamQueue", "RemediateSecretsQueue", "NoticesQueue")
_TO_ALL = (*QUEUES[1:],)


@dataclass(frozen=True, slots=True)
class Duty:
    """What one function does besides calling customers' resources.

    `kinds` are the leading keys that it may write, `queue` wakes it, `sends` are queues that it may send to,
    `keys` are the HMAC keys that it derives from, `own` further actions with their resources, `failures` says that
    Lambda keeps its failed asynchronous invocations in a queue.
    """

    table: bool = True
    kinds: tuple[str, ...] = ()
    queue: str = ""
    sends: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    own: tuple[tuple[str, Json], ...] = ()
    failures: bool = False


def _parameter(name: str) -> Json:
    """Where SSM keeps the secret that one of the template's parameters names."""
    return {
        "Fn::Sub": f"arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter${{{name}Parameter}}"
    }


_FINGERPRINT = ("FingerprintKey",)
_JOURNAL = (*_FINGERPRINT, "JournalKey")
_WEBHOOK_SECRET = _parameter("WebhookSecret")
_AUDIT = (
    ("s3:GetObject", {"Fn::Sub": "${AuditBucket.Arn}/manifests/*"}),
    ("s3:PutObject", {"Fn::Sub": "${AuditBucket.Arn}/manifests/*"}),
    ("s3:ListBucket", {"Fn::GetAtt": ["AuditBucket", "Arn"]}),
    ("kms:Sign", {"Fn::GetAtt": ["AuditKey", "Arn"]}),
    ("kms:Verify", {"Fn::GetAtt": ["AuditKey", "Arn"]}),
)
_SLACK_TOKEN = _parameter("SlackToken")
_SLACK_SECRET = _parameter("SlackSecret")
_OIDC_SECRET = _parameter("OidcSecret")
_TEAMS_SECRET = _parameter("TeamsSecret")


def _writer(queue: str) -> Duty:
    return Duty(kinds=_JOURNALED, queue=queue, sends=(queue, "ChangesQueue", "NoticesQueue"), keys=_JOURNAL)


DUTIES: Mapping[str, Duty] = {
    "watch": Duty(
        kinds=(*_CASES, "BEAT", "FAILURE"), queue="ChangesQueue", sends=("ChangesQueue", *_TO_ALL), keys=_FINGERPRINT
    ),
    "sweep": Duty(
        kinds=(*_CASES, "ANCHOR", "BEAT"),
        own=_AUDIT,
        sends=("ChangesQueue", *_TO_ALL),
        keys=_FINGERPRINT,
        failures=True,
    ),
    "config_rule": Duty(table=False, keys=_FINGERPRINT, own=(("config:PutEvaluations", "*"),), failures=True),
    "remediate": _writer("RemediateQueue"),
    "remediate_iam": _writer("RemediateIamQueue"),
    "remediate_secrets": _writer("RemediateSecretsQueue"),
    "chat": Duty(
        kinds=("ACTIVITY", "APPROVAL", "CASE", "SUPPRESSION", "SWITCH"),
        sends=("ChangesQueue", *_TO_ALL),
        keys=("PageKey",),
        own=(("ssm:GetParameter", [_SLACK_TOKEN, _SLACK_SECRET, _OIDC_SECRET]),),
    ),
    "notify": Duty(
        kinds=("FAILURE", "MESSAGE"),
        queue="NoticesQueue",
        sends=("NoticesQueue",),
        own=(("ssm:GetParameter", [_WEBHOOK_SECRET, _SLACK_TOKEN, _TEAMS_SECRET]),),
    ),
}
