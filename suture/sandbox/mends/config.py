"""Config: PutEvaluations without TestMode, with its limits; what was put is kept for GetComplianceDetails' sake.

AWS: Config API Reference, PutEvaluations (Evaluations: at most 100), Evaluation (Annotation: 1 to 256 characters).
"""

from __future__ import annotations

from typing import Any

from moto.config.exceptions import ValidationException
from moto.config.models import ConfigBackend

from .patching import around

_MOST, _LONGEST = 100, 256


def mend() -> None:
    @around(ConfigBackend, "put_evaluations")
    def put_evaluations(
        original: Any,
        self: Any,
        evaluations: list[dict[str, Any]] | None = None,
        result_token: str | None = None,
        test_mode: bool | None = False,
    ) -> Any:
        given = evaluations or []
        if len(given) > _MOST:
            raise _invalid("evaluations", f"Member must have length less than or equal to {_MOST}")
        for place, one in enumerate(given, 1):
            if len(str(one.get("Annotation", "-"))) not in range(1, _LONGEST + 1):
                where = f"evaluations.{place}.member.annotation"
                raise _invalid(where, f"Member must have length less than or equal to {_LONGEST}")
        answer = original(self, evaluations, result_token, True)
        if not test_mode:
            self.__dict__.setdefault("suture_evaluations", []).extend(given)
        return answer


def put(backend: Any) -> list[dict[str, Any]]:
    """Every evaluation put so far into a Config backend, oldest first."""
    kept: list[dict[str, Any]] = backend.__dict__.get("suture_evaluations", [])
    return kept


def _invalid(where: str, constraint: str) -> Exception:
    error: Exception = ValidationException(
        f"1 validation error detected: Value at '{where}' failed to satisfy constraint: {constraint}"
    )
    return error
