// Groups of training: every sample of a problem at a step, side by side. Text enters the page as text only.
function groupViewer() {
  const [run, step, problem] = ["group-run", "group-step", "group-problem"].map(by);
  let runs = [];

  function element(name, text, className) {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  // Fill a list of choices; the one that was chosen stays, where it is still there.
  function offer(select, names) {
    const before = select.selectedIndex;
    select.replaceChildren(...names.map((name, i) => new Option(name, i)));
    if (names.length) select.selectedIndex = before >= 0 && before < names.length ? before : 0;
  }

  function sample(one, number) {
    const made = element("article", "", `example ${one.process}`);
    const marks = element("p", "", "marks");
    marks.append(
      element("span", `answer ${one.answer}`, `mark ${one.answer}`), " ",
      element("span", `process ${one.process}`, `mark ${one.process}`), " ",
      element("span", `reward ${one.reward}`), " ", element("span", `advantage ${one.advantage}`), " ",
      element("span", `${one.tokens} tokens${one.cut ? ", cut off" : ""}`));
    const text = element("pre", "", "text");
    text.tabIndex = 0;
    text.dir = "ltr";
    const [before, marked, after] = one.text;
    text.append(before);
    if (marked) text.append(element("mark", marked));
    text.append(after);
    made.append(element("h3", `${number + 1}`), marks, text);
    if (one.reason) {
      const reason = element("p", one.reason, "reason");
      reason.tabIndex = 0;
      made.append(reason);
    }
    return made;
  }

  function draw() {
    const chosen = runs[run.selectedIndex];
    if (!chosen) return;
    const steps = chosen.steps;
    step.max = steps.length - 1;
    const at = steps[step.value];
    by("group-at").textContent = `${at.step}`;
    offer(problem, at.groups.map((group) => `level ${group.level}: ${group.problem}`));
    const group = at.groups[problem.selectedIndex];
    const right = group.samples.filter((one) => one.process === "correct").length;
    const of = group.sampled > group.samples.length ? `the first ${group.samples.length} of ${group.sampled}` : "all";
    by("group-summary").textContent = `${right} of ${group.samples.length} right in every step; ${of} samples shown`
      + (chosen.every > 1 ? `; one kept step in ${chosen.every} shown` : "");
    by("group-prompt").textContent = group.prompt;
    by("group-samples").replaceChildren(...group.samples.map(sample));
  }

  for (const control of [run, step, problem]) control.addEventListener("input", draw);

  // Take other runs. The step stays, or moves on with the newest where that was looked at.
  return (found) => {
    const newest = !runs.length || Number(step.value) === Number(step.max);
    runs = found;
    by("groups").hidden = !runs.length;
    if (!runs.length) return;
    offer(run, runs.map((one) => one.name));
    const last = runs[run.selectedIndex].steps.length - 1;
    step.max = last;
    if (newest) step.value = last;
    draw();
  };
}
