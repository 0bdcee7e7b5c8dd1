// Maps over the picture: heat, outline or mask, smooth or in raw cells, on one canvas.
const FIELD = 128; // cells a side that values are interpolated to before they become colours
const CANVAS = 720;
const HALF = 0.5; // of the scale: where outlines run
const WEAKEST = 0.25; // opacity of the faintest heat, relative to the strongest

// Bilinear between cell centres, as pictures are scaled; held constant beyond the outer centres.
const interpolate = (values, rows, columns, height, width) => {
  const out = new Float32Array(height * width);
  const axis = (size, cells) => Array.from({ length: size }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * cells) / size - 0.5, 0), cells - 1);
    const low = Math.floor(at);
    return [low, Math.min(low + 1, cells - 1), at - low];
  });
  const across = axis(width, columns);
  axis(height, rows).forEach(([above, below, down], y) => {
    for (let x = 0; x < width; x++) {
      const [left, right, along] = across[x];
      const top = values[above * columns + left] * (1 - along) + values[above * columns + right] * along;
      const bottom = values[below * columns + left] * (1 - along) + values[below * columns + right] * along;
      out[y * width + x] = top * (1 - down) + bottom * down;
    }
  });
  return out;
};

// Marching squares: line pieces [x0, y0, x1, y1] in cells between values, where the field crosses `level`.
const CROSSINGS = [[], [[3, 2]], [[2, 1]], [[3, 1]], [[0, 1]], [[0, 3], [2, 1]], [[0, 2]], [[0, 3]], [[0, 3]], [[0, 2]], [[0, 1], [3, 2]], [[0, 1]], [[3, 1]], [[2, 1]], [[3, 2]], []];
const contour = (field, height, width, level) => {
  const pieces = [];
  const at = (y, x) => (y < 0 || x < 0 || y >= height || x >= width ? 0 : field[y * width + x]);
  const share = (a, b) => (a === b ? 0.5 : (level - a) / (b - a));
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const [a, b, c, d] = [at(y, x), at(y, x + 1), at(y + 1, x + 1), at(y + 1, x)];
      const kind = (a >= level) * 8 + (b >= level) * 4 + (c >= level) * 2 + (d >= level);
      if (kind === 0 || kind === 15) continue;
      const sides = [[x + share(a, b), y], [x + 1, y + share(b, c)], [x + share(d, c), y + 1], [x, y + share(a, d)]];
      for (const [from, to] of CROSSINGS[kind]) pieces.push([...sides[from], ...sides[to]]);
    }
  }
  return pieces;
};

// Edges of the cells at or above `level`.
const edges = (values, rows, columns, level) => {
  const pieces = [];
  const on = (y, x) => y >= 0 && x >= 0 && y < rows && x < columns && values[y * columns + x] >= level;
  for (let y = 0; y <= rows; y++) {
    for (let x = 0; x <= columns; x++) {
      if (on(y, x) !== on(y - 1, x) && x < columns) pieces.push([x, y, x + 1, y]);
      if (on(y, x) !== on(y, x - 1) && y < rows) pieces.push([x, y, x, y + 1]);
    }
  }
  return pieces;
};

class Painter {
  constructor(canvas, maps) {
    this.canvas = canvas;
    this.maps = maps;
    canvas.width = CANVAS;
    canvas.height = Math.round((CANVAS * maps.data.height) / maps.data.width);
    this.pen = canvas.getContext("2d");
    this.small = document.createElement("canvas");
  }

  // Returns the probability at the top of each drawn noun's scale.
  paint(view, nouns, colours, ground) {
    const { pen, canvas, maps } = this;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const source = maps.source(view.source);
    const frames = nouns.map((noun) => maps.frame(noun, source, view.at, view.ownScale));
    if (!frames.length) return [];
    if (view.overlay === "outline") {
      frames.forEach((frame, i) => this.outline(frame.values, source, colours[i], view));
    } else if (view.overlay === "mask") {
      const most = frames[0].values.map((_, cell) => Math.max(...frames.map((frame) => frame.values[cell])));
      this.fill(most, source, view, (v, pixel, data) => data.set([...ground, 255 * view.opacity * (1 - v)], pixel));
    } else if (frames.length === 1) {
      const { palette } = maps;
      this.fill(frames[0].values, source, view, (v, pixel, data) => {
        const colour = Math.round(v * 255) * 3;
        data.set([palette[colour], palette[colour + 1], palette[colour + 2], 255 * view.opacity * (WEAKEST + (1 - WEAKEST) * v)], pixel);
      });
    } else {
      frames.forEach((frame, i) => this.fill(frame.values, source, view, (v, pixel, data) => data.set([...colours[i], 255 * view.opacity * v], pixel)));
    }
    return frames.map((frame) => frame.top);
  }

  // One colour a value, drawn over the whole canvas.
  fill(values, source, view, colour) {
    const smooth = !view.raw;
    const [height, width] = smooth ? [FIELD, FIELD] : [source.rows, source.columns];
    const field = smooth ? interpolate(values, source.rows, source.columns, height, width) : values;
    const picture = new ImageData(width, height);
    for (let i = 0; i < field.length; i++) colour(Math.min(Math.max(field[i], 0), 1), i * 4, picture.data);
    this.small.width = width;
    this.small.height = height;
    this.small.getContext("2d").putImageData(picture, 0, 0);
    this.pen.imageSmoothingEnabled = smooth;
    this.pen.imageSmoothingQuality = "high";
    this.pen.drawImage(this.small, 0, 0, this.canvas.width, this.canvas.height);
  }

  outline(values, source, colour, view) {
    const { pen, canvas } = this;
    const [height, width] = view.raw ? [source.rows, source.columns] : [FIELD, FIELD];
    const pieces = view.raw ? edges(values, height, width, HALF) : contour(interpolate(values, source.rows, source.columns, height, width), height, width, HALF);
    // Smooth pieces lie between values, which stand in the middle of their cells.
    const shift = view.raw ? 0 : 0.5;
    pen.beginPath();
    for (const [x0, y0, x1, y1] of pieces) {
      pen.moveTo(((x0 + shift) * canvas.width) / width, ((y0 + shift) * canvas.height) / height);
      pen.lineTo(((x1 + shift) * canvas.width) / width, ((y1 + shift) * canvas.height) / height);
    }
    pen.lineCap = "round";
    for (const [size, style] of [[8, "rgba(255, 255, 255, .85)"], [4.5, `rgb(${colour.join(" ")})`]]) {
      pen.globalAlpha = view.opacity;
      pen.lineWidth = size;
      pen.strokeStyle = style;
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
}

// A cell outlined on the picture: where the pointer or the keyboard looks.
const markCell = (painter, source, cell) => {
  const { pen, canvas } = painter;
  const [w, h] = [canvas.width / source.columns, canvas.height / source.rows];
  const [x, y] = [(cell % source.columns) * w, Math.floor(cell / source.columns) * h];
  for (const [size, style] of [[5, "rgba(0, 0, 0, .7)"], [2.5, "#fff"]]) {
    pen.lineWidth = size;
    pen.strokeStyle = style;
    pen.strokeRect(x + 1, y + 1, w - 2, h - 2);
  }
};
