// The language and direction of a text, by the rules of provscan/report/languages.py.

const LETTERS = {
  ja: "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f", ko: "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
  zh: "\u3105-\u312f\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{323af}",
  ar: "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc", he: "\u0590-\u05ff\ufb1d-\ufb4f",
  ru: "\u0400-\u052f", el: "\u0370-\u03ff\u1f00-\u1fff", hy: "\u0530-\u058f", hi: "\u0900-\u097f", bn: "\u0980-\u09ff",
  pa: "\u0a00-\u0a7f", gu: "\u0a80-\u0aff", ta: "\u0b80-\u0bff", te: "\u0c00-\u0c7f", kn: "\u0c80-\u0cff",
  ml: "\u0d00-\u0d7f", si: "\u0d80-\u0dff", th: "\u0e00-\u0e7f", lo: "\u0e80-\u0eff", my: "\u1000-\u109f",
  ka: "\u10a0-\u10ff", am: "\u1200-\u139f", km: "\u1780-\u17ff", "": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
};
const LANGUAGES = {
  ja: "ja zh", zh: "zh ja", ko: "ko", ar: "ar fa ur ps sd ug", he: "he yi", ru: "ru uk bg sr be mk kk ky mn tg",
  hi: "hi mr ne", am: "am ti",
};
const NOT_LATIN = new Set(Object.keys(LETTERS).filter(Boolean).flatMap((name) => [name, ...(LANGUAGES[name] || "").split(" ")]));
const COUNTERS = Object.entries(LETTERS).map(([name, ranges]) => [name, new RegExp(`[${ranges}]`, "gu")]);

// Sets `lang` and `dir` of a node with a text; `named` is the language that the tweet names.
function setLanguage(node, text, named = "") {
  const counts = Object.fromEntries(COUNTERS.map(([name, letters]) => [name, (text.match(letters) || []).length]));
  if (counts.ja * 4 >= counts.zh) counts.ja += counts.zh;
  const script = Object.keys(LETTERS).reduce((most, name) => (counts[name] > counts[most] ? name : most), "ja");
  const known = { iw: "he", in: "id" }[named] || named || "";
  const fits = script === "" ? /^[a-z]{2}$/.test(known) && !NOT_LATIN.has(known)
    : (LANGUAGES[script] || script).split(" ").includes(known);
  node.lang = counts[script] ? (fits ? known : script) : "";
  node.dir = !counts[script] ? "auto" : script === "ar" || script === "he" ? "rtl" : "ltr";
}
