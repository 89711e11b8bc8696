"""One studio and one browser for all tests; a page with nothing remembered for each."""

import os
from pathlib import Path

import pytest

from tests.browser import studio_process


@pytest.fixture(scope="session")
def own_models(tmp_path_factory):
    """What somebody brings along beside the presets: tiny models that never learned anything."""
    import kgen

    folder = tmp_path_factory.mktemp("models")
    words = kgen.models.TransformerSeq2Seq.from_preset("en-fr").tokenizer
    kgen.models.Seq2SeqRNN(words, units=16, seed=1).save(folder / "untrained-rnn.keras")
    restorer = kgen.models.ImageRestorer((8, 8, 1), ("inpainting",), widths=(8, 8), num_heads=2, seed=1)
    restorer.save(folder / "untrained-restorer.keras")
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def address(own_models):
    with studio_process.studio(*own_models) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    with studio_process.browser() as browser:
        yield browser


@pytest.fixture
def page(browser, address):
    """The studio, wide and light; whatever the console calls an error is one."""
    page, errors = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}?__theme=light")
    page.get_by_role("tab", name="Completion").wait_for()
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def keep(page):
    """Leaves a picture of the page in the folder KGEN_SCREENSHOTS, if there is one."""
    folder = os.environ.get("KGEN_SCREENSHOTS")

    def save(name):
        if folder:
            page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)

    return save
