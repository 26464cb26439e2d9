// Writes the displayed list as CSV for a spreadsheet.

// Characters that a spreadsheet interprets as the beginning of a formula or command, as in report/export.py.
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
// An id with more digits than a spreadsheet keeps of a number.
const LONG_ID = /^[0-9]{16,}$/;

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
  const text = (FORMULA.test(value) || LONG_ID.test(value) ? "'" : "") + value.replace(INVISIBLE, (character) => `[${codeOf(character)}]`);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Returns lines of values as CSV. Without the byte order mark, spreadsheets garble UTF-8.
const csv = (lines) => ["\ufeff", ...lines.map((values) => values.map(cell).join(",") + "\r\n")];

// Returns the exhibits of some rows, whose texts must be loaded, as CSV.
function csvOf(data, rows, marks) {
  const lines = Array.from(rows, (row) => Object.values(COLUMNS).map((value) => value(exhibit(data, row), marks)));
  return csv([Object.keys(COLUMNS), ...lines]);
}

// Returns the licensed tweets of some rows, whose texts must be loaded, as CSV: one line for each tweet, by author.
function tweetsOf(data, rows) {
  const tweets = new Map();
  for (const row of rows) {
    const item = exhibit(data, row), tweet = tweets.get(item.tweetId);
    if (!tweet) tweets.set(item.tweetId, { item, exhibits: 1 });
    else {
      tweet.exhibits++;
      if (row < tweet.item.row) tweet.item = item;
    }
  }
  const lines = Array.from(tweets.values(), ({ item, exhibits }) =>
    [item.author, item.tweetId, item.day, item.link || "", exhibits, item.number, item.kind, item.wording, item.tweet]);
  lines.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[5] - b[5]));
  const names = ["author", "tweet_id", "day", "permalink", "exhibits", "strongest_exhibit", "match", "wording", "tweet"];
  return csv([names, ...lines]);
}
