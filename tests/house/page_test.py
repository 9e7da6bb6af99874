#!/usr/bin/python3
"""Opens pages of --html in a headless Chromium: whether each draws all of its sections without a word on the
console and without a request, shows numbers of its JSON alone, names as text, and fits into a narrow window.

    page_test.py LOCKSTEP ROOT

Ends with 77 (skipped) where there is no Chromium; the files of the page are checked all the same.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

from browser import Browser, find_browser
from page_numbers import show

HOSTILE = "</script><script>alert(1)</script> <!-- <b>\"it's\"</b> & \U0001f680 {{data}} {b|x} two\nlines"
DATA = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.S)

COLLECT = """(() => {
  document.querySelectorAll('details').forEach((details) => { details.open = true; });
  const all = (name) => [...document.querySelectorAll('[' + name + ']')];
  const loose = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (parent.closest('script, style, noscript, [data-path], [data-text], [data-key], .static')) continue;
    if (/[0-9]/.test(node.data)) loose.push(node.data);
  }
  return {
    numbers: all('data-path').map((e) => [e.dataset.path, e.dataset.format, e.textContent]),
    texts: all('data-text').map((e) => [e.dataset.text, e.textContent]),
    keys: all('data-key').map((e) => [e.dataset.key, e.textContent]),
    loose, sections: [...document.querySelectorAll('section.card')].map((s) => s.id),
    undrawn: document.querySelectorAll('.chart:not(:has(canvas))').length,
    charts: document.querySelectorAll('.chart canvas').length,
    unnamed: document.querySelectorAll('.chart:not([aria-label])').length,
    scripts: document.scripts.length, images: document.images.length, frames: window.frames.length,
  };
})()"""

PLAN_SECTIONS = ["partition", "timeline", "memory", "cluster", "rooflines", "communication", "sensitivities",
                 "evidence"]
EXPLANATION_SECTIONS = ["counterfactuals", "break-even", "hiding", "ledger", "lints", "against", "measured"]

failures = []


def check(good, *words):
    if not good:
        failures.append(" ".join(map(str, words))[:1500])
    return good


def check_files(root):
    vendor = os.path.join(root, "sim/report/html/vendor")
    with open(os.path.join(vendor, "SHA256SUMS"), encoding="utf-8") as sums:
        listed = dict(reversed(line.split()) for line in sums)
    check(set(listed) == {"LICENSE", "NOTICE", "echarts.min.js"}, "SHA256SUMS names", listed)
    for name, digest in listed.items():
        with open(os.path.join(vendor, name), "rb") as file:
            check(hashlib.sha256(file.read()).hexdigest() == digest, name, "is not what SHA256SUMS says")
    with open(os.path.join(root, ".cmake/report_page.cmake"), encoding="utf-8") as file:
        scripts = re.search(r"set\(page_scripts (.*?)\)", file.read(), re.S).group(1).split()
    there = [n[:-3] for n in os.listdir(os.path.join(root, "sim/report/html/page")) if n.endswith(".js")]
    check(sorted(scripts) == sorted(there), "scripts of the page and of the build differ:", set(scripts) ^ set(there))


def at(document, path):
    value = document
    for key in path.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def check_shown(name, document, seen):
    """Every number is one of the JSON, written as its format says; every text is one of its texts."""
    for path, form, text in seen["numbers"]:
        try:
            expected = show(at(document, path), form)
        except (KeyError, IndexError, TypeError) as error:
            check(False, name, path, form, "is not in the JSON:", repr(error))
            continue
        check(text == expected, f"{name}: {path} shows '{text}' instead of '{expected}'")
    for path, text in seen["texts"]:
        try:
            value = at(document, path)
        except (KeyError, IndexError, TypeError) as error:
            check(False, name, path, "is not in the JSON:", repr(error))
            continue
        expected = "—" if value is None else str(value)
        check(text == expected, name, path, "shows", repr(text), "instead of", repr(expected))
    for path, text in seen["keys"]:
        check(path.endswith("/" + text.replace("~", "~0").replace("/", "~1")), name, path, "shows", text)
    for text in seen["loose"]:
        check(False, f"{name}: a number that is not of the JSON: '{text}'")
    check(len(seen["numbers"]) > 50, name, "shows", len(seen["numbers"]), "numbers")


def check_quiet(name, browser):
    check(not browser.complaints(), name, "console:", browser.complaints())
    check(not browser.requests(), name, "requests:", browser.requests())


def draw_all(browser):
    browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    browser.evaluate("charts.drawAll()")


def check_page(browser, name, path, sections, every_plan=True, most_bytes=3_000_000):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    check(len(text.encode()) < most_bytes, name, "has", len(text.encode()), "bytes")
    document = json.loads(DATA.search(text).group(2))
    browser.scheme("light")
    browser.size(1280, 900)
    seconds = browser.open(path)
    browser.wait_for("document.documentElement.dataset.ready === 'true'")
    print(f"{name}: {len(text.encode())} bytes, interactive after {seconds:.2f} s")
    plans = browser.evaluate("detailed.plans.length") if every_plan else 1
    for plan in range(plans):
        if plan > 0:
            browser.evaluate(f"document.querySelectorAll('.chooser input')[{plan}].click()")
        draw_all(browser)
        seen = browser.evaluate(COLLECT)
        check_shown(f"{name}, plan {plan}", document, seen)
        missing = [s for s in sections if s not in seen["sections"]]
        legal = plan == 0 or browser.evaluate(f"detailed.plans[{plan}].legal")
        check(not missing or not legal, name, "lacks the sections", missing)
        check(seen["undrawn"] == 0, name, "has", seen["undrawn"], "charts that are not drawn")
        check(seen["unnamed"] == 0, name, "has charts without a name")
        check((seen["scripts"], seen["images"], seen["frames"]) == (3, 0, 0), name, "has elements of a name")
    check_quiet(name, browser)
    browser.scheme("dark")
    for width in (1280, 390):
        browser.size(width, 844)
        browser.open(path)
        draw_all(browser)
        scroll = browser.evaluate("document.documentElement.scrollWidth")
        check(scroll <= width, name, "is", scroll, "wide in a window of", width)
        check_quiet(f"{name} at {width}", browser)
    return document


def check_handles(browser, path):
    """The theme, the zoom of the timeline by keys, the stage of the memory, paper."""
    browser.scheme("light")
    browser.size(1280, 900)
    browser.open(path)
    draw_all(browser)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = browser.evaluate(ground)
    browser.evaluate("[...document.querySelectorAll('.top button')].find((b) => b.textContent === 'Dark').click()")
    check(browser.evaluate(ground) != before, "the button does not change the theme")
    zoom = "echarts.getInstanceByDom(document.querySelector('#timeline .chart')).getOption().dataZoom[0]"
    browser.evaluate("document.querySelector('#timeline .chart').focus()")
    for key, code in (("+", 107), ("ArrowRight", 39)):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code)
        browser.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
    window = browser.evaluate(f"[{zoom}.start, {zoom}.end]")
    check(abs(window[1] - window[0] - 50) < 1e-6 and abs(window[0] - 40) < 1e-6, "keys zoom the timeline to", window)
    browser.evaluate("""(() => { const select = document.querySelector('#memory-stage');
        select.value = '1'; select.dispatchEvent(new Event('change')); })()""")
    draw_all(browser)
    check(browser.evaluate("document.querySelector('#memory [data-path$=\"/stage\"]:not(option)').dataset.path")
          == "/page/plans/0/memory/stages/1/stage", "the stage of the memory does not change")
    browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
    browser.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    check(browser.evaluate("document.querySelectorAll('details:not([open])').length") == 0, "paper lacks tables")
    browser.evaluate("window.dispatchEvent(new Event('afterprint'))")
    check(browser.evaluate("document.querySelectorAll('details[open]').length") == 0, "tables stay open after printing")
    check(browser.call("Page.printToPDF")["data"].startswith("JVBERi"), "it does not print")
    check_quiet("handles", browser)


def check_hostile(browser, document, path):
    browser.open(path)
    check(document["scenario"]["name"] == HOSTILE, "the hostile name is not in the document")
    check(browser.evaluate("document.querySelector('h1').textContent") == HOSTILE, "the title is not the name")


def check_tips(browser, path):
    """What appears under the mouse: text, and nothing that the policy would have to refuse."""
    browser.size(1280, 900)
    browser.open(path)
    draw_all(browser)
    for section, across, down in (("partition", 0.3, 0.3), ("timeline", 0.2, 0.2), ("memory", 0.5, 0.5),
                                  ("communication", 0.5, 0.4), ("sensitivities", 0.6, 0.4)):
        tip = f"document.querySelector('#{section} .chart .tip')"
        for attempt in range(100):  # the first finds a page that still moves under the mouse
            x, y = browser.evaluate(f"""(() => {{
                const chart = document.querySelector('#{section} .chart');
                chart.scrollIntoView({{block: 'center', behavior: 'instant'}});
                const box = chart.getBoundingClientRect();
                return [box.x + {across} * box.width, box.y + {down} * box.height]; }})()""")
            browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x - attempt % 2, y=y)
            if browser.evaluate(f"{tip} !== null"):
                break
        if not check(browser.evaluate(f"{tip} !== null"), section, "says nothing under the mouse"):
            continue
        text = browser.evaluate(f"{tip}.textContent")
        check("<script>" in text or section not in ("partition", "communication"), section, "shows no name:", text)
        check(browser.evaluate(f"{tip}.querySelectorAll('script, img, b').length") == 0, section, "has markup", text)
    check_quiet("tips", browser)


def run(program, folder, name, *arguments):
    path = os.path.join(folder, name + ".html")
    done = subprocess.run([program, *arguments, "--html", path], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 4):
        raise SystemExit(f"{arguments}: {done.stderr}")
    return path


def hostile_scenario(root, folder):
    """A bundled scenario with texts that try to be markup, where a scenario may have such texts."""
    with open(os.path.join(root, "scenarios/zero-bubble-vs-interleaved.yaml"), encoding="utf-8") as file:
        text = file.read()
    quoted = json.dumps(HOSTILE, ensure_ascii=False)
    text = re.sub(r"^description:.*\n", "", text, flags=re.M)
    text = re.sub(r"^name:.*$", lambda _: f"name: {quoted}\ndescription: {quoted}", text, count=1, flags=re.M)
    path = os.path.join(folder, "hostile.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# Words that the page looks at, not texts that it shows.
WORDS = {"command", "kind", "class", "front", "pass", "unit", "dimension", "roof", "quantity"}


def hostile_texts(value, key=""):
    """The document with something hostile behind every text; the same text stays the same everywhere."""
    if isinstance(value, dict):
        return {k: hostile_texts(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile_texts(v, key) for v in value]
    return value + HOSTILE if isinstance(value, str) and key not in WORDS else value


def changed(path, folder, name, change):
    """A page with another document in it; the policy does not look at data."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    data = json.dumps(change(json.loads(DATA.search(text).group(2))))
    for letter in "<>&":
        data = data.replace(letter, f"\\u{ord(letter):04x}")
    result = os.path.join(folder, name + ".html")
    with open(result, "w", encoding="utf-8") as file:
        file.write(DATA.sub(lambda m: m.group(1) + data + m.group(3), text, count=1))
    return result


