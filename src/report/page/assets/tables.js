// What every table has: a button that saves it as CSV, and its words explained on hover and focus.
const Tables = (() => {
  const field = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const csv = (rows) => rows.map((row) => row.map((cell) => field(String(cell))).join(",") + "\n").join("");

  function save(name, rows) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
    link.download = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "")}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function saveButton(name, rows, label) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "save";
    button.textContent = "CSV";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => save(name, rows()));
    return button;
  }

  function addButtons() {
    for (const figure of document.querySelectorAll("figure.grid")) {
      const table = figure.querySelector("table"), caption = figure.querySelector("figcaption");
      if (!table || !caption) continue;
      const title = caption.querySelector("strong").textContent.replace(/\.$/, "");
      const rows = () => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent));
      caption.append(saveButton(title, rows, `Save the table "${title}" as CSV`));
    }
  }

  // A table is a stop of the keyboard only where it is wider than the screen.
  function markScrollers() {
    for (const box of document.querySelectorAll(".scroll")) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  let tip, glossary = {};
  const explained = new Set();

  function show(term) {
    tip.textContent = glossary[term.dataset.term];
    tip.hidden = false;
    const at = term.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left), document.documentElement.clientWidth - size.width - 8);
    const below = at.bottom + 6 + size.height < innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below ? at.bottom + 6 : at.top - size.height - 6}px`;
  }
  const hide = () => { tip.hidden = true; };

  // `text` as a word that is explained; as it is where the glossary has nothing. A word is a stop of the keyboard where it
  // first stands.
  function term(text) {
    if (!Object.hasOwn(glossary, text)) return document.createTextNode(text);
    const span = document.createElement("span");
    span.className = "term";
    span.dataset.term = text;
    span.textContent = text;
    span.tabIndex = explained.has(text) ? -1 : 0;
    explained.add(text);
    span.setAttribute("aria-describedby", "tip");
    span.addEventListener("pointerenter", () => show(span));
    span.addEventListener("pointerleave", hide);
    span.addEventListener("focus", () => show(span));
    span.addEventListener("blur", hide);
    return span;
  }

  function explain(words) {
    glossary = words;
    tip = document.createElement("div");
    tip.id = "tip";
    tip.hidden = true;
    tip.setAttribute("role", "tooltip");
    document.body.append(tip);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    document.addEventListener("scroll", hide, { capture: true, passive: true });
    for (const table of document.querySelectorAll("main .grid table")) {
      // The glossary's own tables need none.
      const heads = [...table.rows[0].cells];
      if (heads.some((head) => head.textContent === "meaning")) continue;
      const named = heads.findIndex((head) => /^(class|from \\ to|predictor)$/.test(head.textContent));
      const cells = named < 0 ? heads : heads.concat([...table.rows].slice(1).map((row) => row.cells[named]));
      for (const cell of cells) cell.replaceChildren(term(cell.textContent));
    }
  }

  addButtons();
  markScrollers();
  addEventListener("resize", markScrollers);
  document.addEventListener("toggle", markScrollers, { capture: true });
  return { explain, term, saveButton };
})();

