"""`kgen train` begins anew with large pages of memory, once, where they help."""

import os
import subprocess
import sys

import pytest

from kgen.cli import large_pages

pytestmark = pytest.mark.any_backend


@pytest.fixture
def setting(tmp_path, monkeypatch):
    monkeypatch.setattr(large_pages, "SETTING", tmp_path / "enabled")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv(large_pages.VARIABLE, raising=False)
    return tmp_path / "enabled"


@pytest.mark.parametrize("modes", ["[always] madvise never", "always madvise [never]", None])
def test_nothing_happens_where_they_come_unasked_or_not_at_all(setting, modes, monkeypatch):
    monkeypatch.setattr(os, "execv", lambda *words: pytest.fail("began anew"))
    if modes:
        setting.write_text(modes)
    large_pages.start_anew()
    assert large_pages.VARIABLE not in os.environ


def test_a_program_begins_anew_with_the_same_words_once(setting, monkeypatch):
    begun = []
    setting.write_text("always [madvise] never")
    monkeypatch.setenv(large_pages.VARIABLE, "")  # so that what `start_anew` sets is undone after the test
    monkeypatch.delenv(large_pages.VARIABLE)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "kgen.cli", "train", "vae"])
    monkeypatch.setattr(os, "execv", lambda program, words: begun.append((program, words)))
    large_pages.start_anew()
    assert begun == [(sys.executable, [sys.executable, "-m", "kgen.cli", "train", "vae"])]
    assert os.environ[large_pages.VARIABLE] == large_pages.VALUE
    large_pages.start_anew()
    assert len(begun) == 1


def test_the_users_own_wish_stays(setting, monkeypatch):
    setting.write_text("always [madvise] never")
    monkeypatch.setenv(large_pages.VARIABLE, "glibc.malloc.arena_max=1")
    assert not large_pages.helps()


def test_the_command_still_answers_after_it_began_anew():
    words = [sys.executable, "-m", "kgen.cli", "train", "vae"]
    environment = {name: value for name, value in os.environ.items() if name != large_pages.VARIABLE}
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "--out" in done.stderr
