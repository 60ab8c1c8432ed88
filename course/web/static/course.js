// Lessons can be dragged to another place. It ends at the same page as the buttons: nothing moves before it was seen.
const list = document.querySelector("[data-lessons]");
let held = null;
const below = (y) =>
  [...list.children].find((item) => item !== held && y < item.getBoundingClientRect().top + item.offsetHeight / 2);
for (const item of list.children) {
  const grip = document.createElement("span");
  grip.className = "grip";
  grip.title = "Drag to another place";
  grip.setAttribute("aria-hidden", "true");
  grip.addEventListener("pointerdown", (event) => {
    held = item;
    held.start = [...list.children].indexOf(item);
    held.classList.add("held");
    grip.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  grip.addEventListener("pointermove", (event) => {
    if (held === item) list.insertBefore(item, below(event.clientY) ?? null);
  });
  grip.addEventListener("pointerup", () => {
    if (held !== item) return;
    held = null;
    item.classList.remove("held");
    const place = [...list.children].indexOf(item);
    if (place === item.start) return;
    const form = item.querySelector(".moves form");
    form.elements.place.value = place + 1;
    form.submit();
  });
  item.querySelector(".at").prepend(grip);
}
