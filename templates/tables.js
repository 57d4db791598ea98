/* Sorts long tables by a click on a heading and filters their rows; without it they stand as they are. */
(() => {
  const LONG = 12; // rows
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
})();
