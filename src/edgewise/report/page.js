const by = (id) => document.getElementById(id);

// Charts. Colours come from the page's style, so that they follow light and dark.
const specs = JSON.parse(by("chart-data").textContent);
const views = new Map();

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
    rule: { color: muted },
    text: { color: ink, font },
  };
}

async function draw() {
  for (const box of document.querySelectorAll("[data-chart]")) {
    views.get(box)?.finalize();
    const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, config: config() };
    views.set(box, await vegaEmbed(box, specs[box.dataset.chart], options));
  }
  showAnswer();
  document.documentElement.dataset.charts = "ready";
}

function showAnswer() {
  const shown = by("show-answer").checked;
  for (const [box, { view }] of views) {
    if (!box.dataset.chart.startsWith("training-")) view.signal("show_answer", shown).runAsync();
  }
}

by("show-answer").addEventListener("change", showAnswer);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

// The table of problems. Text enters the page as text only.
const PAGE = 200;
const { models, rows } = JSON.parse(by("problem-data").textContent);
const table = by("problem-table");
const buttons = [...table.querySelectorAll("[data-sort]")];
let sorted = { key: "", down: false };
let shown = PAGE;

const matches = {
  gained: (row, i) => row.process[0] === 0 && row.process[i] > 0,
  lost: (row, i) => row.process[0] > 0 && row.process[i] === 0,
  none: (row) => row.process.every((right) => right === 0),
};

function value(row, key) {
  const [name, i] = key.split(":");
  return i === undefined ? row[name] : row[name][Number(i)] / row.n;
}

function chosen() {
  const text = by("find-text").value.trim().toLowerCase();
  const level = by("find-level").value;
  const [kind, i] = by("find-kind").value.split(":");
  const found = rows.filter((row) =>
    (!level || row.level === Number(level)) &&
    (!kind || matches[kind](row, Number(i))) &&
    (!text || row.id.toLowerCase().includes(text) || row.prompt.toLowerCase().includes(text)));
  if (!sorted.key) return found;
  const order = sorted.down ? -1 : 1;
  return found.sort((a, b) => {
    const [x, y] = [value(a, sorted.key), value(b, sorted.key)];
    return x < y ? -order : x > y ? order : 0;
  });
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

function line(problem) {
  const row = document.createElement("tr");
  cell(row, problem.id, "id").title = problem.id;
  cell(row, problem.level);
  prompt(row, problem.prompt);
  cell(row, problem.n);
  models.forEach((_, i) => {
    for (const metric of ["process", "answer"]) {
      const right = problem[metric][i];
      const made = cell(row, `${right}/${problem.n}`, `count ${metric}`);
      made.style.setProperty("--c", `var(--c${i})`);
      made.style.setProperty("--share", `${(100 * right) / problem.n}%`);
    }
  });
  return row;
}

function fill() {
  const found = chosen();
  table.tBodies[0].replaceChildren(...found.slice(0, shown).map(line));
  by("found").textContent = found.length > shown
    ? `${shown} of ${found.length} problems shown` : `${found.length} of ${rows.length} problems`;
  by("more").hidden = found.length <= shown;
  for (const button of buttons) {
    const own = button.dataset.sort === sorted.key;
    button.closest("th").setAttribute("aria-sort", own ? (sorted.down ? "descending" : "ascending") : "none");
  }
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    const key = button.dataset.sort;
    sorted = { key, down: sorted.key === key ? !sorted.down : key.includes(":") };
    shown = PAGE;
    fill();
  });
}
for (const id of ["find-text", "find-level", "find-kind"]) {
  by(id).addEventListener("input", () => { shown = PAGE; fill(); });
}
by("more").addEventListener("click", () => { shown += PAGE; fill(); });

fill();
draw();
