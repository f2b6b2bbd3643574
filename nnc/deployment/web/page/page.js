// The page of a model: what the person gives goes through onnxruntime-web, and the answer is shown.

import * as ort from "./runtime/ort.wasm.min.mjs";
import { makeInput, paintPixels } from "./inputs.js";
import { showOutputs } from "./outputs.js";

ort.env.wasm.numThreads = 1; // more need headers that a plain static server doesn't send
ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;

const byId = (id) => document.getElementById(id);

/** Tell the person what went wrong, or with nothing that all is well. */
function tell(problem) {
  byId("message").textContent = problem ?? "";
  byId("message").hidden = !problem;
}

async function load(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name} can't be loaded (${answer.status})`);
  return answer;
}

/** An input as a tensor with a batch of one; a free size is what fits. */
export function toTensor(description, numbers) {
  if (description.texts) return new ort.Tensor("string", numbers, [1, ...description.shape]);
  const known = description.shape.reduce((product, size) => product * (size ?? 1), 1);
  const shape = [1, ...description.shape.map((size) => size ?? numbers.length / known)];
  if (shape.reduce((product, size) => product * size, 1) !== numbers.length || !numbers.length) {
    throw new Error(`${description.name} takes ${description.shape.map((s) => s ?? "any").join(" × ") || 1} numbers, not ${numbers.length}`);
  }
  const data = description.whole && !(numbers instanceof BigInt64Array)
    ? BigInt64Array.from(numbers, (number) => BigInt(Math.trunc(number)))
    : numbers;
  return new ort.Tensor(description.whole ? "int64" : "float32", data, shape);
}

class Page {
  constructor(model) {
    this.model = model;
    this.session = null;
    this.preparation = null; // makes of inputs what the session takes, where they have to be prepared
    this.weights = {}; // what the session takes beside the inputs
    this.busy = false;
    this.again = false;
    document.title = model.name;
    byId("name").textContent = model.name;
    byId("about").textContent = model.about;
    const changed = () => this.answer();
    this.inputs = model.inputs.map((description) => makeInput(description, changed));
    byId("inputs").append(...this.inputs.map((input) => input.element));
    this.showSamples();
  }

  async start() {
    const create = async (name) => {
      const bytes = new Uint8Array(await (await load(name)).arrayBuffer());
      return ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    };
    if (this.model.inputs.some(({ prepared }) => prepared)) this.preparation = await create("prepare.onnx");
    this.session = await create("model.onnx");
    await this.answer();
  }

  /** The outputs for what the inputs hold now; while one answer is made, only the last call counts. */
  async answer() {
    if (this.session === null) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      do {
        this.again = false;
        await this.run();
      } while (this.again);
      tell(null);
    } catch (problem) {
      tell(problem.message);
    } finally {
      this.busy = false;
    }
  }

  async run() {
    const given = { ...this.weights };
    const unprepared = {};
    this.model.inputs.forEach((description, place) => {
      const kept = description.prepared ? unprepared : given;
      kept[description.name] = toTensor(description, this.inputs[place].value());
    });
    const ready = await this.preparation?.run(unprepared);
    for (const name of Object.keys(unprepared)) given[name] = ready[`${name}/ready`];
    const made = await this.session.run(given);
    this.results = {};
    for (const { name } of this.model.outputs) this.results[name] = made[name].data;
    showOutputs(byId("outputs"), this.model.outputs, this.results);
  }

  /** Held-out examples to try, where the spec has data. */
  showSamples() {
    if (!this.model.samples.length) return;
    const buttons = this.model.samples.map((sample) => this.sampleButton(sample));
    const list = document.createElement("div");
    list.className = "samples";
    list.append(...buttons);
    const title = document.createElement("h2");
    title.textContent = "Examples that the model was not trained on";
    byId("samples").append(title, list);
    byId("samples").hidden = false;
  }

  sampleButton(sample) {
    const button = document.createElement("button");
    this.model.inputs.forEach((description) => {
      if (description.kind !== "pixels") return;
      const canvas = document.createElement("canvas");
      [canvas.height, canvas.width] = description.pixels;
      canvas.className = "pixels";
      paintPixels(canvas, sample.inputs[description.name], description);
      button.append(canvas);
    });
    const caption = document.createElement("span");
    caption.textContent = sample.caption;
    button.append(caption);
    button.onclick = () => {
      this.model.inputs.forEach((description, place) => {
        this.inputs[place].show(sample.inputs[description.name]);
      });
    };
    return button;
  }
}

try {
  const model = await (await load("model.json")).json();
  const page = new Page(model);
  window.page = page; // for people with the console open, and for tests
  await page.start();
  if (model.training) {
    const { Trainer } = await import("./training.js");
    page.trainer = new Trainer(page, ort, byId("training"), load);
  }
  document.body.dataset.state = "ready";
} catch (problem) {
  tell(`The model can't be started: ${problem.message}`);
  document.body.dataset.state = "failed";
}
