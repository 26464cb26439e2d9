// Search in UTF-8 bytes: all words of a query, or what stands in quotation marks, must occur in a row.

// Milliseconds after which a search lets the browser draw and listen.
const TURN = 50;

function queryTerms(query) {
  return [...query.toLowerCase().matchAll(/"([^"]+)"|(\S+)/g)].map((found) => found[1] || found[2].replaceAll('"', ""))
    .filter(Boolean);
}

const FOLDED = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));

// Horspool's algorithm on bytes with ASCII letters folded; marks the rows that hold the needle.
function markRows(bytes, offsets, needle, hits) {
  const last = needle.length - 1, skip = new Uint32Array(256).fill(needle.length);
  for (let i = 0; i < last; i++) {
    skip[needle[i]] = last - i;
    if (needle[i] >= 97 && needle[i] <= 122) skip[needle[i] - 32] = last - i;
  }
  for (let at = last, row = 0; at < bytes.length;) {
    let k = last, place = at;
    while (k >= 0 && FOLDED[bytes[place]] === needle[k]) { k--; place--; }
    if (k >= 0) { at += skip[bytes[at]]; continue; }
    while (offsets[row + 1] <= at) row++;
    hits[row] = 1;
    at = offsets[row + 1] + last;
  }
}

// UTF-8 of a term in lower case, upper case and with a capital, with its accents composed and apart: letters beyond
// ASCII are compared byte by byte.
function needlesOf(term) {
  const spelled = [term, term.normalize("NFC"), term.normalize("NFD")];
  const forms = new Set(spelled.flatMap((form) => [form, form.toUpperCase(), form[0].toUpperCase() + form.slice(1)])
    .map((form) => form.replace(/[A-Z]/g, (letter) => letter.toLowerCase())));
  return Array.from(forms, (form) => new TextEncoder().encode(form));
}

// uint8[rows] of the rows that a query finds; null where there is no query.
async function search(data, query) {
  const terms = queryTerms(query).map(needlesOf);
  if (terms.length === 0) return null;
  await data.loadAll();
  const found = new Uint8Array(data.rows);
  let low = 0, began = performance.now();
  for (const chunk of data.chunks) {
    const size = chunk.texts_lengths.length, passed = found.subarray(low, low + size).fill(1);
    for (const needles of terms) {
      const hits = new Uint8Array(size);
      for (const needle of needles) {
        for (const name of ["ids", "texts"]) markRows(chunk[name], chunk[name + "_offsets"], needle, hits);
      }
      for (let i = 0; i < size; i++) passed[i] &= hits[i];
    }
    low += size;
    if (performance.now() - began > TURN) {
      await pause();
      began = performance.now();
    }
  }
  return found;
}
