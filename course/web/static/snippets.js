// Keeps the snippets in step with what is typed, and copies them.
const form = document.querySelector("[data-snippets]");
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&#34;").replaceAll("<", "&lt;");
const update = () => {
  const source = form.elements.source.value.trim() || "blog";
  const ours = form.elements.look.value === "ours";
  for (const id of ["plain", "scripted"]) {
    const code = document.getElementById(id);
    code.textContent = code.textContent.replace(/(name="source" value=")[^"]*/, (_, start) => start + escaped(source));
  }
  const code = document.getElementById("scripted");
  code.textContent = code.textContent.replace(/^(<form [^>]*?)( data-look)?>/, (_, start) => `${start}${ours ? " data-look" : ""}>`);
  for (const frame of document.querySelectorAll(".form-frame")) {
    const url = new URL(frame.src);
    if (url.searchParams.get("look") === form.elements.look.value) continue;
    url.searchParams.set("look", form.elements.look.value);
    frame.src = url;
  }
};
form.addEventListener("input", update);
update(); // somebody may have typed before this was here, or come back to a page that was filled in
form.querySelector("[data-show]").hidden = true;
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const said = button.parentElement.querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "Your browser does not let us copy: select the text and copy it.";
    }
  });
}
