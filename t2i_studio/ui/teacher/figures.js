// One small picture with something drawn over it: a map, a difference, a mask; all of one size.
const FIGURE = 288; // pixels of the canvas's longer side

class Figure {
  constructor(probe, noun, title, name) {
    const { data } = probe;
    this.probe = probe;
    this.noun = noun;
    const canvas = el("canvas", { "aria-hidden": "true" });
    this.picture = el("img", { src: data.image, alt: data.caption, draggable: "false" });
    this.spot = el("span", { class: "tea-spot", hidden: true });
    this.title = el("span", { class: "tea-what" }, title);
    this.when = el("span", { class: "tea-when" });
    this.box = el("div", { class: "tea-picture", role: "img", "data-figure": name }, this.picture, canvas, this.spot);
    this.box.style.setProperty("--shape", data.width / data.height);
    this.scale = el("div", { class: "tea-scale" });
    this.numbers = el("dl", { class: "tea-numbers" });
    this.node = el("figure", { class: "tea-figure" }, el("figcaption", {}, this.title, this.when), this.box, this.scale, this.numbers);
    this.painter = new Painter(canvas, probe.maps);
    canvas.width = Math.round(FIGURE * Math.min(1, data.width / data.height));
    canvas.height = Math.round(FIGURE * Math.min(1, data.height / data.width));
  }

  clear() { this.painter.pen.clearRect(0, 0, this.painter.canvas.width, this.painter.canvas.height); }

  heat(frame, source, view) {
    const { palette } = this.probe.maps;
    this.clear();
    this.picture.hidden = !view.under;
    this.painter.fill(frame.values, source, view, (v, pixel, out) => {
      const colour = Math.round(v * 255) * 3;
      const alpha = view.under ? 255 * (WEAKEST + (0.92 - WEAKEST) * v) : 255;
      out.set([palette[colour], palette[colour + 1], palette[colour + 2], alpha], pixel);
    });
    this.outline();
    this.scale.replaceChildren("0", scaleBar(palette), shortNumber(frame.top));
  }

  difference({ values, top }, source, view) {
    const { diverging } = this.probe;
    this.clear();
    this.picture.hidden = true;
    // `fill` takes shares: zero lies in the middle of them.
    this.painter.fill(values.map((v) => (v / top + 1) / 2), source, view, (v, pixel, out) => {
      const colour = Math.round(v * 255) * 3;
      out.set([diverging[colour], diverging[colour + 1], diverging[colour + 2], 255], pixel);
    });
    this.outline();
    this.scale.replaceChildren(`−${top.toPrecision(2)}`, scaleBar(diverging), `+${top.toPrecision(2)}`);
    this.scale.title = "In means of the map: 1 is the attention of an average place";
  }

  mask() {
    const mask = this.probe.masks[this.noun];
    this.clear();
    const ground = rgbOf(this.node, "--card");
    this.painter.fill(mask.values, mask, { raw: true }, (v, pixel, out) => out.set([...ground, v ? 0 : 215], pixel));
    this.outline();
    this.scale.replaceChildren();
  }

  // Where the object truly is, in the noun's colour.
  outline() {
    const mask = this.probe.masks[this.noun];
    if (!mask) return;
    const { pen, canvas } = this.painter;
    pen.beginPath();
    for (const [x0, y0, x1, y1] of contour(mask.values, mask.rows, mask.columns, HALF)) {
      pen.moveTo(((x0 + 0.5) * canvas.width) / mask.columns, ((y0 + 0.5) * canvas.height) / mask.rows);
      pen.lineTo(((x1 + 0.5) * canvas.width) / mask.columns, ((y1 + 0.5) * canvas.height) / mask.rows);
    }
    for (const [width, style] of [[4.5, "rgba(255, 255, 255, .9)"], [2, `rgb(${nounRgb(this.node, this.probe.nouns[this.noun].colour).join(" ")})`]]) {
      pen.lineWidth = width;
      pen.strokeStyle = style;
      pen.stroke();
    }
  }

  // Numbers under it: [name, text, what it means].
  tell(rows) {
    this.numbers.replaceChildren(...rows.map(([name, text, about]) => el("div", { title: about }, el("dt", {}, name), el("dd", {}, text))));
  }

  // The asked cell, as [row, column] in shares; null hides it.
  look(cell, source) {
    this.spot.hidden = !cell;
    if (!cell) return;
    const [row, column] = [Math.floor(cell[0] * source.rows), Math.floor(cell[1] * source.columns)];
    this.spot.style.cssText = `left:${(column / source.columns) * 100}%;top:${(row / source.rows) * 100}%;width:${100 / source.columns}%;height:${100 / source.rows}%`;
  }
}

const scaleBar = (palette) => {
  const bar = el("canvas", { class: "tea-bar", width: 128, height: 1, "aria-hidden": "true" });
  const colours = new ImageData(128, 1);
  for (let i = 0; i < 128; i++) colours.data.set([palette[i * 6], palette[i * 6 + 1], palette[i * 6 + 2], 255], i * 4);
  bar.getContext("2d").putImageData(colours, 0, 0);
  return bar;
};

// Colours of the page in sight: light and dark differ.
const rgbOf = (node, name) => {
  const value = parseInt(getComputedStyle(node).getPropertyValue(name).trim().slice(1), 16) || 0;
  return [value >> 16, (value >> 8) & 255, value & 255];
};
const nounRgb = (node, index) => {
  const count = Number(getComputedStyle(node).getPropertyValue("--num-nouns")) || 8;
  return rgbOf(node, `--noun-${index % count}`);
};