def main():
    program, root = sys.argv[1:]
    check_files(root)
    chromium = find_browser()
    if chromium and not failures:
        with tempfile.TemporaryDirectory(prefix="lockstep-page-") as folder, Browser(chromium) as browser:
            def scenario(name):
                return os.path.join(root, "scenarios", name)
            compared = run(program, folder, "compare", "compare", scenario("llama3-70b-64xh100.yaml"))
            check_page(browser, "compare", compared, ["verdict", "plans", *PLAN_SECTIONS, "notes"])
            explained = run(program, folder, "explained", "explain", scenario("llama3-70b-64xh100.yaml"), "--plan",
                            "fsdp-recompute", "--against", "tp8-pp2", "--measured", "step_time=110 s")
            check_page(browser, "explained", explained, ["verdict", *PLAN_SECTIONS, *EXPLANATION_SECTIONS],
                       every_plan=False)
            stages = run(program, folder, "stages", "simulate", scenario("korthikanti-1t.yaml"),
                         "--plan", "sequence-parallel-selective")
            document = check_page(browser, "64 stages", stages, ["verdict", *PLAN_SECTIONS, "notes"])
            check(document["page"]["plans"][0]["timeline"]["stages"] == 64, "there are not 64 stages")
            check_handles(browser, stages)
            limits = ("tensor=8", "stages=2,4", "schedule=1f1b", "context=1", "placement=tp-cp-dp-pp")
            search = run(program, folder, "search", "search", scenario("llama3-70b-64xh100.yaml"),
                         *(word for limit in limits for word in ("--fix", limit)), "--forbid", "offload",
                         "--progress", "never", "--top", "4")
            check_page(browser, "search", search, ["verdict", "best", "pareto", *PLAN_SECTIONS])
            texts = changed(explained, folder, "texts", hostile_texts)
            check_page(browser, "hostile texts", texts, ["verdict", *PLAN_SECTIONS, *EXPLANATION_SECTIONS],
                       every_plan=False, most_bytes=10_000_000)
            check_tips(browser, texts)
            hostile = run(program, folder, "hostile", "compare", hostile_scenario(root, folder))
            cut_off = ",".join(f"node0.nic{i}" for i in range(8))
            check_page(browser, "no route", run(program, folder, "cut", "compare", scenario("llama3-70b-64xh100.yaml"),
                                                "--set", f"cluster.failed=[{cut_off}]"), ["verdict", "plans", "memory"])
            document = check_page(browser, "hostile", hostile, ["verdict", "plans", *PLAN_SECTIONS])
            check_hostile(browser, document, hostile)
    for failure in failures[:40]:
        print("FAILED:", failure)
    if failures:
        print(len(failures), "failures")
        return 1
    if not chromium:
        print("SKIPPED: no chromium")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
