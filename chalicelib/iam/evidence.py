"""What was seen of a role's calls, over which time, and what that time cannot show.

An action that nobody saw is known to be unused only where its calls would have been seen: `unused` says how that is
known, `unknowable` why it is not. Sources: the IAM User Guide, "Refine permissions using last accessed information"
(service data includes all attempts, action data management actions only, and iam:PassRole is in neither); the
CloudTrail User Guide, "Logging data events".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from . import actions, globs

TRAIL, LAST_ACCESSED, PACKAGE = "cloudtrail", "last-accessed", "package"


_ONCE = "may not reach back to when Lambda used it for the function, which it does again when that is made anew"


class Observed(NamedTuple):
    """One action seen. `resource` is an ARN, with `*` for parts that are not known, or nothing where it is not known.

    `source` is cloudtrail, last-accessed or package; `first` and `last` are ISO times (nothing for a package); `place`
    is a file and line, an event id, or the like.
    """

    action: str
    resource: str
    source: str
    first: str = ""
    last: str = ""
    place: str = ""

    def __str__(self) -> str:
        when = f" until {self.last[:10]}" if self.last else ""
        where = f" ({self.place})" if self.place else ""
        return f"{self.action} on {self.resource or 'a resource not recorded'}: {self.source}{when}{where}"


class Window(NamedTuple):
    """The time that was watched, and by what.

    `since` and `until` are ISO dates. `management`: CloudTrail's management events of that time were read.
    `data_events`: services whose data events were recorded and read too. `idle`: services that last-accessed data
    says were not used in that time, with the date of the use before (or nothing); `busy`: those that were; both None
    when there is no such data. `idle_actions`: actions that it tracks and that were not used. `package`: services that
    the code may call in ways that nobody could read, `*` for all; None when no package was read.
    """

    since: str
    until: str
    days: int
    management: bool = False
    data_events: frozenset[str] = frozenset()
    idle: Mapping[str, str] | None = None
    busy: frozenset[str] | None = None
    idle_actions: frozenset[str] = frozenset()
    package: frozenset[str] | None = None
    notes: tuple[str, ...] = ()
    """More that this time cannot show, as whole sentences, from whoever collected the evidence."""


def service_of(action: str) -> str:
    return action.partition(":")[0].lower()


def unused(action: str, window: Window) -> str:
    """How it is known that an action, which nobody saw, was not used; nothing where that is not known.

    `svc:*` stands for all that CloudTrail's management events do not show of a service.
    """
    service, folded = service_of(action), globs.fold(action)
    is_tracked = not any(folded == globs.fold(a) for a in actions.untracked(service))
    if window.idle is not None and service in window.idle and is_tracked:
        before = window.idle[service]
        used = f"; it was last used on {before[:10]}" if before else ""
        return f"not seen in {window.days} days: last-accessed data has no attempt at {service}{used}"
    if is_tracked and folded in {globs.fold(a) for a in window.idle_actions}:
        return f"not seen in {window.days} days: last-accessed data tracks this action"
    if window.management and (service in window.data_events or not is_unseen(action)):
        return f"not seen in {window.days} days of CloudTrail"
    if _read_whole(service, window) and not _is_by_lambda(folded, service):
        return "the package was read whole, and does not call it"
    return ""


def unknowable(action: str, window: Window) -> str:
    """Why it cannot be known whether an action was used, for `kept: could not be known because …`."""
    service = service_of(action)
    if _read_whole(service, window) and _is_by_lambda(globs.fold(action), service):
        return "Lambda itself may use it with the function's role, which neither code nor CloudTrail's log shows"
    if window.idle is not None and action in actions.untracked(service):
        why = "does not track the passing of roles" if action == actions.PASS_ROLE else _ONCE
        return f"last-accessed data {why}, and no CloudTrail records were given"
    if is_unseen(action):
        return f"CloudTrail's management events do not show such calls of {service}, and its data events were not given"
    if window.package is not None and not window.management:
        return f"the package has calls of {service} that could not be read, and no CloudTrail records were given"
    return "no CloudTrail records of this role were given"


def is_unseen(action: str) -> bool:
    """Whether calls of the action leave no management event, as far as is known here."""
    service, folded = service_of(action), globs.fold(action)
    return any(globs.fold(u) in (folded, f"{service}:*") for u in actions.unseen(service))


def located(action: str, window: Window) -> str:
    """The source that would have shown every resource an action was used on; nothing where none would."""
    service = service_of(action)
    if window.management and (service in window.data_events or not is_unseen(action)):
        return TRAIL
    if _read_whole(service, window) and not _is_by_lambda(globs.fold(action), service):
        return PACKAGE
    return ""


def sees_management(service: str, window: Window) -> bool:
    """Whether a management call of the service would have been seen."""
    return window.management or _read_whole(service, window) or service in (window.idle or ())


def invisible(service: str, window: Window) -> tuple[str, ...]:
    """The service's actions, as far as known here, whose use leaves no sign in management events or in code."""
    besides = () if window.management else (*actions.by_lambda(service), *actions.untracked(service))
    return (*actions.unseen(service), *besides)


def knows_all_services(window: Window) -> bool:
    """Whether a service that is not in any table here, and was not seen, is known to be unused."""
    return window.management or window.idle is not None or (window.package is not None and "*" not in window.package)


def blind_spots(window: Window) -> tuple[str, ...]:
    """What the window is and what it cannot show, as sentences for a plan."""
    kinds = [
        "CloudTrail's management events" if window.management else "",
        f"data events of {', '.join(sorted(window.data_events))}" if window.data_events else "",
        "last-accessed data" if window.idle is not None else "",
        "the function's package" if window.package is not None else "",
    ]
    seen = ", ".join(filter(None, kinds)) or "no evidence at all"
    said = [
        f"Observed from {window.since[:10]} to {window.until[:10]} ({window.days} days), by {seen}.",
        f"What runs more rarely than every {window.days} days was not seen: yearly and quarterly reports, seldom jobs, "
        "fail-over, restore and disaster recovery, clean-up after an error.",
    ]
    if window.management or window.data_events:
        said.append(
            "CloudTrail's management events do not hold S3 object, DynamoDB item, SQS, SNS, Kinesis or Lambda Invoke "
            "calls; such allowances are kept unless their data events were given, or the package shows its calls."
        )
    if window.idle is not None:
        said.append("Last-accessed data counts attempts, refused ones too, and names no resources.")
    if window.package is not None:
        said.append(
            "The package is taken to be all the code that runs with this role: layers, extensions, other functions and "
            "people who assume the role are not in it."
        )
        hidden = sorted(window.package)
        if hidden:
            which = "any service" if "*" in window.package else ", ".join(hidden)
            said.append(f"Some calls in the package could not be read; they may be of {which}.")
    return (*said, *window.notes)


def _read_whole(service: str, window: Window) -> bool:
    return window.package is not None and not window.package & {service, "*"}


def _is_by_lambda(folded: str, service: str) -> bool:
    return any(folded in (globs.fold(a), f"{service}:*") for a in actions.by_lambda(service))
