// What a person gives to the model: drawn, dropped, typed or chosen. Each input is made from its
// description and calls `changed`; its value is a Float32Array (or BigInt64Array for whole numbers) in
// the spec's order, or an array of texts.

const PAPER = 224; // places of the drawing paper along each side
const MARGIN = 0.04; // of the paper, around what was drawn

/** The input of one description: an object with `element`, `value()` and `show(example)`. */
export function makeInput(description, changed) {
  const kinds = { pixels: Drawing, image: Picture, numbers: Numbers, tokens: Tokens, choice: Choice, text: Sentence };
  return new kinds[description.kind](description, changed);
}

function element(tag, options = {}, ...children) {
  const made = Object.assign(document.createElement(tag), options);
  made.append(...children);
  return made;
}

function heading(description) {
  const { name, type, prepared } = description;
  return element("h2", { textContent: prepared ? name : `${name}: ${type}` });
}

/** Grey pixels that are drawn with the mouse, a finger or a pen. */
class Drawing {
  constructor(description, changed) {
    this.description = description;
    this.changed = changed;
    [this.height, this.width] = description.pixels;
    this.numbers = new Float32Array(this.height * this.width).fill(description.low);
    this.paper = element("canvas", { width: PAPER, height: PAPER, className: "paper" });
    this.paper.setAttribute("aria-label", `draw ${description.name}`);
    this.seen = element("canvas", { width: this.width, height: this.height, className: "pixels" });
    this.seen.style.width = this.seen.style.height = "112px";
    const clear = element("button", { textContent: "clear", onclick: () => this.clear() });
    const sheets = element("div", { className: "drawing" });
    sheets.append(
      element("figure", {}, this.paper, element("figcaption", { textContent: "draw here" })),
      element("figure", {}, this.seen, element("figcaption", { textContent: "what the model sees" })),
    );
    this.element = element("div", {}, heading(description), sheets, element("div", { className: "row" }, clear));
    this.listen();
    this.clear();
  }

  listen() {
    const context = this.paper.getContext("2d", { willReadFrequently: true });
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = (PAPER * (1 + this.width / 28)) / this.width; // about two pixels
    context.strokeStyle = "#fff";
    let last = null;
    const place = (event) => {
      const box = this.paper.getBoundingClientRect();
      return [
        ((event.clientX - box.left) / box.width) * PAPER,
        ((event.clientY - box.top) / box.height) * PAPER,
      ];
    };
    const stroke = (event) => {
      if (last === null) return;
      const next = place(event);
      context.beginPath();
      context.moveTo(...last);
      context.lineTo(...next);
      context.stroke();
      last = next;
      this.read();
    };
    this.paper.onpointerdown = (event) => {
      this.paper.setPointerCapture(event.pointerId);
      last = place(event);
      stroke(event);
    };
    this.paper.onpointermove = stroke;
    this.paper.onpointerup = this.paper.onpointercancel = () => (last = null);
  }

  clear() {
    this.paper.getContext("2d").clearRect(0, 0, PAPER, PAPER);
    this.numbers.fill(this.description.low);
    this.paint();
    this.changed();
  }

  /** The drawing, moved to the middle and enlarged, averaged over each pixel. */
  read() {
    const source = this.paper.getContext("2d").getImageData(0, 0, PAPER, PAPER).data;
    const box = drawn(source);
    if (box === null) return;
    const side = Math.max(box.right - box.left, box.bottom - box.top, PAPER / 4) * (1 + 2 * MARGIN);
    const left = (box.left + box.right - side) / 2;
    const top = (box.top + box.bottom - side) / 2;
    const small = element("canvas", { width: this.width * 8, height: this.height * 8 });
    const context = small.getContext("2d");
    context.drawImage(this.paper, left, top, side, side, 0, 0, small.width, small.height);
    const fine = context.getImageData(0, 0, small.width, small.height).data;
    const { low, high } = this.description;
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) {
        let total = 0;
        for (let v = 0; v < 8; v++) {
          for (let u = 0; u < 8; u++) total += fine[4 * ((8 * y + v) * small.width + 8 * x + u) + 3];
        }
        this.numbers[y * this.width + x] = low + ((high - low) * total) / (64 * 255);
      }
    }
    this.paint();
    this.changed();
  }

  paint() {
    paintPixels(this.seen, this.numbers, this.description);
  }

  value() {
    return this.numbers;
  }

  show(numbers) {
    this.paper.getContext("2d").clearRect(0, 0, PAPER, PAPER);
    this.numbers.set(numbers);
    this.paint();
    this.changed();
  }
}

