// The reviewers' marks, and what they entered for case, client and examiner. Those of `--reviewed` are part of the page. The browser
// stores changes, which can be saved as a file and loaded from one.

const VERDICTS = ["", "accepted", "rejected", "unsure"], ABOUT = ["case", "client", "examiner"];

class Marks {
  constructor(data, run) {
    this.data = data;
    this.run = run;
    this.key = "provscan-marks-" + run;
    this.verdicts = new Uint8Array(data.rows);
    this.notes = new Map();
    this.about = { ...data.about };
    for (const [row, mark] of Object.entries(data.marks)) this.put(Number(row), mark.verdict, mark.note);
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) || "{}");
      for (const [row, [verdict, note]] of Object.entries(kept.marks || {})) {
        if (Number(row) < data.rows) this.put(Number(row), verdict, note);
      }
      Object.assign(this.about, kept.about);
    } catch { /* No storage: marks last as long as the page. */ }
  }

  put(row, verdict, note) {
    this.verdicts[row] = Math.max(0, VERDICTS.indexOf(verdict));
    if (note) this.notes.set(row, String(note)); else this.notes.delete(row);
  }

  verdict(row) { return VERDICTS[this.verdicts[row]]; }

  note(row) { return this.notes.get(row) || ""; }

  // Rows that have a verdict or a note, or had one when the page was made.
  rows() {
    const rows = new Set([...this.notes.keys(), ...Object.keys(this.data.marks).map(Number)]);
    for (let row = 0; row < this.verdicts.length; row++) if (this.verdicts[row]) rows.add(row);
    return [...rows].sort((a, b) => a - b);
  }

  set(row, verdict, note) {
    this.put(row, verdict, note);
    this.keep();
  }

  keep() {
    const marks = Object.fromEntries(this.rows().map((row) => [row, [this.verdict(row), this.note(row)]]));
    try { localStorage.setItem(this.key, JSON.stringify({ marks, about: this.about })); } catch { /* as above */ }
  }

  counts() {
    const counts = [0, 0, 0, 0];
    for (const verdict of this.verdicts) counts[verdict]++;
    return counts;
  }

  async file() {
    await this.data.load(this.rows());
    const marks = this.rows().filter((row) => this.verdicts[row] || this.notes.has(row)).map((row) => {
      const item = exhibit(this.data, row);
      return { exhibit: item.number, verdict: this.verdict(row), note: this.note(row), source: item.source, record: item.record,
        field: item.field, start: item.start, end: item.end, tweet_id: item.tweetId };
    });
    return JSON.stringify({ provscan_marks: 1, run: this.run, saved: new Date().toISOString(), about: this.about, marks }, null, 1);
  }

  // Loads a saved file, and returns a message to the user.
  async take(text) {
    let saved;
    try { saved = JSON.parse(text); } catch { return "This file contains no marks: expected JSON as this page saves it."; }
    if (!saved || !Array.isArray(saved.marks)) return "This file contains no marks: expected JSON as this page saves it.";
    if (saved.run !== this.run) return "This file contains marks of another run; none were loaded.";
    await this.data.loadAll();
    let taken = 0;
    for (const mark of saved.marks) {
      const row = mark.exhibit - 1;
      if (!(row >= 0 && row < this.data.rows) || !VERDICTS.includes(mark.verdict)) continue;
      if (fields(this.data, row)[1] !== mark.tweet_id) continue;
      this.put(row, mark.verdict, mark.note);
      taken++;
    }
    for (const name of ABOUT) if (saved.about?.[name]) this.about[name] = String(saved.about[name]);
    this.keep();
    return `${taken.toLocaleString("en")} ${taken === 1 ? "mark was" : "marks were"} loaded` +
      (taken < saved.marks.length ? `; others do not fit this page: ${saved.marks.length - taken}.` : ".");
  }
}

function download(name, parts, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Returns the SHA-256 of a file in hexadecimal digits.
async function sha256(file) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
