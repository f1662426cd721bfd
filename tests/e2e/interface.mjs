// The interface in a browser over a running Vigie: what is drawn, what the URL says, languages, themes, keyboard.
import assert from "node:assert/strict";
import { drawnPixels, runTests, test, until } from "./browser.mjs";

const FIRST_VALUES_MS = 40000; // two scrapes and some patience on a busy machine
const panel = (title) => `section[aria-label="${title}"]`;
const background = (page) =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor);

async function seeValues(page) {
  await until(
    async () =>
      /\d/.test(
        await page
          .locator(`${panel("Processor")} .value`)
          .first()
          .innerText()
          .catch(() => ""),
      ),
    "a processor value",
    FIRST_VALUES_MS,
  );
  await until(
    async () => (await drawnPixels(page, panel("Processor"))) > 20,
    "lines in the processor chart",
    FIRST_VALUES_MS,
  );
}

test("Home paints before it asks", async ({ page, url }) => {
  await page.goto(url); // the browser's own start is not what is measured
  await page.reload();
  await page.locator("nav.rail").first().waitFor();
  const paint = await page.evaluate(
    () =>
      performance.getEntriesByName("first-contentful-paint")[0]?.startTime ??
      NaN,
  );
  console.log(`first contentful paint ${Math.round(paint)} ms`);
  assert.ok(paint < 3000, `first paint after ${paint} ms`);
});

test("Home shows this machine live", async ({ page, url }) => {
  await page.goto(url);
  await seeValues(page);
  for (const title of ["Memory", "Load"]) {
    assert.match(
      await page.locator(`${panel(title)} .value`).innerText(),
      /\d/,
    );
    assert.ok((await drawnPixels(page, panel(title))) > 20, title);
  }
  assert.match(await page.locator(".facts").innerText(), /Kernel\s*\d+\.\d+/);
  assert.match(await page.locator(panel("Targets")).innerText(), /up/);
  assert.match(
    await page.locator(panel("This server")).innerText(),
    /series\s*\d/,
  );
});

test("Home has a table beside each chart", async ({ page, url }) => {
  await page.goto(url);
  await seeValues(page);
  await page.getByRole("button", { name: "Load: Show as table" }).click();
  await until(
    async () => (await page.locator(`${panel("Load")} tbody tr`).count()) > 1,
    "rows",
  );
  assert.match(
    await page.locator(`${panel("Load")} thead`).innerText(),
    /1 min/,
  );
});

test("Home works on the port of Grafana", async ({ page, grafana }) => {
  await page.goto(grafana);
  await seeValues(page);
});

test("Query draws a graph from a link of Prometheus", async ({ page, url }) => {
  await page.goto(
    `${url}/graph?g0.expr=node_load1&g0.tab=0&g0.range_input=5m&g0.stacked=0`,
  );
  await until(
    async () => (await drawnPixels(page, ".query")) > 20,
    "a line",
    FIRST_VALUES_MS,
  );
  assert.equal(await page.locator(".legend.list .item").count(), 1);
});

test("Query answers what is typed, and the URL tells it", async ({
  page,
  url,
}) => {
  await page.goto(`${url}/query`);
  await page.locator(".cm-content").click();
  await page.keyboard.type("sum(up)  ");
  await page.keyboard.press("Enter");
  await until(
    async () =>
      (await page
        .locator(".query tbody td.number")
        .first()
        .innerText()
        .catch(() => "")) >= "1",
    "a row",
  );
  assert.match(page.url(), /\/query\?g0\.expr=sum%28up%29/);
  await page.getByRole("tab", { name: "Graph" }).click();
  await until(() => page.url().includes("g0.tab=graph"), "the tab in the URL");
  await page.goBack();
  await until(
    async () =>
      (await page
        .getByRole("tab", { name: "Table" })
        .getAttribute("aria-selected")) === "true",
    "the table again",
  );
});

test("Query completes names while they are typed", async ({ page, url }) => {
  await page.goto(`${url}/query`);
  await page.locator(".cm-content").click();
  await page.keyboard.type("node_lo", { delay: 30 });
  await page
    .locator(".cm-tooltip-autocomplete li", { hasText: "node_load15" })
    .waitFor();
});

test("Query hides and isolates series", async ({ page, url }) => {
  await page.goto(
    `${url}/query?g0.expr=node_cpu_seconds_total&g0.tab=graph&g0.range_input=5m`,
  );
  const items = page.locator(".legend.list .item");
  await until(
    async () => (await items.count()) > 4,
    "a legend",
    FIRST_VALUES_MS,
  );
  await items.nth(0).click();
  assert.equal(await items.nth(0).getAttribute("aria-pressed"), "false");
  await items.nth(1).click({ modifiers: ["Shift"] });
  assert.equal(
    await page.locator(".legend.list .item[aria-pressed=true]").count(),
    1,
  );
  await items.nth(1).click({ modifiers: ["Shift"] });
  assert.equal(
    await page.locator(".legend.list .item[aria-pressed=false]").count(),
    0,
  );
});

