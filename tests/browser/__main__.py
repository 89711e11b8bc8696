"""Click through the studio in a real browser: `python -m tests.browser`, which is what `tox -e browser` does.

Where there is no Chromium, or it does not start, it says so in one line and succeeds. KGEN_CHROMIUM names one;
KGEN_SCREENSHOTS a folder in which pictures of every tab are left. A browser waits for what a busy machine may not
deliver in time: what fails is tried once more, and both tries are printed.
"""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error

from tests.browser.studio_process import browser
from tests.browser.studio_process import chromium

if chromium() is None:
    print("tests/browser: left out, for there is no Chromium here (on Debian: apt-get install chromium)")
    sys.exit(0)
try:
    with browser():
        pass
except Error as reason:  # Playwright's, of the browser; whatever else is wrong is wrong
    print(f"tests/browser: left out, for {chromium()} does not start: {reason}")
    sys.exit(0)
command = [sys.executable, "-m", "pytest", "-m", "browser", str(Path(__file__).parent), *sys.argv[1:]]
code = subprocess.run(command).returncode
if code == 1:  # tests failed, and nothing worse
    print("tests/browser: once more, what failed", flush=True)
    code = subprocess.run([*command, "--last-failed"]).returncode
sys.exit(code)
