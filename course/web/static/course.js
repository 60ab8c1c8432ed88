// Lessons can be dragged to another place. It ends at the same page as the buttons: nothing moves before it was seen.
const list = document.querySelector("[data-lessons]");
const below = (held, y) =>
  [...list.children].find((item) => item !== held && y < item.getBoundingClientRect().top + item.offsetHeight / 2);

// The whole document listens: an item that is put elsewhere in the list would lose a capture of its own.
function drag(item, start) {
  const follow = (event) => list.insertBefore(item, below(item, event.clientY) ?? null);
  const end = (event) => {
    document.removeEventListener("pointermove", follow);
    document.removeEventListener("pointerup", end);
    document.removeEventListener("pointercancel", end);
    item.classList.remove("held");
    const place = [...list.children].indexOf(item);
    if (event.type === "pointercancel" || place === start) return list.insertBefore(item, list.children[start]);
    const form = item.querySelector(".moves form");
    form.elements.place.value = place + 1;
    form.submit();
  };
  item.classList.add("held");
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerup", end);
  document.addEventListener("pointercancel", end);
}

for (const item of list.children) {
  const grip = document.createElement("span");
  grip.className = "grip";
  grip.title = "Drag to another place";
  grip.setAttribute("aria-hidden", "true");
  grip.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    drag(item, [...list.children].indexOf(item));
  });
  item.querySelector(".at").prepend(grip);
}
