// Store the verdicts of one reviewer in the browser, and save them to a file.
const list = document.documentElement.dataset.run;
const storageKey = `provscan-review-${list}`;
const cards = [...document.querySelectorAll("article")];
const reviewer = document.getElementById("reviewer");
const chosen = (card) => card.querySelector("input[type=radio]:checked")?.value ?? "";
const noted = (card) => card.querySelector("input[type=text]").value;

function state() {
  return {
    list,
    reviewer: reviewer.value.trim(),
    verdicts: cards.map((card) => ({
      pair: Number(card.dataset.pair), verdict: chosen(card), note: noted(card),
    })),
  };
}

function restore() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(storageKey));
    localStorage.setItem(`${storageKey}-test`, "1");
    localStorage.removeItem(`${storageKey}-test`);
  } catch {
    document.getElementById("not-stored").hidden = false;
  }
  if (!kept) return;
  reviewer.value = kept.reviewer;
  for (const { pair, verdict, note } of kept.verdicts) {
    const card = cards[pair - 1];
    for (const input of card.querySelectorAll("input[type=radio]")) input.checked = input.value === verdict;
    card.querySelector("input[type=text]").value = note;
  }
}

function changed() {
  for (const card of cards) card.classList.toggle("judged", chosen(card) !== "");
  const done = cards.filter((card) => chosen(card)).length;
  document.getElementById("progress").textContent = `${done} of ${cards.length} judged`;
  try {
    localStorage.setItem(storageKey, JSON.stringify(state()));
  } catch {
    document.getElementById("not-stored").hidden = false;
  }
}

const current = () => Math.max(0, cards.indexOf(document.activeElement.closest("article")));

function go(number) {
  const card = cards[Math.min(cards.length - 1, Math.max(0, number))];
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "start" });
}

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.type === "text") return;
  const started = document.activeElement.closest("article") !== null;
  if (event.key === "j") go(started ? current() + 1 : 0);
  else if (event.key === "k") go(current() - 1);
  else if (["1", "2", "3"].includes(event.key) && started) {
    const card = cards[current()];
    card.querySelectorAll("input[type=radio]")[Number(event.key) - 1].checked = true;
    changed();
    go(current() + 1);
  } else return;
  event.preventDefault();
}

function save() {
  if (!reviewer.value.trim()) {
    reviewer.focus();
    document.getElementById("progress").textContent = "Enter your name first";
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(state(), null, 1)], { type: "application/json" }));
  link.download = `verdicts-${reviewer.value.trim().replace(/[^\p{L}\p{N}]+/gu, "-")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

restore();
changed();
document.addEventListener("input", changed);
document.addEventListener("keydown", pressed);
document.getElementById("save").addEventListener("click", save);
