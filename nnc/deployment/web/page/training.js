// Training in the page: the steps that `nnc train` takes, with the same examples in the same order.
// A step is one run of train_step.onnx, whose outputs are the next step's state. Where the spec says
// `augment`, augment.onnx changes the batch before. After each epoch eval.onnx measures what is
// watched.

import { Best, Slowing, finishes } from "./watching.js";

const UPDATES_A_SECOND = 4; // how often the curve is drawn
const EVALUATED = 1024; // examples that are evaluated together

/** The tensors of a safetensors file: name -> ort.Tensor. */
function readTensors(ort, buffer) {
  const types = { F32: ["float32", Float32Array], F64: ["float64", Float64Array], I64: ["int64", BigInt64Array], I32: ["int32", Int32Array], U8: ["uint8", Uint8Array], BOOL: ["bool", Uint8Array] };
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  delete header.__metadata__;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    const [type, view] = types[dtype];
    const bytes = buffer.slice(8 + length + begin, 8 + length + end);
    tensors[name] = new ort.Tensor(type, new view(bytes), shape);
  }
  return tensors;
}

function mix(h) {
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32 random bits that are a function of a key and an index, as nnc draws them. */
export function bits(key, index) {
  return mix(mix(index ^ key) ^ Math.imul(key, 0x9e3779b1));
}

/** The order of the examples in an epoch, from 0. */
export function orderOf(count, key, epoch) {
  const own = bits(key, epoch);
  const drawn = Uint32Array.from({ length: count }, (_, place) => bits(own, place));
  return Array.from(drawn.keys()).sort((a, b) => drawn[a] - drawn[b] || a - b);
}

/** Some rows of a tensor whose first axis counts examples. */
function rowsOf(ort, tensor, rows) {
  const width = tensor.data.length / tensor.dims[0];
  const data = new tensor.data.constructor(rows.length * width);
  rows.forEach((row, place) => data.set(tensor.data.subarray(row * width, (row + 1) * width), place * width));
  return new ort.Tensor(tensor.type, data, [rows.length, ...tensor.dims.slice(1)]);
}

export class Trainer {
  /** `load` fetches a file of the folder; `page` shows what the network has learnt so far. */
  constructor(page, ort, place, load) {
    Object.assign(this, { page, ort, place, load });
    this.folder = page.model.training.folder;
    this.running = false;
    this.history = []; // what is known of each epoch
    this.button = Object.assign(document.createElement("button"), { textContent: "train" });
    this.button.onclick = () => this.toggle().catch((problem) => this.say(problem.message));
    this.anew = Object.assign(document.createElement("button"), { textContent: "begin anew" });
    this.anew.onclick = () => this.reset().catch((problem) => this.say(problem.message));
    this.status = Object.assign(document.createElement("span"), { className: "soft" });
    this.chart = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.chart.setAttribute("class", "curve");
    this.chart.setAttribute("viewBox", "0 0 640 224");
    const title = Object.assign(document.createElement("h2"), { textContent: "Training, in this page" });
    const row = Object.assign(document.createElement("div"), { className: "row" });
    row.append(this.button, this.anew, this.status);
    place.append(title, row, this.chart);
    place.hidden = false;
    this.say(`${page.model.training.examples} examples`);
  }

  say(text) {
    this.status.textContent = text;
  }

  async prepare() {
    if (this.session) return;
    this.say("loading …");
    const bytes = async (name) => (await this.load(`${this.folder}/${name}`)).arrayBuffer();
    this.manifest = JSON.parse(new TextDecoder().decode(await bytes("manifest.json")));
    const { train, augment, evaluate, infer, state } = this.manifest;
    const create = async (name) => this.ort.InferenceSession.create(new Uint8Array(await bytes(name)), { executionProviders: ["wasm"] });
    this.session = await create(train.file);
    if (augment) this.augmentation = await create(augment.file);
    this.inference = await create(infer.file);
    this.initial = readTensors(this.ort, await bytes(state.file));
    this.examples = { train: readTensors(this.ort, await bytes("examples.safetensors")) };
    const { validation, goal } = this.page.model.training;
    if (validation) this.examples.validation = readTensors(this.ort, await bytes("validation.safetensors"));
    if (validation || goal.monitor !== "loss") this.evaluation = await create(evaluate.file);
    await this.reset();
  }

  async reset() {
    this.running = false;
    await this.work?.catch(() => {}); // an epoch that is not at its end
    this.button.textContent = "train";
    if (!this.session) return;
    this.state = { ...this.initial };
    this.step = 0;
    this.epoch = 0;
    this.history = [];
    this.best = new Best(this.page.model.training.goal);
    this.bestState = this.state;
    this.slowing = new Slowing(this.manifest.train.plateau);
    this.stopped = false;
    this.draw();
    this.say("as it begins");
    await this.show(this.state);
  }

  async toggle() {
    await this.prepare();
    this.running = !this.running;
    this.button.textContent = this.running ? "pause" : "train";
    if (!this.running || this.working) return; // who is in an epoch sees at its end that it goes on
    this.working = true;
    try {
      this.work = this.train();
      await this.work;
    } finally {
      this.working = false;
      this.running = false;
    }
  }

  /** Whether nothing is left to do. */
  get over() {
    return this.stopped || this.epoch >= this.manifest.train.epochs;
  }

  /** Epoch after epoch, until the last one, an early end or a pause, which waits for the end of an
   * epoch. */
  async train() {
    const { epochs } = this.manifest.train;
    while (this.running && !this.over) {
      const loss = await this.oneEpoch();
      if (!Number.isFinite(loss)) {
        this.say(`the loss of epoch ${this.epoch} is ${loss}`);
        break;
      }
      await this.finish(loss);
      this.draw();
      this.say(`epoch ${this.epoch} of ${epochs}: ${this.told()}`);
      await this.show(this.state);
    }
    if (this.over) await this.end();
    this.running = false;
    this.button.textContent = this.over ? "trained" : "train";
    this.place.dataset.epoch = String(this.epoch);
  }

  /** The results of an epoch in words. */
  told() {
    const { loss, val_loss } = this.history.at(-1);
    const validated = val_loss === undefined ? "" : `, of validation ${val_loss.toPrecision(6)}`;
    return `loss ${loss.toPrecision(6)}${validated}`;
  }

  /** The end of an epoch: what is measured, and what follows from it. */
  async finish(loss) {
    const { goal, stop } = this.page.model.training;
    let results = { loss };
    const metrics = this.manifest.evaluate.metrics.map(({ name }) => name);
    if (metrics.includes(goal.monitor)) results = { ...await this.evaluate("train"), ...results };
    if (this.examples.validation) {
      const measured = await this.evaluate("validation");
      for (const [name, value] of Object.entries(measured)) results[`val_${name}`] = value;
    }
    if (this.best.after(this.epoch, results[goal.monitor])) this.bestState = { ...this.state };
    this.slowing.after(results);
    this.stopped = stop !== null && this.best.waited >= stop.patience;
    this.history.push({ ...results, rate: this.rate });
  }

  /** The end of training: the best weights answer where the spec says so. */
  async end() {
    const { stop } = this.page.model.training;
    const about = `${this.stopped ? "stopped" : "ended"} after epoch ${this.epoch}: ${this.told()}`;
    if (!stop?.restore_best) {
      this.say(about);
      return;
    }
    await this.show(this.bestState);
    this.say(`${about}. What answers is epoch ${this.best.epoch}, the best`);
  }

  /** The loss and the metrics over the examples of a split. */
  async evaluate(split) {
    const { evaluate } = this.manifest;
    const examples = this.examples[split];
    const count = Object.values(examples)[0].dims[0];
    const parts = Object.fromEntries(evaluate.metrics.map(({ name }) => [name, []]));
    let total = 0;
    for (let start = 0; start < count; start += EVALUATED) {
      const rows = Array.from({ length: Math.min(EVALUATED, count - start) }, (_, place) => start + place);
      const all = { ...this.state };
      for (const name of Object.keys(examples)) all[name] = rowsOf(this.ort, examples[name], rows);
      const made = await this.evaluation.run(this.taken(this.evaluation, all));
      total += Number(made[evaluate.loss].data[0]) * rows.length;
      for (const { name, statistics } of evaluate.metrics) parts[name].push(made[statistics]);
    }
    const results = { loss: total / count };
    for (const { name, finish } of evaluate.metrics) results[name] = finishes[finish](parts[name]);
    return results;
  }

  /** What a session takes of all that there is. */
  taken(session, all) {
    return Object.fromEntries(session.inputNames.map((name) => [name, all[name]]));
  }

  async oneEpoch() {
    const { train } = this.manifest;
    const names = [...train.inputs, ...train.targets].map(({ name }) => name);
    const count = this.examples.train[names[0]].dims[0];
    const size = train.batch ?? count;
    const order = train.batch === null
      ? Array.from({ length: count }, (_, row) => row)
      : orderOf(count, this.page.model.training.order, this.epoch);
    let total = 0;
    let drawn = performance.now();
    for (let start = 0; start < count; start += size) {
      const rows = order.slice(start, start + size);
      total += (await this.update(names, rows)) * rows.length;
      if (performance.now() - drawn > 1000 / UPDATES_A_SECOND) {
        this.say(`epoch ${this.epoch + 1}: ${Math.round((100 * start) / count)} %`);
        await new Promise((resolve) => setTimeout(resolve)); // let the page live
        drawn = performance.now();
      }
    }
    this.epoch += 1;
    return total / count;
  }

  /** One step; gives the loss before it. */
  async update(names, rows) {
    const { train, state } = this.manifest;
    const rate = this.slowing.rate(train.rates[Math.min(this.step, train.rates.length - 1)]);
    this.rate = rate;
    const all = {
      ...this.state,
      [train.step]: new this.ort.Tensor("int64", BigInt64Array.of(BigInt(this.step)), []),
      [train.row]: new this.ort.Tensor("int64", BigInt64Array.of(0n), []),
      [train.rate]: new this.ort.Tensor("float64", Float64Array.of(rate), []),
    };
    for (const name of names) all[name] = rowsOf(this.ort, this.examples.train[name], rows);
    if (this.augmentation) Object.assign(all, await this.changed(all, rows));
    const made = await this.session.run(this.taken(this.session, all));
    for (const { name, next } of state.tensors) if (next) this.state[name] = made[next];
    this.step += 1;
    return Number(made[train.loss].data[0]);
  }

  /** The inputs of a batch that `augment` changes in this epoch, from 0. The rows of the examples
   * are their places in the training split. */
  async changed(batch, rows) {
    const { inputs, places, epoch } = this.manifest.augment;
    const made = await this.augmentation.run(this.taken(this.augmentation, {
      ...batch,
      [places]: new this.ort.Tensor("int64", BigInt64Array.from(rows, BigInt), [rows.length]),
      [epoch]: new this.ort.Tensor("int64", BigInt64Array.of(BigInt(this.epoch)), []),
    }));
    return Object.fromEntries(inputs.map(({ name, changed }) => [name, made[changed]]));
  }

  /** Answer with the weights of a state. */
  async show(state) {
    this.page.session = this.inference;
    this.page.weights = Object.fromEntries(
      this.inference.inputNames.filter((name) => name in state).map((name) => [name, state[name]]),
    );
    await this.page.answer();
  }

  draw() {
    const [left, right, top, bottom] = [52, 628, 12, 196];
    const epochs = this.manifest.train.epochs;
    const curves = ["loss", "val_loss"].map((name) => this.history.map((results) => results[name]).filter(Number.isFinite));
    const most = Math.max(...curves.flat(), 1e-9);
    const x = (epoch) => left + ((epoch - 1) / Math.max(epochs - 1, 1)) * (right - left);
    const y = (loss) => bottom - (loss / most) * (bottom - top);
    const label = (at, text, anchor) => `<text x="${at[0]}" y="${at[1]}" text-anchor="${anchor}">${text}</text>`;
    const line = (losses, kind) => `<polyline class="${kind}" points="${losses.map((loss, place) => `${x(place + 1).toFixed(1)},${y(loss).toFixed(1)}`).join(" ")}"/>`;
    const point = (losses) => `<circle cx="${x(losses.length)}" cy="${y(losses.at(-1))}" r="3" fill="currentColor"/>`;
    this.chart.innerHTML = [
      `<line class="grid" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`,
      `<line class="grid" x1="${left}" x2="${right}" y1="${top}" y2="${top}"/>`,
      label([left - 6, top + 4], most.toPrecision(3), "end"),
      label([left - 6, bottom + 4], "0", "end"),
      label([left, bottom + 18], "epoch 1", "start"),
      label([right, bottom + 18], String(epochs), "end"),
      ...curves[1].length ? [label([(left + right) / 2, bottom + 18], "— training   ┄ validation", "middle")] : [],
      line(curves[0], "loss"),
      line(curves[1], "loss validated"),
      ...curves.filter((losses) => losses.length).map(point),
    ].join("");
  }
}
