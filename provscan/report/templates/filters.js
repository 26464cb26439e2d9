// The state of the browser: a query, facets, an order and a page, all of which are in the address.

const LISTED = 12;

const CLASSES = 20, PARTS = 100;  // as in figures.py

// Returns the names of n equal shares of 100%: "95% to 100%".
const shares = (n) => Array.from({ length: n }, (_, k) => `${(100 * k) / n}% to ${(100 * (k + 1)) / n}%`);

// Returns the part of the dataset that contains the record of each row. The records of all sources are concatenated.
function partsOf(data) {
  const first = [0];
  for (const count of data.records) first.push(first.at(-1) + count);
  return Uint8Array.from(data.record, (record, row) =>
    Math.min(Math.floor(((first[data.ranks[data.source[row]]] + record) * PARTS) / first.at(-1)), PARTS - 1));
}

// Facets: a code for each row, and a name for each code. A facet without chosen values has its `standard` values. One that is
// `pictured` is chosen in a figure; the list shows only its chosen values.
function makeFacets(data, marks) {
  const years = [...new Set(data.year)].sort((a, b) => (a || 9999) - (b || 9999)), yearCode = new Map(years.map((year, code) => [year, code]));
  const kinds = [...new Set(Object.values(data.words.kinds))], why = Object.keys(data.words.not_findings);
  const rarities = [...data.words.rarity.map(([, words]) => words), data.words.unknown, data.words.otherwise];
  const known = (names) => names.map((name) => name || "not known");
  const facets = [
    { key: "match", title: "The match is", names: kinds,
      codes: Uint8Array.from(data.level, (level) => kinds.indexOf(data.words.kinds[data.names.level[level]])) },
    { key: "author", title: "Author", names: known(data.names.author), codes: data.author, listed: LISTED },
    { key: "wording", title: "Wording", names: rarities,
      codes: Uint8Array.from(data.flags, (_, row) => rarities.indexOf(rarity(data, row))) },
    { key: "mark", title: "Your mark", names: ["none", "accepted", "rejected", "unsure"], codes: marks.verdicts },
    { key: "year", title: "Year of the tweet", names: years.map((year) => (year ? String(year) : "not known")),
      codes: Uint16Array.from(data.year, (year) => yearCode.get(year)) },
    { key: "lang", title: "Language of the tweet", names: known(data.names.lang), codes: data.lang, listed: LISTED },
    { key: "source", title: "Source", names: known(data.names.source), codes: data.source },
    { key: "field", title: "Field", names: known(data.names.field), codes: data.field },
    { key: "alike", title: "Similarity", names: shares(CLASSES), listed: 3,
      codes: Uint8Array.from(data.level, (level, row) => {
        const part = data.names.level[level] === "partial";
        return Math.min(Math.floor(((part ? data.containment : data.similarity)[row] * CLASSES) / 1000), CLASSES - 1);
      }) },
    { key: "part", title: "Part of the dataset", names: shares(PARTS), pictured: true,
      codes: data.records ? partsOf(data) : new Uint8Array(data.rows) },
    { key: "list", title: "Listed", names: ["findings", ...why.map((key) => data.words.not_findings[key][0])], standard: [0],
      codes: Uint8Array.from(data.flags, (flags) => (flags & COUNTED ? 0 : 1 + why.indexOf(notFinding(flags)))) },
  ];
  for (const facet of facets) facet.chosen = new Set(facet.standard);
  return facets.filter((facet) => facet.key === "mark" || facet.standard || facet.names.length > 1);
}

// Returns the rows that pass all filters and, for each code of a facet, the number of rows that pass all other facets.
function passing(data, facets, found) {
  const active = facets.map((facet) => facet.chosen.size && Uint8Array.from(facet.names, (_, code) => facet.chosen.has(code)));
  const counts = facets.map((facet) => new Uint32Array(facet.names.length));
  const rows = new Uint32Array(data.rows);
  let size = 0;
  for (let row = 0; row < data.rows; row++) {
    if (found && !found[row]) continue;
    let failed = -1, failures = 0;
    for (let f = 0; f < facets.length && failures < 2; f++) {
      if (active[f] && !active[f][facets[f].codes[row]]) { failed = f; failures++; }
    }
    if (failures > 1) continue;
    if (failures === 1) { counts[failed][facets[failed].codes[row]]++; continue; }
    rows[size++] = row;
    for (let f = 0; f < facets.length; f++) counts[f][facets[f].codes[row]]++;
  }
  return { rows: rows.subarray(0, size), counts };
}

// Returns uint8[rows] of the rows among `found` (null: all) whose tweet was posted from one day to another, both inclusive. An
// empty day is no limit; a tweet without a date is in no range.
function between(data, found, from, to) {
  if (!from && !to) return found;
  const low = from ? Date.parse(from) / 86400000 : -Infinity, high = to ? Date.parse(to) / 86400000 : Infinity;
  return Uint8Array.from(data.day, (day, row) => day !== NO_DAY && day >= low && day <= high && (!found || found[row]));
}

const ORDERS = {
  strength: null,
  bits: null,
  record: (data) => {
    const most = data.record.reduce((a, b) => Math.max(a, b), 0) + 1;
    return (row) => data.ranks[data.source[row]] * most + data.record[row];
  },
  oldest: (data) => (row) => (data.day[row] === NO_DAY ? 2 ** 31 : data.day[row]),
  newest: (data) => (row) => -data.day[row],
  different: (data) => (row) => data.similarity[row],
};

// Sorts rows by a number; rows with equal numbers stay in the order of their strength. In the first order, those in Latin letters
// come first.
function ordered(data, rows, order) {
  if (order === "strength") {
    const latin = rows.filter((row) => data.latin[row]), all = new Uint32Array(rows.length);
    all.set(latin);
    all.set(rows.filter((row) => !data.latin[row]), latin.length);
    return all;
  }
  if (!ORDERS[order]) return rows;
  const keyOf = ORDERS[order](data);
  return rows.slice().sort((a, b) => keyOf(a) - keyOf(b) || a - b);
}

// Returns whether a facet has its standard values.
const isStandard = (facet) => facet.chosen.size === (facet.standard || []).length &&
  (facet.standard || []).every((code) => facet.chosen.has(code));

// Converts the state to an address and back. `#exhibit-7` is one exhibit, and `#exhibits?...` a filtered list.
function addressOf(state, facets) {
  const words = new URLSearchParams();
  for (const [key, value] of [["q", state.query], ["from", state.from], ["to", state.to]]) if (value) words.set(key, value);
  for (const facet of facets) {
    if (!isStandard(facet)) for (const code of facet.chosen) words.append(facet.key, facet.names[code]);
  }
  if (state.order !== "strength") words.set("order", state.order);
  if (state.page) words.set("page", String(state.page + 1));
  return words.size ? "#exhibits?" + words : "#exhibits";
}

function readAddress(hash, state, facets) {
  const words = new URLSearchParams(hash.startsWith("#exhibits?") ? hash.slice(10) : "");
  state.query = words.get("q") || "";
  for (const key of ["from", "to"]) state[key] = /^\d{4}-\d\d-\d\d$/.test(words.get(key)) ? words.get(key) : "";
  state.order = Object.hasOwn(ORDERS, words.get("order")) ? words.get("order") : "strength";
  state.page = Math.max(0, (parseInt(words.get("page"), 10) || 1) - 1);
  for (const facet of facets) {
    facet.chosen = new Set(words.getAll(facet.key).map((name) => facet.names.indexOf(name)).filter((code) => code >= 0));
    if (!facet.chosen.size) facet.chosen = new Set(facet.standard);
  }
}
