// Picks this device's time zone in the sign-up form, and says what time it is there.
(() => {
  const zones = document.getElementById("timezone");
  const note = document.getElementById("timezone-note");
  if (!zones) return;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (here && "guess" in zones.dataset) {
    if (![...zones.options].some((zone) => zone.value === here)) zones.add(new Option(here.replaceAll("_", " "), here));
    zones.value = here;
  }
  const hour = note.textContent;
  const tell = () => {
    note.textContent = hour;
    if (!zones.value) return;
    const clock = { hour: "numeric", minute: "2-digit", timeZone: zones.value };
    note.textContent = `${hour} It is ${new Date().toLocaleTimeString("en-US", clock).toLowerCase()} there now.`;
  };
  zones.addEventListener("change", tell);
  tell();
})();
