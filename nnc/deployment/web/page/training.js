// Training in the page: the steps that `nnc train` takes, with the same examples in the same order.
// A step is one run of train_step.onnx, whose outputs are the next step's state.

const UPDATES_A_SECOND = 4; // how often the curve is drawn

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
    this.losses = []; // of the epochs
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
    const { train, infer, state } = this.manifest;
    const create = async (name) => this.ort.InferenceSession.create(new Uint8Array(await bytes(name)), { executionProviders: ["wasm"] });
    this.session = await create(train.file);
    this.inference = await create(infer.file);
    this.initial = readTensors(this.ort, await bytes(state.file));
    this.examples = readTensors(this.ort, await bytes("examples.safetensors"));
    await this.reset();
  }

  async reset() {
    this.running = false;
    this.button.textContent = "train";
    if (!this.session) return;
    this.state = { ...this.initial };
    this.step = 0;
    this.epoch = 0;
    this.losses = [];
    this.draw();
    this.say("as it begins");
    await this.show();
  }

  async toggle() {
    await this.prepare();
    this.running = !this.running;
    this.button.textContent = this.running ? "pause" : "train";
    if (this.running) await this.train();
  }

  /** Epoch after epoch, until the last one or a pause; a pause waits for the end of an epoch. */
  async train() {
    const { epochs } = this.manifest.train;
    while (this.running && this.epoch < epochs) {
      const loss = await this.oneEpoch();
      if (!Number.isFinite(loss)) {
        this.say(`the loss of epoch ${this.epoch} is ${loss}`);
        break;
      }
      this.losses.push(loss);
      this.draw();
      this.say(`epoch ${this.epoch} of ${epochs}: loss ${loss.toPrecision(6)}`);
      await this.show();
    }
    this.running = false;
    this.button.textContent = this.epoch < epochs ? "train" : "trained";
    this.place.dataset.epoch = String(this.epoch);
  }

  async oneEpoch() {
    const { train } = this.manifest;
    const names = [...train.inputs, ...train.targets].map(({ name }) => name);
    const count = this.examples[names[0]].dims[0];
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
    const rate = train.rates[Math.min(this.step, train.rates.length - 1)];
    const all = {
      ...this.state,
      [train.step]: new this.ort.Tensor("int64", BigInt64Array.of(BigInt(this.step)), []),
      [train.row]: new this.ort.Tensor("int64", BigInt64Array.of(0n), []),
      [train.rate]: new this.ort.Tensor("float64", Float64Array.of(rate), []),
    };
    for (const name of names) all[name] = rowsOf(this.ort, this.examples[name], rows);
    const given = Object.fromEntries(this.session.inputNames.map((name) => [name, all[name]]));
    const made = await this.session.run(given);
    for (const { name, next } of state.tensors) if (next) this.state[name] = made[next];
    this.step += 1;
    return Number(made[train.loss].data[0]);
  }

  /** Answer with what has been learnt so far. */
  async show() {
    this.page.session = this.inference;
    this.page.weights = Object.fromEntries(
      this.inference.inputNames.filter((name) => name in this.state).map((name) => [name, this.state[name]]),
    );
    await this.page.answer();
  }

  draw() {
    const [left, right, top, bottom] = [52, 628, 12, 196];
    const epochs = this.manifest.train.epochs;
    const most = Math.max(...this.losses, 1e-9);
    const x = (epoch) => left + ((epoch - 1) / Math.max(epochs - 1, 1)) * (right - left);
    const y = (loss) => bottom - (loss / most) * (bottom - top);
    const label = (at, text, anchor) => `<text x="${at[0]}" y="${at[1]}" text-anchor="${anchor}">${text}</text>`;
    const points = this.losses.map((loss, place) => `${x(place + 1).toFixed(1)},${y(loss).toFixed(1)}`);
    this.chart.innerHTML = [
      `<line class="grid" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`,
      `<line class="grid" x1="${left}" x2="${right}" y1="${top}" y2="${top}"/>`,
      label([left - 6, top + 4], most.toPrecision(3), "end"),
      label([left - 6, bottom + 4], "0", "end"),
      label([left, bottom + 18], "epoch 1", "start"),
      label([right, bottom + 18], String(epochs), "end"),
      `<polyline class="loss" points="${points.join(" ")}"/>`,
      ...this.losses.length ? [`<circle cx="${x(this.losses.length)}" cy="${y(this.losses.at(-1))}" r="3" fill="currentColor"/>`] : [],
    ].join("");
  }
}
