// A grid of pictures: layers of PNG, marks in SVG, captions. Reports where a picture was clicked
// (fractions of the picture) and by how much the wheel turned over it, or keys moved it.
const SVG = "http://www.w3.org/2000/svg";

const element = (name, parent, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
};

const shape = (svg, name, tone, attributes) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.setAttribute("class", tone);
  node.setAttribute("vector-effect", "non-scaling-stroke");
  svg.append(node);
};

const place = (node, x, y) => Object.assign(node.style, { left: `${100 * x}%`, top: `${100 * y}%` });

const DRAW = {
  line: (m, svg) => shape(svg, "line", m.tone, { x1: m.x1, y1: m.y1, x2: m.x2, y2: m.y2 }),
  box: (m, svg) =>
    shape(svg, "rect", `${m.tone}${m.filled ? " filled" : ""}`, {
      x: m.x, y: m.y, width: m.width, height: m.height,
    }),
  curve: (m, svg) =>
    shape(svg, m.filled ? "polygon" : "polyline", `${m.tone}${m.filled ? " area" : ""}`, {
      points: m.points.map((value) => value.toFixed(4)).join(" "),
    }),
  ring: (m, svg, picture) => place(element("i", picture, `ring ${m.tone}`), m.x, m.y),
  text: (m, svg, picture) =>
    place(element("i", picture, `text ${m.tone} ${m.anchor}`, m.text), m.x, m.y),
};

// Pictures by name, where the server sends each only once: the last ones seen, of all grids.
const KEPT = 64;
const kept = new Map();

const keep = (pictures) => {
  for (const [name, source] of Object.entries(pictures)) {
    kept.delete(name);
    kept.set(name, source);
  }
  for (const name of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(name);
  }
};

// The names of `tiles` as pictures. An unknown one is left undefined and counted: it is asked for.
const resolved = (tiles) => {
  let missing = 0;
  const filled = tiles.map((tile) => {
    if (tile.rows) return tile;
    const layers = tile.layers.map((name) => {
      const source = kept.get(name);
      if (source) keep({ [name]: source });
      else missing += 1;
      return source;
    });
    return { ...tile, layers };
  });
  return { filled, missing };
};

const drawPicture = (picture, tile) => {
  Object.assign(picture.style, { width: `${100 * tile.width}%`, height: `${100 * tile.height}%` });
  // Images are kept between runs and only change their source, so that nothing flickers.
  const images = [...picture.querySelectorAll("img")];
  tile.layers.forEach((source, k) => {
    const image = images[k] ?? element("img", picture);
    image.alt = "";
    image.draggable = false;
    image.className = tile.smooth ? "smooth" : "";
    if (source && image.src !== source) image.src = source;
  });
  images.slice(tile.layers.length).forEach((image) => image.remove());
  picture.querySelectorAll("svg, i").forEach((node) => node.remove());
  if (!tile.marks.length) return;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("preserveAspectRatio", "none");
  picture.append(svg);
  tile.marks.forEach((mark) => DRAW[mark.kind](mark, svg, picture));
};

const drawFrame = (frame, tile) => {
  frame.className = ["frame", tile.dark && "dark", tile.selected && "selected"]
    .filter(Boolean)
    .join(" ");
  frame.style.aspectRatio = tile.aspect;
  frame.title = tile.title;
  frame.setAttribute("aria-label", tile.alt);
  frame.setAttribute("aria-pressed", String(tile.selected));
  const picture = frame.querySelector(".picture") ?? element("span", frame, "picture");
  drawPicture(picture, tile);
  frame.querySelectorAll(".letter, .bar").forEach((node) => node.remove());
  tile.letters.forEach((letter, k) => {
    if (letter) element("span", frame, `letter ${["west", "east", "north", "south"][k]}`, letter);
  });
  if (tile.bar) {
    const bar = element("span", frame, "bar", tile.bar.label);
    element("span", bar, "rod").style.width = "100%";
    bar.style.width = `${100 * tile.bar.length}%`;
  }
};