async function drag(page, from, to) {
  const over = page.locator(".u-over").first();
  await over.waitFor();
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width * from, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * to, box.y + 60, { steps: 5 });
  await page.mouse.up();
}

test("Query zooms where one drags", async ({ page, url }) => {
  await page.goto(
    `${url}/query?g0.expr=node_load1&g0.tab=graph&g0.range_input=2m`,
  );
  await drag(page, 0.7, 0.95);
  await until(
    () =>
      /g0\.range_input=(29|30|31)s/.test(page.url()) &&
      page.url().includes("g0.end_input="),
    "half a minute in the URL",
  );
  await page.locator(".u-over").first().dblclick();
  await until(
    () =>
      page.url().includes("g0.range_input=2m") &&
      !page.url().includes("end_input"),
    "the whole range again",
  );
});

test("Query leads back from an empty zoom", async ({ page, url }) => {
  await page.goto(
    `${url}/query?g0.expr=node_load1&g0.tab=graph&g0.range_input=1d`,
  );
  await drag(page, 0.2, 0.4);
  await page.getByText("Empty result").waitFor();
  await page.getByRole("button", { name: "Reset zoom" }).click();
  await until(
    async () =>
      page.url().includes("g0.range_input=1d") &&
      (await page.locator(".u-over").count()) === 1,
    "the graph again",
  );
});

test("Query shows what the server says of a wrong expression", async ({
  page,
  url,
  complaints,
}) => {
  await page.goto(`${url}/query?g0.expr=${encodeURIComponent("sum(")}`);
  assert.match(await page.getByRole("alert").innerText(), /parse error/);
  assert.ok(complaints.every((text) => text.includes("400")));
  complaints.length = 0; // the browser itself tells of the 400
});

test("Query keeps panels apart", async ({ page, url }) => {
  await page.goto(`${url}/query?g0.expr=up&g1.expr=scrape_duration_seconds`);
  await until(
    async () => (await page.locator("section.query").count()) === 2,
    "two panels",
  );
  await page.getByRole("button", { name: "Add panel" }).click();
  await until(() => page.url().includes("g2.expr="), "a third panel");
  await page.getByRole("button", { name: "Remove panel" }).first().click();
  await until(
    () =>
      page.url().includes("g0.expr=scrape_duration_seconds") &&
      !page.url().includes("g2.expr"),
    "two panels again",
  );
});

test("Targets are up, and the filter stands in the URL", async ({
  page,
  url,
}) => {
  await page.goto(`${url}/targets`);
  await until(
    async () => (await page.locator(".badge.good").count()) > 0,
    "a target that is up",
    FIRST_VALUES_MS,
  );
  await page.getByRole("searchbox").fill("no such target");
  await page.getByText("No targets match.").waitFor();
  assert.match(page.url(), /\?search=no\+such\+target$/);
  await page.goto(`${url}/targets?health=up`);
  await page.locator(".badge.good").first().waitFor();
});

for (const [path, text] of [
  ["status", /Version\s*\d/],
  ["tsdb-status", /Label pairs\s*\d/],
  ["flags", /--/],
  ["config", /scrape_configs/],
  ["service-discovery", /__address__/],
]) {
  test(`the page ${path} has its content`, async ({ page, url }) => {
    await page.goto(`${url}/${path}`);
    await until(
      async () => text.test(await page.locator("main").innerText()),
      String(text),
    );
  });
}

test("French is chosen, shown and remembered", async ({ page, url }) => {
  await page.goto(url);
  await page.getByRole("combobox", { name: "Language" }).selectOption("fr");
  await page.getByRole("heading", { level: 1, name: "Accueil" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "fr");
  await page.reload();
  await page.getByRole("link", { name: "Cibles" }).first().waitFor();
});

test("dark and light are chosen and remembered", async ({ page, url }) => {
  await page.goto(url);
  const light = await background(page);
  await page.getByRole("combobox", { name: "Theme" }).selectOption("dark");
  await until(async () => (await background(page)) !== light, "a dark page");
  const dark = await background(page);
  await page.reload();
  assert.equal(await background(page), dark);
});

test("the keyboard leads to the pages", async ({ page, url }) => {
  await page.goto(url);
  await page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await until(() => page.url().endsWith("/targets"), "Targets");
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("a narrow screen needs no sideways scrolling", async ({ page, url }) => {
  await page.setViewportSize({ width: 400, height: 800 });
  for (const path of ["", "query?g0.expr=up", "targets"]) {
    await page.goto(`${url}/${path}`);
    await page.locator("main .panel").first().waitFor();
    assert.ok(
      await page.evaluate(
        () => document.documentElement.scrollWidth <= innerWidth,
      ),
      path,
    );
  }
});

test("a server that is gone is told, and forgotten when it is back", async ({
  page,
  url,
  complaints,
}) => {
  await page.goto(url);
  await seeValues(page);
  await page.route("**/api/**", (route) => route.abort());
  await page.getByText("The server does not answer").waitFor();
  await page.unroute("**/api/**");
  await page
    .getByText("The server does not answer")
    .waitFor({ state: "detached" });
  complaints.length = 0; // the browser itself tells of each failed request
});

await runTests();
