// The table of questions: unpacks the data, filters, and fills a question when it is opened.
(() => {
  const PAGE = 60;
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  const MOST_PRINTED = 1000;
  let data, found = [], shown = 0, opened = "";

  async function unpack() {
    if (typeof DecompressionStream === "undefined") {
      throw new Error("this browser has no DecompressionStream (Chrome 80, Firefox 113, Safari 16.4 have it)");
    }
    const text = atob(document.getElementById("data").textContent);
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  const el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const armClass = (arm) => `arm${data.arms.indexOf(arm) % 6}`;
  const cellsOf = (task, arm) => data.cells.filter((c) => c.task === task && c.arm === arm);
  const answerOf = (cell, i) => (cell.letters ? cell.letters[i] : cell.sql[i]);
  const classOf = (cell, i) => (cell.ok[i] === "1" ? "right" : cell.class ? cell.class[i] || cell.outcome[i] : "wrong");

  // Cells of two arms with the same seed and sample; one that is computed once goes with every seed,
  // a greedy one with every sample.
  function pairs(task, from, to) {
    const out = [];
    for (const a of cellsOf(task, from)) {
      for (const b of cellsOf(task, to)) {
        const seeds = a.seed === b.seed || a.once || b.once;
        if (seeds && (a.sample === b.sample || a.sample === undefined || b.sample === undefined)) out.push([a, b]);
      }
    }
    return out;
  }

  function options(name, entries, keep) {
    const select = form.elements[name];
    const before = select.value;
    select.replaceChildren(...entries.map(([value, text]) => el("option", { value }, text)));
    if (keep && entries.some(([value]) => value === before)) select.value = before;
  }

  function tally(values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }

  function fillFilters() {
    const task = form.elements.task.value;
    const info = data.tasks[task];
    const cells = data.cells.filter((c) => c.task === task);
    const classes = tally(cells.flatMap((c) => [...c.ok].map((_, i) => classOf(c, i))));
    const all = [["", "any"]];
    options("class", all.concat(classes.map(([name, n]) => [name, `${name} (${n})`])));
    options("level", all.concat(tally(info.levels).map(([name, n]) => [name, `${name} (${n})`])));
    options("label", all.concat(tally(info.labels).sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([name, n]) => [name, `${name} (${n})`])));
    document.getElementById("level-name").textContent = info.level_name;
    document.getElementById("label-name").textContent = info.label_name;
  }

  function matcher() {
    const value = (name) => form.elements[name].value;
    const task = value("task"), info = data.tasks[task], show = value("show"), name = value("class");
    const cells = data.cells.filter((c) => c.task === task);
    const both = pairs(task, value("from"), value("to"));
    const words = value("text").toLowerCase();
    const level = value("level"), label = value("label");
    const passes = {
      all: () => true,
      flipped: (i) => both.some(([a, b]) => a.ok[i] !== b.ok[i]),
      gained: (i) => both.some(([a, b]) => a.ok[i] !== "1" && b.ok[i] === "1"),
      lost: (i) => both.some(([a, b]) => a.ok[i] === "1" && b.ok[i] !== "1"),
      changed: (i) => both.some(([a, b]) => a.ok[i] === b.ok[i] && answerOf(a, i) !== answerOf(b, i)),
      wrong: (i) => cells.every((c) => c.ok[i] !== "1"),
      right: (i) => cells.every((c) => c.ok[i] === "1"),
    }[show];
    return (i) =>
      (!level || info.levels[i] === level) &&
      (!label || info.labels[i] === label) &&
      passes(i) &&
      (!name || cells.some((c) => classOf(c, i) === name)) &&
      (!words ||
        [info.ids[i], info.questions[i], info.golds[i]].some((t) => t.toLowerCase().includes(words)) ||
        cells.some((c) => c.sql && c.sql[i].toLowerCase().includes(words)));
  }

  function marks(task, i) {
    const box = el("span", { class: "marks" });
    for (const arm of data.arms) {
      const cells = cellsOf(task, arm);
      if (cells.length === 0) continue;
      const right = cells.filter((c) => c.ok[i] === "1").length;
      const tip = `${arm}: ${right} of ${cells.length} right`;
      const group = el("span", { class: armClass(arm), title: tip, role: "img", "aria-label": tip });
      for (const c of cells) group.append(el("b", { class: c.ok[i] === "1" ? "yes" : "no" }, c.ok[i] === "1" ? "✓" : "✗"));
      box.append(group);
    }
    return box;
  }

  function verdict(cell, i) {
    const right = cell.ok[i] === "1";
    const line = el("p", {}, el("b", { class: right ? "yes" : "no" }, right ? "✓ right" : "✗ wrong"));
    const facts = [];
    if (!right && cell.class) line.append("; ", Tables.term(classOf(cell, i)));
    if (cell.outcome && cell.outcome[i] !== "ok") facts.push(`outcome ${cell.outcome[i]}`);
    if (cell.metrics) {
      const passed = Object.keys(cell.metrics).filter((m) => cell.metrics[m][i] === "1");
      facts.push(passed.length ? `right by ${passed.join(", ")}` : "right by no metric");
    }
    if (cell.confidence && cell.confidence[i] !== null) facts.push(`probability ${cell.confidence[i]} %`);
    facts.push(`prompt of ${cell.prompt_tokens[i]} tokens, ${cell.shots[i]} examples`);
    if (cell.tokens) facts.push(`answer of ${cell.tokens[i]} tokens${cell.cut_off[i] ? ", stopped by the limit" : ""}`);
    if (cell.overflow[i]) facts.push(cell.overflow[i]);
    line.append("; " + facts.join("; "));
    return line;
  }

  // Prompts are stored as what is new after the part that the one before shares.
  function promptOf(name, i) {
    const { shared, rest } = data.prompts[name];
    let text = "";
    for (let k = 0; k <= i; ++k) text = text.slice(0, shared[k]) + rest[k];
    return text;
  }

  function answerText(cell, i) {
    const text = answerOf(cell, i).trim();
    if (!text || cell.letters) return el("pre", {}, text || (cell.letters ? "(no letter)" : "(no statement)"));
    const box = el("pre", { class: "sql" });
    return form.elements.diff.checked ? Sql.compared(box, data.tasks[cell.task].golds[i], text) : Sql.coloured(box, text);
  }

  function answer(cell, i) {
    const nodes = [answerText(cell, i)];
    if (cell.result && cell.result[i]) {
      nodes.push(el("pre", { class: "result", "aria-label": "Result of this query" }, cell.result[i]));
    }
    nodes.push(verdict(cell, i));
    if (cell.message && cell.message[i]) nodes.push(el("p", { class: "error" }, cell.message[i]));
    if (cell.text && cell.text[i]) {
      nodes.push(el("details", {}, el("summary", {}, "Whole answer"), el("pre", {}, cell.text[i])));
    }
    return nodes;
  }

  // Samples of equal results side by side, the largest group first, which the vote takes; those
  // without a result last.
  function sampledGroups(cells, i) {
    const groups = new Map();
    for (const c of cells) groups.set(c.group[i], [...(groups.get(c.group[i]) || []), c]);
    return [...groups].sort(([a, x], [b, y]) => (a < 0) - (b < 0) || y.length - x.length || a - b);
  }

  function samples(cells, i) {
    const box = el("div", { class: "samples" });
    for (const [group, members] of sampledGroups(cells, i)) {
      const part = el("div", { class: "sample" });
      const won = box.children.length === 0 && group >= 0 ? ", the vote's" : "";
      const what = group < 0 ? "without a result" : `of one result${won}`;
      part.append(el("p", {}, `${members.length} of ${cells.length} ${what}: ${members.map((c) => c.sample).join(", ")}`));
      const seen = new Set();
      for (const c of members) {
        if (seen.has(answerOf(c, i)) && answerOf(c, i)) continue;
        seen.add(answerOf(c, i));
        part.append(...answer(c, i));
      }
      box.append(part);
    }
    return box;
  }

  function fill(body, task, i) {
    const info = data.tasks[task];
    const link = el("a", { href: Address.hash(stateOf(task, info.ids[i])) }, "Link to this question");
    body.append(el("p", {}, info.questions[i]), el("p", { class: "link" }, link));
    if (info.choices) body.append(el("pre", {}, info.choices[i]));
    body.append(el("h4", {}, "Gold"), info.schemas ? Sql.coloured(el("pre", { class: "sql" }), info.golds[i]) : el("pre", {}, info.golds[i]));
    if (info.results) body.append(el("pre", { class: "result", "aria-label": "Result of the gold query" }, info.results[i]));
    for (const cell of data.cells.filter((c) => c.task === task && !(c.sample > 0))) {
      const box = el("div", { class: `answer ${armClass(cell.arm)}` });
      const title = cell.once ? cell.arm : `${cell.arm}, seed ${cell.seed}`;
      const all = cellsOf(task, cell.arm).filter((c) => c.seed === cell.seed);
      const sampled = cell.sample !== undefined;
      box.append(el("h4", {}, el("i"), sampled ? `${title}, ${all.length} answers` : title));
      box.append(...(sampled ? [samples(all, i)] : answer(cell, i)));
      body.append(box);
    }
    if (info.schemas) {
      body.append(el("details", {}, el("summary", {}, "Schema in the prompt"), el("pre", {}, info.schemas[info.schema[i]])));
    }
    // Cells with equal prompts show them once.
    for (const name of new Set(data.cells.filter((c) => c.task === task && c.prompt).map((c) => c.prompt))) {
      const cells = data.cells.filter((c) => c.task === task && c.prompt === name);
      const seeds = [...new Set(cells.map((c) => c.seed))].join(", ");
      const title = info.schemas ? `Prompt, seed ${seeds}` : "Prompt";
      body.append(el("details", {}, el("summary", {}, title), el("pre", {}, promptOf(name, i))));
    }
  }

  function row(i) {
    const task = form.elements.task.value, info = data.tasks[task];
    const box = el("details", { class: "q" });
    box.append(el("summary", { tabindex: list.children.length ? "-1" : "0" },
      el("span", { class: "id" }, info.ids[i]),
      el("span", { class: "where" }, `${info.labels[i]}, ${info.levels[i]}`),
      el("span", { class: "ask" }, info.questions[i]),
      marks(task, i)));
    box.addEventListener("toggle", () => {
      if (box.open) opened = info.ids[i];
      else if (opened === info.ids[i]) opened = "";
      Address.write(state());
      if (!box.open || box.children.length > 1) return;
      const body = el("div", { class: "body" });
      fill(body, task, i);
      box.append(body);
    });
    return box;
  }

  function showMore() {
    const next = found.slice(shown, shown + PAGE);
    for (const i of next) list.append(row(i));
    shown += next.length;
    more.hidden = shown >= found.length;
    more.textContent = `Show more (${found.length - shown} left)`;
  }

  function nothingFound() {
    const clear = el("button", { type: "button" }, "Clear the filters");
    clear.addEventListener("click", () => form.reset());
    list.append(el("p", { class: "empty" }, "No question passes these filters. ", clear));
  }

  function update() {
    const info = data.tasks[form.elements.task.value];
    const matches = matcher();
    found = [];
    for (let i = 0; i < info.ids.length; ++i) if (matches(i)) found.push(i);
    shown = 0;
    opened = "";
    list.replaceChildren();
    count.textContent = `${found.length} of ${info.ids.length} questions`;
    showMore();
    if (found.length === 0) nothingFound();
    Address.write(state());
  }

  // One stop of the keyboard for the whole list; arrows, Home and End go through it.
  function walk(event) {
    const heads = [...list.querySelectorAll(".q > summary")], at = heads.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: heads.length - 1 }[event.key];
    if (at < 0 || to === undefined || !heads[to]) return;
    event.preventDefault();
    heads[at].tabIndex = -1;
    heads[to].tabIndex = 0;
    heads[to].focus();
  }

  // The fields that do not hold what they hold by themselves.
  function state() {
    const out = [];
    for (const field of form.elements) {
      if (!field.name) continue;
      if (field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== defaultOf(field)) {
        out.push([field.name, field.type === "checkbox" ? Number(field.checked) : field.value]);
      }
    }
    if (opened) out.push(["task", form.elements.task.value], ["id", opened]);
    return [...new Map(out)];
  }
  const stateOf = (task, id) => [["task", task], ["id", id]];
  const defaultOf = (field) => (field.options ? ([...field.options].find((o) => o.defaultSelected) || field.options[0]).value : field.defaultValue);

  // Shows what the address says; an entry that this study does not have is told.
  function follow() {
    const wanted = Address.read();
    if (!wanted) return;
    resetFields();
    const unknown = [];
    const names = ["task", ...[...wanted.keys()].filter((name) => name !== "task" && name !== "id")];
    for (const name of names) {
      if (!wanted.has(name)) continue;
      const field = form.elements[name], value = wanted.get(name);
      if (!field) { unknown.push(name); continue; }
      if (field.type === "checkbox") field.checked = value === "1";
      else field.value = value;
      if (field.type !== "checkbox" && field.value !== value) { unknown.push(`${name}=${value}`); resetField(field); }
      if (name === "task") fillFilters();
    }
    const id = wanted.get("id"), task = form.elements.task.value;
    update();
    if (id !== null) open(task, id, unknown);
    else document.getElementById("questions").scrollIntoView();
    if (unknown.length) count.textContent += `; the address asks for what this study does not have: ${unknown.join(", ")}`;
  }

  function open(task, id, unknown) {
    const at = found.indexOf(data.tasks[task].ids.indexOf(id));
    if (at < 0) { unknown.push(`id=${id}`); return; }
    while (shown <= at) showMore();
    const box = list.children[at];
    box.open = true;
    opened = id;
    box.querySelector("summary").focus({ preventScroll: true });
    box.scrollIntoView();
  }

  function resetField(field) {
    if (field.type === "checkbox") field.checked = field.defaultChecked;
    else field.value = defaultOf(field);
  }
  function resetFields() {
    for (const field of form.elements) if (field.name) resetField(field);
    fillFilters();
  }

  function foundRows() {
    const task = form.elements.task.value, info = data.tasks[task];
    const rows = [["id", info.label_name, info.level_name, "question", "gold", "arm", "seed", "sample", "answer", "correct", "class"]];
    for (const i of found) {
      for (const c of data.cells.filter((cell) => cell.task === task)) {
        rows.push([info.ids[i], info.labels[i], info.levels[i], info.questions[i], info.golds[i], c.arm, c.seed, c.sample ?? "",
          answerOf(c, i), c.ok[i] === "1" ? 1 : 0, classOf(c, i)]);
      }
    }
    return rows;
  }

  unpack().then((unpacked) => {
    data = unpacked;
    options("task", Object.entries(data.tasks).map(([name, info]) => [name, info.title]));
    const arms = data.arms.map((arm) => [arm, arm]);
    options("from", arms);
    options("to", arms);
    form.elements.from.value = data.reference;
    form.elements.to.value = data.arms[data.arms.length - 1];
    const to = form.elements.to.value;
    // Reset returns to these.
    for (const option of form.elements.to.options) option.defaultSelected = option.value === to;
    Tables.explain(data.glossary);
    count.after(Tables.saveButton("questions", foundRows, "Save these questions and their answers as CSV"));
    fillFilters();
    update();
    follow();
    form.addEventListener("input", (event) => {
      if (event.target.name === "task") fillFilters();
      update();
    });
    form.addEventListener("reset", () => setTimeout(() => { fillFilters(); update(); }));
    form.addEventListener("submit", (event) => event.preventDefault());
    more.addEventListener("click", showMore);
    list.addEventListener("keydown", walk);
    addEventListener("hashchange", follow);
    // Paper has the questions that were found, as far as a reader could want them on paper.
    addEventListener("beforeprint", () => { while (shown < Math.min(found.length, MOST_PRINTED)) showMore(); });
    document.documentElement.dataset.ready = "yes";
  }).catch((error) => {
    count.textContent = `The questions cannot be shown: ${error.message}`;
    console.error(error);
  });
})();
