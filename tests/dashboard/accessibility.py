"""What axe finds wrong, and what it leaves to a person where that can be computed: contrasts."""

from typing import Any

from playwright.async_api import Page, expect

from devtools.paths import DASHBOARD

AXE = DASHBOARD / "node_modules" / "axe-core" / "axe.min.js"

CONTRAST = """
(selector) => {
    const element = document.querySelector(selector);
    const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
    };
    const over = ([r, g, b, a], below) => [r, g, b].map((value, n) => (value * a + below[n] * (255 - a)) / 255);
    const behind = (each) => each ? over(rgba(getComputedStyle(each).backgroundColor), behind(each.parentElement))
        : rgba("Canvas").slice(0, 3);
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((value) => value / 255)
            .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const below = behind(element), style = getComputedStyle(element);
    const [dark, light] = [luminance(over(rgba(style.color), below)), luminance(below)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
}
"""
"""As WCAG 2.2 defines it, of an element's text to the backgrounds of all that it lies in."""
MIN_CONTRAST = 4.5


async def violations(page: Page) -> list[str]:
    """Return what is wrong on a loaded page, and each doubt of axe that computing a contrast does not settle."""
    await expect(page.locator(".note-busy")).to_have_count(0)
    await page.evaluate(AXE.read_text())
    for _ in range(3):
        found = await page.evaluate("axe.run()")
        # axe knows a heading by its place: of one that moved while it looked it does not find the order.
        if all(rule["id"] != "heading-order" for rule in found["incomplete"]):
            break
    wrong = [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]
    doubts = [(rule["id"], node) for rule in found["incomplete"] for node in rule["nodes"]]
    return wrong + [
        f"{rule}, to be settled: {node['html']}" for rule, node in doubts if not await settled(page, rule, node)
    ]


async def settled(page: Page, rule: str, node: dict[str, Any]) -> bool:
    """Whether what axe is in doubt about is right: text has contrast to what it lies in."""
    if rule != "color-contrast" or node["any"][0]["data"]["messageKey"] in ("bgGradient", "bgImage"):
        return False
    return float(await page.evaluate(CONTRAST, node["target"][0])) >= MIN_CONTRAST