const drawTile = (cell, tile, report) => {
  if (tile.rows) return drawReadout(cell, tile);
  const frame = cell.querySelector("button") ?? element("button", cell, "frame");
  frame.type = "button";
  drawFrame(frame, tile);
  cell.querySelector(".caption")?.remove();
  if (tile.left || tile.right) {
    const caption = element("span", cell, `caption${tile.selected ? " selected" : ""}`);
    element("span", caption, /^\d+$/.test(tile.left) ? "mono" : "", tile.left);
    element("span", caption, "mono quiet", tile.right);
  }
  frame.onclick = (event) => {
    const area = frame.querySelector(".picture").getBoundingClientRect();
    const pointed = event.detail > 0; // a key press has no place
    report.click({
      id: tile.id,
      x: pointed ? (event.clientX - area.left) / area.width : null,
      y: pointed ? (event.clientY - area.top) / area.height : null,
    });
  };
  frame.onwheel =
    report.move && ((event) => report.move(tile.id, event, Math.sign(event.deltaY)));
  frame.onkeydown =
    report.move &&
    ((event) => {
      // No value is returned: false would stop Enter from pressing the button.
      if (event.key in STEPS) report.move(tile.id, event, STEPS[event.key]);
    });
};

const drawReadout = (cell, tile) => {
  cell.replaceChildren();
  const table = element("dl", cell, "readout");
  tile.rows.forEach((row) => {
    const line = element("div", table, row.rule ? "rule" : "");
    element("dt", line, "", row.label);
    element("dd", line, "", row.value);
  });
};

// What a key is worth in ticks of the wheel: down is positive. Home and End go all the way.
const STEPS = {
  ArrowUp: -1, ArrowRight: -1, ArrowDown: 1, ArrowLeft: 1,
  PageUp: -10, PageDown: 10, Home: 1e6, End: -1e6,
};

// Wheel ticks and keys are collected for a moment and sent as one number of steps.
const collectMoves = (send) => {
  const waiting = new Map();
  let timer = null;
  return (id, event, steps) => {
    event.preventDefault();
    waiting.set(id, (waiting.get(id) ?? 0) + steps);
    timer ??= setTimeout(() => {
      timer = null;
      waiting.forEach((delta, tile) => delta && send({ id: tile, delta }));
      waiting.clear();
    }, 60);
  };
};

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tiles");
  const grid = root.querySelector(".grid") ?? element("div", root, "grid");
  grid.style.setProperty("--columns", data.columns);
  grid.style.setProperty("--narrow", data.narrow);
  grid.classList.toggle("tight", data.tight);
  const report = {
    click: (value) => setTriggerValue("click", value),
    move: data.wheel ? collectMoves((value) => setTriggerValue("wheel", value)) : null,
  };
  let shown = data.tiles;
  if (data.pictures) {
    keep(data.pictures);
    const { filled, missing } = resolved(data.tiles);
    shown = filled;
    if (missing && root.asked !== data.turn) {
      root.asked = data.turn;
      setTimeout(() => setTriggerValue("missing", data.turn), 60); // not while it is mounted
    }
  }
  const old = [...grid.children];
  shown.forEach((tile, k) => {
    const kind = tile.rows ? "readout" : "picture";
    let cell = old[k];
    if (!cell || cell.dataset.kind !== kind) {
      const fresh = document.createElement("div");
      fresh.dataset.kind = kind;
      cell ? cell.replaceWith(fresh) : grid.append(fresh);
      cell = fresh;
    }
    cell.dataset.id = tile.id;
    cell.style.gridArea = tile.span > 1 ? `span ${tile.span} / span ${tile.span}` : "";
    drawTile(cell, tile, report);
  });
  old.slice(data.tiles.length).forEach((cell) => cell.remove());
}
