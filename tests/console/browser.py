"""Debian's Chromium through its driver, spoken to as W3C WebDriver with nothing but the standard library."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.services.process import free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PATIENCE_S = 20.0
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,1000",
         "--no-first-run", "--disable-background-networking", "--disable-component-update")  # fmt: skip


def there() -> bool:
    """Are Chromium and its driver installed?"""
    return bool(shutil.which("chromedriver") and (shutil.which("chromium") or shutil.which("chromium-browser")))


class Browser:
    """One window."""

    def __init__(self, port: int) -> None:
        self._port = port
        options = {"args": list(FLAGS), "binary": shutil.which("chromium") or shutil.which("chromium-browser")}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._session = ""
        told = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{told['sessionId']}"

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        sent = json.dumps({} if body is None else body) if method == "POST" else None
        connection.request(method, self._session + path, sent, {"Content-Type": "application/json"})
        told = json.loads(connection.getresponse().read())["value"]
        connection.close()
        assert not (isinstance(told, dict) and "error" in told), told
        return told

    def go(self, address: str) -> None:
        self._ask("POST", "/url", {"url": address})

    def found(self, css: str) -> list[str]:
        """The elements that a selector finds."""
        return [one[ELEMENT] for one in self._ask("POST", "/elements", {"using": "css selector", "value": css})]

    def click(self, css: str) -> None:
        self._ask("POST", f"/element/{self._one(css)}/click")

    def write(self, css: str, text: str) -> None:
        self._ask("POST", f"/element/{self._one(css)}/value", {"text": text})

    def text(self, css: str) -> str:
        return str(self._ask("GET", f"/element/{self._one(css)}/text"))

    def size(self, wide: int, high: int) -> None:
        self._ask("POST", "/window/rect", {"width": wide, "height": high})

    def agree(self) -> None:
        """Say yes to what the page asks."""
        self._ask("POST", "/alert/accept")

    def run(self, script: str) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def errors(self) -> list[str]:
        """What the page complained of since the last look."""
        told = self._ask("POST", "/se/log", {"type": "browser"})
        return [one["message"] for one in told if one["level"] == "SEVERE"]

    def until(self, css: str, words: str) -> str:
        """The text of an element once these words stand in it. Asked for in one step: a page may be another by the
        next."""
        deadline = time.monotonic() + PATIENCE_S
        script = "const found = document.querySelector(arguments[0]); return found ? found.innerText : ''"
        while words not in (said := str(self._ask("POST", "/execute/sync", {"script": script, "args": [css]}))):
            assert time.monotonic() < deadline, (words, said)
            time.sleep(0.1)
        return said

    def shoot(self, path: Path) -> None:
        """Keep a picture of the window."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def end(self) -> None:
        self._ask("DELETE", "")

    def _one(self, css: str) -> str:
        found = self.found(css)
        assert found, css
        return found[0]


@contextmanager
def browser() -> Iterator[Browser]:
    """A window while the `with` lasts."""
    port = free_port()
    with subprocess.Popen(["chromedriver", f"--port={port}", "--silent"], stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while True:
                try:
                    window = Browser(port)
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline, "chromedriver does not answer"
                    time.sleep(0.1)
            yield window
            window.end()
        finally:
            process.terminate()
