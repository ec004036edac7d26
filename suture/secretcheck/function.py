"""Secrets in a function as it runs: the environment of every version, and the code and layers behind them."""

from __future__ import annotations

import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from chalicelib.aws import readers
from chalicelib.aws.clients import Aws
from chalicelib.aws.readers.lambda_function import LATEST, TYPE
from chalicelib.controls import lambda_env_plaintext_secret as control
from chalicelib.errors import CallFailed
from chalicelib.model import Json, Resource

from .found import Found, Report
from .package import check_package

MOST_BYTES = 300 * 1024 * 1024
_PATIENCE = 60


def check_function(aws: Aws, name: str, *, dependencies: bool = False) -> Report | None:
    """What the function's versions hold; None when there is no such function. Raises a CallFailed.

    Code and layers that several versions share are read once, under the first version that has them.
    """
    resource = readers.read(aws, TYPE, name)
    if resource is None:
        return None
    report = _environment(resource)
    seen: set[str] = set()
    for version in _versions(resource):
        try:
            told = aws.call("lambda:GetFunction", {"FunctionName": name, "Qualifier": version})
        except CallFailed as error:
            report.unread[f"{name}:{version} code"] = error.what
            continue
        for label, place in _pieces(aws, told, seen, report, f"{name}:{version}"):
            report.add(_downloaded(label, place, dependencies))
    return report


def _versions(resource: Resource) -> list[str]:
    return sorted({entry["FunctionVersion"] for entry in resource.config["Qualifiers"]})


def _environment(resource: Resource) -> Report:
    report = Report()
    judged = control.judge(resource)
    for item in judged.evidence if judged else ():
        where = f"{resource.id}:{item['Qualifier'] or LATEST}"
        if "Unknown" in item:
            report.unread[f"{where} environment"] = str(item["Unknown"])
            continue
        aliases = f" (alias {', '.join(item['Aliases'])})" if item["Aliases"] else ""
        report.found.append(
            Found(where + aliases, 0, item["Name"], item["Kind"], item["Confidence"], item["Reason"], "…")
        )
    return report


def _pieces(aws: Aws, told: Json, seen: set[str], report: Report, label: str) -> Iterator[tuple[str, str]]:
    """A label and an address for the code and each layer that was not seen yet."""
    configuration, code = told.get("Configuration", {}), told.get("Code", {})
    digest = str(configuration.get("CodeSha256", label))
    if configuration.get("PackageType") == "Image":
        report.unread[f"{label} code"] = "it is a container image, which is not read"
    elif digest not in seen:
        seen.add(digest)
        yield f"{label} code", str(code.get("Location", ""))
    for layer in configuration.get("Layers") or ():
        arn = layer["Arn"]
        if arn in seen:
            continue
        seen.add(arn)
        asked = {"LayerName": arn.rpartition(":")[0], "VersionNumber": int(arn.rpartition(":")[2])}
        try:
            yield f"layer {arn}", str(aws.call("lambda:GetLayerVersion", asked)["Content"]["Location"])
        except CallFailed as error:
            report.unread[f"layer {arn}"] = error.what


def _downloaded(label: str, address: str, dependencies: bool) -> Report:
    """The package at a presigned address, which lets anyone read it and is therefore never said."""
    with tempfile.TemporaryDirectory(prefix="suture-") as folder:
        file = Path(folder, "package.zip")
        try:
            _download(address, file)
        except (OSError, ValueError) as error:
            return Report(unread={label: f"it could not be downloaded ({type(error).__name__})"})
        report = check_package(file, dependencies=dependencies)
    named = {label if name == str(file) else f"{label}/{name}": why for name, why in report.unread.items()}
    return replace(report, found=[replace(f, where=f"{label}/{f.where}") for f in report.found], unread=named)


def _download(address: str, file: Path) -> None:
    if not address.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ValueError("no address")
    with closing(urllib.request.urlopen(address, timeout=_PATIENCE)) as answer, file.open("wb") as to:
        left = MOST_BYTES
        while chunk := answer.read(min(1 << 20, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise ValueError("too large")
            to.write(chunk)
