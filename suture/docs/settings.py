"""Everything that can be set: deployment parameters, the functions' environment and size, the command's variables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from chalicelib.errors import Misconfigured
from chalicelib.model import Json

from . import chat_rules
from .markdown import code, codes, page, table

ENVIRONMENT: Mapping[str, str] = {
    "ACCESS_LOG_ARN": "The log group that `apigateway-guard-stage` sends access logs to",
    "ACCOUNT_ID": "The account that this deployment looks after",
    "BOUNDARY_ARN": "The permissions boundary that `iam-contain-role` attaches",
    "AUDIT_BUCKET": "Where the daily manifests of case records are kept",
    "AUDIT_KEY": "The KMS key that signs them",
    "CHANGES_QUEUE": "Where `watch` hears of changes",
    "FINGERPRINT_KEY": "The KMS key behind the fingerprints of values that must not be stored",
    "JOURNAL_KEY": "The KMS key behind the journal's seal; writers only",
    "NOTICES_QUEUE": "Where `notify` hears of cases to tell about",
    "OIDC_CLIENT_ID": "The page's client at the OpenID provider",
    "OIDC_ISSUER": "The OpenID provider at which people sign in to the page; empty for no page",
    "OIDC_SECRET_PARAMETER": "The SSM parameter with that client's secret, if it has one",
    "PAGE_KEY": "The KMS key behind the signature of the page's sessions",
    "OWN_PARTS": "Ids and ARNs of our own parts, parted by `|`: a change to one of them is told at once",
    "REMEDIATE_IAM_QUEUE": "Where the writer of IAM hears of cases to carry out",
    "REMEDIATE_QUEUE": "Where the writer of everything else hears of cases to carry out",
    "REMEDIATE_SECRETS_QUEUE": "Where the writer of secrets hears of cases to carry out",
    "SLACK_API_URL": "Slack's Web API; empty for no Slack",
    "SLACK_SECRET_PARAMETER": "The SSM parameter with the secret that Slack signs requests with",
    "SLACK_TOKEN_PARAMETER": "The SSM parameter with the bot token",
    "STACK": "The ARN of our own stack",
    "STAGE": "The stage, as it stands in every name: `suture-<stage>-…`",
    "TABLE": "The table of cases",
    "TEAMS_LOGIN_URL": "Where the Teams bot gets its access token; empty for no Teams",
    "TEAMS_OPENID_URL": "Which keys sign what Teams sends; empty for no Teams",
    "TEAMS_SECRET_PARAMETER": "The SSM parameter with the client secret of the Teams bot",
    "WEBHOOK_SECRET_PARAMETER": "The SSM parameter with the key that signs webhooks",
    "WEBHOOK_URL": "Where notices are posted to; empty for nowhere",
}
"""What each variable of a function is for. One without its sentence here breaks the rendering."""

COMMAND: Mapping[str, str] = {
    "AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL": "These and the other AWS variables that boto3 reads",
    "SUTURE_AUDIT_BUCKET": "The bucket with the daily manifests, for `audit`",
    "SUTURE_AUDIT_KEY": "The KMS key that signs them, for `audit`",
    "SUTURE_TABLE": "The table of cases, for `audit`, `redrive` and `web`",
    "SUTURE_API_URL": "The decision API's address, for `cases`, `pause`, `resume` and `web`",
    "SUTURE_DEBUG": "`1` prints the traceback of an unexpected failure, with words of our own errors only",
    "BOUNDARY_ARN, ACCESS_LOG_ARN, SECRETS_WRITER_ARN": (
        "What plans made here (`scan --plan`, `runbooks plan`) take for the stack's"
    ),
    "NO_COLOR": "Any value: no colours",
}
"""What the command `suture` reads."""


def page_for(root: Path) -> str:
    """The page, from resources.json and .chalice/config.json below `root`."""
    document = json.loads((root / "resources.json").read_text("utf-8"))
    config = json.loads((root / ".chalice" / "config.json").read_text("utf-8"))
    return page(
        "# Settings",
        "## Deployment parameters",
        "Parameters of the stack, as `resources.json` has them.",
        table(("parameter", "default", "allowed", "what it is for"), _parameters(document["Parameters"])),
        "## Who is told",
        "The keys of `governance/chat.yaml`; [how to set them up](chat.md). A part that is left out is not spoken to.",
        chat_rules.keys(),
        "## The functions' environment",
        "Set by the stack; nobody sets them by hand.",
        table(("variable", "what it is for", "functions"), _environment(document["Resources"])),
        "## The functions' size",
        "From `.chalice/config.json`. `api_handler` is Chalice's name for `chat`.",
        table(("function", "memory", "timeout", "reserved concurrency"), _sizes(config)),
        "## The command's environment",
        table(("variable", "what it is for"), [(codes(name.split(", ")), what) for name, what in COMMAND.items()]),
        "## What the stack gives out",
        table(("output", "resource"), [(code(n), code(_resource_of(o["Value"]))) for n, o in _outputs(document)]),
    )


def _parameters(parameters: Mapping[str, Json]) -> Iterator[tuple[str, ...]]:
    for name, entry in parameters.items():
        default = code(str(entry["Default"]) or '""')
        yield code(name), default, _allowed(entry), entry["Description"].replace("<", "&lt;")


def _allowed(entry: Mapping[str, Json]) -> str:
    if entry["Type"] == "Number":
        return f"{entry['MinValue']} to {entry['MaxValue']}"
    pattern = entry.get("AllowedPattern", "")
    return codes(entry.get("AllowedValues", ())) or (code(pattern) if pattern else "any text")


def _resource_of(value: Mapping[str, Json]) -> str:
    return str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])


def _environment(resources: Mapping[str, Json]) -> Iterator[tuple[str, ...]]:
    users: dict[str, list[str]] = {}
    for resource in resources.values():
        name = str(resource.get("Properties", {}).get("FunctionName", {}))
        for variable in resource.get("Properties", {}).get("Environment", {}).get("Variables", {}):
            users.setdefault(variable, []).append(name.rsplit("${Stage}-", 1)[-1].removesuffix("'}"))
    most = max(map(len, users.values()), default=0)
    for variable, functions in sorted(users.items()):
        if variable not in ENVIRONMENT:
            step = "say in ENVIRONMENT of suture/docs/settings.py what it is for"
            raise Misconfigured(f"nobody says what {variable} is for", where="resources.json", next_step=step)
        yield code(variable), ENVIRONMENT[variable], "all" if len(functions) == most else codes(functions)


def _sizes(config: Mapping[str, Json]) -> Iterator[tuple[str, ...]]:
    for stage in config["stages"].values():
        for name, entry in stage["lambda_functions"].items():
            concurrency = str(entry.get("reserved_concurrency", "-"))
            yield code(name), f"{entry['lambda_memory_size']} MB", f"{entry['lambda_timeout']} s", concurrency


def _outputs(document: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    yield from document.get("Outputs", {}).items()
