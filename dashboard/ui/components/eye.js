// Tells whether the app is dark: switching the theme in the menu sends nothing to the server.
// A 1 ms transition of the text colour ends once each time the theme changes.
const isDark = (node) => {
  const [red, green, blue] = getComputedStyle(node).color.match(/[\d.]+/g).map(Number);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127; // light ink, so a dark page
};

// A tap is a click to Plotly, but it selects what it last hovered over, and a finger never hovers:
// each touch of a chart first moves an unseen mouse to its place. Adding it again changes nothing.
const hoverFirst = ({ target, touches }) => {
  if (touches.length !== 1 || !target.closest?.(".js-plotly-plot")) return;
  const { clientX, clientY } = touches[0];
  target.dispatchEvent(new MouseEvent("mousemove", { clientX, clientY, bubbles: true }));
};

export default function ({ data, parentElement, setStateValue }) {
  const node = parentElement.querySelector(".eye");
  let last = data.theme;
  const look = () => {
    const theme = isDark(node) ? "dark" : "light";
    if (theme === last) return;
    last = theme;
    setStateValue("theme", theme);
  };
  node.ontransitionend = look;
  document.addEventListener("touchstart", hoverFirst, { capture: true, passive: true });
  look();
}
