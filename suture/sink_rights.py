"""The rights that the sinks of governance/chat.yaml need, for what is configured there alone, and who never has them.

Actions and condition keys: Service Authorization Reference, Amazon Simple Email Service v2 and AWS Systems Manager.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chalicelib.model import Json

_HERE = "${AWS::Region}:${AWS::AccountId}"
TOKENS = (
    ("pagerduty", "key", "/suture/pagerduty-key"),
    ("opsgenie", "key", "/suture/opsgenie-key"),
    ("jira", "token", "/suture/jira-token"),
    ("github", "token", "/suture/github-token"),
    ("workflow", "address", "/suture/teams-workflow"),
)
"""Sink, what its rules call the parameter, and its name where they do not say; chalicelib/chat/sinks has the same."""


def granted(chat: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """For `notify`: mail from the one address, by its own identity or its domain's, and the tokens."""
    sender = (chat.get("email") or {}).get("from")
    if sender:
        identity = f"arn:${{AWS::Partition}}:ses:{_HERE}:identity/"
        places = [{"Fn::Sub": identity + name} for name in (sender, sender.rpartition("@")[2])]
        condition = {"StringEquals": {"ses:FromAddress": sender}}
        mail = {"Sid": "Mail", "Effect": "Allow", "Action": ["ses:SendEmail"], "Resource": places}
        yield {**mail, "Condition": condition}
    if tokens := _tokens(chat):
        yield {"Sid": "ReadTokens", "Effect": "Allow", "Action": ["ssm:GetParameter"], "Resource": tokens}


def denied(chat: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """For writers: the tokens, whatever else is allowed."""
    but = ["ssm:GetParameters", "ssm:ListTagsForResource"]
    if tokens := _tokens(chat):
        yield {"Sid": "NeverOurTokens", "Effect": "Deny", "NotAction": but, "Resource": tokens}


def _tokens(chat: Mapping[str, Json]) -> list[Json]:
    """The parameters with the tokens of the sinks that are configured."""
    names = {(chat[sink] or {}).get(key, default) for sink, key, default in TOKENS if sink in chat}
    return [{"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{_HERE}:parameter{name}"} for name in sorted(names)]
