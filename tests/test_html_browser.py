"""The HTML page in a real browser: Chromium without a window, driven by playwright; skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_html import HOSTILE, model_of, renamed

import archlang
from archlang.backends.html.page import write_html
from archlang.report.layer import explanation

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

Opener = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens the page of a model, without a network; whatever the console says is a failure."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)
    said: list[str] = []
    asked: list[str] = []

    def open_page(html: str, address: str = "") -> Page:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(error.message))
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(f"{path.as_uri()}{address}")
        return page

    yield open_page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(tmp_path.as_uri())] == []


@pytest.fixture(scope="module")
def resnet() -> str:
    return archlang.render("zoo:resnet", "ResNet152").html()


def item(page: Page, text: str) -> Any:
    """The box or frame with this text as its own."""
    return page.locator(f'.item:has(> text:text-is("{text}"))').first


def boxes(page: Page) -> int:
    return page.locator(".item").count()


def details(page: Page) -> str:
    return page.locator("#details").inner_text()


def chosen(page: Page) -> str:
    return page.locator("#details h2").inner_text()


def test_resnet_152_is_ready_within_a_second(opened: Opener, resnet: str):
    page = opened(resnet)
    assert int(page.evaluate("document.documentElement.dataset.interactive")) < 1000
    item(page, "layer2: stage(c=128, count=8, stride=2)").wait_for()


def test_a_part_opens_and_closes_in_place(opened: Opener, resnet: str):
    page = opened(resnet)
    before = boxes(page)
    part = item(page, "bottleneck(c=64, stride=1)")
    place = part.bounding_box()
    part.click()
    assert boxes(page) == before + 11
    assert part.get_attribute("aria-expanded") == "true"
    assert chosen(page) == "layer1.0"
    assert part.bounding_box()["y"] == pytest.approx(place["y"], abs=2)
    part.locator("> .toggle").click()
    assert boxes(page) == before


def test_search_finds_any_copy_and_shows_it(opened: Opener, resnet: str):
    page = opened(resnet)
    page.keyboard.press("/")
    page.keyboard.type("layer3.20.conv2")
    page.keyboard.press("Enter")
    assert chosen(page) == "layer3.20.conv2"
    assert "3*3*256*256" in details(page)
    assert page.locator(".stepper .copy").first.text_content() == "20 / 35"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("conv2: Conv2d  3x3")
    box, stage = page.locator(".chosen").bounding_box(), page.locator("#stage").bounding_box()
    assert box and stage
    assert stage["x"] <= box["x"] <= stage["x"] + stage["width"] - box["width"]
    assert stage["y"] <= box["y"] <= stage["y"] + stage["height"] - box["height"]


def test_the_address_leads_to_a_layer(opened: Opener, resnet: str):
    page = opened(resnet, "#layer4.2.conv3")
    assert chosen(page) == "layer4.2.conv3"


def test_a_further_copy_sees_more_than_the_first(opened: Opener, resnet: str):
    page = opened(resnet, "#layer3.20.conv2")
    text = details(page)
    assert "first copy, layer3.1.conv2:" in text
    assert "sees 811x811 of input" in text
    assert "F*F*D*K = 3*3*256*256 = 589,824" in text
    assert "Receptive field" not in text
    page = opened(resnet, "#layer3.1.conv2")
    assert "sees 203x203 of input" in details(page)


def test_copies_are_stepped_through(opened: Opener, resnet: str):
    page = opened(resnet, "#layer3.20.conv2")
    page.get_by_label("next copy").first.click()
    assert page.locator(".stepper .copy").first.text_content() == "21 / 35"
    item(page, "conv1: Conv2d 1x1, 256").click()
    assert chosen(page) == "layer3.21.conv1"


def test_picture_and_table_choose_together(opened: Opener, resnet: str):
    page = opened(resnet)
    row = page.locator('tr[title="layer2"]')
    row.click()
    assert chosen(page) == "layer2"
    assert row.get_attribute("aria-selected") == "true"
    item(page, "fc: Linear 1000").dispatch_event("click")
    assert page.locator('tr[title="fc"]').get_attribute("aria-selected") == "true"
    assert row.get_attribute("aria-selected") == "false"


def test_the_way_to_a_layer_stands_out(opened: Opener):
    page = opened(write_html(model_of("INPUT(3, 8, 8) -> ADD{a: CONV(4, 1x1), b: CONV(4, 1x1) -> c: CONV(4, 1x1)}")))
    item(page, "c: Conv2d 1x1, 4").click()
    led = page.locator(".item.led > text").all_text_contents()
    assert led == ["input  3x8x8", "b: Conv2d  1x1, 4", "c: Conv2d  1x1, 4"]
    assert page.locator(".line.led").count() == 2


def test_what_is_seen_is_drawn_to_scale(opened: Opener):
    page = opened(archlang.render("zoo:alexnet").html(), "#features.3")
    whole, seen = (page.locator(f".field .{name}").bounding_box() for name in ("whole", "seen"))
    assert whole and seen
    assert seen["width"] / whole["width"] == pytest.approx(51 / 224, rel=0.05)


def test_hovering_explains(opened: Opener):
    page = opened(archlang.render("zoo:alexnet").html())
    model = archlang.check("zoo:alexnet").models[0]
    item(page, "Conv2d 5x5, 192, pad 2").hover()
    page.locator("#tip").wait_for()
    assert page.locator("#tip").text_content() == explanation(model, "features.3").rstrip()


def test_the_keyboard_is_enough(opened: Opener, resnet: str):
    page = opened(resnet)
    item(page, "bottleneck(c=64, stride=1)").focus()
    before = boxes(page)
    page.keyboard.press("Enter")
    assert boxes(page) == before + 11
    page.keyboard.press("Space")
    assert boxes(page) == before
    page.keyboard.press("n")
    assert chosen(page) != "layer1.0"
    page.keyboard.press("t")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert chosen(page) == "conv1"
    page.keyboard.press("Escape")
    assert page.locator(".chosen").count() == 0


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_text(opened: Opener, name: str):
    page = opened(write_html(renamed(name)))
    page.locator("#all").click()
    page.locator("#table tbody tr").nth(1).click()
    page.locator("#query").fill(name)
    assert page.title() == name
    assert page.locator("img, b, #stage script").count() == 0


OVERLAPS = """() => {
  const bad = [];
  const place = (one) => one.querySelector(":scope > .box:not(.behind), :scope > .frame").getBoundingClientRect();
  for (const one of document.querySelectorAll(".item")) {
    const mine = place(one);
    const outer = one.parentElement.closest(".item");
    const around = outer && place(outer);
    if (around && (mine.left < around.left || mine.right > around.right || mine.top < around.top || mine.bottom > around.bottom))
      bad.push("out of its frame: " + one.dataset.key);
    for (const text of one.querySelectorAll(":scope > text")) {
      const words = text.getBoundingClientRect();
      if (words.left < mine.left - 1 || words.right > mine.right + 1) bad.push("text too wide: " + text.textContent);
    }
    for (const other of one.parentElement.querySelectorAll(":scope > .item")) {
      const place2 = place(other);
      if (other !== one && mine.left < place2.right && place2.left < mine.right && mine.top < place2.bottom && place2.top < mine.bottom)
        bad.push("overlap: " + one.dataset.key + " and " + other.dataset.key);
    }
  }
  return bad;
}"""


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", ["inception", "unet", "shufflenet"])
def test_nothing_overlaps_with_all_open(opened: Opener, name: str, direction: str):
    page = opened(
        archlang.render(
            f"zoo:{name}", next(iter(archlang.check(f"zoo:{name}").models)).name, direction=direction
        ).html()
    )
    page.locator("#all").click()
    assert boxes(page) > 40
    assert page.evaluate(OVERLAPS) == []


def test_a_million_copies_are_one_frame(opened: Opener):
    page = opened(write_html(model_of("INPUT(3, 8, 8) -> [CONV -> RELU]*1_000_000 -> FC(10)")))
    page.locator("input[type=search]").fill("conv777")
    page.keyboard.press("Enter")
    assert chosen(page) == "conv777"
    assert boxes(page) < 10