/** The part of the paper that something was drawn on, or null. */
function drawn(data) {
  const box = { left: PAPER, top: PAPER, right: 0, bottom: 0 };
  for (let y = 0; y < PAPER; y++) {
    for (let x = 0; x < PAPER; x++) {
      if (data[4 * (y * PAPER + x) + 3] < 32) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  return box.right > 0 ? box : null;
}

/** Numbers as grey pixels. */
export function paintPixels(canvas, numbers, { low, high }) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  numbers.forEach((number, place) => {
    const grey = Math.round((255 * (number - low)) / (high - low || 1));
    image.data.set([grey, grey, grey, 255], 4 * place);
  });
  context.putImageData(image, 0, 0);
}

/** A coloured picture that is dropped or chosen. */
class Picture {
  constructor(description, changed) {
    this.description = description;
    this.changed = changed;
    [this.height, this.width] = description.pixels;
    this.numbers = new Float32Array(3 * this.height * this.width).fill(description.low);
    this.canvas = element("canvas", { width: this.width, height: this.height, className: "pixels" });
    const chosen = element("input", { type: "file", accept: "image/*" });
    chosen.onchange = () => chosen.files.length && this.load(chosen.files[0]);
    const drop = element("div", { className: "drop" }, element("div", {}, "drop an image here, or ", chosen));
    drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
    drop.ondragleave = () => drop.classList.remove("over");
    drop.ondrop = (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer.files.length) this.load(event.dataTransfer.files[0]);
    };
    this.element = element("div", {}, heading(description), drop, element("div", { className: "drawing row" }, this.canvas));
  }

  async load(file) {
    const image = await createImageBitmap(file);
    const side = Math.min(image.width / this.width, image.height / this.height);
    const [width, height] = [side * this.width, side * this.height];
    const context = this.canvas.getContext("2d");
    context.drawImage(image, (image.width - width) / 2, (image.height - height) / 2, width, height, 0, 0, this.width, this.height);
    const data = context.getImageData(0, 0, this.width, this.height).data;
    const { low, high, channels } = this.description;
    const count = this.width * this.height;
    for (let place = 0; place < count; place++) {
      for (let colour = 0; colour < 3; colour++) {
        const at = channels === "first" ? colour * count + place : 3 * place + colour;
        this.numbers[at] = low + ((high - low) * data[4 * place + colour]) / 255;
      }
    }
    this.changed();
  }

  value() {
    return this.numbers;
  }

  show(numbers) {
    this.numbers.set(numbers);
    const { low, high, channels } = this.description;
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(this.width, this.height);
    const count = this.width * this.height;
    for (let place = 0; place < count; place++) {
      for (let colour = 0; colour < 3; colour++) {
        const at = channels === "first" ? colour * count + place : 3 * place + colour;
        image.data[4 * place + colour] = (255 * (numbers[at] - low)) / (high - low || 1);
      }
      image.data[4 * place + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    this.changed();
  }
}

/** A field for each number. */
class Numbers {
  constructor(description, changed) {
    this.description = description;
    this.changed = changed;
    this.fields = description.names.map((name, place) => {
      const field = element("input", { type: "number", step: "any", value: description.start[place] });
      field.setAttribute("aria-label", name);
      field.oninput = changed;
      return field;
    });
    const rows = this.fields.flatMap((field, place) => [
      element("label", { textContent: description.names[place] }), field,
    ]);
    this.element = element("div", {}, heading(description), element("div", { className: "fields" }, ...rows));
  }

  /** A field without a number is NaN, which a model that fills in what is missing takes. */
  value() {
    const numbers = Float32Array.from(this.fields, (field) => (field.value === "" ? NaN : Number(field.value)));
    const place = this.description.missing ? -1 : numbers.findIndex(Number.isNaN);
    if (place >= 0) throw new Error(`${this.description.names[place]} needs a number`);
    return numbers;
  }

  show(example) {
    this.fields.forEach((field, place) => (field.value = example[place] ?? ""));
    this.changed();
  }
}

/** One of the values that the model knows; without one what is missing, which the model fills in. */
class Choice {
  constructor(description, changed) {
    this.description = description;
    this.changed = changed;
    const options = description.choices.map((value) => element("option", { textContent: String(value) }));
    this.list = element("select", { onchange: changed }, ...options);
    this.list.setAttribute("aria-label", description.name);
    this.list.selectedIndex = description.choices.indexOf(description.start);
    this.element = element("div", {}, heading(description), this.list);
  }

  value() {
    const value = this.description.choices[this.list.selectedIndex];
    return this.description.texts ? [value ?? ""] : Float32Array.of(value ?? NaN);
  }

  show(example) {
    this.list.selectedIndex = this.description.choices.indexOf(example);
    this.changed();
  }
}

/** Words, as a person writes them. */
class Sentence {
  constructor(description, changed) {
    this.changed = changed;
    this.text = element("textarea", { value: description.start, oninput: changed });
    this.text.setAttribute("aria-label", description.name);
    this.element = element("div", {}, heading(description), this.text);
  }

  value() {
    return [this.text.value];
  }

  show(text) {
    this.text.value = text;
    this.changed();
  }
}

/** Numbers of a sequence, or of an input of several axes, typed one after the other. */
class Tokens {
  constructor(description, changed) {
    this.description = description;
    this.changed = changed;
    this.text = element("textarea", { value: description.start.join(" "), oninput: changed });
    this.text.setAttribute("aria-label", description.name);
    this.element = element("div", {}, heading(description), this.text);
  }

  value() {
    const numbers = this.text.value.split(/[\s,;]+/).filter(Boolean).map(Number);
    if (numbers.some(Number.isNaN)) throw new Error(`${this.description.name} must be numbers`);
    return this.description.whole
      ? BigInt64Array.from(numbers, (number) => BigInt(Math.trunc(number)))
      : Float32Array.from(numbers);
  }

  show(numbers) {
    this.text.value = Array.from(numbers).join(" ");
    this.changed();
  }
}
