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

// A table whose rows are made when they are shown, a page of them at a time. Text enters it as text only.
// `chosen` gives the rows to show, `value(row, key)` what a column sorts by, `line(row)` the element of a row.
function pagedTable({ table, rows, chosen, value, line, falls, filters }) {
  const PAGE = 200;
  const buttons = [...table.querySelectorAll("[data-sort]")];
  let sorted = { key: "", down: false };
  let shown = PAGE;

  function ordered(found) {
    if (!sorted.key) return found;
    const order = sorted.down ? -1 : 1;
    return found.sort((a, b) => {
      const [x, y] = [value(a, sorted.key), value(b, sorted.key)];
      return x < y ? -order : x > y ? order : 0;
    });
  }

  function fill() {
    const found = ordered(chosen());
    table.tBodies[0].replaceChildren(...found.slice(0, shown).map(line));
    by("found").textContent = found.length > shown
      ? `${shown} of ${found.length} problems shown` : `${found.length} of ${rows.length} problems`;
    by("more").hidden = found.length <= shown;
    for (const button of buttons) {
      const own = button.dataset.sort === sorted.key;
      button.closest("th").setAttribute("aria-sort", own ? (sorted.down ? "descending" : "ascending") : "none");
    }
  }

  function again() { shown = PAGE; fill(); }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const key = button.dataset.sort;
      sorted = { key, down: sorted.key === key ? !sorted.down : falls(key) };
      again();
    });
  }
  for (const id of filters) by(id).addEventListener("input", again);
  by("more").addEventListener("click", () => { shown += PAGE; fill(); });
  fill();
  return again;
}

function cell(row, text, name) {
  const made = row.insertCell();
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

function prompt(row, text) {
  const short = 90;
  if (text.length <= short) return cell(row, text, "prompt");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = `${text.slice(0, short)}\u2026`;
  details.append(summary, text);
  cell(row, "", "prompt").append(details);
}

