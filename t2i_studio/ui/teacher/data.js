// A comparison read: maps, differences and numbers of any noun, variant, noise level and layer.
// Noise levels run from the picture (0) to noise; variant 0 is the base model, 1 the one with the LoRA.
const TRAINING = "training";

class ProbeData {
  constructor(data) {
    this.data = data;
    this.nouns = data.nouns;
    this.timesteps = data.timesteps;
    this.last = data.timesteps.length - 1;
    this.variants = data.variants.length;
    this.maps = new MapData(data.maps);
    this.diverging = unpack(data.diverging);
    this.masks = data.masks.map((mask) => mask && { ...mask, values: bits(mask) });
    this.bounds = new Map();
  }

  get sources() { return this.maps.sources; }

  source(id) { return this.maps.source(id); }

  frame(noun, source, variant, at, own = false) { return this.maps.frame(noun, source, variant * this.timesteps.length + at, own); }

  // A map over its mean, as the loss compares maps.
  ofMeanOne(noun, source, variant, at) {
    const { values } = this.frame(noun, source, variant, at);
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length || 1;
    return values.map((v) => v / mean);
  }

  // Second minus first, both [variant, level], in means; `top` is the largest there is between any two.
  difference(noun, source, first, second) {
    const [a, b] = [first, second].map((which) => this.ofMeanOne(noun, source, ...which));
    return { values: b.map((v, i) => v - a[i]), top: this.bound(noun, source) };
  }

  bound(noun, source) {
    const key = `${noun} ${source.id}`;
    if (!this.bounds.has(key)) {
      const all = [];
      for (let v = 0; v < this.variants; v++) for (let t = 0; t <= this.last; t++) all.push(this.ofMeanOne(noun, source, v, t));
      let most = 1e-6;
      // In each cell the largest difference is that of its extremes.
      for (let c = 0; c < all[0].length; c++) {
        let [low, high] = [Infinity, -Infinity];
        for (const values of all) { low = Math.min(low, values[c]); high = Math.max(high, values[c]); }
        most = Math.max(most, high - low);
      }
      this.bounds.set(key, most);
    }
    return this.bounds.get(key);
  }

  number(name, noun, source, variant, at) { return this.data.numbers[source.id][name][variant][noun][at]; }

  // One of CTCal's terms, always of the maps that training uses.
  term(name, noun, variant, tea, stu) {
    const values = this.data.terms[variant][name][noun];
    if (name === "pixel" || name === "semantic") return values[stu][tea];
    return values[name === "reconstruction" ? tea : stu];
  }

  verdict(variant, tea, stu) { return this.data.verdicts[variant][stu][tea]; }

  nearest(timestep) {
    let best = 0;
    this.timesteps.forEach((t, i) => { if (Math.abs(t - timestep) < Math.abs(this.timesteps[best] - timestep)) best = i; });
    return best;
  }

  time(at) { return `t ${timeText(this.timesteps[at])}`; }
}

const timeText = (t) => String(Number(t.toPrecision(4)));
const bits = ({ rows, columns, bits: text }) => {
  const bytes = unpack(text);
  return Float32Array.from({ length: rows * columns }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
};
// Any size: 12.3, 1.23, .123, .0123; an en dash where nothing can be said.
const numberText = (value) => {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) >= 1) return value.toPrecision(3);
  return value < 0 ? `−${shortNumber(-value)}` : shortNumber(value);
};
