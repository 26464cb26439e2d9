// Search in UTF-8 bytes: all words of a query, or what stands in quotation marks, must occur in a row.

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

// Letters beyond ASCII have case pairs of other lengths: decode blocks of rows and compare in lower case.
function markRowsDecoded(bytes, offsets, term, hits) {
  for (let row = 0; row < hits.length; row++) {
    if (offsets[row + 1] > offsets[row] &&
      decoder.decode(bytes.subarray(offsets[row], offsets[row + 1])).toLowerCase().includes(term)) hits[row] = 1;
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve));

// uint8[rows] of the rows that a query finds; null where there is no query.
async function search(data, query) {
  const terms = queryTerms(query);
  if (terms.length === 0) return null;
  const found = new Uint8Array(data.rows).fill(1);
  for (const term of terms) {
    const needle = new TextEncoder().encode(term), ascii = needle.every((byte) => byte < 128);
    const hits = new Uint8Array(data.rows);
    for (const name of ["ids", "texts"]) {
      const bytes = data[name], offsets = data[name + "_offsets"];
      if (ascii) {
        markRows(bytes, offsets, needle, hits);
      } else {
        for (let low = 0; low < data.rows; low += 20000) {
          const high = Math.min(low + 20000, data.rows);
          markRowsDecoded(bytes, offsets.subarray(low, high + 1), term, hits.subarray(low, high));
          await pause();
        }
      }
    }
    for (let i = 0; i < found.length; i++) found[i] &= hits[i];
  }
  return found;
}
