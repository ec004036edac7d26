"""Rendered files: event rules from the controls' signals, IAM policies from what readers and runbooks declare.

`render_events` owns the entries of resources.json that carry `Metadata.Rendered`; `render_policies` owns
.chalice/<function>.policy.json and the parameters that say which writers are deployed. Everything else in
resources.json is written by hand. Same input, same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from chalicelib.aws.readers import all_readers
from chalicelib.controls import Control, all_controls
from chalicelib.model import Json, least_mode
from chalicelib.stores import store_of
from chalicelib.writers import WRITERS, writer_of

from .duties import DUTIES, PREFIX
from .own_parts import own_patterns
from .policies import policy

Files = Mapping[Path, str]

_MARK = {"Rendered": "suture render events"}
_QUEUE = {"Fn::GetAtt": ["ChangesQueue", "Arn"]}
_DLQ = {"Fn::GetAtt": ["ChangesDlq", "Arn"]}


def render_events(root: Path, *, check: bool = False) -> tuple[Path, ...]:
    """Write the event rules. Returns the files that were stale; with `check` nothing is written."""
    return _settle(rendered_events(root), check)


def render_policies(root: Path, *, check: bool = False) -> tuple[Path, ...]:
    """Write the policies. Returns the files that were stale; with `check` nothing is written."""
    return _settle(rendered_policies(root), check)


def _settle(files: Files, check: bool) -> tuple[Path, ...]:
    stale = tuple(p for p, text in files.items() if not p.is_file() or p.read_text() != text)
    if not check:
        for path in stale:
            path.write_text(files[path])
    return stale


def _text(document: Json) -> str:
    return json.dumps(document, indent=2) + "\n"


# --- events ---------------------------------------------------------------------------------------------------------


def rendered_events(root: Path) -> Files:
    """resources.json with its event rules, the queue policy that admits them, and the Config rule's scope."""
    path = root / "resources.json"
    document = json.loads(path.read_text())
    kept = {k: v for k, v in document["Resources"].items() if v.get("Metadata") != _MARK}
    rendered = {name: {**entry, "Metadata": _MARK} for name, entry in _event_resources().items()}
    return {path: _text({**document, "Resources": {**kept, **rendered}})}


