// Search: all words and quoted phrases of a query must occur in a row; case does not matter.

// Milliseconds after which a search lets the browser draw and handle events.
const TURN = 50;
// The place of the author among the fields of a row (packing.py).
const AUTHOR = 2;

const foldedText = (text) => text.normalize("NFC").toLowerCase();

function queryTerms(query) {
  return [...foldedText(query).matchAll(/"([^"]+)"|(\S+)/g)].map((found) => found[1] || found[2].replaceAll('"', ""))
    .filter(Boolean);
}

// Returns uint8[rows] of the rows that a query finds, or null without a query. Texts are unpacked for the first search.
async function search(data, query) {
  const terms = queryTerms(query);
  if (terms.length === 0) return null;
  await data.loadAll();
  data.folded ??= [];
  const found = new Uint8Array(data.rows);
  for (let row = 0, began = performance.now(); row < data.rows; row++) {
    const values = fields(data, row), author = `@${values[AUTHOR]}`;
    const text = data.folded[row] ??= foldedText([...values, author, dayText(data.day[row])].join("\n"));
    found[row] = terms.every((term) => text.includes(term)) ? 1 : 0;
    if (performance.now() - began > TURN) {
      await pause();
      began = performance.now();
    }
  }
  return found;
}
