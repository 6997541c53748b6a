// The lab's page.
const { models, rows } = JSON.parse(by("problem-data").textContent);

function showAnswer() {
  const shown = by("show-answer").checked;
  for (const [box, { view }] of views) {
    if (!box.dataset.chart.startsWith("training-")) view.signal("show_answer", shown).runAsync();
  }
}

by("show-answer").addEventListener("change", showAnswer);

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
  return rows.filter((row) =>
    (!level || row.level === Number(level)) &&
    (!kind || matches[kind](row, Number(i))) &&
    (!text || row.id.toLowerCase().includes(text) || row.prompt.toLowerCase().includes(text)));
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

pagedTable({
  table: by("problem-table"), rows, chosen, value, line,
  falls: (key) => key.includes(":"),
  filters: ["find-text", "find-level", "find-kind"],
});
const specs = JSON.parse(by("chart-data").textContent);
keepDrawn(() => specs, showAnswer);
