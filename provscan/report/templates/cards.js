// Cards of exhibits. Text from the data is only set as text; invisible and direction characters are shown as chips.

const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const KINDS = ["shared", "left-out", "differs", "around"], LONG = 1500;

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

const codeOf = (character) => "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");

function appendText(node, text) {
  let at = 0;
  for (const found of text.matchAll(INVISIBLE)) {
    node.append(text.slice(at, found.index));
    node.append(make("span", "control-character", codeOf(found[0])));
    at = found.index + 1;
  }
  node.append(text.slice(at));
  return node;
}

const isolated = (text) => appendText(make("bdi"), text);

// Shows a text with its runs marked; a long text is truncated until the reader expands it.
function markedText(text, runs, before, after, named, whole = false) {
  const node = make("p", "text"), stop = whole || text.length <= LONG ? text.length : LONG;
  const append = (from, to, kind) => {
    if (from < to) node.append(appendText(make(kind === 2 ? "b" : "span", KINDS[kind]), text.slice(from, to)));
  };
  setLanguage(node, text, named);
  if (before) node.append(appendText(make("span", "around"), before));
  let at = 0;
  for (const [start, end, kind] of runs) {
    if (start >= stop) break;
    append(at, start, 0);
    at = Math.min(end, stop);
    append(start, at, kind);
  }
  append(at, stop, 0);
  if (stop < text.length) {
    const more = make("button", "", `Show all ${text.length.toLocaleString("en")} characters`);
    more.type = "button";
    more.addEventListener("click", () => node.replaceWith(markedText(text, runs, before, after, named, true)));
    node.append("… ", more);
  } else if (after) {
    node.append(appendText(make("span", "around"), after));
  }
  return node;
}

function quoted(text, runs) {
  const words = runs.filter((run) => run[2] === 2).map(([start, end]) => text.slice(start, end).trim());
  const shown = words.slice(0, 3).map((word) => `“${word.length > 60 ? word.slice(0, 60) + "…" : word}”`);
  return shown.join(", ") + (words.length > 3 ? ` and ${words.length - 3} more` : "");
}

function differenceSentence(item, [left, right], where = "the dataset") {
  if (!item.hasText) return "";
  if (left.length + right.length === 0) return "Character for character the same.";
  const inRecord = quoted(item.passage, left), inTweet = quoted(item.tweet, right);
  if (!inRecord && !inTweet) return "Word for word the same; differs only in what the comparison leaves out.";
  return [inRecord && `Only in ${where}: ${inRecord}.`, inTweet && `Only in the tweet: ${inTweet}.`].filter(Boolean).join(" ");
}

const percentText = (value) => (value >= 99.95 ? "100" : value.toFixed(value < 10 || value > 99 ? 1 : 0)) + "%";

// As in exported lists, characters that would hide or reverse the surrounding text are escaped in a citation.
function citation(item) {
  const place = `record ${item.record.toLocaleString("en")}${item.recordId ? ` (id ${item.recordId})` : ""} of ${item.source}` +
    `${item.field && item.field !== "text" ? `, field ${item.field}` : ""}, characters ${item.start} to ${item.end}, counted from 0`;
  const tweet = `tweet ${item.tweetId}${item.author ? ` by ${item.author}` : ""}${item.day ? `, ${item.day}` : ""}` +
    `${item.link ? `, ${item.link}` : ""}`;
  const texts = item.hasText ? [`: “${item.passage}”`, `: “${item.tweet}”`] : ["", ""];
  return `Exhibit ${item.number}. ${place}${texts[0]} – licensed ${tweet}${texts[1]} (${item.kind}, ${likeness(item)}, `
    .replace(INVISIBLE, (character) => `[${codeOf(character)}]`) +
    `${item.wording}, ${item.why}). ${document.querySelector(".masthead p").textContent.trim()}.`;
}


function digest(text) {
  return make("p", "text", make("code", "", text ? "SHA-256 " + text : "not kept: only the strongest matches of common or known wording keep their texts"));
}

// A partial match is described by the share of the tweet that it contains.
const likeness = (item) => (item.level === "partial" ? `${percentText(item.containment)} of the tweet`
  : `${percentText(item.similarity)} alike`);

