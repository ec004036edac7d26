"""The app's manifest: this bot, no right that is not used, and a package that Teams can open."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from suture.cli.teams import manifest_of, teams

URL = "https://abc.execute-api.eu-west-1.amazonaws.com/api"
APP = "0123abcd-0000-4000-8000-00000000000b"


def test_the_manifest_names_the_bot_and_prints_its_address() -> None:
    done = CliRunner().invoke(teams, ["manifest", "--app", APP, "--url", f"{URL}/"])
    made = json.loads(done.stdout)
    assert done.exit_code == 0
    assert made["bots"] == [{"botId": APP, "scopes": ["team"], "supportsFiles": False, "isNotificationOnly": False}]
    assert made["permissions"] == ["identity", "messageTeamMembers"]
    assert f"{URL}/teams" in done.stderr


def test_the_package_holds_the_manifest_and_icons_of_the_right_size(tmp_path: Path) -> None:
    out = tmp_path / "app.zip"
    assert CliRunner().invoke(teams, ["manifest", "--app", APP, "--url", URL, "--out", str(out)]).exit_code == 0
    with zipfile.ZipFile(io.BytesIO(out.read_bytes())) as package:
        assert json.loads(package.read("manifest.json"))["id"] == APP
        for name, side in (("color.png", 192), ("outline.png", 32)):
            data = package.read(name)
            assert data[16:24] == side.to_bytes(4, "big") * 2
            pixels = zlib.decompress(data[data.index(b"IDAT") + 4 : data.rindex(b"IEND") - 8])
            assert len(pixels) == side * (side * 4 + 1) and len(set(pixels)) > 1


@pytest.mark.parametrize(
    ("app", "url", "name"),
    [
        (APP, "http://x", "S"),
        (APP, "x", "S"),
        (APP, "https://a b", "S"),
        (APP, URL, ""),
        (APP, URL, "x" * 31),
        ("bot", URL, "S"),
        (APP.upper(), URL, "S"),
    ],
)
def test_what_teams_would_not_take_is_refused(app: str, url: str, name: str) -> None:
    with pytest.raises(click.BadParameter):
        manifest_of(app, url, name)
    assert CliRunner().invoke(teams, ["manifest", "--app", app, "--url", url, "--name", name]).exit_code == 2
