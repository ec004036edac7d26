"""A Lambda execution role may use services, or make calls, that it never made in all the time that IAM tracks.

IAM keeps for 400 days when a role last tried to use each service, and for some services each management call. What is
not in there for the whole of that time, or of the role's life where that is shorter, was not used; a role younger than
90 days (IAM Access Analyzer's own default for unused access) says nothing yet. What last-accessed data cannot show is
kept, and the finding says so. IAM User Guide, "Refine permissions in AWS using last accessed information".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..errors import BadPolicy
from ..model import Json, Resource
from ..redaction import safe_text
from . import Control, Judgement
from ._execution import is_execution_role, way, with_users

if TYPE_CHECKING:
    from ..iam.evidence import Observed, Window
    from ..iam.fitting import Fitted, NamedDocument

LEAST_DAYS, TRACKED_DAYS = 90, 400
_MOST, _SHOWN = 50, 8
_BEYOND = " beyond what is listed"

_RARE = "What runs more rarely than that was not seen: yearly reports, seldom jobs, fail-over, disaster recovery."
_BLIND = (
    "IAM counts every attempt, refused ones too; of calls it tracks management actions of some services only, names no "
    "resources, may be four hours late, and began to track later in some Regions. It never shows iam:PassRole.",
    "A customer-managed policy that others use was judged by this role's use alone.",
)


class _Watched(NamedTuple):
    """The time that IAM's data covers of one role. `sentence` says it without a number that moves every day."""

    since: datetime
    until: datetime
    sentence: str


def judge(resource: Resource) -> Judgement | None:
    """One item a policy: Policy, Way (inline, customer or aws), Unused (action patterns), Document (the policy without
    them; missing where it does not fit into one), UsedBy where others use it. The last item has Notes, the window that
    was watched and its blind spots. Or an item with Unknown.
    """
    watched = _watched(resource.config)
    if watched is None or not is_execution_role(resource.config):
        return None
    name = safe_text(resource.config.get("RoleName"), 70)
    found = list(_items(resource.config, watched))
    unknown = tuple(item for item, _ in found if "Unknown" in item)
    if unknown:
        return Judgement(f"What the execution role {name} never used cannot be judged", unknown, "low")
    if not found:
        return None
    items = [item for item, _ in found]
    kept = list(dict.fromkeys(said for _, every in found for said in every))[:_SHOWN]
    shared = any("UsedBy" in item for item in items)
    notes = [watched.sentence, _RARE, _BLIND[0], *(_BLIND[1:] if shared else ()), *kept]
    unused = list(dict.fromkeys(what for item in items for what in item["Unused"]))
    listed = ", ".join(unused[:_SHOWN]) + (f" and {len(unused) - _SHOWN} more" if unused[_SHOWN:] else "")
    return Judgement(f"The execution role {name} never used what it may do: {listed}", (*items, {"Notes": notes}))


def _watched(config: Mapping[str, Json]) -> _Watched | None:
    """None for a role that is too young, and where the report or the role does not say its time."""
    try:
        until = datetime.fromisoformat(config["LastAccessed"]["JobCompletionDate"])
        created = datetime.fromisoformat(config["CreateDate"])
        if until - created < timedelta(days=LEAST_DAYS):
            return None
    except (KeyError, TypeError, ValueError):
        return None
    tracked = until - timedelta(days=TRACKED_DAYS)
    if created > tracked:
        return _Watched(created, until, f"Watched by IAM's last-accessed data since it was made on {created.date()}.")
    return _Watched(
        tracked, until, f"Watched by IAM's last-accessed data for {TRACKED_DAYS} days, as long as it is kept."
    )


def _items(config: Mapping[str, Json], watched: _Watched) -> Iterator[tuple[dict[str, Json], list[str]]]:
    """The item of each policy that could be narrower, and what was kept in it although nobody saw it.

    Each policy by itself: what another one allows as well stays in both, so that a policy loses what was not used and
    nothing else.
    """
    from ..iam.narrowing import narrowed  # most looks at this service's types need none of it

    observed, window = _evidence(config, watched)
    for policy in _policies(config):
        try:
            proposal = narrowed([policy], observed, window)
        except BadPolicy as error:
            yield {"Policy": policy.name, "Unknown": safe_text(error.what)}, []
            continue
        if proposal.refused:
            yield {"Policy": policy.name, "Unknown": safe_text(proposal.refused)}, []
        elif proposal.dropped:
            item = _item(policy.name, proposal.policies, window)
            yield dict(with_users(item, config)), list(_kept(policy.name, proposal.policies))


def _policies(config: Mapping[str, Json]) -> Iterator[NamedDocument]:
    """The role's policies under the names by which evidence and edits know them: managed ones by their ARN."""
    from ..iam.fitting import AWS_KIND, CUSTOMER_KIND, INLINE_KIND, NamedDocument

    for policy in config["RolePolicyList"]:
        yield NamedDocument(policy["PolicyName"], policy["PolicyDocument"], INLINE_KIND)
    for policy in config["AttachedManagedPolicies"]:
        arn = str(policy["PolicyArn"])
        kind = AWS_KIND if way(arn) == "aws" else CUSTOMER_KIND
        yield NamedDocument(arn, policy["PolicyDocument"], kind, arn)


def _evidence(config: Mapping[str, Json], watched: _Watched) -> tuple[tuple[Observed, ...], Window]:
    from ..iam.evidence import Window
    from ..iam.last_accessed import understood

    since, until = watched.since.date().isoformat(), watched.until.date().isoformat()
    found = understood(config["LastAccessed"]["ServicesLastAccessed"], since)
    days = (watched.until - watched.since).days
    window = Window(since, until, days, idle=found.idle, busy=found.busy, idle_actions=found.idle_actions)
    return found.observed, window


def _item(name: str, made: Sequence[Fitted], window: Window) -> dict[str, Json]:
    unused = dict.fromkeys(_what(d.what, window) for d in made[0].dropped)
    item = {"Policy": name, "Way": way(name), "Unused": [safe_text(what, 130) for what in unused][:_MOST]}
    return {**item, "Document": made[0].document} if len(made) == 1 else item


def _what(what: str, window: Window) -> str:
    """`s3:*` where nothing of the service was used; `* beyond what is listed` where the new policy lists some of it."""
    from ..iam.evidence import service_of

    pattern = what.removesuffix(_BEYOND)
    return pattern if service_of(pattern) in (window.idle or ()) else what


def _kept(name: str, made: Sequence[Fitted]) -> Iterator[str]:
    reasons = (reason for fitted in made for justified in fitted.statements for reason in justified.reasons)
    yield from (safe_text(f"In {name}: {reason}", 400) for reason in reasons if reason.kind == "kept")


CONTROL = Control(
    title="Execution roles lose the permissions that they never use",
    why=(
        "What a function may do and never does helps nobody but whoever gets into its code. IAM tracks which services "
        "and calls a role tried; the rest can go."
    ),
    severity="low",
    pillar="iam-hardening",
    resource_type="Suture::IAM::RoleUsage",
    signals=(),
    judge=judge,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html",
        "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-findings.html",
    ),
    peers=("UnusedPermission",),
)
