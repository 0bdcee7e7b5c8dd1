// The packed maps of a run, read: values of any noun, source and step as numbers 0…1 of their scale.
// MEAN stands for the mean over all steps, wherever a step is asked for.
const MEAN = -1;
const unpack = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

class MapData {
  constructor(data) {
    this.data = data;
    this.nouns = data.nouns;
    this.timesteps = data.timesteps;
    this.sources = data.sources;
    this.count = data.timesteps.length;
    this.palette = unpack(data.palette);
    this.bytes = unpack(data.maps);
    this.means = new Map();
  }

  get last() { return this.count - 1; }

  // Sources that the layer menu offers, and the heads below one of them.
  get layers() { return this.sources.filter((source) => source.kind !== "head"); }

  heads(id) { return this.sources.filter((source) => source.parent === id && source.kind === "head"); }

  source(id) { return this.sources.find((source) => source.id === id) || this.sources[0]; }

  // Values of one map in 0…1 (Float32Array, rows first) and the probability at 1.
  frame(noun, source, at, ownScale = false) {
    const cells = source.rows * source.columns;
    const start = source.start + noun * this.count * cells;
    if (at === MEAN) return this.mean(noun, source, start, cells);
    const values = new Float32Array(cells);
    for (let c = 0; c < cells; c++) values[c] = this.bytes[start + at * cells + c] / 255;
    return ownScale ? stretched(values, source.tops[noun]) : { values, top: source.tops[noun] };
  }

  mean(noun, source, start, cells) {
    const key = `${noun} ${source.id}`;
    if (!this.means.has(key)) {
      const values = new Float32Array(cells);
      for (let t = 0; t < this.count; t++) for (let c = 0; c < cells; c++) values[c] += this.bytes[start + t * cells + c];
      for (let c = 0; c < cells; c++) values[c] /= 255 * this.count;
      // A mean is flatter than any of its steps: on their scale it would be dim.
      this.means.set(key, stretched(values, source.tops[noun]));
    }
    return this.means.get(key);
  }

  // Probability of a noun in one cell.
  value(noun, source, at, cell) {
    const { values, top } = this.frame(noun, source, at);
    return values[cell] * top;
  }

  // Nouns by probability in one cell, the largest first.
  ranked(source, at, cell) {
    return this.nouns.map((_, noun) => ({ noun, value: this.value(noun, source, at, cell) })).sort((a, b) => b.value - a.value);
  }

  // Peak, mass or entropy of a noun, as recorded (not from the bytes); of the mean: the mean over steps.
  number(name, noun, source, at) {
    const series = source[name][noun];
    return at === MEAN ? series.reduce((sum, v) => sum + v, 0) / series.length : series[at];
  }

  nearest(timestep) {
    let best = 0;
    this.timesteps.forEach((t, i) => { if (Math.abs(t - timestep) < Math.abs(this.timesteps[best] - timestep)) best = i; });
    return best;
  }

  stepText(at) {
    if (at === MEAN) return `mean of all ${this.data.each}s`;
    return `t ${Math.round(this.timesteps[at])} · ${this.data.each} ${this.data.steps[at] + 1} of ${this.data.num_steps || this.count}`;
  }
}

const stretched = (values, top) => {
  const most = Math.max(...values) || 1;
  return { values: values.map((v) => v / most), top: most * top };
};

// Probabilities over three orders of magnitude: .31, .042, .0007.
const shortNumber = (value) => {
  if (value >= 0.995) return value.toFixed(2);
  if (value >= 0.1) return value.toFixed(2).slice(1);
  if (value >= 0.01) return value.toFixed(3).slice(1);
  return value >= 0.00005 ? value.toFixed(4).slice(1) : "0";
};
