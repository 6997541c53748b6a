// Charts: drawn when they are first seen, in the page's colours. Text enters the page as text only.
const by = (id) => document.getElementById(id);

// Charts. Colours come from the page's style, so that they follow light and dark.
function config() {
  const style = getComputedStyle(document.documentElement);
  const [ink, muted, line] = ["--ink", "--muted", "--line"].map((name) => style.getPropertyValue(name).trim());
  const font = style.fontFamily;
  return {
    background: "transparent",
    font,
    padding: { left: 0, right: 12, top: 6, bottom: 2 },
    view: { stroke: null },
    axis: {
      labelColor: muted, titleColor: muted, domainColor: line, tickColor: line, gridColor: line,
      labelFontSize: 11, titleFontSize: 11, titleFontWeight: 400, titlePadding: 8, labelPadding: 5,
      labelFont: font, titleFont: font, tickSize: 4, labelFlush: false,
    },
    axisY: { domain: false, ticks: false },
    legend: { disable: true },
    rule: { color: muted },
    title: { color: muted, font, fontSize: 11, fontWeight: 400, anchor: "end", offset: 2 },
    text: { color: ink, font },
  };
}

const options = () => ({
  mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, config: config(),
});
const views = new Map();
let drawing = Promise.resolve();

// Draw specs[name] into every box in sight whose data-chart is name, then call `drawn`; unless `all`, only
// those that were not drawn yet. One drawing waits for another.
function drawCharts(specs, drawn, all = true) {
  drawing = drawing.then(async () => {
    for (const box of document.querySelectorAll("[data-chart]")) {
      if (!box.checkVisibility() || (!all && views.has(box))) continue;
      views.get(box)?.finalize();
      views.set(box, await vegaEmbed(box, specs[box.dataset.chart], options()));
    }
    drawn();
    document.documentElement.dataset.charts = "ready";
  }).catch(reportError);
}

// Draw now, and again when light turns to dark.
function keepDrawn(specs, drawn) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts(specs(), drawn));
  drawCharts(specs(), drawn);
}
