"use strict";
// Sorting, filtering and folding only: everything is there without it.
(() => {
  // What we wrote to sort by; text where there is none.
  const key = (cell) => (cell.dataset.sort === undefined ? null : Number(cell.dataset.sort));
  const compare = (one, other) => {
    const [a, b] = [key(one), key(other)];
    return a !== null && b !== null ? a - b : one.textContent.localeCompare(other.textContent);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const numbers = key(body.rows[0].cells[column]) !== null;
        const up = before ? before === "descending" : !numbers;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows].sort((one, other) =>
          compare(one.cells[column], other.cells[column]) * (up ? 1 : -1));
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
      for (const part of document.querySelectorAll(".record, .part")) {
        part.hidden = !part.querySelector(".card:not([hidden])");
      }
      count.textContent = visible === cards.length ? "" : visible + " of " + cards.length + " personas";
    };
    search.addEventListener("input", apply);
    box.addEventListener("change", apply);
    unfold.addEventListener("change", () => {
      for (const fold of document.querySelectorAll(".card details")) fold.open = unfold.checked;
    });
    document.querySelector("#personas .lead").after(bar);
    // A link to a card that the filter hides shows all again.
    const reveal = (hash) => {
      const card = /^#p\d+$/.test(hash) && document.querySelector(hash);
      if (!card || !card.hidden) return;
      search.value = "";
      box.checked = false;
      apply();
      card.scrollIntoView();
    };
    addEventListener("hashchange", () => reveal(location.hash));
    document.addEventListener("click", (event) => {
      const link = event.target.closest('a[href^="#p"]');
      if (link) reveal(link.hash);
    });
  }
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
