"""A headless Chromium, driven over WebDriver's own HTTP (W3C WebDriver)."""

from __future__ import annotations

import base64
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_SECONDS = 120
# Each look is a whole exchange with the browser, so no pause is needed.
_MOST_LOOKS = 5000


class Browser:
    """One window of a browser.

    Args:
        session: The URL of its WebDriver session.
    """

    def __init__(self, session: str) -> None:
        self._session = session

    def command(self, method: str, path: str, **body: Any) -> Any:
        """Give a command and return its value."""
        json = body if method == "POST" else None
        answer = requests.request(method, self._session + path, json=json, timeout=_SECONDS)
        assert answer.ok, answer.text
        return answer.json()["value"]

    def open(self, url: str) -> None:
        self.command("POST", "/url", url=url)

    def resize(self, width: int, height: int) -> None:
        self.command("POST", "/window/rect", width=width, height=height)

    def run(self, script: str) -> Any:
        """Run JavaScript in the page and return what it returns."""
        return self.command("POST", "/execute/sync", script=script, args=[])

    def click(self, selector: str) -> None:
        """Click an element that leads to no other page."""
        self.command("POST", f"/element/{self._element(selector)}/click")

    def follow(self, selector: str) -> None:
        """Click an element that leads to a page, and return when that page is complete.

        WebDriver's own click can return before the browser has begun to leave the old page.
        """
        self.run("window.isLeft = false")
        self.click(selector)
        for _ in range(_MOST_LOOKS):
            if self.run("return window.isLeft === undefined && document.readyState") == "complete":
                return
        raise AssertionError(f"{selector} leads nowhere")

    def type(self, selector: str, text: str) -> None:
        """Type a text into a field, after what is in it."""
        self.command("POST", f"/element/{self._element(selector)}/value", text=text)

    def log(self) -> list[str]:
        """Return what the browser has to say about the pages: errors, and what a policy blocked."""
        entries = self.command("POST", "/se/log", type="browser")
        return [entry["message"] for entry in entries]

    def _element(self, selector: str) -> str:
        body = {"using": "css selector", "value": selector}
        (element_id,) = self.command("POST", "/element", **body).values()
        return str(element_id)

    def painted(self) -> None:
        """Wait until the page is painted: before that, it can be measured without its styles."""
        self.run("return new Promise(it => requestAnimationFrame(() => requestAnimationFrame(it)))")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.command("GET", "/screenshot")))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Yield a browser whose profile is an empty folder; skip where there is none."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or chromium is None:
        pytest.skip("Debian's chromium and chromium-driver are not installed")
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            with _session(f"http://127.0.0.1:{_port(process)}", chromium, folder) as session:
                yield Browser(session)
        finally:
            process.terminate()


@contextmanager
def _session(driver: str, chromium: str, folder: Path) -> Iterator[str]:
    options = {"binary": chromium, "args": [*_FLAGS, f"--user-data-dir={folder}"]}
    wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
    answer = requests.post(f"{driver}/session", json=wanted, timeout=_SECONDS)
    assert answer.ok, answer.text
    session = f"{driver}/session/{answer.json()['value']['sessionId']}"
    try:
        yield session
    finally:
        requests.delete(session, timeout=_SECONDS)


def _port(process: subprocess.Popen[str]) -> str:
    """Return the port that the driver says it has found."""
    assert process.stdout is not None
    for line in process.stdout:
        if "successfully on port " in line:
            return line.rpartition("on port ")[2].strip().rstrip(".")
    raise AssertionError("chromedriver ended before it was ready")
