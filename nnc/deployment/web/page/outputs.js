// What the model says: a bar for each class, a share, or plain numbers.

const SHOWN = 10; // classes, at most

function element(tag, options = {}, ...children) {
  const made = Object.assign(document.createElement(tag), options);
  made.append(...children);
  return made;
}

/** The softmax of some scores. */
export function softmax(scores) {
  const top = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** Replace what `place` shows by the outputs: name -> numbers. */
export function showOutputs(place, descriptions, results) {
  place.replaceChildren(
    ...descriptions.map((description) => {
      const show = { classes: showClasses, share: showShare, numbers: showNumbers }[description.kind];
      return element(
        "div",
        {},
        element("h2", { textContent: `${description.name}: ${description.type}` }),
        ...show(description, results[description.name]),
      );
    }),
  );
}

function showClasses(description, numbers) {
  const chances = description.logits ? softmax(numbers) : Array.from(numbers);
  const order = chances.map((_, place) => place).sort((a, b) => chances[b] - chances[a]);
  const shown = chances.length > SHOWN ? order.slice(0, SHOWN) : chances.map((_, place) => place);
  const label = (place) => description.labels[place] ?? String(place);
  const bars = shown.flatMap((place) => [
    element("span", { textContent: label(place) }),
    bar(chances[place], place === order[0]),
    element("span", { className: "number", textContent: `${(100 * chances[place]).toFixed(1)} %` }),
  ]);
  return [
    element("p", { className: "answer", textContent: label(order[0]) }),
    element("div", { className: "bars" }, ...bars),
  ];
}

function showShare(description, numbers) {
  const share = description.logits ? 1 / (1 + Math.exp(-numbers[0])) : numbers[0];
  const [no, yes] = description.labels;
  return [
    element("p", { className: "answer", textContent: share > 0.5 ? yes : no }),
    element(
      "div",
      { className: "bars" },
      element("span", { textContent: yes }),
      bar(share, share > 0.5),
      element("span", { className: "number", textContent: `${(100 * share).toFixed(1)} %` }),
    ),
  ];
}

function showNumbers(description, numbers) {
  const shown = inUnits(description, Array.from(numbers)).slice(0, 64).map((number) => number.toPrecision(5));
  const rest = numbers.length > 64 ? ` … ${numbers.length - 64} more` : "";
  return [element("p", { className: "answer", textContent: shown.join("  ") + rest })];
}

/** Estimates in the units of the data. */
function inUnits({ units }, numbers) {
  if (!units) return numbers;
  const { factor, offset } = units;
  return numbers.map((number, place) => number * factor[place % factor.length] + offset[place % offset.length]);
}

function bar(share, best) {
  const filled = element("div");
  filled.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return element("div", { className: best ? "bar best" : "bar" }, filled);
}
