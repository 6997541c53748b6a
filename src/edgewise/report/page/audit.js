// An audit: what its charts and tables show, and the table of problems. Text enters the page as text only.
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

// Which set, which models and which k the page shows.
const specs = JSON.parse(by("chart-data").textContent);
const series = JSON.parse(by("series-data").textContent);
const { sets, levels, columns, models: names, bases, rows } = JSON.parse(by("problem-data").textContent);

const boxes = [...by("choices").querySelectorAll("[name=model]")];
const shownModels = () => boxes.filter((box) => box.checked).flatMap((box) => box.value.split(" "));
const chosenSet = () => by("choose-set")?.value ?? "";
const chosenK = () => Number(by("choose-k").value);
const showAnswers = () => by("show-answers")?.checked ?? false;

function hideOthers() {
  const [set, shown] = [chosenSet(), new Set(shownModels())];
  for (const part of document.querySelectorAll("main [data-set], main [data-model], header [data-set], header [data-model]")) {
    const { set: own, model } = part.dataset;
    part.hidden = (own !== undefined && set !== "" && own !== set) || (model !== undefined && !shown.has(model));
  }
}

function tellNumbers() {
  const k = chosenK();
  for (const cell of document.querySelectorAll("[data-series]")) {
    const found = series[cell.dataset.series];
    const at = k || found.k;
    const [text, interval] = found.at[at] ?? ["n/a", ""];
    cell.textContent = text;
    cell.nextElementSibling.textContent = interval;
    cell.parentElement.classList.toggle("noisy", at > found.limit);
  }
  for (const label of document.querySelectorAll(".at-k")) label.textContent = k || label.dataset.k;
}

// Charts are drawn when they are first seen, for a chart of no width cannot be.
const own = (name, parameter) => specs[name].params.find((p) => p.name === parameter).value;

function tellCharts() {
  const shown = shownModels().map((i) => names[i]);
  for (const [box, { view }] of views) {
    view.signal("shown", shown).signal("chosen", chosenK() || own(box.dataset.chart, "chosen"))
      .signal("answers", showAnswers()).runAsync();
  }
}

// The charts with k on a linear axis.
function linear(spec) {
  if (Array.isArray(spec)) return spec.map(linear);
  if (typeof spec !== "object" || spec === null) return spec;
  const copy = Object.fromEntries(Object.entries(spec).map(([key, value]) => [key, linear(value)]));
  if (copy.field === "k" && copy.scale?.type === "log") {
    copy.scale = { domain: copy.scale.domain, nice: false };
    copy.axis = { ...copy.axis, values: undefined, tickCount: 5 };
  }
  return copy;
}

const straight = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, linear(spec)]));
const current = () => (by("linear").checked ? straight : specs);

function choose() {
  hideOthers();
  tellNumbers();
  again();
  drawCharts(current(), tellCharts, false);
}

// The table of problems.
const [ID, SET, LEVEL, SAMPLES, CHANGES, PROMPT] = [0, 1, 2, 3, 4, 5];
const right = (row, i) => row[SAMPLES][i][0];
const matches = {
  gained: (row, i) => right(row, bases[i]) === 0 && right(row, i) > 0,
  lost: (row, i) => right(row, bases[i]) > 0 && right(row, i) === 0,
  up: (row, i) => row[CHANGES][i - 1][1] === "up",
  down: (row, i) => row[CHANGES][i - 1][1] === "down",
  none: (row) => row[SAMPLES].every(([c]) => c === 0),
};
const fields = { id: ID, set: SET, level: LEVEL, prompt: PROMPT };

function value(row, key) {
  const [name, i] = key.split(":");
  if (name === "c") return right(row, i) / row[SAMPLES][i][1];
  if (name === "q") return row[CHANGES][i - 1][0];
  return row[fields[name]];
}

function chosen() {
  const text = by("find-text").value.trim().toLowerCase();
  const [set, level] = [chosenSet(), by("find-level").value];
  const [kind, i] = by("find-kind").value.split(":");
  return rows.filter((row) =>
    (set === "" || row[SET] === Number(set)) &&
    (level === "" || row[LEVEL] === Number(level)) &&
    (!kind || matches[kind](row, Number(i))) &&
    (!text || row[ID].toLowerCase().includes(text) || (row[PROMPT] ?? "").toLowerCase().includes(text)));
}

const arrows = { up: "\u2191", down: "\u2193", none: "" };

function line(problem) {
  const row = document.createElement("tr");
  for (const column of columns) {
    if (column === "set") cell(row, sets[problem[SET]], "text");
    else if (column === "level") cell(row, levels[problem[LEVEL]]);
    else cell(row, problem[ID], "id").title = problem[ID];
  }
  const shown = new Set(shownModels());
  for (let i = 0; i < names.length; i++) {
    const [c, n] = problem[SAMPLES][i];
    const made = cell(row, `${c}/${n}`, "count");
    made.style.setProperty("--c", `var(--c${i})`);
    made.style.setProperty("--share", `${(100 * c) / n}%`);
    made.hidden = !shown.has(String(i));
    if (!i) continue;
    const [q, way] = problem[CHANGES][i - 1];
    const shownQ = q === null ? "" : q < 0.001 ? "< 0.001" : q.toFixed(3);
    const change = cell(row, `${shownQ} ${arrows[way]}`, `change ${way}`);
    change.hidden = made.hidden;
  }
  if (problem.length > PROMPT) prompt(row, problem[PROMPT]);
  return row;
}

const again = pagedTable({
  table: by("problem-table"), rows, chosen, value, line,
  falls: (key) => key.startsWith("c:"),
  filters: ["find-text", "find-level", "find-kind"],
});

by("choices").addEventListener("submit", (event) => event.preventDefault());
by("choices").addEventListener("input", (event) => {
  choose();
  if (event.target.id === "linear") drawCharts(current(), tellCharts);
});
document.addEventListener("toggle", () => drawCharts(current(), tellCharts, false), true);
// A control that the edge of a scrolling table cuts off stays so when it gets the focus, unless it is brought into sight.
document.addEventListener("focusin", ({ target }) => {
  const cut = target.matches(".scroll :is(a, button, summary):focus-visible");
  if (cut) target.scrollIntoView({ block: "nearest", inline: "nearest" });
});
drawCharts(current(), tellCharts);
