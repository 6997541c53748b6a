// A study that runs: asks the server what has changed, and replaces that. Text enters the page escaped or as text only.
const EVERY = 3000;
const live = JSON.parse(by("live-data").textContent);
const known = {};
let liveCharts = {};
const showGroups = groupViewer();

// Replace a part of the page; what was unfolded stays unfolded.
function replacePart(name, html) {
  const part = by(`live-${name}`);
  const open = new Set([...part.querySelectorAll("details[open]")].map((one) => one.dataset.folder));
  const made = document.createElement("template");
  made.innerHTML = html;
  for (const one of made.content.querySelectorAll("details")) one.open = open.has(one.dataset.folder);
  part.replaceChildren(made.content);
}

const names = (charts) => Object.keys(charts).join();

function take(parts) {
  for (const [name, { digest, html, charts, groups }] of Object.entries(parts)) {
    if (groups) showGroups(groups);
    if (charts && html && names(charts) === names(liveCharts) && views.size) {
      liveCharts = charts;
      for (const [box, { view }] of views) {
        const { datasets, description } = charts[box.dataset.chart];
        box.ariaLabel = `${box.closest("figure").querySelector("h3").textContent}. ${description}`;
        for (const [rows, values] of Object.entries(datasets)) view.data(rows, values);
        view.runAsync();
      }
    } else if (html) {
      if (charts) {
        for (const { view } of views.values()) view.finalize();
        views.clear();
        liveCharts = charts;
      }
      if (known[name] !== undefined) replacePart(name, html);
      if (charts) drawCharts(liveCharts, () => {});
    }
    known[name] = digest;
  }
}

async function ask() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`live?${new URLSearchParams({ study: live.study, ...known })}`);
    if (!answer.ok) throw new Error(answer.statusText);
    if (answer.status === 200) take(await answer.json());
    by("live-lost").hidden = true;
  } catch {
    by("live-lost").hidden = false;
  }
}

async function keepAsking() {
  for (;;) {
    await new Promise((done) => setTimeout(done, EVERY));
    await ask();
  }
}

take(live.parts);
document.addEventListener("visibilitychange", ask);
keepAsking();
