"""`suture demo`: the main job, played on the embedded sandbox before a newcomer's eyes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from ..sandbox.sandbox import Sandbox
from . import proof, report
from .scenes import SCENES
from .shop import Shop
from .stage import Stage
from .telling import Telling


def run(root: Path, *, as_json: bool = False, stay: Callable[[], None] | None = None) -> int:
    """Play the story and answer with the exit code: 0 only if AWS is in the state that the story claims.

    `stay`, if given, is called at the end: until it returns, one more proposal waits in the played Slack.

    `root` is the project's folder. The report and the functions' log are written under its
    `.suture/demo`.
    """
    telling = Telling(as_json)
    telling.opening()
    folder = root / ".suture" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "functions.log").open("w") as log,
        Sandbox(root, sink=_into(log), state=folder / "sandbox", slack=True, web=True) as sandbox,
    ):
        stage = Stage(sandbox, telling)
        shop = Shop(stage)
        shop.build()
        for scene in SCENES:
            telling.scene(scene.title, scene.intro)
            scene.play(stage, shop)
        cases = stage.all_cases()
        differences = proof.differences(shop, cases)
        path = report.write(folder / "report.html", cases)
        telling.ending(cases, differences, path)
        if stay is not None:
            shop.make_a_last_mistake()
            telling.staying(stage.slack_url, stage.web_url)
            stay()
    return 1 if differences else 0


def _into(log: TextIO) -> Callable[[str, str], None]:
    def sink(function: str, line: str) -> None:
        log.write(f"{function}: {line}\n")
        log.flush()

    return sink
