"""Who could read a plaintext secret until now, and what else shows it: pure functions over AWS's own descriptions.

Sources: Service Authorization Reference, AWS Lambda (which actions answer with a function's environment); IAM API
Reference, GetAccountAuthorizationDetails; CloudFormation API Reference, GetTemplateSummary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .errors import BadPolicy
from .model import Json

Item = Mapping[str, Json]

SHOWING = (
    "lambda:GetFunction",
    "lambda:GetFunctionConfiguration",
    "lambda:ListFunctions",
    "lambda:ListVersionsByFunction",
)
"""Actions whose answers hold a function's environment."""

MOST_NAMES = 50
OF_AWS = frozenset(
    {
        "AdministratorAccess",
        "AWSLambda_FullAccess",
        "AWSLambda_ReadOnlyAccess",
        "PowerUserAccess",
        "ReadOnlyAccess",
        "SystemAdministrator",
        "ViewOnlyAccess",
    }
)
"""Policies of AWS's own that allow one of those on every function; their documents are not among the account's."""


def who_reads(arn: str, roles: Sequence[Item], policies: Sequence[Item]) -> list[str]:
    """The names of the roles whose policies let them read the function's environment, at most fifty and then how many.

    Users, session policies and service control policies are not looked at. A policy that cannot be read counts as one
    that allows it: this is evidence for people, and it must not play anything down.
    """
    documents = {str(p["Arn"]): default_document(p) for p in policies}
    found = sorted(str(role["RoleName"]) for role in roles if _reads(role, documents, arn))
    more = [f"and {len(found) - MOST_NAMES} more"] if len(found) > MOST_NAMES else []
    return [*found[:MOST_NAMES], *more]


def _reads(role: Item, documents: Mapping[str, Json], arn: str) -> bool:
    from .iam import documents as language
    from .iam.permissions import may

    attached = [str(p["PolicyArn"]) for p in role.get("AttachedManagedPolicies") or ()]
    if any(a.split(":")[4:5] == ["aws"] and a.rsplit("/", 1)[-1] in OF_AWS for a in attached):
        return True
    held = [p["PolicyDocument"] for p in role.get("RolePolicyList") or ()]
    held += [documents[a] for a in attached if documents.get(a)]
    try:
        identity = [language.parse(document, "identity") for document in held]
    except BadPolicy:
        return True
    return any(may(identity, action, arn if "List" not in action else "*").verdict != "denied" for action in SHOWING)


def default_document(policy: Item) -> Json:
    """The document of a managed policy's default version."""
    versions: Iterator[Item] = (v for v in policy.get("PolicyVersionList") or () if v.get("IsDefaultVersion"))
    return next((v["Document"] for v in versions), None)


def stack_of(tags: Mapping[str, str]) -> list[str]:
    """The CloudFormation stack that made the function, as a list of one; empty when none did."""
    name = tags.get("aws:cloudformation:stack-name", "")
    return [name] if name else []


def plain_parameters(templates: Sequence[Item]) -> list[str]:
    """The names of the stack's parameters without NoEcho: whoever may describe the stack reads their values."""
    answers = [t["found"]["Parameters"] or () for t in templates if t["found"]]
    return sorted(str(p["Name"]) for parameters in answers for p in parameters if not p.get("NoEcho"))
