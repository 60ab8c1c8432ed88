// Does the proof of work of a crowded sign-up (ALTCHA's, in its worker), then sends the form by itself. Where that is
// not possible nothing changes: the form is good after a few seconds.
(() => {
  const form = document.querySelector("[data-work]");
  const status = document.getElementById("waiting");
  if (!window.Worker || !window.crypto?.subtle) return;
  const before = status.textContent;
  const worker = new Worker("/static/vendor/altcha-pbkdf2-3.2.2.js");
  const giveUp = () => {
    worker.terminate();
    status.textContent = before;
  };
  worker.addEventListener("error", giveUp);
  worker.addEventListener("message", ({ data }) => {
    if (!Number.isInteger(data?.counter)) return giveUp();
    worker.terminate();
    form.elements.work.value = data.counter;
    const typing = form.contains(document.activeElement) && document.activeElement.matches("input");
    if ("alone" in form.dataset && !typing) {
      status.textContent = "Done. Signing you up …";
      form.requestSubmit();
    } else {
      status.textContent = "Done. Press the button.";
    }
  });
  status.textContent = "Your browser is doing a small sum for us. This takes a second or two.";
  worker.postMessage({ type: "work", challenge: { parameters: JSON.parse(form.dataset.work) }, timeout: 60000 });
})();
