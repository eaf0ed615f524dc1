"""Looks at reports in headless Chromium, as a reader would.

usage: look.py OUT AXE.MIN.JS NAME=REPORT.html ...

At phone and desktop width, in light and dark: no console message, no request, nothing wider than the
window, nothing that leaves its card, no words that leave their figure, `window.__pwned` unset, no serious finding of
axe-core. Then sorting, filtering and links, and what is printed without the script: all words, dark on white. Screenshots
and prints go to OUT. axe looks at the first report only: it needs minutes for a large page, and all are made by the same
templates.
"""

import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import websocket

WIDTHS = {"phone": (390, 844), "desktop": (1280, 900)}
GRAVE = ("serious", "critical")

# What reaches over the edge of the card, or of the figure, that it belongs to.
SPILLED = """(() => {
  const wrong = [];
  const over = (inner, outer) => inner.width && (inner.right > outer.right + 1 || inner.left < outer.left - 1);
  for (const one of document.querySelectorAll(".card *")) {
    const inner = one.getBoundingClientRect(), outer = one.closest(".card").getBoundingClientRect();
    if (!one.closest(".sr") && over(inner, outer)) wrong.push("leaves its card: " + one.textContent.trim().slice(0, 60));
  }
  for (const text of document.querySelectorAll("svg.figure text")) {
    const inner = text.getBoundingClientRect(), outer = text.closest("svg").getBoundingClientRect();
    if (over(inner, outer)) wrong.push("leaves its figure: " + text.textContent.slice(0, 60));
  }
  for (const one of document.querySelectorAll("main *")) {
    const box = one.getBoundingClientRect();
    if (box.width && box.right > innerWidth + 1 && !one.closest(".scroll") && !one.closest(".sr"))
      wrong.push("leaves the window: " + one.tagName + " " + one.textContent.trim().slice(0, 60));
  }
  return wrong.slice(0, 5);
})()"""

# Sorting by every column of numbers; the filter; a link to a card that the filter hides.
HANDLED = """(() => {
  const wrong = [];
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.querySelector("button").click();
      const keys = [...table.tBodies[0].rows].map((row) => row.cells[column].dataset.sort);
      if (column > 0 && keys.some((key) => key === undefined)) wrong.push("no number to sort by: " + head.textContent);
      const falling = keys.every((key, place) => place === 0 || Number(keys[place - 1]) >= Number(key));
      if (column > 0 && !falling) wrong.push("not sorted: " + head.textContent + " " + keys);
    });
  }
  const search = document.querySelector(".filter input[type=search]");
  if (!search) return wrong;
  const seek = (words) => { search.value = words; search.dispatchEvent(new Event("input")); };
  seek("no card says these words");
  for (const left of document.querySelectorAll(".record h3, .record .lead, .record .card"))
    if (left.offsetHeight > 0) wrong.push("stands over nothing: " + left.textContent.trim().slice(0, 60));
  const card = document.querySelector(".card");
  const link = document.createElement("a");
  link.href = "#" + card.id;
  document.querySelector("main").append(link);
  link.click();
  if (card.offsetHeight === 0) wrong.push("a link to a hidden card does nothing");
  link.remove();
  seek("");
  return wrong;
})()"""

# The words that a page holds, folded or not.
WORDS = """[...document.querySelectorAll("q, .narrative .data, .matrix .data")].map((one) => one.textContent)"""


