"""A small valid runbook as text, and controls to go with it, for the tests of what reads runbooks."""

from __future__ import annotations

from pathlib import Path

from chalicelib.controls import Control

ROOT = Path(__file__).resolve().parent.parent

RUNBOOK = """\
id: lambda-close-url
version: 1.0.0
title: Close it
why: It is open.
remediates: [url-open]
tier: low
reversible: full
mode: auto
guards:
  - {expect: "length(finding.evidence) > `0`", else: skip, why: nothing is open}
steps:
  - call: lambda:UpdateFunctionUrlConfig
    each: =finding.evidence
    with:
      FunctionName: =resource.arn
      Qualifier?: =each.Qualifier
      AuthType: AWS_IAM
    undo:
      call: lambda:UpdateFunctionUrlConfig
      with: {FunctionName: =resource.arn, "Qualifier?": =each.Qualifier, AuthType: =each.AuthType}
approval: {min: 1, groups: [owner], expires: 24h}
limits: {per_hour: 20, cooldown: 6h, max_reapply: 2}
"""

SECRET = """\
id: lambda-keep-secret
version: 1.0.0
title: Keep it
why: It is readable.
remediates: [url-open]
tier: high
reversible: partial
mode: propose
leaves: open
uses: [environment_value@1]
steps:
  - call: secretsmanager:CreateSecret
    each: =finding.evidence
    with:
      Name: =each.Name
      SecretString: {late: "=environment_value(resource.config, each)"}
    undo:
      call: secretsmanager:DeleteSecret
      with: {SecretId: =each.Name, RecoveryWindowInDays: 30}
verify:
  - call: secretsmanager:DescribeSecret
    each: =finding.evidence
    with: {SecretId: =each.Name}
    expect: "answer.Name == each.Name"
approval: {min: 1, groups: [owner], expires: 24h}
limits: {per_hour: 20, cooldown: 6h, max_reapply: 2}
"""


def changed(text: str, old: str, new: str) -> str:
    """`text` with one place changed; a test that changes nothing is a mistake."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def control(resource_type: str) -> Control:
    return Control("It is closed", "Open is bad", "high", "security", resource_type, (), lambda _: None)


CONTROLS = {
    "url-open": control("AWS::Lambda::Function"),
    "other-open": control("AWS::Lambda::Function"),
    "role-open": control("AWS::IAM::Role"),
}