// Makes one card. It calls `act(row, action, value)` for accepted, rejected, unsure, note, cite and save. Without `act`, the card
// has whole texts and no buttons.
function card(item, runs, mark, act) {
  const node = make("article", "exhibit"), title = make("h3", "", `Exhibit ${item.number.toLocaleString("en")}`);
  node.id = "exhibit-" + item.number;
  title.id = node.id + "-title";
  node.tabIndex = -1;
  node.dataset.row = item.row;
  node.setAttribute("aria-labelledby", title.id);
  const wording = make("span", item.counted ? "badge" : "badge soft", item.wording);
  wording.title = item.why;
  const address = make("a", "", "link");
  address.href = "#exhibit-" + item.number;
  address.setAttribute("aria-label", `Link to exhibit ${item.number}`);
  node.append(make("header", "", title,
    make("span", "badge", item.kind), make("span", "", likeness(item)), wording, act ? address : ""));

  const left = make("div", "", make("p", "place", `In the dataset: record ${item.record.toLocaleString("en")}`,
    ...(item.recordId ? [" (id ", isolated(item.recordId), ")"] : []), " of ", isolated(item.source),
    ...(item.field && item.field !== "text" ? [", field ", isolated(item.field)] : []),
    `, characters ${item.start.toLocaleString("en")} to ${item.end.toLocaleString("en")}`));
  const id = isolated(item.tweetId);
  if (item.link) {
    const link = make("a", "", id);
    link.href = item.link;
    link.rel = "noreferrer noopener";
    link.target = "_blank";
    id.link = link;
  }
  const right = make("div", "", make("p", "place", "Licensed tweet ", id.link || id,
    ...(item.author ? [" by ", isolated(item.author)] : []), ...(item.day ? [", ", make("span", "whole", item.day)] : []),
    item.tweets > 1 ? `; the earliest of ${item.tweets.toLocaleString("en")} licensed tweets with this text` : ""));
  left.append(item.hasText ? markedText(item.passage, runs[0], item.before, item.after, item.lang, !act) : digest(item.passage));
  right.append(item.hasText ? markedText(item.tweet, runs[1], "", "", item.lang, !act) : digest(item.tweet));
  node.append(make("div", "sides", left, right));
  const said = differenceSentence(item, runs);
  if (said) node.append(appendText(make("p", "said"), said));

  if (!act) return node;

  const footer = make("footer", "");
  const state = make("span", "verdict", mark.verdict || "none");
  footer.append(make("span", "", "Your mark: ", state));
  for (const [verdict, label] of [["accepted", "Accept"], ["rejected", "Reject"], ["unsure", "Unsure"]]) {
    const button = make("button", "", label);
    button.type = "button";
    button.setAttribute("aria-pressed", String(mark.verdict === verdict));
    button.dataset.verdict = verdict;
    button.addEventListener("click", () => act(item.row, verdict));
    footer.append(button);
  }
  const note = make("button", "", mark.note ? "Edit note" : "Add note"), cite = make("button", "", "Copy citation");
  const save = make("button", "", "Save this exhibit");
  note.type = cite.type = save.type = "button";
  note.addEventListener("click", () => { noteField(node, item, mark, act).focus(); });
  cite.addEventListener("click", () => act(item.row, "cite", cite));
  save.addEventListener("click", () => act(item.row, "save", node));
  footer.append(make("span", "spacer"), note, cite, save);
  node.append(footer);
  if (mark.note) noteField(node, item, mark, act);
  return node;
}

function noteField(node, item, mark, act) {
  const there = node.querySelector("textarea");
  if (there) return there;
  const area = make("textarea", ""), label = make("label", "", `Note on exhibit ${item.number}`);
  area.id = `note-${item.number}`;
  label.htmlFor = area.id;
  area.value = mark.note;
  area.addEventListener("change", () => act(item.row, "note", area.value));
  node.querySelector("footer").append(make("p", "note", label, area));
  return area;
}

// Returns a page with one exhibit, which needs no other file and no script.
function exhibitPage(item, runs, mark) {
  const page = make("html", ""), node = card(item, runs, mark), head = make("head", ""), title = make("title", "", `Exhibit ${item.number}`);
  const charset = make("meta", ""), policy = make("meta", ""), viewport = make("meta", ""), style = document.querySelector("style").cloneNode(true);
  charset.setAttribute("charset", "utf-8");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = document.querySelector("meta[http-equiv]").content;
  viewport.name = "viewport";
  viewport.content = "width=device-width, initial-scale=1";
  page.lang = "en";
  head.append(charset, policy, viewport, title, style);
  const verdict = mark.verdict && make("p", "", `Mark: ${mark.verdict}. ${mark.note || ""}`);
  const legend = make("p", "soft", ...Array.from(document.getElementById("legend").cloneNode(true).childNodes),
    " A match alone does not show who copied from whom.");
  const bits = make("p", "soft", document.getElementById("bits").textContent);
  page.append(head, make("body", "", make("main", "", node, verdict || "", make("p", "said", citation(item)), legend, bits)));
  return `<!doctype html>\n${page.outerHTML}\n`;
}

// Shows a new verdict on a card of the page.
function showVerdict(node, verdict) {
  node.querySelector(".verdict").textContent = verdict || "none";
  for (const button of node.querySelectorAll("[data-verdict]")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
  }
}
