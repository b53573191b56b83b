"use strict";
// Sorts and filters the matrix of the class page; everything that it shows is in the page.
(() => {
  const STEP = 100;
  const at = (id) => document.getElementById(id);
  const { exercises, lessons, students } = JSON.parse(at("marks").textContent);
  const [head, body] = [at("grid").querySelector("thead tr"), at("grid").querySelector("tbody")];
  const value = (cell) => (typeof cell === "string" ? (cell === "–" || cell === "?" ? 0 : parseFloat(cell)) : cell);
  const round = (sum) => Math.round(sum * 100) / 100;
  let sorted = { key: "student", down: false };
  let most = STEP;

  // Columns: what stands above, its full title, the possible points, and the cell of a student's row.
  const exercise = (place) => {
    const [id, title, , points] = exercises[place];
    return { key: id, said: id, title, points, cell: (row) => row[4][place] };
  };
  const lesson = ([number, id, points]) => {
    const places = exercises.flatMap((each, place) => (each[2] === number ? [place] : []));
    const cell = (row) => {
      const found = places.map((place) => value(row[4][place])).filter((score) => score !== null);
      return found.length ? round(found.reduce((sum, score) => sum + score, 0)) : null;
    };
    return { key: number, said: number, title: id, points, cell };
  };
  const columns = () => {
    const chosen = at("columns").value;
    const total = { key: "total", said: "total", title: "all points, with what a person added or took", cell: (row) => row[2] };
    const places = exercises.flatMap((each, place) => (!chosen || each[2] === chosen ? [place] : []));
    return [total, ...(chosen === "lessons" ? lessons.map(lesson) : places.map(exercise))];
  };

  const possible = (row) =>
    exercises.reduce((sum, each, place) => sum + (row[4][place] === null ? 0 : each[3]), 0);
  const fits = (row) => {
    const [wanted, who] = [at("search").value.trim().toLowerCase(), at("who").value];
    if (wanted && !`${row[0]} ${row[1]}`.toLowerCase().includes(wanted)) return false;
    if (who === "half") return row[2] !== null && row[2] < possible(row) / 2;
    return !who || row[3].includes(who);
  };
  const rows = (shown) => {
    const column = shown.find((each) => each.key === sorted.key);
    const key = (row) => (column ? value(column.cell(row)) : null);
    const by = column
      ? (one, two) => (key(one) === null) - (key(two) === null) || (sorted.down ? key(two) - key(one) : key(one) - key(two))
      : (one, two) => (sorted.down ? -1 : 1) * (one[1] || one[0]).localeCompare(two[1] || two[0]);
    return students.filter(fits).sort(by);
  };

  const element = (name, text, settings = {}) => Object.assign(document.createElement(name), { textContent: text, ...settings });
  const heat = (cell, points) => {
    if (cell === null || cell === "–" || cell === "?" || !points) return "";
    const share = value(cell) / points;
    return share <= 0 ? "h0" : share >= 1 ? "h4" : `h${1 + Math.min(2, Math.floor(3 * share))}`;
  };
  const title = ({ key, said, title: whole }) => {
    const cell = element("th", "", { scope: "col", title: whole });
    const button = element("button", said, { type: "button", ariaLabel: `sort by ${whole}` });
    button.addEventListener("click", () => {
      // Points begin with the fewest: those are whom a teacher looks for.
      sorted = { key, down: sorted.key === key && !sorted.down };
      draw();
      [...head.querySelectorAll("button")].find((each) => each.textContent === said)?.focus();
    });
    if (sorted.key === key) cell.ariaSort = sorted.down ? "descending" : "ascending";
    cell.append(button);
    return cell;
  };
  const line = (row, shown) => {
    const name = row[1] ? `${row[1]} (${row[0]})` : row[0];
    const cells = shown.map((column) => {
      const cell = column.cell(row);
      return element("td", cell === null ? "" : cell, { className: heat(cell, column.points) });
    });
    const drawn = document.createElement("tr");
    drawn.append(element("th", name, { scope: "row", title: name }), ...cells);
    return drawn;
  };
  const draw = () => {
    const shown = columns();
    const found = rows(shown);
    head.replaceChildren(...[{ key: "student", said: "student", title: "student" }, ...shown].map(title));
    body.replaceChildren(...found.slice(0, most).map((row) => line(row, shown)));
    const count = Math.min(most, found.length).toLocaleString("en");
    at("shown").textContent = `${count} of ${found.length.toLocaleString("en")} students shown; ${students.length.toLocaleString("en")} in the class.`;
    at("more").hidden = found.length <= most;
  };

  // As the files beside the page have it: no cell becomes a formula.
  const cell = (each) => {
    const text = each === null ? "" : String(each);
    const safe = typeof each === "string" && text.length > 1 && /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const save = () => {
    const shown = columns();
    const lines = [["student", "name", ...shown.map((column) => (column.key === "total" ? "total" : column.title))]];
    for (const row of rows(shown)) lines.push([row[0], row[1], ...shown.map((column) => column.cell(row))]);
    const text = "\ufeff" + lines.map((each) => each.map(cell).join(",") + "\r\n").join("");
    const link = element("a", "", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "matrix-shown.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const again = () => {
    most = STEP;
    draw();
  };
  for (const id of ["search", "who", "columns"]) at(id).addEventListener("input", again);
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  at("save").addEventListener("click", save);
  at("more").addEventListener("click", () => {
    most += STEP;
    draw();
  });
  at("controls").hidden = false;
  draw();
})();
