// Writes the displayed list as CSV for a spreadsheet.

// Characters that a spreadsheet interprets as the beginning of a formula or command, as in report/export.py.
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

const COLUMNS = {
  exhibit: (item) => item.number, match: (item) => item.kind, wording: (item) => item.wording,
  counted: (item) => (item.counted ? "yes" : "no"), source: (item) => item.source, record: (item) => item.record,
  record_id: (item) => item.recordId, field: (item) => item.field, start: (item) => item.start, end: (item) => item.end,
  passage: (item) => item.passage, tweet: (item) => item.tweet, tweet_id: (item) => item.tweetId,
  author: (item) => item.author, day: (item) => item.day, permalink: (item) => item.link || "", tweets: (item) => item.tweets,
  similarity: (item) => item.similarity / 100, containment: (item) => item.containment / 100,
  bits: (item) => item.bits ?? "", verdict: (item, marks) => marks.verdict(item.row), note: (item, marks) => marks.note(item.row),
};

function cell(value) {
  if (typeof value === "number") return String(value);
  const text = (FORMULA.test(value) ? "'" : "") + value.replace(INVISIBLE, (character) => `[${codeOf(character)}]`);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Returns the lines of some rows, whose texts must be loaded. Without the byte order mark, spreadsheets garble UTF-8.
function csvOf(data, rows, marks) {
  const lines = ["\ufeff" + Object.keys(COLUMNS).join(",")];
  for (const row of rows) {
    const item = exhibit(data, row);
    lines.push(Object.values(COLUMNS).map((value) => cell(value(item, marks))).join(","));
  }
  return lines.map((line) => line + "\r\n");
}