class Browser:
    """A tab of a browser of our own, spoken to over its debugging port."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
             "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = pathlib.Path(folder, "DevToolsActivePort")
        for _ in range(600):
            if port.exists() and port.read_text().strip():
                break
            time.sleep(0.1)
        self.port = port.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json") as reply:
            page = next(one for one in json.load(reply) if one["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=600, suppress_origin=True)
        self.number, self.events = 0, []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def value(self, expression):
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"])
        return found["result"].get("value")

    def show(self, url, width, height, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=url)
        for _ in range(600):
            if self.value("document.readyState") == "complete" and self.value("location.href") == url:
                break
            time.sleep(0.05)
        time.sleep(0.3)
        self.value("1")

    def complaints(self, url):
        """Console messages, exceptions, and requests for anything but the page itself."""
        found = []
        for event in self.events:
            method, data = event.get("method"), event.get("params", {})
            if method == "Network.requestWillBeSent" and data["request"]["url"] != url:
                found.append("request: " + data["request"]["url"][:200])
            if method == "Log.entryAdded" and data["entry"]["level"] in ("error", "warning"):
                found.append("log: " + data["entry"]["text"][:300])
            if method == "Runtime.exceptionThrown":
                found.append("exception: " + data["exceptionDetails"]["text"])
            if method == "Runtime.consoleAPICalled":
                found.append("console: " + data["type"])
        return found

    def picture(self, path, whole):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}
        extra = {"clip": clip, "captureBeyondViewport": True} if whole else {}
        shot = self.call("Page.captureScreenshot", format="png", **extra)
        path.write_bytes(base64.b64decode(shot["data"]))


def bare(text):
    """Letters and digits only: lines and spaces fall elsewhere in print."""
    return "".join(c for c in text if c.isalnum())


def printed(browser, out, name, url):
    """Prints a page as a reader with a dark desktop and no script does; what of it is missing."""
    pdf, wrong = out / f"{name}.pdf", []
    browser.show(url, *WIDTHS["desktop"], "light")
    words = browser.value(WORDS)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.call("Page.navigate", url=url)
    time.sleep(2)
    made = browser.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    pdf.write_bytes(base64.b64decode(made["data"]))
    if shutil.which("pdftotext") is None:
        print("NO PDFTOTEXT: nobody reads what is printed")
        return wrong
    text = bare(subprocess.run(["pdftotext", "-raw", pdf, "-"], capture_output=True, text=True, check=True).stdout)
    # A long passage may be cut by the end of a page, where headers or nothing stand between.
    lost = [one for one in words if bare(one)[:24] and bare(one)[:24].isascii() and bare(one)[:24] not in text]
    if len(lost) > len(words) // 50:
        wrong.append(f"{name} printed: {len(lost)} of {len(words)} texts are missing, such as {lost[0][:80]!r}")
    return wrong


def look(browser, axe, out, name, report, first):
    url = pathlib.Path(report).resolve().as_uri()
    wrong = []
    for size, (width, height) in WIDTHS.items():
        for scheme in ("light", "dark"):
            browser.show(url, width, height, scheme)
            label = f"{name} {size} {scheme}"
            wrong += [f"{label}: {one}" for one in browser.complaints(url)]
            if browser.value("typeof window.__pwned") != "undefined":
                wrong.append(f"{label}: window.__pwned is set")
            wide = browser.value("document.documentElement.scrollWidth")
            if wide > width:
                wrong.append(f"{label}: {wide} pixels wide, the window has {width}")
            wrong += [f"{label}: {one}" for one in browser.value(SPILLED)]
            browser.picture(out / f"{name}-{size}-{scheme}.png", True)
            browser.picture(out / f"{name}-{size}-{scheme}-top.png", False)
            if first:
                browser.value(axe + ";0")
                found = browser.value("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
                                      "({id: v.id, impact: v.impact, help: v.help, n: v.nodes.length, at: v.nodes[0].html.slice(0, 200), "
                                      "why: v.nodes[0].failureSummary})))")
                for one in found:
                    line = f"{label}: axe {one['impact']}: {one['id']} ({one['n']}): {one['help']}: {one['at']} {one['why']}"
                    if one["impact"] in GRAVE:
                        wrong.append(line)
                    else:
                        print("minor:", line)
    browser.show(url, *WIDTHS["desktop"], "light")
    wrong += [f"{name}: {one}" for one in browser.value(HANDLED)]
    return wrong + printed(browser, out, name, url)


def main():
    out, axe = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
    out.mkdir(parents=True, exist_ok=True)
    wrong = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            for place, pair in enumerate(sys.argv[3:]):
                name, report = pair.split("=", 1)
                wrong += look(browser, axe, out, name, report, place == 0)
        finally:
            browser.process.terminate()
            browser.process.wait()
    for one in wrong:
        print("WRONG", one)
    print(f"{len(sys.argv) - 3} reports looked at in {len(WIDTHS)} widths, light and dark: {len(wrong)} findings; pictures in {out}")
    sys.exit(1 if wrong else 0)


main()
