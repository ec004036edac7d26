"""moto with a memory: what AWS answers after a given history of writes is asked of moto once, and then known.

A state of the account is named by the writes that led to it from the seed. moto is only brought to a state (reset,
seeded, written to again) when something is asked there for the first time; most schedules never touch it. moto's ids
and times come from that same history, so that a history replayed has the same ones again.
"""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError
from moto.iam import models as iam_models
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.models import moto_api_backend

Path = int
Ask = tuple[str, str, str]
"""Region, `service:Operation`, and the parameters as canonical JSON."""

_CLIENTS: dict[tuple[str, str], Any] = {}
"""One client a service and region for the whole process: making one costs more than a hundred calls."""


class Remembered:
    """One small account: `seed` makes its resources in an empty moto with the client function that it is given."""

    stands: tuple[Remembered, Path] | None = None
    """Which account moto is at now, and in which state."""

    def __init__(self, seed: Callable[[], Any], services: tuple[str, ...]) -> None:
        self._seed, self._services = seed, services
        self._answers: dict[tuple[Path, Ask], bytes] = {}
        self._next: dict[tuple[Path, Ask], Path] = {}
        self._histories: list[tuple[Ask, ...]] = [()]
        self.asked = self.missed = 0

    @property
    def size(self) -> int:
        return len(self._answers)

    def forget(self) -> None:
        """Begin with an empty memory; states that were named before mean nothing any more."""
        self._answers.clear()
        self._next.clear()
        self._histories[1:] = []
        forget_moto()

    def ask(self, at: Path, region: str, name: str, parameters: Mapping[str, Any]) -> Any:
        """What a read answers in a state. Raises the service's ClientError. Other services hold nothing."""
        if name.split(":")[0] not in self._services:
            return {}
        return self._answer(at, _ask(region, name, parameters), is_write=False)[1]

    def write(self, at: Path, region: str, name: str, parameters: Mapping[str, Any]) -> tuple[Path, Any]:
        """The state after a write, and its answer. Raises the service's ClientError, and then nothing changed."""
        return self._answer(at, _ask(region, name, parameters), is_write=True)

    def _answer(self, at: Path, ask: Ask, is_write: bool) -> tuple[Path, Any]:
        self.asked += 1
        known = self._answers.get((at, ask))
        if known is None:
            self.missed += 1
            known = self._answers[at, ask] = pickle.dumps(self._of_moto(at, ask, is_write))
        answer = pickle.loads(known)
        if isinstance(answer, dict):
            return self._next.get((at, ask), at) if is_write else at, answer
        raise ClientError(answer[0], answer[1])

    def _of_moto(self, at: Path, ask: Ask, is_write: bool) -> Any:
        self._bring_to(at)
        try:
            answer = _called(ask, len(self._histories[at]))
        except ClientError as error:
            return error.response, error.operation_name
        if is_write:
            self._histories.append((*self._histories[at], ask))
            self._next[at, ask] = len(self._histories) - 1
            Remembered.stands = (self, self._next[at, ask])
        return answer

    def _bring_to(self, at: Path) -> None:
        there, wanted = Remembered.stands, self._histories[at]
        made = self._histories[there[1]] if there is not None and there[0] is self else None
        if made is None or wanted[: len(made)] != made:
            moto_api_backend.reset()
            with _as_ever(0):
                self._seed()
            made = ()
        for n in range(len(made), len(wanted)):
            _called(wanted[n], n)
        Remembered.stands = (self, at)


def forget_moto() -> None:
    """A new mock is empty: whatever moto stood at is gone."""
    Remembered.stands = None


def client(service: str, region: str) -> Any:
    if (service, region) not in _CLIENTS:
        _CLIENTS[service, region] = boto3.client(service, region_name=region)
    return _CLIENTS[service, region]


def _ask(region: str, name: str, parameters: Mapping[str, Any]) -> Ask:
    return region, name, json.dumps(parameters, sort_keys=True)


def _called(ask: Ask, before: int) -> dict[str, Any]:
    """Make one call of moto, in a state to which so many writes led."""
    region, name, parameters = ask
    service, api = name.split(":")
    with _as_ever(before + 1):
        answer = getattr(client(service, region), xform_name(api))(**json.loads(parameters))
    return {k: v for k, v in answer.items() if k != "ResponseMetadata"}


@contextmanager
def _as_ever(n: int) -> Iterator[None]:
    """The same ids and times in moto whenever the n-th write is made."""
    mock_random.seed(n)
    drawn, moment = random.Random(n), datetime(2026, 1, 5, 8) + timedelta(seconds=n)

    def uuid4() -> UUID:
        return UUID(int=drawn.getrandbits(128), version=4)

    with patch("uuid.uuid4", uuid4), patch("secrets.choice", drawn.choice), _iam_at(moment):
        yield


def _iam_at(moment: datetime) -> Any:
    """IAM's dates are part of what a reader reads; Lambda's are not (`VOLATILE`)."""
    return patch.object(iam_models, "utcnow", lambda: moment)


def learned(seed: Callable[[], str]) -> str:
    """The id of what a seed makes: it will be the same whenever that is made again."""
    moto_api_backend.reset()
    forget_moto()
    with _as_ever(0):
        return seed()
