"""An execution role with the functions that run with it, where there are several.

CloudFormation has no such type, hence our own name for it. That a role is shared is told by no single function, so that
no event leads here: the sweep finds it in one pass over the functions. Sources: iam_role's, and the Lambda API
reference, ListFunctions.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Resource
from ..clients import Aws
from . import iam_role
from ._usage import LISTING, functions_by_role, role_name

TYPE = "Suture::Lambda::SharedRole"
OBJECT = iam_role.TYPE
EVERY = 24
OPERATIONS = (*iam_role.OPERATIONS, LISTING)
VOLATILE = iam_role.VOLATILE


def read(aws: Aws, resource_id: str) -> Resource | None:
    """The role named `resource_id`, or None when it is gone. Raises a CallFailed.

    `config` is iam_role's with Functions, the names of this region's functions that run with the role now: none, where
    it is shared no more.
    """
    role = iam_role.alone(aws, resource_id)
    if role is None:
        return None
    config = {**role.config, "Functions": functions_by_role(aws).get(role.arn, [])}
    return Resource(
        type=TYPE,
        arn=role.arn,
        id=role.id,
        account=role.account,
        region=role.region,
        config=config,
        tags=role.tags,
        volatile=VOLATILE,
    )


def list_ids(aws: Aws) -> Iterator[str]:
    """The names of the roles that two or more functions of this account and region run with."""
    yield from (role_name(arn) for arn, functions in functions_by_role(aws).items() if len(functions) > 1)
