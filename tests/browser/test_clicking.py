"""Every tab of the real studio, as somebody clicks through it: what appears, and that it is what was asked for."""

import re

import pytest

pytestmark = pytest.mark.browser

TABS = (
    "Completion",
    "Translation",
    "Image generation",
    "Image to image",
    "Restoration",
    "Anomaly detection",
    "Inside",
)


def open_tab(page, name):
    """Click a tab; a narrow page has it in a menu. What is not seen is not there, for the locators here."""
    tab = page.get_by_role("tab", name=name, exact=True).locator("visible=true")
    if not tab.count():
        page.locator(".overflow-menu > button").locator("visible=true").first.click()
        tab = page.locator(".overflow-dropdown button", has_text=name).locator("visible=true")
    tab.first.click()


def button(page, name):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true").first


def box(page, label):
    """A box with a text or a number. Not by its label alone: to a browser that may be one of the button that copies."""
    boxes = "input, textarea"
    labelled = page.locator("label", has=page.get_by_text(label, exact=True)).locator(boxes)
    named = page.get_by_label(label, exact=True).and_(page.locator(boxes))
    return labelled.or_(named).locator("visible=true").first


def cell(page, text, table=""):
    """A cell of a table; `table` is a class of it."""
    cells = page.locator(f"{table} td").or_(page.locator(f"{table} [role=gridcell]"))
    return cells.filter(has_text=text).locator("visible=true").first


def picture(page, label):
    """A picture of the studio's own, that has come."""
    found = page.get_by_alt_text(label, exact=True).locator("visible=true").first
    found.wait_for()
    page.wait_for_function("image => image.complete && image.naturalWidth > 99", arg=found.element_handle())
    return found


def wait_for_text(page, locator, pattern):
    """Wait until what stands in a box matches; returns it."""
    look = "([box, pattern]) => new RegExp(pattern, 's').test(box.value ?? box.innerText)"
    page.wait_for_function(look, arg=[locator.element_handle(), pattern])
    return locator.evaluate("box => box.value ?? box.innerText")


def open_part(page, title):
    page.locator("button.label-wrap", has_text=title).locator("visible=true").first.click()


def test_completion_writes_and_stops(page, keep):
    open_tab(page, "Completion")
    box(page, "Prompt").fill("def add(a, b):")
    button(page, "Complete").click()
    written = wait_for_text(page, box(page, "Completion"), r"^def add\(a, b\):.{20}")
    button(page, "Stop").click()
    page.get_by_text(re.compile(r"^\d+%$")).locator("visible=true").first.wait_for()  # what may come next
    stopped = box(page, "Completion").input_value()
    assert stopped.startswith("def add(a, b):") and len(stopped) >= len(written)
    page.wait_for_timeout(700)
    assert box(page, "Completion").input_value() == stopped
    open_part(page, "Attention")
    button(page, "Show attention").click()
    picture(page, "Attention")
    keep("completion")


def test_translation_has_a_search_and_a_neighbour(page, keep):
    open_tab(page, "Translation")
    box(page, "Model").click()
    page.get_by_role("option", name="en-fr", exact=True).click()
    page.get_by_text("TransformerSeq2Seq").locator("visible=true").first.wait_for()
    button(page, "Translate").click()
    wait_for_text(page, box(page, "Translation"), "gare")
    open_part(page, "Other translations")
    button(page, "Show other translations").click()
    cell(page, "gare").wait_for()
    open_part(page, "Search tree")
    button(page, "Show the tree").click()
    picture(page, "Search tree")
    open_part(page, "Side by side")
    box(page, "The other model").click()
    page.get_by_role("option", name="untrained-rnn").click()
    button(page, "Translate with both").click()
    wait_for_text(page, box(page, "The model above"), "gare")
    picture(page, "The other model: attention")
    keep("translation")


def test_image_generation_and_its_map(page, keep):
    open_tab(page, "Image generation")
    box(page, "Model").click()
    page.get_by_role("option", name="mnist-vae").click()
    button(page, "Generate").click()
    picture(page, "Images")
    keep("images")
    open_tab(page, "Latent map")
    button(page, "Draw the map").click()
    drawn = picture(page, "Map")
    drawn.click(position={"x": 40, "y": 40})
    picture(page, "Place")
    assert float(box(page, "North °").input_value()) > 100


def test_restoration_fills_the_hole_of_its_example(page, keep):
    open_tab(page, "Restoration")
    button(page, "An example").click()
    answers, missing = page.get_by_alt_text("Answers", exact=True), page.get_by_text("choose a file first")
    for _ in range(60):  # the first example waits for its model; until then Restore says that there is no image
        button(page, "Restore").click()
        answers.or_(missing).locator("visible=true").first.wait_for()
        if answers.count():
            break
        page.wait_for_timeout(1000)
    picture(page, "Answers")
    keep("restoration")


def test_what_has_no_model_yet_says_how_to_get_one(page):
    open_tab(page, "Image to image")
    page.get_by_text("kgen train cyclegan --out runs/cycle").locator("visible=true").first.wait_for()


def test_a_detector_is_trained_while_one_watches(page, keep):
    open_tab(page, "Anomaly detection")
    button(page, "Train and look").click()
    wait_for_text(page, box(page, "Progress"), "step")
    page.get_by_text("of the 8 odd ones").locator("visible=true").first.wait_for()
    keep("anomaly")


def test_inside_words_are_points(page, keep):
    open_tab(page, "Inside")
    button(page, "Find it").click()
    cell(page, "queen", ".analogy").wait_for()
    picture(page, "Map of words")
    button(page, "Show neighbours").click()
    cell(page, "king", ".neighbours").wait_for()
    keep("inside-words")


def test_inside_a_click_on_a_word_shows_where_it_looks(page, keep):
    open_tab(page, "Inside")
    open_tab(page, "Attention")
    button(page, "Look inside").click()
    picture(page, "All heads of the layer")
    page.locator(".gaze").get_by_text("street").first.click()
    page.wait_for_function("box => box.value == '7'", arg=box(page, "Number of the one who looks").element_handle())
    keep("inside-attention")
    open_tab(page, "What is “it”?")
    button(page, "Compare").click()
    cell(page, "suitcase").wait_for()
    keep("inside-reference")


def test_inside_a_map_of_digits_answers_clicks(page, keep):
    open_tab(page, "Inside")
    open_tab(page, "Latent map")
    button(page, "Draw the map").click()
    picture(page, "Latent map").click(position={"x": 60, "y": 60})
    picture(page, "What the model dreams there")
    picture(page, "The nearest image, and what becomes of it")
    assert float(box(page, "North").input_value()) > 60
    keep("inside-map")


def test_an_error_is_a_sentence(page):
    open_tab(page, "Inside")
    box(page, "A").fill("unheardof")
    button(page, "Find it").click()
    page.get_by_text("expected a word of the vocabulary").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_fits_a_telephone(browser, address, scheme):
    page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme)
    page.goto(f"{address}?__theme={scheme}")
    page.get_by_role("tab", name="Completion").wait_for()
    for name in TABS:
        open_tab(page, name)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, name
    page.close()