def _event_resources() -> dict[str, Json]:
    controls = all_controls().values()
    patterns = {**call_patterns(controls), **_other_patterns(controls)}
    rules = {f"{name}Rule": _rule(name, pattern) for name, pattern in patterns.items()}
    for name, pattern in _STORED_READS.items():
        rules[f"{name}Rule"] = _rule(name, pattern, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    rules |= own_rules()
    return {**rules, "ChangesPolicy": _queue_policy(rules), "ControlsRule": _config_rule(controls)}


def call_patterns(controls: Iterable[Control]) -> dict[str, Json]:
    """One EventBridge pattern a service: successful calls of the names that the controls wait for.

    Names match by prefix, because CloudTrail dates some of them (`AddPermission20150331v2`); `source` begins with
    `aws.`, which PutEvents refuses to everyone but AWS.
    """
    names: dict[str, set[str]] = {}
    for control in controls:
        for signal in control.signals:
            names.setdefault(signal.source, set()).update(signal.names)
    return {
        "".join(w.capitalize() for w in source.removeprefix("aws.").split("-")) + "Calls": {
            "source": [source],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {"eventName": [{"prefix": n} for n in _shortest(found)], "errorCode": [{"exists": False}]},
        }
        for source, found in sorted(names.items())
    }


def _shortest(names: Iterable[str]) -> list[str]:
    """The names, less those that a shorter one among them already matches by prefix."""
    kept: list[str] = []
    for name in sorted(names):
        if not any(name.startswith(k) for k in kept):
            kept.append(name)
    return kept


def _other_patterns(controls: Iterable[Control]) -> dict[str, Json]:
    types = sorted({c.resource_type for c in controls if c.resource_type.startswith(OF_AWS)})
    recorded = _recorded((*types, *(t for t in all_readers() if t in _CONFIG_NAMES)))
    by_type = {"resourceType": recorded}
    items = {"$or": [{"configurationItem": by_type}, {"configurationItemSummary": by_type}]}
    return {
        "ConfigItems": _pattern("aws.config", "Config Configuration Item Change", items),
        "SecurityHub": _pattern("aws.securityhub", "Security Hub Findings - Imported", _asff(types)),
        "SecurityHubV2": _pattern("aws.securityhub", "Findings Imported V2", {"findings": {"status": ["New"]}}),
        "GuardDuty": _pattern(
            "aws.guardduty", "GuardDuty Finding", {"resource": {"resourceType": ["AccessKey", "Lambda"]}}
        ),
        "AccessAnalyzer": _pattern(
            "aws.access-analyzer", "Access Analyzer Finding", {"status": ["ACTIVE"], "resourceType": types}
        ),
        "Inspector": _pattern(
            "aws.inspector2",
            "Inspector2 Finding",
            {"status": ["ACTIVE"], "resources": {"type": ["AWS_LAMBDA_FUNCTION"]}},
        ),
    }


# Types that other services can name. Those of our own are found by the sweep alone.
OF_AWS = "AWS::"

# Types that AWS Config does not record ("Supported resource types", AWS Config Developer Guide).
_NOT_RECORDED = frozenset({"AWS::Lambda::LayerVersion", "AWS::SSM::Parameter"})

# How Security Hub spells what does not follow from CloudFormation's name (ASFF syntax, "Resources").
_ASFF_NAMES = {"AwsEventsEventBus": "AwsEventsEventbus", "AwsIamManagedPolicy": "AwsIamPolicy"}

# Types that have another name in AWS Config.
_CONFIG_NAMES = {"AWS::IAM::ManagedPolicy": "AWS::IAM::Policy"}


def _recorded(types: Iterable[str]) -> list[str]:
    """Resource types as AWS Config names those that it records."""
    named = {t for t in types if t.startswith(OF_AWS) and t not in _NOT_RECORDED}
    return sorted({_CONFIG_NAMES.get(t, t) for t in named})


def _pattern(source: str, kind: str, detail: Json) -> Json:
    return {"source": [source], "detail-type": [kind], "detail": detail}


_A_PARAMETER = [{"wildcard": "/suture/*/C-*"}, {"wildcard": "arn:*:parameter/suture/*/C-*"}]
_STORED_READS: Mapping[str, Json] = {
    "StoredSecretReads": {
        "source": ["aws.secretsmanager"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventName": ["GetSecretValue"],
            "errorCode": [{"exists": False}],
            "requestParameters": {"secretId": [{"prefix": "suture/"}, {"wildcard": "arn:*:secret:suture/*"}]},
        },
    },
    "StoredParameterReads": {
        "source": ["aws.ssm"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventName": ["GetParameter", "GetParameters"],
            "errorCode": [{"exists": False}],
            "requestParameters": {"$or": [{"name": _A_PARAMETER}, {"names": _A_PARAMETER}]},
        },
    },
}
"""A function has taken a secret that Suture stored for it: a read, which only a rule in that state hears of. A name
ends with its case there, so that Suture's own parameters wake nobody. Source: EventBridge User Guide, "Receiving
read-only management events from AWS services"."""


def _asff(types: Iterable[str]) -> Json:
    """Failed checks that nobody has closed, on our types as Security Hub spells them: AWS::IAM::Role, AwsIamRole."""
    spelled = [re.sub("[A-Z]{2,}", lambda m: m[0].capitalize(), t).replace("::", "") for t in types]
    return {
        "findings": {
            "RecordState": ["ACTIVE"],
            "Workflow": {"Status": ["NEW", "NOTIFIED"]},
            "Compliance": {"Status": ["FAILED"]},
            "Resources": {"Type": [_ASFF_NAMES.get(name, name) for name in spelled]},
        }
    }


def _rule(name: str, pattern: Json, state: str = "ENABLED") -> Json:
    """A rule whose events are a message group of their own: a fair queue hands over the others before those of a flood.

    Amazon SQS Developer Guide, "Amazon SQS fair queues"; EventBridge API Reference, SqsParameters.
    """
    slug = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    target = {
        "Id": "changes",
        "Arn": _QUEUE,
        "DeadLetterConfig": {"Arn": _DLQ},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
        "SqsParameters": {"MessageGroupId": slug},
    }
    properties = {"Name": {"Fn::Sub": PREFIX + slug}, "EventPattern": pattern, "State": state, "Targets": [target]}
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def own_rules() -> dict[str, Json]:
    """The rules for our own parts, and the one by which the sweep's own call comes back."""
    beat = {
        "eventName": ["ListQueues"],
        "requestParameters": {"queueNamePrefix": [{"prefix": {"Fn::Sub": PREFIX + "heartbeat-"}}]},
    }
    heartbeat = _pattern("aws.sqs", "AWS API Call via CloudTrail", beat)
    rules = {f"Own{name}Rule": _rule(f"Own{name}", pattern) for name, pattern in own_patterns().items()}
    return {**rules, "HeartbeatRule": _rule("Heartbeat", heartbeat, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")}


def _queue_policy(rules: Iterable[str]) -> Json:
    arns = [{"Fn::GetAtt": [rule, "Arn"]} for rule in sorted(rules)]
    ours = {"ArnEquals": {"aws:SourceArn": arns}, "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    statements = [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": ours,
        }
        for sid, queue in (("EventsFromOurRules", _QUEUE), ("UndeliveredFromOurRules", _DLQ))
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    queues = [{"Ref": "ChangesQueue"}, {"Ref": "ChangesDlq"}]
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": queues, "PolicyDocument": document}}


def _config_rule(controls: Iterable[Control]) -> Json:
    messages = ("ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification")
    source = {
        "Owner": "CUSTOM_LAMBDA",
        "SourceIdentifier": {"Fn::GetAtt": ["ConfigRule", "Arn"]},
        "SourceDetails": [{"EventSource": "aws.config", "MessageType": m} for m in messages],
    }
    return {
        "Type": "AWS::Config::ConfigRule",
        "Condition": "UsesConfig",
        "DependsOn": ["ConfigMayInvoke"],
        "Properties": {
            "ConfigRuleName": {"Fn::Sub": PREFIX + "controls"},
            "Description": "Suture's controls, judged by its own function on what AWS says now",
            "Scope": {"ComplianceResourceTypes": _recorded(c.resource_type for c in controls)},
            "Source": source,
        },
    }


# --- policies -------------------------------------------------------------------------------------------------------


def rendered_policies(root: Path) -> Files:
    """Every function's policy, and resources.json with the parameters that deploy only the writers in need."""
    needs = writer_operations(root)
    looks = frozenset(o for reader in all_readers().values() for o in reader.OPERATIONS)
    staged = frozenset(o for document in _armed_runbooks(root) for o in _stage_reads(document))
    reading: Mapping[str, frozenset[str]] = {"watch": looks | staged, "sweep": looks, "config_rule": looks}
    chat_file = root / "governance" / "chat.yaml"
    chat = (yaml.safe_load(chat_file.read_text()) if chat_file.is_file() else None) or {}
    files = {
        root / ".chalice" / f"{name}.policy.json": _text(
            policy(name, reading.get(name) or needs.get(name) or frozenset(), chat)
        )
        for name in DUTIES
    }
    path = root / "resources.json"
    document = json.loads(path.read_text())
    parameters = {**document["Parameters"], **{_flag(w): _parameter(w, bool(needs[w])) for w in WRITERS}}
    return {**files, path: _text({**document, "Parameters": parameters})}


def writer_operations(root: Path) -> dict[str, frozenset[str]]:
    """What each writer may call: its runbooks' calls, and the reads of the resource types that they remediate.

    Each stage of a staged runbook has its own writer, and every one of them reads what all the stages read, since it
    finds out anew which stage is due.
    """
    needs: dict[str, frozenset[str]] = dict.fromkeys(WRITERS, frozenset())
    for document in _armed_runbooks(root):
        reads = frozenset((*_looks(document["remediates"]), *_stage_reads(document)))
        store = store_of(call for part in document.get("stages") or (document,) for call in _declared(part))
        for part in document.get("stages") or (document,):
            calls = frozenset(_declared(part, store.fetch if store else ""))
            if calls:
                needs[writer_of(calls)] |= calls | reads
    return needs


def _stage_reads(document: Mapping[str, Json]) -> Iterator[str]:
    for stage in document.get("stages", ()):
        for read in stage.get("reads", ()):
            if "resource" in read:
                yield from all_readers()[read["resource"]].OPERATIONS
            else:
                yield read["call"]


def _looks(controls: Iterable[str]) -> Iterator[str]:
    for control in controls:
        yield from all_readers()[all_controls()[control].resource_type].OPERATIONS


def _armed_runbooks(root: Path) -> Iterator[Mapping[str, Json]]:
    """Documents of the runbooks that a pin lifts above observe; all of them while no pins file is there."""
    pins_file = root / "governance" / "pins.yaml"
    pins = yaml.safe_load(pins_file.read_text()) if pins_file.is_file() else None
    for path in sorted((root / "runbooks").glob("*/*.yaml")):
        document = yaml.safe_load(path.read_text())
        if pins is None or _armed(document, pins):
            yield document


def _armed(document: Mapping[str, Json], pins: Mapping[str, Json]) -> bool:
    modes = [pins.get("mode", "observe"), *(a["mode"] for a in (pins.get("accounts") or {}).values())]
    return any(
        least_mode(document["mode"], pin["mode"], mode) != "observe"
        for pin in pins.get("pins", ())
        if (pin["runbook"], str(pin["version"])) == (document["id"], str(document["version"]))
        for mode in modes
    )


def _declared(document: Mapping[str, Json], fetch: str = "") -> Iterator[str]:
    """The calls of a runbook or a stage; where a late value is put back out of the store, the fetching of it too."""
    for step in document.get("steps", ()):
        undo = step.get("undo", "none")
        calls = [step, *(u for u in ([undo] if isinstance(undo, dict) else undo) if isinstance(u, dict))]
        yield from (call["call"] for call in calls)
        if fetch and any(isinstance(v, dict) and "stored" in v for call in calls for v in call["with"].values()):
            yield fetch
    yield from (check["call"] for check in document.get("verify", ()))


def _flag(writer: str) -> str:
    return "Deploy" + "".join(w.capitalize() for w in writer.split("_"))


def _parameter(writer: str, needed: bool) -> Json:
    return {
        "Type": "String",
        "Default": "yes" if needed else "no",
        "AllowedValues": ["yes", "no"],
        "Description": f"Deploy the writer {writer}; rendered: yes when a runbook pinned above observe needs it",
    }
