// Under a chart in space: the word PNG, and the turn kept where a redraw makes the chart anew.
const turns = (window.convscopeTurns ??= new Map());

const plot = (name) => document.querySelector(`.${name} .js-plotly-plot`);
const sceneOf = (chart) => chart?._fullLayout?.scene?._scene;

const SETTLING = 1500; // ms after a redraw in which Plotly may still put its first view back

function follow(name) {
  const chart = plot(name);
  const scene = sceneOf(chart);
  if (!scene?.glplot) return;
  if (chart.convscopeScene !== scene || chart.convscopeData !== chart.data) {
    chart.convscopeScene = scene;
    chart.convscopeData = chart.data;
    chart.convscopeUntil = turns.has(name) ? Date.now() + SETTLING : 0;
    const own = () => (chart.convscopeUntil = 0); // a hand on the scene outranks what was kept
    chart.addEventListener("pointerdown", own, { capture: true });
    chart.addEventListener("wheel", own, { capture: true, passive: true });
  }
  const kept = turns.get(name);
  if (!kept || Date.now() > chart.convscopeUntil) {
    turns.set(name, scene.getCamera());
  } else if (Math.abs(scene.getCamera().eye.x - kept.eye.x) > 1e-3) {
    scene.setViewport({ camera: kept, aspectratio: chart._fullLayout.scene.aspectratio });
  }
}

async function save(name, file) {
  const scene = sceneOf(plot(name));
  if (!scene) return;
  const picture = new Image();
  picture.src = scene.toImage("png");
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0);
  const link = document.createElement("a");
  link.href = canvas.toDataURL("image/png");
  link.download = `${file}.png`;
  link.click();
}

export default function ({ parentElement, data }) {
  const row = parentElement.querySelector(".save");
  const button = document.createElement("button");
  button.textContent = "PNG";
  button.title = "Save this view as PNG";
  button.onclick = () => save(data.chart, data.name);
  row.replaceChildren(button);
  const timer = setInterval(() => follow(data.chart), 150);
  return () => clearInterval(timer);
}
