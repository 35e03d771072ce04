// The network as a list of rows: stages fold, a row reports its layer.
const SVG = "http://www.w3.org/2000/svg";
const folded = new WeakMap(); // root -> Map of stage -> open, kept between runs

const element = (name, parent, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
};

const drawSpark = (parent, values) => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 72 12");
  svg.setAttribute("aria-hidden", "true");
  values.forEach((value, k) => {
    const bar = document.createElementNS(SVG, "rect");
    const height = Math.max(1, 12 * value);
    const x = (72 * k) / values.length;
    for (const [name, number] of Object.entries({ x, y: 12 - height, width: 1.8, height }))
      bar.setAttribute(name, number);
    svg.append(bar);
  });
  parent.append(svg);
};

const drawRow = (list, row, open, report) => {
  const item = element("li", list, row.chosen ? "chosen" : "");
  if (row.parent) item.classList.add("child");
  if (row.stage) {
    const fold = element("button", item, "fold", open ? "▾" : "▸");
    fold.type = "button";
    fold.setAttribute("aria-label", `${open ? "fold" : "open"} ${row.name}`);
    fold.setAttribute("aria-expanded", String(open));
    fold.onclick = () => report.fold(row.id);
  }
  const button = element("button", item, "row");
  button.type = "button";
  button.dataset.id = row.id;
  if (row.chosen) button.setAttribute("aria-current", "true");
  element("span", button, row.parent ? "name" : "name strong", row.name);
  element("span", button, "shape", row.shape);
  element("span", button, "field", row.field);
  drawSpark(button, row.spark);
  button.onclick = () => report.choose(row.id);
};

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".strip");
  const state = folded.get(root) ?? new Map();
  folded.set(root, state);
  const chosen = data.rows.find((row) => row.chosen);
  const home = chosen && (chosen.stage ? chosen.id : chosen.parent);
  // Opening follows a new choice once; afterwards the reader's own folding stays.
  if (home && root.dataset.chosen !== chosen.id && chosen.parent) state.set(home, true);
  root.dataset.chosen = chosen?.id ?? "";
  const isOpen = (row) => state.get(row.id) ?? row.open;
  const draw = () => {
    const focus = parentElement.activeElement?.dataset?.id;
    const stages = new Map(data.rows.filter((row) => row.stage).map((row) => [row.id, row]));
    const list = document.createElement("ul");
    data.rows
      .filter((row) => !row.parent || !stages.has(row.parent) || isOpen(stages.get(row.parent)))
      .forEach((row) => drawRow(list, row, row.stage && isOpen(row), report));
    root.replaceChildren(list);
    if (focus) [...root.querySelectorAll(".row")].find((r) => r.dataset.id === focus)?.focus();
  };
  const report = {
    choose: (id) => setTriggerValue("choice", id),
    fold: (id) => {
      state.set(id, !isOpen(data.rows.find((row) => row.id === id)));
      draw();
      [...root.querySelectorAll(".fold")]
        .find((fold) => fold.nextElementSibling.dataset.id === id)
        ?.focus();
    },
  };
  draw();
}
