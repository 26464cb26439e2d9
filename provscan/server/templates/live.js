// The live page: sends the text while it is typed, highlights matches, and shows the tweets. Data is only set as text.

const $ = (id) => document.getElementById(id);
const WAIT = 120, BUSY = 1000, AROUND = 60;
const RUNS = { left_out: 1, differs: 2, not_compared: 3 };
const main = document.querySelector("main"), { version } = main.dataset;
let asking = null, waiting = null, token = "", found = [];

// Returns a function that converts a position in code points to UTF-16 units.
function unitsOf(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (place) => place;
  const units = [];
  let at = 0;
  for (const character of text) {
    units.push(at);
    at += character.length;
  }
  units.push(at);
  return (place) => units[place];
}

// The CSS class of a match's highlight, which is brighter the rarer the wording is.
const light = (match) => (match.counted ? match.rarity.split(" ")[0].replace("long", "rare") : "ordinary");

function drawText(text) {
  const nodes = [], places = found.map((match, number) => [match.from, match.to, number]).sort((a, b) => a[0] - b[0]);
  let at = 0;
  for (const [from, to, number] of places) {
    if (to <= at) continue;
    nodes.push(text.slice(at, Math.max(at, from)));
    const lit = make("span", `lit ${light(found[number])}`, text.slice(Math.max(at, from), to));
    lit.dataset.match = number;
    nodes.push(lit);
    at = to;
  }
  for (const node of [$("mirror"), $("text")]) setLanguage(node, text);
  // Without a character after it, a line break at the end would have no height.
  $("mirror").replaceChildren(...nodes, text.slice(at), "\u200b");
}

const dayAndTime = (match) => match.time.slice(0, 16).replace("T", " ") + " UTC";

function citationOf(match) {
  const tweet = `tweet ${match.tweet_id}${match.author ? ` by ${match.author}` : ""}${match.time ? `, ${dayAndTime(match)}` : ""}` +
    `${match.permalink ? `, ${match.permalink}` : ""}`;
  return `Characters ${match.start} to ${match.end}: “${match.passage}” – licensed ${tweet}: “${match.tweet}” `
    .replace(INVISIBLE, (character) => `[${codeOf(character)}]`) +
    `(${match.match}, ${shareOf(match)}, ${match.rarity}, ${match.why.replace(/\.$/, "")}). ` +
    `provscan ${version}, index ${match.index.fingerprint}.`;
}

const shareOf = (match) => likeness({ level: match.level, containment: 100 * match.containment, similarity: 100 * match.similarity });

function button(label, act) {
  const node = make("button", "", label);
  node.type = "button";
  node.addEventListener("click", () => act(node));
  return node;
}

async function copy(match, node) {
  const text = citationOf(match);
  try {
    await navigator.clipboard.writeText(text);
    node.textContent = "Copied";
  } catch {
    const area = make("textarea", "");
    area.value = text;
    area.setAttribute("aria-label", "Citation");
    node.closest("footer").append(area);
    area.select();
    node.textContent = "Copy the text below";
  }
}

function matchCard(match, number) {
  const node = make("article", "exhibit"), title = make("h3", "", `Match ${number + 1}`);
  title.id = `match-${number}`;
  node.tabIndex = -1;
  node.dataset.match = number;
  node.setAttribute("aria-labelledby", title.id);
  const rarity = make("span", `badge lit ${light(match)}`, match.rarity);
  node.append(make("header", "", title, make("span", "badge", match.match), make("span", "", shareOf(match)), rarity,
    make("span", "soft", match.why)));
  const runs = ["passage", "tweet"].map((name) => {
    const units = unitsOf(match[name]);
    return match.differences[name].map(([start, end, kind]) => [units(start), units(end), RUNS[kind]]);
  });
  const id = isolated(match.tweet_id);
  let link = id;
  if (match.permalink) {
    link = make("a", "", id);
    link.href = match.permalink;
    link.rel = "noreferrer noopener";
    link.target = "_blank";
  }
  const left = make("div", "", make("h4", "", `Your text, characters ${match.start.toLocaleString("en")} to ${match.end.toLocaleString("en")}`),
    markedText(match.passage, runs[0], match.before.slice(-AROUND), match.after.slice(0, AROUND), match.lang));
  const right = make("div", "", make("h4", "", "Licensed tweet ", link, ...(match.author ? [" by ", isolated(match.author)] : []),
    ...(match.time ? [", ", make("span", "whole", dayAndTime(match))] : []), `; ${saidBy(match)}`), markedText(match.tweet, runs[1], "", "", match.lang));
  node.append(make("div", "sides", left, right));
  node.append(appendText(make("p", "said"), differenceSentence({ ...match, hasText: true }, runs, "your text")));
  node.append(make("footer", "", button("Show in the text", () => showInText(match)),
    button("Copy citation", (pressed) => copy(match, pressed))));
  return node;
}

const several = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const saidBy = (match) => `in ${several(match.tweets, "licensed tweet")}` +
  (match.authors ? ` by ${several(match.authors, "author")}` : "");

function showInText(match) {
  $("text").focus();
  $("text").setSelectionRange(match.from, match.to);
  document.querySelector(".mirror .current")?.scrollIntoView({ block: "center" });
}

// Marks the match at the caret, in the text and among the cards.
function follow() {
  const at = $("text").selectionStart;
  const number = found.findIndex((match) => match.from <= at && at < match.to);
  for (const node of document.querySelectorAll("[data-match]")) node.classList.toggle("current", Number(node.dataset.match) === number);
}

function show(text, result) {
  const units = unitsOf(text);
  found = result.matches.map((match) => ({ ...match, from: units(match.start), to: units(match.end), index: result.index }));
  drawText(text);
  $("cards").replaceChildren(...found.map(matchCard));
  $("matches").hidden = !found.length;
  $("status").textContent = text.trim() ? result.answer : "";
  describe(result.index);
  follow();
}

function describe(index) {
  $("index").textContent = `${index.tweets.toLocaleString("en")} licensed tweets · index ${index.fingerprint.slice(0, 8)}`;
}

async function lookUp(text, signal) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch("/api/lookup", { method: "POST", headers, body: JSON.stringify({ text }), signal });
  const result = await answer.json();
  if (answer.status === 401) $("token-form").hidden = false;
  if (answer.ok) return result;
  throw Object.assign(new Error(result.detail), { status: answer.status });
}

async function update() {
  // Without the token, the server would not answer.
  $("token-form").hidden = !main.dataset.locked || Boolean(token);
  if (!$("token-form").hidden) return;
  const text = $("text").value;
  asking?.abort();
  const controller = asking = new AbortController();
  try {
    show(text, await lookUp(text, controller.signal));
  } catch (error) {
    if (error.name === "AbortError") return;
    $("status").textContent = error.status ? error.message : "The server can't be reached.";
    if (error.status === 429 || error.status === 503) later(BUSY);
  }
}

function later(wait) {
  clearTimeout(waiting);
  waiting = setTimeout(update, wait);
}

$("text").addEventListener("input", () => {
  // Highlights stay until the new answer arrives, unless the text before them has changed.
  const text = $("text").value;
  found = found.filter((match) => text.startsWith(match.before + match.passage, match.from - match.before.length));
  drawText(text);
  later(WAIT);
});
document.addEventListener("selectionchange", () => { if (document.activeElement === $("text")) follow(); });
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  update();
});
update().then(() => { document.documentElement.dataset.ready = "yes"; });
