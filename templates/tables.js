/* Sorts and filters long tables, names the cells of wordy ones, links subheadings, groups the text below them and marks the
   section that is read.
   Without it the page stands as it is. */
(() => {
  const LONG = 12; // rows
  const WORDY = 24; // characters in a cell, from which on a row reads better as a card on a phone
  const POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const UNITS = { ns: 1e-9, "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, kB: 1e3, MB: 1e6, GB: 1e9 };

  // The number that a cell begins with, in the unit that follows it; NaN for a text.
  const value = (cell) => {
    const text = cell.textContent.trim().replaceAll("−", "-").replace(/(\d)[\u202f\u00a0](?=\d)/g, "$1");
    const found = text.match(/^[<≤]?\s*([+-]?\d[\d.]*)(?:\s*×\s*10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?\s*(\p{L}*)/u);
    if (!found) return NaN;
    const power = (found[2] || "").replace("⁻", "-").replace(/[⁰¹²³⁴-⁹]/g, (c) => POWERS.indexOf(c));
    return Number(found[1]) * 10 ** Number(power || 0) * (UNITS[found[3]] ?? 1);
  };

  const compare = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1; // texts behind numbers
    return Number.isNaN(x) ? a.textContent.localeCompare(b.textContent) : x - y;
  };

  const sortable = (heading, column, table) => {
    const button = document.createElement("button");
    button.className = "sort";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].sort((r, s) => compare(r.cells[column], s.cells[column]));
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
    });
  };

  for (const table of document.querySelectorAll(".table > table")) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < LONG) continue;
    [...table.tHead.rows[0].cells].forEach((heading, column) => sortable(heading, column, table));
    const label = document.createElement("label");
    label.className = "filter";
    const input = Object.assign(document.createElement("input"), { type: "search" });
    label.append("Rows with ", input);
    table.parentElement.before(label);
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }

  // Cells of a table that is laid out as cards have their column's name and keep their roles.
  const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  for (const table of document.querySelectorAll(".table > table")) {
    const rows = [...table.tBodies[0].rows];
    const wordy = (cell) => cell.tagName === "TD" && cell.textContent.trim().length > WORDY;
    if (!table.tHead || !rows.some((row) => [...row.cells].some(wordy))) continue;
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    table.classList.add("cards");
    for (const row of rows) [...row.cells].forEach((cell, column) => (cell.dataset.label = names[column]));
    for (const part of [table, ...table.querySelectorAll("thead, tbody, tr, td, th")]) {
      part.setAttribute("role", ROLES[part.tagName] || (part.scope === "row" ? "rowheader" : "columnheader"));
    }
  }

  // Under a first column that stays, the others pass: it has an edge then.
  const edge = ({ target }) => target.classList?.toggle("scrolled", target.scrollLeft > 0);
  document.addEventListener("scroll", edge, { capture: true, passive: true });

  // Every subheading can be linked to: its id is that of its section with its own words.
  for (const heading of document.querySelectorAll("main h3")) {
    const words = heading.textContent.normalize("NFKD").toLowerCase().match(/[\p{L}\p{N}]+/gu) || [];
    const stem = [heading.closest("section")?.getAttribute("aria-labelledby") || "top", ...words].join("-");
    let id = heading.id || stem;
    for (let n = 2; !heading.id && document.getElementById(id); n++) id = `${stem}-${n}`;
    heading.id = id;
    const link = Object.assign(document.createElement("a"), { className: "anchor", href: `#${id}` });
    link.append(...heading.childNodes);
    heading.append(link);
  }

  // What follows a subheading is a part, whose figures stay beside its text where the window is wide.
  for (const heading of document.querySelectorAll("section.answer > h3")) {
    const part = Object.assign(document.createElement("div"), { className: "part" });
    heading.before(part);
    while (part.nextSibling && (!part.firstChild || part.nextSibling.nodeName !== "H3")) part.append(part.nextSibling);
  }

  // The contents mark the section that crosses the upper third of the window.
  const fold = document.querySelector("nav.fold details");
  const mark = ({ target, isIntersecting }) => {
    const hash = "#" + target.getAttribute("aria-labelledby");
    for (const link of [...document.querySelectorAll("nav a")].filter((a) => a.getAttribute("href") === hash)) {
      if (isIntersecting) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      if (isIntersecting && fold) fold.querySelector("summary").dataset.here = link.textContent.trim();
    }
  };
  const observer = new IntersectionObserver((entries) => entries.forEach(mark), { rootMargin: "-30% 0% -70% 0%" });
  for (const section of document.querySelectorAll("main > section")) observer.observe(section);
  fold?.addEventListener("click", (event) => {
    if (event.target.closest("a")) fold.open = false;
  });

  // A link into something folded opens it.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let part = target.parentElement; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
