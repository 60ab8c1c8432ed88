// The lesson's page: saves as one types, shows the mail beside the text, takes pictures. Without it the page has the
// same buttons; they load it anew.
import "./vendor/markdown-toolbar-element-2.2.3.js";

const form = document.querySelector("[data-editor]");
const body = form.elements.body;
const state = form.querySelector("[data-state]");
const SAVE_AFTER = 5000, LOOK_AFTER = 500, SMALL = 20000; // milliseconds; characters that surely get out as a page closes
const SAVE_TO = form.getAttribute("action"); // one of the fields is called action too
form.dataset.live = "";
form.querySelector("[data-tools]").hidden = false;

// --- Saving ---

let held = "hold" in form.dataset; // another coach's text is there: only the button saves
let dirty = false, waiting = null, saving = null;

function say(text, bad = false) {
  state.textContent = text;
  state.classList.toggle("bad", bad);
}

function fields() {
  const data = new FormData(form);
  for (const name of ["picture", "alt", "everybody"]) data.delete(name);
  return data;
}

async function send(url, data) {
  const small = [...data.values()].every((value) => value.length < SMALL);
  const options = { method: "POST", body: data, headers: { Accept: "application/json" }, keepalive: small };
  return stillIn(await fetch(url, options));
}

function stillIn(answer) {
  if (answer.redirected) throw new Error("You were signed out. Sign in again in another tab, then press Save.");
  return answer;
}

async function freshToken() {
  // After signing in again in another tab this page's token is an old one.
  const answer = stillIn(await fetch(location.href));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const token = page.querySelector("[data-editor] [name=csrf_token]")?.value;
  for (const field of token ? document.querySelectorAll("[name=csrf_token]") : []) field.value = token;
  return Boolean(token);
}

async function save() {
  clearTimeout(waiting);
  waiting = null;
  while (saving) await saving;
  if (!dirty) return true;
  dirty = false;
  saving = write().catch((error) => {
    dirty = true;
    say(error instanceof TypeError ? "Not saved: the site does not answer. We keep trying." : error.message, true);
    later();
    return false;
  });
  const done = await saving;
  saving = null;
  return done;
}

async function write() {
  say("Saving…");
  let answer = await send(SAVE_TO, fields());
  if (answer.status === 400 && (await freshToken())) answer = await send(SAVE_TO, fields());
  if (answer.status >= 500) throw new TypeError();
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) {
    for (const field of document.querySelectorAll("[name=version]")) field.value = said.version;
    if (!dirty) say(said.said);
    return true;
  }
  dirty = true;
  held ||= answer.status === 409;
  say(said.conflict ? `${said.conflict} Your text is not saved: press Save to compare.` : said.error || "Not saved.", true);
  return false;
}

function later() {
  if (!held) waiting ??= setTimeout(save, SAVE_AFTER);
}

form.addEventListener("input", (event) => {
  if (["show", "as", "picture", "alt", "everybody"].includes(event.target.name)) return;
  dirty = true;
  if (!held) say("Not saved yet");
  later();
  count(event.target);
  lookSoon();
});
form.addEventListener("focusout", () => held || save());
addEventListener("pagehide", () => held || save());
document.addEventListener("visibilitychange", () => document.hidden && !held && save());
addEventListener("pageshow", (event) => event.persisted && location.reload());
let going = false;
addEventListener("beforeunload", (event) => {
  if (dirty && !going && state.classList.contains("bad")) event.preventDefault();
});

form.addEventListener("submit", async (event) => {
  // Another save may be on its way: a form that overtook it would meet a newer version, its own.
  if (held || going) {
    going = true;
    return; // the form carries the text with it
  }
  event.preventDefault();
  const button = event.submitter;
  dirty ||= button.value === "save";
  const done = await save();
  if ((done && button.value === "save") || (!done && !held)) return;
  going = true;
  setTimeout(() => form.requestSubmit(button)); // not while this event is still under way: it would be ignored
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.querySelector("[value=save]").click();
});

// --- How long a subject may be ---

function count(field) {
  const about = Number(field.dataset?.about);
  if (!about) return;
  const hint = document.getElementById(`${field.id}-hint`);
  hint.dataset.words ??= hint.textContent;
  const length = field.value.length;
  hint.textContent = length ? `${hint.dataset.words} This has ${length}.` : hint.dataset.words;
  hint.classList.toggle("over", length > about);
}
for (const field of form.querySelectorAll("[data-about]")) count(field);

// --- The mail beside the text ---

const stage = form.querySelector("[data-stage]");
let looking = null;

function lookSoon() {
  clearTimeout(looking);
  looking = setTimeout(look, LOOK_AFTER);
}

