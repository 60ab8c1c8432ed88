// Buttons that print the certificate, and hand its picture to the device's own way of sharing. Without this script there
// are the browser's ways, and the link to save the picture.
(() => {
  const name = "certificate.png", type = "image/png";
  const offer = (id, act) => {
    const button = document.getElementById(id);
    button.hidden = false;
    button.addEventListener("click", act);
  };
  offer("print", () => print());
  if (!navigator.canShare?.({ files: [new File(["a"], name, { type })] })) return;
  offer("share", async () => {
    const picture = await (await fetch(document.querySelector(".picture").src)).blob();
    await navigator.share({ files: [new File([picture], name, { type })] }).catch(() => {}); // closed without sharing
  });
})();
