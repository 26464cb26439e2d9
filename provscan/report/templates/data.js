// Exhibits by column. Texts are unpacked in blocks when they are needed.

const COUNTED = 1, COMMON = 2, LINK = 4, KNOWN = 8, UNKNOWN = 0xffff, NO_DAY = -(2 ** 31);

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

// Lets the browser draw and handle events between two pieces of work.
const pause = () => new Promise((done) => setTimeout(done));

// Returns the contents of a block.
async function unpack(node) {
  const bytes = fromBase64(node.textContent.trim());
  node.remove();
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

// The exhibits: columns for all rows, and texts that are loaded when they are needed.
async function openData(nodes) {
  const chunks = [], waiting = [], data = { ...await unpack(nodes[0]), chunks };

  function load(number) {
    waiting[number] ??= unpack(nodes[number + 1]).then((chunk) => { chunks[number] = chunk; });
    return waiting[number];
  }

  // Loads the texts of some rows, or of all rows.
  data.load = (rows) => Promise.all([...new Set(Array.from(rows, (row) => Math.floor(row / data.chunk)))].map(load));
  data.loadAll = async () => {
    for (let number = 0; number + 1 < nodes.length; number++) {
      if (!chunks[number]) await load(number).then(pause);
    }
  };
  return data;
}

// Returns the chunk with the texts of a row, which must be loaded, and the index of the row in the chunk.
const chunkOf = (data, row) => [data.chunks[Math.floor(row / data.chunk)], row % data.chunk];

// Returns the ids, the author and the texts of a row.
function fields(data, row) {
  const [chunk, place] = chunkOf(data, row);
  return chunk.fields[place];
}

// Returns the differences in both texts of an exhibit: lists of [start, end, kind] in UTF-16 units.
function differingRuns(data, row) {
  const [chunk, place] = chunkOf(data, row), runs = chunk.runs[place];
  return runs.length ? runs : [[], []];
}

function dayText(day) {
  return day === NO_DAY ? "" : new Date(day * 86400000).toISOString().slice(0, 10);
}

// Returns the reason why a match is not a finding: a key of data.words.not_findings.
const notFinding = (flags) => (flags & COMMON ? "common" : flags & KNOWN ? "known" : "ordinary");

// Returns the rarity of the wording of a match, in words.
function rarity(data, row) {
  if (!(data.flags[row] & COUNTED)) return data.words.otherwise;
  return data.bits[row] === UNKNOWN ? data.words.unknown : data.words.rarity.find(([limit]) => data.bits[row] >= 10 * limit)[1];
}

// Returns the reason for the words of `rarity`.
function whyRarity(data, row) {
  if (!(data.flags[row] & COUNTED)) return data.words.not_findings[notFinding(data.flags[row])][1];
  const bits = Math.round(data.bits[row] / 10);
  return data.bits[row] === UNKNOWN ? "The rarity of wording in this script is unknown" : `${bits.toLocaleString("en")} bits`;
}

// Returns an exhibit with all values that a card shows.
function exhibit(data, row) {
  const [recordId, tweetId, author, before, after, passage, tweet] = fields(data, row);
  const flags = data.flags[row], [chunk, place] = chunkOf(data, row);
  return {
    row, number: row + 1, recordId, tweetId, author, before, after, passage, tweet,
    source: data.names.source[data.source[row]], field: data.names.field[data.field[row]],
    record: data.record[row], start: data.start[row], end: data.start[row] + data.length[row],
    level: data.names.level[data.level[row]], similarity: data.similarity[row] / 10,
    containment: data.containment[row] / 10, bits: data.bits[row] === UNKNOWN ? null : data.bits[row] / 10,
    tweets: data.tweets[row], day: dayText(data.day[row]), counted: Boolean(flags & COUNTED),
    kind: data.words.kinds[data.names.level[data.level[row]]], wording: rarity(data, row), why: whyRarity(data, row),
    lang: data.names.lang[data.lang[row]], hasText: chunk.has_text[place],
    link: flags & LINK ? "https://x.com/i/status/" + encodeURIComponent(tweetId) : null,
  };
}
