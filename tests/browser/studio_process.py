"""The real studio in a process of its own, as `kgen demo` opens it, and a real browser that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 90  # seconds until the studio is there


def chromium():
    """The path of a Chromium, or None; KGEN_CHROMIUM may name one."""
    return os.environ.get("KGEN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def studio(*models):
    """The address of a studio with the user's own models and the presets, as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "kgen.cli", "demo", "--port", str(port)]
    for model in models:
        command += ["--model", str(model)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}/"
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def browser():
    """A headless browser with a profile of its own that is empty; nothing of it stays."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


def _wait_for(address, process):
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        if process.poll() is not None:
            raise RuntimeError(f"kgen demo ended at once, with code {process.returncode}")
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"kgen demo was not there after {PATIENCE} seconds")
