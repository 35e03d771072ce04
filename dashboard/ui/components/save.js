// Serialises the SVG layers of a Plotly chart into one file; PNG is that file drawn at 2x.
function collect(chart) {
  const root = document.querySelector("." + chart);
  const layers = root ? [...root.querySelectorAll("svg.main-svg")] : [];
  if (!layers.length) return null;
  const box = layers[0].getBoundingClientRect();
  const page = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
  const out = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  out.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  out.setAttribute("width", box.width);
  out.setAttribute("height", box.height);
  out.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", page);
  out.append(paper);
  for (const layer of layers) {
    for (const child of layer.children) out.append(child.cloneNode(true));
  }
  for (const unseen of out.querySelectorAll(".hoverlayer, .modebar, .select-outline")) {
    unseen.remove();
  }
  return { text: new XMLSerializer().serializeToString(out), width: box.width, height: box.height };
}

function hand(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

export default function ({ parentElement, data }) {
  const row = parentElement.querySelector(".save");
  row.replaceChildren();
  for (const kind of ["PNG", "SVG"]) {
    const button = document.createElement("button");
    button.textContent = kind;
    button.title = `Save this figure as ${kind}`;
    button.onclick = () => {
      const drawn = collect(data.chart);
      if (!drawn) return;
      const url = URL.createObjectURL(new Blob([drawn.text], { type: "image/svg+xml" }));
      if (kind === "SVG") return hand(url, data.name + ".svg");
      const picture = new Image();
      picture.onload = () => {
        const canvas = document.createElement("canvas");
        canvas.width = 2 * drawn.width;
        canvas.height = 2 * drawn.height;
        canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
        hand(canvas.toDataURL("image/png"), data.name + ".png");
        URL.revokeObjectURL(url);
      };
      picture.src = url;
    };
    row.append(button);
  }
}
