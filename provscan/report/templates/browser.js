// The browser of exhibits: reads the address, filters the exhibits, draws one page of cards, and handles events.

const PAGE = 25, PRINTED = 500, MORE = 50;
const $ = (id) => document.getElementById(id);

function startBrowser(data, run) {
  const marks = new Marks(data, run), facets = makeFacets(data, marks);
  const state = { query: "", from: "", to: "", order: "strength", page: 0 };
  let hits = null, found = null, searched = "", rows = new Uint32Array(0), turn = 0, counted = [];

  const number = (n) => n.toLocaleString("en");

  // Returns the number of exhibits that are listed: only findings, unless other kinds are chosen.
  function listed() {
    const list = facets.find((facet) => facet.standard);
    return list.codes.reduce((sum, code) => sum + list.chosen.has(code), 0);
  }

  function drawCards(low, high) {
    $("cards").replaceChildren(...Array.from(rows.subarray(low, high), (row) =>
      card(exhibit(data, row), differingRuns(data, row), { verdict: marks.verdict(row), note: marks.note(row) }, act)));
  }

  // Draws a page when its texts are loaded. Returns false, without drawing, if another page was requested in the meantime.
  async function drawPage() {
    const asked = ++turn, pages = Math.max(1, Math.ceil(rows.length / PAGE));
    state.page = Math.min(state.page, pages - 1);
    const low = state.page * PAGE, high = Math.min(low + PAGE, rows.length);
    await data.load(rows.subarray(low, high));
    if (asked !== turn) return false;
    drawCards(low, high);
    $("status").textContent = `${number(rows.length)} of ${number(listed())} exhibits` +
      (rows.length ? `; ${number(low + 1)} to ${number(high)} shown` : "");
    $("page").textContent = `Page ${number(state.page + 1)} of ${number(pages)}`;
    $("previous").disabled = state.page === 0;
    $("next").disabled = state.page >= pages - 1;
    return true;
  }

  function drawFacets(counts) {
    counted = counts;
    const groups = facets.map((facet, f) => {
      const group = document.createElement("fieldset");
      group.append(make("legend", "", facet.title));
      let codes = facet.names.map((_, code) => code).filter((code) => facet.chosen.has(code) || (counts[f][code] && !facet.pictured));
      if (facet.listed) {
        codes.sort((a, b) => facet.chosen.has(b) - facet.chosen.has(a) ||
          (facet.names[a] === "not known") - (facet.names[b] === "not known") || counts[f][b] - counts[f][a]);
      }
      const more = facet.listed ? codes.length - facet.listed : 0;
      for (const code of codes.slice(0, facet.listed)) {
        const box = document.createElement("input"), name = make("span", "", isolated(facet.names[code]));
        box.type = "checkbox";
        box.checked = facet.chosen.has(code);
        box.addEventListener("change", () => {
          if (box.checked) facet.chosen.add(code); else facet.chosen.delete(code);
          if (!facet.chosen.size) facet.chosen = new Set(facet.standard);
          changed(`${facet.key} ${code}`);
        });
        box.dataset.code = `${facet.key} ${code}`;
        group.append(make("label", "", box, name, make("span", "", number(counts[f][code]))));
      }
      if (more > 0) {
        const button = make("button", "more", `Show ${number(Math.min(more, MORE))} of ${number(more)} more`);
        button.type = "button";
        button.addEventListener("click", () => {
          const first = `${facet.key} ${codes[facet.listed]}`;
          facet.listed += MORE;
          drawFacets(counted);
          document.querySelector(`[data-code="${CSS.escape(first)}"]`)?.focus();
        });
        group.append(button);
      }
      return group;
    });
    // Matches of common or known wording come last, in a folded section.
    const last = facets.findIndex((facet) => facet.standard), others = $("other-wording");
    const rest = counts[last].subarray(1).reduce((a, b) => a + b, 0);
    const [list] = groups.splice(last, 1);
    $("facet-groups").replaceChildren(...groups.filter((group) => group.childElementCount > 1));
    others.lastElementChild.replaceChildren(list);
    others.firstElementChild.textContent = `Common or known wording (${number(rest)})`;
    others.hidden = !rest && isStandard(facets[last]);
    if (!isStandard(facets[last])) others.open = true;
  }

  function drawChips() {
    const chips = [];
    const add = (label, remove) => {
      const chip = make("button", "", isolated(label), " ×");
      chip.type = "button";
      chip.setAttribute("aria-label", `Remove filter ${label}`);
      chip.addEventListener("click", () => { remove(); changed(); $("query").focus(); });
      chips.push(chip);
    };
    if (state.query) add(`text: ${state.query}`, () => { state.query = ""; });
    if (state.from || state.to) {
      add(`posted: ${state.from || "…"} to ${state.to || "…"}`, () => { state.from = state.to = ""; });
    }
    for (const facet of facets.filter((facet) => !isStandard(facet))) {
      for (const code of facet.chosen) add(`${facet.title}: ${facet.names[code]}`, () => {
        facet.chosen.delete(code);
        if (!facet.chosen.size) facet.chosen = new Set(facet.standard);
      });
    }
    $("chips").replaceChildren(...chips);
  }

  function drawMarkCounts() {
    const counts = marks.counts();
    $("mark-counts").textContent = `Your marks: ${number(counts[1])} accepted, ${number(counts[2])} rejected, ${number(counts[3])} unsure`;
  }

  function drawAbout() {
    const given = ABOUT.map((name) => marks.about[name]).filter(Boolean);
    for (const name of ABOUT) $(`about-${name}`).value = marks.about[name] || "";
    $("about").replaceChildren(isolated(given.join(" · ") || "not given"));
    $("about").closest("details").classList.toggle("given", given.length > 0);
  }

  // Filters the exhibits and draws a page of them. Returns false, without drawing, if another page was requested in the meantime.
  async function show() {
    if (state.query !== searched) {
      const asked = ++turn, query = state.query, searching = await search(data, query);
      if (asked !== turn) return false;
      hits = searching;
      searched = query;
    }
    found = between(data, hits, state.from, state.to);
    const passed = passing(data, facets, found);
    rows = ordered(data, passed.rows, state.order);
    drawFacets(passed.counts);
    drawChips();
    if (document.activeElement !== $("query")) $("query").value = state.query;
    for (const name of ["order", "from", "to"]) $(name).value = state[name];
    return drawPage();
  }

  async function changed(focused) {
    state.page = 0;
    history.pushState(null, "", addressOf(state, facets));
    if (await show() && focused) document.querySelector(`[data-code="${CSS.escape(focused)}"]`)?.focus();
  }

  async function turnTo(page) {
    state.page = page;
    history.pushState(null, "", addressOf(state, facets));
    if (await drawPage()) $("cards").firstElementChild?.focus();
  }

  // Shows the target of the address: one exhibit, a filtered list, or another section of the page.
  async function follow() {
    const wanted = /^#exhibit-(\d+)$/.exec(location.hash);
    if (!wanted) {
      if (location.hash.startsWith("#exhibits") || !rows.length) readAddress(location.hash, state, facets);
      if (await show() && location.hash.startsWith("#exhibits?")) $("chips").scrollIntoView();
      return;
    }
    let place = rows.indexOf(wanted[1] - 1);
    if (place < 0) {
      readAddress("", state, facets);
      if (!await show()) return;
      place = rows.indexOf(wanted[1] - 1);
    }
    if (place < 0) return;
    state.page = Math.floor(place / PAGE);
    if (!await drawPage()) return;
    const node = $("exhibit-" + wanted[1]);
    node.scrollIntoView({ block: "start" });
    node.focus({ preventScroll: true });
  }

  async function act(row, action, value) {
    if (action === "cite") {
      await navigator.clipboard.writeText(citation(exhibit(data, row)));
      value.textContent = "Copied";
      return;
    }
    if (action === "save") {
      const mark = { verdict: marks.verdict(row), note: marks.note(row) }, item = exhibit(data, row);
      const name = `exhibit-${item.number}-tweet-${item.tweetId.replace(/[^\w-]+/g, "_").slice(0, 40)}-${run}.html`;
      const page = new Blob([exhibitPage(item, differingRuns(data, row), mark)], { type: "text/html" });
      const said = value.querySelector(".saved") || make("p", "said saved"), sum = await sha256(page);
      said.setAttribute("role", "status");
      said.textContent = `Saved as ${name}. SHA-256: ${sum}.`;
      value.append(said);
      download(name, [page], "text/html");
      return;
    }
    const verdict = action === "note" ? marks.verdict(row) : marks.verdict(row) === action ? "" : action;
    marks.set(row, verdict, action === "note" ? value.trim() : marks.note(row));
    const node = $("exhibit-" + (row + 1));
    if (node) showVerdict(node, verdict);
    drawMarkCounts();
    drawFacets(passing(data, facets, found).counts);
  }

  function step(from, by) {
    const next = by > 0 ? from.nextElementSibling : from.previousElementSibling;
    if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    }
  }

  $("cards").addEventListener("keydown", (event) => {
    const node = event.target.closest("article");
    if (!node || event.target.matches("textarea, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = Number(node.dataset.row), key = event.key.toLowerCase();
    if (key === "j") step(node, 1);
    else if (key === "k") step(node, -1);
    else if (key === "a") act(row, "accepted");
    else if (key === "r") act(row, "rejected");
    else if (key === "u") act(row, "unsure");
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.target.matches("textarea, input, select")) return;
    $("keys").open = !$("keys").open;
    if ($("keys").open) $("keys").scrollIntoView({ block: "nearest" });
  });
  let typing;
  $("query").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { state.query = $("query").value.trim(); changed(); }, 150);
  });
  $("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter") $("cards").firstElementChild?.focus();
  });
  for (const name of ["order", "from", "to"]) {
    $(name).addEventListener("change", () => { state[name] = $(name).value; changed(); });
  }
  $("previous").addEventListener("click", () => turnTo(state.page - 1));
  $("next").addEventListener("click", () => turnTo(state.page + 1));
  $("print").addEventListener("click", async () => {
    await data.load(rows.subarray(0, PRINTED));
    drawCards(0, PRINTED);
    $("status").textContent = `${number(rows.length)} of ${number(listed())} exhibits` +
      (rows.length > PRINTED ? `; the first ${number(PRINTED)} are printed` : "");
    window.print();
  });
  window.addEventListener("afterprint", drawPage);
  $("save-list").addEventListener("click", async () => {
    await data.load(rows);
    download(`provscan-exhibits-${run}.csv`, csvOf(data, rows, marks), "text/csv");
  });
  $("save-tweets").addEventListener("click", async () => {
    await data.load(rows);
    download(`provscan-tweets-${run}.csv`, tweetsOf(data, rows), "text/csv");
  });
  $("save-marks").addEventListener("click", async () =>
    download(`provscan-marks-${run}.json`, [await marks.file()], "application/json"));
  for (const name of ABOUT) {
    $(`about-${name}`).addEventListener("input", (event) => {
      marks.about[name] = event.target.value;
      marks.keep();
      drawAbout();
    });
  }
  $("load-marks").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    $("mark-message").textContent = await marks.take(await file.text());
    event.target.value = "";
    drawMarkCounts();
    drawAbout();
    show();
  });
  window.addEventListener("popstate", follow);

  if (window.matchMedia("(max-width: 56rem)").matches) $("facets").open = false;
  drawMarkCounts();
  drawAbout();
  return follow();
}

(async () => {
  document.documentElement.classList.add("js");
  const run = document.documentElement.dataset.run;
  try {
    const data = await openData(document.querySelectorAll(".block"));
    $("browser").hidden = false;
    $("static").remove();
    await startBrowser(data, run);
    document.documentElement.dataset.ready = "yes";
    await data.loadAll();
  } catch (error) {
    document.documentElement.classList.remove("js");
    $("browser-error").textContent = "This browser can't unpack the exhibits; the first ones are shown without search.";
    console.error(error);
  }
})();
