// Charts: drawn when they are first seen, in the page's colours. Text enters the page as text only.
const by = (id) => document.getElementById(id);

// Colours are names of the page's own, so that a drawn chart follows light, dark and print.
function config() {
  const [ink, muted, line, paper] = ["--ink", "--muted", "--line", "--paper"].map((name) => `var(${name})`);
  const font = getComputedStyle(document.documentElement).fontFamily;
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
    style: { aside: { color: muted }, hollow: { color: paper } },
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
      const text = box.getAttribute("aria-label");
      views.set(box, await vegaEmbed(box, specs[box.dataset.chart], options()));
      // Vega makes the box a document whose marks are read one by one; it is one image with a text.
      box.setAttribute("role", "img");
      box.setAttribute("aria-label", text);
      box.removeAttribute("aria-roledescription");
    }
    drawn();
    document.documentElement.dataset.charts = "ready";
  }).catch(reportError);
}
