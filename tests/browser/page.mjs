// Opens the page that is served at the given address and says what it shows, as JSON.
import { chromium } from "playwright-core";

/** What the page answers to each example that it has to try. */
async function answersOf(page) {
  const answers = [];
  const samples = page.locator(".samples button");
  for (let number = 0; number < (await samples.count()); number++) {
    await samples.nth(number).click();
    await page.waitForFunction(() => !window.page.busy);
    answers.push(await page.evaluate(() => Object.fromEntries(
      Object.entries(window.page.results).map(([name, numbers]) => [name, Array.from(numbers)]),
    )));
  }
  return answers;
}

const [address, browser] = process.argv.slice(2);
const opened = await chromium.launch({ executablePath: browser, args: ["--no-sandbox"] });
try {
  const page = await opened.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("requestfailed", (request) => problems.push(request.url()));
  page.on("request", (request) => {
    if (!request.url().startsWith(address) && !request.url().startsWith("data:")) problems.push(`asks ${request.url()}`);
  });
  await page.goto(`${address}/index.html`);
  await page.waitForFunction(() => document.body.dataset.state);
  const answers = await answersOf(page);
  const shown = await page.textContent(".answer");
  let drawn = null;
  if (await page.locator("canvas.paper").count()) {
    const box = await page.locator("canvas.paper").boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height - 30, { steps: 20 });
    await page.mouse.up();
    await page.waitForFunction(() => !window.page.busy);
    drawn = await page.textContent(".answer");
  }
  await page.locator("#training button").first().click();
  await page.waitForFunction(() => document.querySelector("#training").dataset.epoch, null, { timeout: 120000 });
  const trained = await page.evaluate(() => {
    const { history, best, stopped } = window.page.trainer;
    return { history, best: best.epoch, stopped };
  });
  const learnt = await answersOf(page);
  const state = await page.evaluate(() => document.body.dataset.state);
  process.stdout.write(JSON.stringify({ state, problems, answers, shown, drawn, trained, learnt }));
} finally {
  await opened.close();
}
