"""`suture teams manifest`: the app's manifest, and the package that Teams' admin centre takes.

Nothing is asked for that is not used: a bot in teams, which may message and mention. No channel's messages can be
read. Format: Microsoft Teams, "App manifest schema" 1.17 and "App icons for Microsoft Teams".
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from ..fields import Guid
from .slack import PLACEHOLDER

_SCHEMA = "https://developer.microsoft.com/en-us/json-schemas/teams/v1.17/MicrosoftTeams.schema.json"
_APP = "00000000-0000-0000-0000-000000000000"
_EXAMPLE = "--app 0123abcd-… --url https://abc123.execute-api.eu-west-1.amazonaws.com/api --out suture-teams.zip"
_BLUE, _WHITE, _CLEAR = b"\x1d\x3b\x53\xff", b"\xff\xff\xff\xff", b"\xff\xff\xff\x00"


@click.group()
def teams() -> None:
    """The Microsoft Teams app."""


@teams.command(epilog=f"\b\nExample:\n  suture teams manifest {_EXAMPLE}")
@click.option("--app", default=_APP, metavar="ID", help="The application (client) id of the bot in Entra.")
@click.option(
    "--url",
    envvar="SUTURE_API_URL",
    default=PLACEHOLDER,
    metavar="URL",
    help="The deployed API's address, with its stage.  [env: SUTURE_API_URL]",
)
@click.option("--name", default="Suture", show_default=True, help="The app's name, at most 30 characters.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the package (a zip) there instead.")
def manifest(app: str, url: str, name: str, out: Path | None) -> None:
    """Print the manifest of the app, as JSON; with --out, write its package with icons.

    The bot's messaging endpoint is not in it: it is set at the bot in Azure, and printed here beside it. See
    docs/chat.md.
    """
    made = json.dumps(manifest_of(app, url, name), indent=2)
    if out is None:
        click.echo(made)
    else:
        with zipfile.ZipFile(out, "w") as package:
            package.writestr("manifest.json", made)
            package.writestr("color.png", _square(192, _WHITE, _BLUE))
            package.writestr("outline.png", _square(32, _WHITE, _CLEAR))
        click.echo(f"{out} written", err=True)
    click.echo(f"Messaging endpoint of the bot: {url.rstrip('/')}/teams", err=True)


def manifest_of(app: str, url: str, name: str = "Suture") -> dict[str, Any]:
    """The manifest for a bot and an API at `url`. Raises click.BadParameter for what Teams would not take."""
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(Guid).validate_python(app)
    except ValidationError:
        raise click.BadParameter(f"{app!r} is no application id in lower case", param_hint="--app") from None
    place = urlsplit(url)
    if place.scheme != "https" or not place.netloc or any(c.isspace() for c in url):
        raise click.BadParameter(f"{url!r} is no https address", param_hint="--url")
    if not 1 <= len(name) <= 30:
        raise click.BadParameter("the name has 1 to 30 characters", param_hint="--name")
    home = f"https://{place.netloc}"
    return {
        "$schema": _SCHEMA,
        "manifestVersion": "1.17",
        "version": "1.0.0",
        "id": app,
        "developer": {"name": name, "websiteUrl": home, "privacyUrl": home, "termsOfUseUrl": home},
        "name": {"short": name, "full": f"{name}: fixes for AWS accounts"},
        "description": {
            "short": "Proposes exact, reversible fixes, and applies what the right people approve",
            "full": "Each case is one card with every call of its fix. Who may decide is listed in Suture itself.",
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": "#1D3B53",
        "bots": [{"botId": app, "scopes": ["team"], "supportsFiles": False, "isNotificationOnly": False}],
        "permissions": ["identity", "messageTeamMembers"],
        "validDomains": [],
    }


def _square(side: int, ink: bytes, ground: bytes) -> bytes:
    """A PNG: a seam, as stitches across a square."""
    stitch, rows = side // 8, []
    for y in range(side):
        is_seam = abs(y - side // 2) <= side // 32
        row = (is_seam or ((x // stitch) % 2 and abs(y - side // 2) < side // 4) for x in range(side))
        rows.append(b"\x00" + b"".join(ink if on else ground for on in row))
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
