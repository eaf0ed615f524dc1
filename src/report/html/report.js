"use strict";
// Sorting, filtering and folding only: everything is there without it.
(() => {
  const number = (text) => {
    const found = text.replace(/[\u202f,]/g, "").replace("−", "-").match(/-?\d+(\.\d+)?(e-?\d+)?/);
    return found ? Number(found[0]) : null;
  };
  const compare = (one, other) => {
    const [a, b] = [number(one), number(other)];
    return a !== null && b !== null ? a - b : one.localeCompare(other);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") === "descending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows].sort((one, other) =>
          compare(one.cells[column].textContent, other.cells[column].textContent) * (up ? 1 : -1));
        body.append(...rows);
      });
    });
  }
  const cards = [...document.querySelectorAll(".card")];
  if (cards.length > 1) {
    const bar = document.createElement("div");
    bar.className = "filter";
    const label = document.createElement("label");
    const search = document.createElement("input");
    search.type = "search";
    label.append("Find ", search);
    const only = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    only.append(box, " divergent only");
    const open = document.createElement("label");
    const unfold = document.createElement("input");
    unfold.type = "checkbox";
    open.append(unfold, " show passages");
    const count = document.createElement("span");
    count.className = "note";
    count.setAttribute("role", "status");
    bar.append(label, only, open, count);
    const words = cards.map((card) => card.textContent.toLowerCase());
    const apply = () => {
      const wanted = search.value.trim().toLowerCase();
      let visible = 0;
      cards.forEach((card, place) => {
        const fits = words[place].includes(wanted) && (!box.checked || card.querySelector(".mark.divergent"));
        card.hidden = !fits;
        visible += fits ? 1 : 0;
      });
      for (const record of document.querySelectorAll(".record")) {
        record.hidden = !record.querySelector(".card:not([hidden])");
      }
      count.textContent = visible === cards.length ? "" : visible + " of " + cards.length + " personas";
    };
    search.addEventListener("input", apply);
    box.addEventListener("change", apply);
    unfold.addEventListener("change", () => {
      for (const fold of document.querySelectorAll(".card details")) fold.open = unfold.checked;
    });
    document.querySelector("#personas .lead").after(bar);
  }
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
