"""A world played in several ways from one point on, without being built for each: every play has its own copy."""

from __future__ import annotations

import gc
import json
import os
import traceback
from collections.abc import Callable
from typing import Any


def forked(play: Callable[[], Any]) -> Any:
    """What `play` answers, as JSON, when it is played in a copy of this process, with all of moto's account in it.

    This process stays where it was, so that one world is ready for the next play without being built anew. What only
    the copy loads, such as a client, is lost with it: play once here first. What fails there fails here, with its
    traceback.
    """
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        gc.disable()  # it would touch, and so copy, every page
        try:
            said = json.dumps({"answer": play()})
        except BaseException:
            said = json.dumps({"failed": traceback.format_exc()})
        with os.fdopen(write, "w") as told:
            told.write(said)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        said = told.read()
    os.waitpid(child, 0)
    answer = json.loads(said or '{"failed": "the copy died"}')
    assert "failed" not in answer, answer["failed"]
    return answer["answer"]
