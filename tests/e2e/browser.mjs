// What the browser tests share: a Vigie of their own, a Chromium, a small test runner.
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const CHROMIUM = process.env.VIGIE_CHROMIUM ?? "/usr/bin/chromium";
const NODE_MIN = 20;
const START_MS = 20000;
const STOP_MS = 15000;
const TEST_MS = 90000;
const CLOSE_MS = 5000; // a page that hangs must not hold up the others

// Why the tests cannot run here, or an empty text.
export function missing() {
  if (Number(process.versions.node.split(".")[0]) < NODE_MIN)
    return `Playwright needs Node ${NODE_MIN}, this is ${process.version}`;
  if (!existsSync(CHROMIUM)) return `no Chromium (${CHROMIUM})`;
  if (!existsSync(join(root, "web/node_modules/playwright-core")))
    return "no playwright-core (the interface was not built)";
  return "";
}

// Does not keep the process alive.
export const sleep = (ms) =>
  new Promise((done) => {
    setTimeout(done, ms).unref();
  });

async function answers(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

// `vigie up` with its built-in configuration, on a loopback address that nobody else uses, data in a temporary folder.
export async function startVigie() {
  const binary = process.env.VIGIE_BINARY ?? join(root, "build/vigie");
  const folder = mkdtempSync(join(tmpdir(), "vigie-e2e-"));
  const host = `127.${55 + (process.pid % 100)}.${Math.floor(process.pid / 100) % 250}.1`;
  const log = openSync(join(folder, "log"), "w");
  mkdirSync(join(folder, "etc"));
  const child = spawn(
    binary,
    [
      "up",
      "--listen",
      host,
      "--data",
      join(folder, "data"),
      "--config.root",
      join(folder, "etc"),
    ],
    { stdio: ["ignore", log, log] },
  );
  closeSync(log);
  const ended = new Promise((done) =>
    child.on("exit", (code, signal) => done(signal ?? code)),
  );
  const stop = async () => {
    child.kill("SIGTERM");
    const how = await Promise.race([ended, sleep(STOP_MS).then(() => "hung")]);
    if (how === "hung") child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    return how;
  };
  for (
    const end = Date.now() + START_MS;
    !(await answers(`http://${host}:9090/-/ready`));
  ) {
    if (Date.now() > end || child.exitCode !== null) {
      const text = readFileSync(join(folder, "log"), "utf8");
      await stop();
      throw new Error(`vigie up did not become ready:\n${text}`);
    }
    await sleep(50);
  }
  return { url: `http://${host}:9090`, grafana: `http://${host}:3000`, stop };
}

export async function startBrowser() {
  const { chromium } = createRequire(join(root, "web/package.json"))(
    "playwright-core",
  );
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

// Whether a canvas below `selector` holds as many pixels that are not transparent.
export function drawnPixels(page, selector) {
  return page
    .locator(`${selector} canvas`)
    .first()
    .evaluate((canvas) => {
      const { data } = canvas
        .getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height);
      let drawn = 0;
      // Axes and grid are grey; lines have colour.
      for (let i = 0; i < data.length; i += 4)
        if (
          data[i + 3] > 40 &&
          Math.max(data[i], data[i + 1], data[i + 2]) -
            Math.min(data[i], data[i + 1], data[i + 2]) >
            60
        )
          drawn++;
      return drawn;
    });
}

// Waits until `check` gives a truthy value.
export async function until(check, what, ms = 15000) {
  for (const end = Date.now() + ms; ;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(100);
  }
}

const tests = [];
export const test = (name, run) => tests.push({ name, run });

// Each test gets a page of its own, which must not complain on the console. Prints "N passed, N failed, N skipped" last.
export async function runTests() {
  const why = missing();
  if (why) {
    console.log(`skipped: ${why}\n0 passed, 0 failed, ${tests.length} skipped`);
    return;
  }
  let passed = 0;
  const vigie = process.env.VIGIE_E2E_URL
    ? {
        url: process.env.VIGIE_E2E_URL,
        grafana: process.env.VIGIE_E2E_URL,
        stop: async () => 0,
      }
    : await startVigie();
  const browser = await startBrowser();
  for (const { name, run } of tests) {
    const context = await browser.newContext({
      viewport: { width: 1400, height: 900 },
      locale: "en-GB",
      colorScheme: "light",
    });
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()))
        complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.setDefaultTimeout(10000);
    try {
      const late = sleep(TEST_MS).then(() => {
        throw new Error(`not done within ${TEST_MS} ms`);
      });
      await Promise.race([run({ page, context, complaints, ...vigie }), late]);
      if (complaints.length > 0)
        throw new Error(`the console says: ${complaints.join("; ")}`);
      console.log(`ok ${name}`);
      passed++;
    } catch (error) {
      console.log(
        `FAILED ${name}: ${error instanceof Error ? error.stack : error}`,
      );
    }
    await Promise.race([context.close(), sleep(CLOSE_MS)]);
  }
  await Promise.race([browser.close(), sleep(CLOSE_MS)]);
  const how = await vigie.stop();
  const stopped = how === 0;
  if (!stopped) console.log(`FAILED vigie stops when asked: ${how}`);
  const failed = tests.length - passed + (stopped ? 0 : 1);
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed > 0 ? 1 : 0); // also when a browser did not close
}