function look() {
  // Into a new frame, so that the browser's Back does not go through every letter, and nothing flickers.
  for (const late of stage.querySelectorAll(".coming")) late.remove();
  const old = stage.querySelector("iframe");
  const frame = old.cloneNode();
  frame.removeAttribute("src");
  frame.className = "coming";
  frame.name = `preview-${Date.now()}`;
  stage.append(frame);
  frame.addEventListener("load", () => {
    if (!frame.isConnected || frame.contentDocument?.URL === "about:blank") return;
    const top = old.contentDocument?.scrollingElement?.scrollTop ?? 0;
    frame.className = "";
    frame.name = "preview";
    old.remove();
    frame.contentDocument?.scrollingElement?.scrollTo({ top, behavior: "instant" });
  });
  const button = form.querySelector("[data-look]");
  button.formTarget = frame.name;
  copyFor(button).submit();
  check();
}

function copyFor(button) {
  // A form of its own: submitting ours would count as leaving the page.
  const copy = document.createElement("form");
  Object.assign(copy, { method: "post", action: button.formAction, target: button.formTarget, hidden: true });
  for (const [name, value] of fields()) {
    const field = document.createElement("textarea");
    Object.assign(field, { name, value });
    copy.append(field);
  }
  document.body.append(copy);
  setTimeout(() => copy.remove());
  return copy;
}

async function check() {
  const answer = await fetch(form.dataset.checks, { method: "POST", body: fields() }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const piece = new DOMParser().parseFromString(await answer.text(), "text/html");
  form.querySelector("[data-checks-here]").replaceChildren(...piece.body.childNodes);
}

form.querySelector(".glass").addEventListener("change", look);
form.querySelector("[data-look]").addEventListener("click", (event) => {
  event.preventDefault();
  look();
});
const fit = new ResizeObserver(() => stage.style.setProperty("--scale", Math.min(1, stage.clientWidth / 700)));
stage.dataset.scale = "";
fit.observe(stage);
const bar = form.querySelector(".bar");
new ResizeObserver(() => form.style.setProperty("--under-bar", `${bar.offsetHeight}px`)).observe(bar);

form.addEventListener("click", (event) => {
  const line = event.target.closest?.("[data-line]");
  if (!line) return;
  const field = form.querySelector(line.hash);
  const lines = field.value.split("\n");
  const at = lines.slice(0, line.dataset.line - 1).join("\n").length + (line.dataset.line > 1 ? 1 : 0);
  event.preventDefault();
  field.focus();
  field.setSelectionRange(at, at + (lines[line.dataset.line - 1] ?? "").length);
});

// --- Words and pictures into the text ---

function insert(text) {
  body.focus();
  // The only way that keeps the browser's own undo.
  if (!document.execCommand("insertText", false, text)) body.setRangeText(text, body.selectionStart, body.selectionEnd, "end");
  body.dispatchEvent(new Event("input", { bubbles: true }));
}
for (const button of form.querySelectorAll("[data-insert]")) {
  button.addEventListener("click", () => {
    button.closest("details").open = false;
    insert(button.dataset.insert);
  });
}

const box = document.getElementById("picture-box");
const file = form.elements.picture, alt = form.elements.alt;
const problem = form.querySelector("[data-picture-wrong]");

function take(files) {
  const found = [...files].find((one) => one.type.startsWith("image/"));
  if (!found) return false;
  const holder = new DataTransfer();
  holder.items.add(found);
  file.files = holder.files;
  open();
  alt.focus();
  return true;
}
function open() {
  box.open = true;
  box.scrollIntoView({ block: "center" });
}
form.querySelector("[data-picture]").addEventListener("click", () => {
  open();
  file.focus();
});
body.addEventListener("paste", (event) => take(event.clipboardData.files) && event.preventDefault());
body.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  body.classList.add("over-here");
});
body.addEventListener("dragleave", () => body.classList.remove("over-here"));
body.addEventListener("drop", (event) => {
  body.classList.remove("over-here");
  if (event.dataTransfer.files.length) event.preventDefault();
  take(event.dataTransfer.files);
});
form.querySelector("[data-add-picture]").addEventListener("click", async (event) => {
  event.preventDefault();
  const data = new FormData();
  for (const name of ["csrf_token", "alt"]) data.append(name, form.elements[name].value);
  if (file.files[0]) data.append("picture", file.files[0]);
  problem.textContent = "";
  try {
    const answer = await send(form.dataset.pictures, data);
    const said = await answer.json().catch(() => ({ error: "This file is too large" }));
    if (!answer.ok) throw new Error(said.error);
    insert(`\n\n${said.markdown}\n\n`);
    file.value = alt.value = "";
    box.open = false;
  } catch (error) {
    problem.textContent = `${error.message.replace(/\.$/, "")}.`;
  }
});
