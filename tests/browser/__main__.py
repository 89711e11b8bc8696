"""Click through the studio in a real browser: `python -m tests.browser`, which is what `tox -e browser` does.

Where there is no Chromium it says so in one line and succeeds. KGEN_CHROMIUM names one; KGEN_SCREENSHOTS a folder in
which pictures of every tab are left.
"""

import sys
from pathlib import Path

import pytest

from tests.browser.studio_process import chromium

if chromium() is None:
    print("tests/browser: left out, for there is no Chromium here (on Debian: apt-get install chromium)")
    sys.exit(0)
sys.exit(pytest.main(["-m", "browser", str(Path(__file__).parent), *sys.argv[1:]]))
