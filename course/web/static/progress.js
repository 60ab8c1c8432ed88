// How far a list is, without loading the whole page again. Without this script the page loads itself anew.
const box = document.getElementById("progress");
const look = async () => {
  const answer = await fetch(location.href, { headers: { "Accept": "text/html" } });
  if (!answer.ok || answer.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("progress");
  if (!fresh || fresh.dataset.state !== "running") return location.reload();
  for (const part of [".lede", ".sums", "progress"]) box.querySelector(part).replaceWith(fresh.querySelector(part));
  return setTimeout(look, 1000);
};
setTimeout(look, 1000);
