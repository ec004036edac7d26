"""The one place that reads the process's environment, once, when the first event needs it."""

from __future__ import annotations

import os
from functools import cache

from .aws.deployment import Deployment


@cache
def deployment() -> Deployment:
    """This process's deployment."""
    return Deployment(os.environ)
