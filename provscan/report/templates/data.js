// Exhibits as typed arrays over unpacked blocks. Texts stay in UTF-8, and are decoded row by row.

const COUNTED = 1, COMMON = 2, LINK = 4, KNOWN = 8, UNKNOWN = 0xffff, NO_DAY = -(2 ** 31), END = 0xff;
const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array, float32: Float32Array,
  float64: Float64Array };
const decoder = new TextDecoder();

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function offsetsOf(lengths) {
  const offsets = new Uint32Array(lengths.length + 1);
  for (let i = 0, at = 0; i < lengths.length; i++) offsets[i + 1] = at += lengths[i];
  return offsets;
}

// Lets the browser draw and handle events between two pieces of work.
const pause = () => new Promise((done) => setTimeout(done));

// Returns the header of a block and its columns.
async function unpack(node) {
  const bytes = fromBase64(node.textContent.trim());
  node.remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, size))), columns = {};
  for (const [name, [type, offset, length]] of Object.entries(header.columns)) {
    columns[name] = new ARRAYS[type](buffer, 4 + size + offset, length);
  }
  return [header, columns];
}

// The exhibits: columns for all rows, and texts that are loaded when they are needed.
async function openData(nodes) {
  const [header, columns] = await unpack(nodes[0]), chunks = [], waiting = [];
  const data = { ...header, ...columns, chunks };

  function load(number) {
    waiting[number] ??= unpack(nodes[number + 1]).then(([, chunk]) => {
      for (const name of ["ids", "texts", "runs"]) chunk[name + "_offsets"] = offsetsOf(chunk[name + "_lengths"]);
      chunks[number] = chunk;
    });
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

// Returns the fields of one row of `ids` or `texts`.
function fields(data, name, row) {
  const [chunk, place] = chunkOf(data, row), bytes = chunk[name], offsets = chunk[name + "_offsets"], found = [];
  for (let low = offsets[place], stop = offsets[place + 1]; low < stop;) {
    const high = bytes.indexOf(END, low);
    found.push(decoder.decode(bytes.subarray(low, high)));
    low = high + 1;
  }
  return found;
}

// Returns the differences in both texts of an exhibit: lists of [start, end, kind] in UTF-16 units.
function differingRuns(data, row) {
  const [chunk, place] = chunkOf(data, row), runs = chunk.runs, low = chunk.runs_offsets[place];
  if (low === chunk.runs_offsets[place + 1]) return [[], []];
  let at = low + 2;
  return [runs[low], runs[low + 1]].map((count) => {
    const found = [];
    for (let end = 0; count > 0; count--, at += 3) {
      const start = end + runs[at];
      end = start + runs[at + 1];
      found.push([start, end, runs[at + 2]]);
    }
    return found;
  });
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
  const [recordId, tweetId, author] = fields(data, "ids", row);
  const [before, after, passage, tweet] = fields(data, "texts", row);
  const flags = data.flags[row], [chunk, place] = chunkOf(data, row);
  return {
    row, number: row + 1, recordId, tweetId, author, before, after, passage, tweet,
    source: data.names.source[data.source[row]], field: data.names.field[data.field[row]],
    record: data.record[row], start: data.start[row], end: data.start[row] + data.length[row],
    level: data.names.level[data.level[row]], similarity: data.similarity[row] / 10,
    containment: data.containment[row] / 10, bits: data.bits[row] === UNKNOWN ? null : data.bits[row] / 10,
    tweets: data.tweets[row], day: dayText(data.day[row]), counted: Boolean(flags & COUNTED),
    kind: data.words.kinds[data.names.level[data.level[row]]], wording: rarity(data, row), why: whyRarity(data, row),
    lang: data.names.lang[data.lang[row]], hasText: Boolean(chunk.has_text[place]),
    link: flags & LINK ? "https://x.com/i/status/" + encodeURIComponent(tweetId) : null,
  };
}
