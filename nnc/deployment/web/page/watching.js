// What is watched from epoch to epoch, by the rules of `nnc train`: the best epoch, when to stop, when
// to lower the learning rate, and the metrics that follow from the statistics of batches.

/** The best epoch so far, from 1 (0: none), its value, and how many epochs came after it. */
export class Best {
  /** `goal`: the name of what is monitored, whether larger is better, how much counts as better. */
  constructor(goal) {
    Object.assign(this, { goal, epoch: 0, value: null, waited: 0 });
  }

  /** Take note of one more epoch; gives whether it is the best. NaN never is. */
  after(epoch, value) {
    const sign = this.goal.larger ? -1 : 1;
    const before = this.value === null ? Infinity : sign * this.value;
    if (sign * value < before - this.goal.min_delta) {
      Object.assign(this, { epoch, value, waited: 0 });
      return true;
    }
    this.waited += 1;
    return false;
  }
}

/** How far a `plateau` schedule has lowered the rate; without settings never. */
export class Slowing {
  constructor(settings) {
    Object.assign(this, { settings, best: null, bad: 0, rest: 0, share: 1 });
  }

  rate(rate) {
    return this.share === 1 ? rate : Math.max(rate * this.share, this.settings.minimum);
  }

  after(results) {
    if (!this.settings) return;
    const { monitor, threshold, patience, cooldown, factor } = this.settings;
    const value = results[monitor];
    const better = value < (this.best ?? Infinity) * (1 - threshold);
    if (better) this.best = value;
    this.bad = better || this.rest > 0 ? 0 : this.bad + 1;
    this.rest = Math.max(this.rest - 1, 0);
    if (this.bad > patience) Object.assign(this, { bad: 0, rest: cooldown, share: this.share * factor });
  }
}

/** The rows of a tensor [rows, places] as arrays. */
function rowsOf({ data, dims: [count, places] }) {
  return Array.from({ length: count }, (_, row) => Array.from(data.subarray(row * places, (row + 1) * places)));
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const mean = (numbers) => sum(numbers) / numbers.length;

/** [rows, places]: the sum over the batches. */
function summed(parts) {
  const [first, ...others] = parts.map(rowsOf);
  return first.map((row, i) => row.map((number, place) => number + sum(others.map((part) => part[i][place]))));
}

const ratio = (parts) => sum(parts.map(({ data }) => data[0])) / sum(parts.map(({ data }) => data[1]));

/** The mean over the classes of a share of counts; 0/0 is 0. */
const shares = (parts, share) => {
  const [right, answered, truths] = summed(parts);
  return mean(right.map((count, place) => share(count, answered[place], truths[place])));
};

/** How a metric follows from its statistics of all batches, by the names of the manifest. */
export const finishes = {
  ratio,
  root_ratio: (parts) => Math.sqrt(ratio(parts)),
  precision: (parts) => shares(parts, (right, answered) => right / Math.max(answered, 1)),
  recall: (parts) => shares(parts, (right, _, truths) => right / Math.max(truths, 1)),
  f1: (parts) => shares(parts, (right, answered, truths) => (2 * right) / Math.max(answered + truths, 1)),
  /** The share of the targets' variance that is explained: a mean over places. */
  explained(parts) {
    const batches = parts.map(rowsOf);
    return mean(batches[0][0].map((_, place) => {
      const [counts, means, within, errors] = [0, 1, 2, 3].map((row) => batches.map((batch) => batch[row][place]));
      const middle = sum(counts.map((count, i) => count * means[i])) / sum(counts);
      const spread = sum(within) + sum(counts.map((count, i) => count * (means[i] - middle) ** 2));
      if (spread > 0) return 1 - sum(errors) / spread;
      return sum(errors) === 0 ? 1 : 0;
    }));
  },
  /** The chance that a yes has a higher score than a no; a tie counts one half. */
  ranked(parts) {
    const pairs = parts.map(rowsOf).flatMap(([scores, truths]) => scores.map((score, i) => [score, truths[i]]));
    pairs.sort((a, b) => a[0] - b[0]);
    let [below, above, yes] = [0, 0, 0];
    for (let start = 0, end; start < pairs.length; start = end) {
      end = start;
      let [tied, right] = [0, 0];
      for (; end < pairs.length && pairs[end][0] === pairs[start][0]; end++) pairs[end][1] > 0 ? right++ : tied++;
      above += right * (below + tied / 2);
      below += tied;
      yes += right;
    }
    return above / (yes * below);
  },
};
