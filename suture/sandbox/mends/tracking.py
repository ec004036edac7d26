"""moto keeps every model object that it ever made, for a dashboard that the sandbox does not serve.

Only S3 reads the lists itself: its reset closes the files of objects that are long replaced.
"""

from __future__ import annotations

from typing import Any

from moto.core.common_models import BaseModel

from .patching import instead

_READ = "moto.s3."


def mend() -> None:
    @instead(BaseModel, "__new__")
    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = super(BaseModel, cls).__new__(cls)
        if cls.__module__.startswith(_READ):
            cls.instances_tracked.append(made)
        return made
