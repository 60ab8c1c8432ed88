// Makes the sign-up form of a course, in any page, answer in place and send the time zone. No cookie, no third party,
// nothing is sent before the button. Whatever fails here: the form is posted as if this script were not there.
(() => {
  const origin = new URL(document.currentScript.src).origin;
  // Our look, for forms with data-look. An adopted sheet is no inline style, so the page's policy need not allow any.
  const css = `form[data-look]{--a:#17663f;--i:#20281f;--p:#fdfdf8;--r:#d0d6c2;--b:#a02718;box-sizing:border-box;
max-width:28rem;padding:1.25rem;border:1px solid var(--r);border-top:4px solid var(--a);background:var(--p);
color:var(--i);font:1rem/1.5 system-ui,sans-serif;text-align:left;
& p,& label,& small{margin:0 0 .9rem;color:inherit;font-size:1rem}
& p:last-of-type{margin:0}
& label{font-weight:600}
& input,& button{box-sizing:border-box;width:100%;min-height:3rem;padding:.5rem .7rem;border:1px solid #7c8672;
border-radius:3px;background:none;color:inherit;font:inherit}
& input{font-weight:400}
& button{border-color:var(--a);background:var(--a);color:var(--p);font-weight:700;cursor:pointer}
& :focus-visible{outline:3px solid var(--a);outline-offset:2px}
& [role=alert]{color:var(--b)}}
@supports(color:light-dark(red,red)){form[data-look]{--a:light-dark(#17663f,#8fd3a2);--i:light-dark(#20281f,#e6eadc);
--p:light-dark(#fdfdf8,#1e261e);--r:light-dark(#d0d6c2,#3c4839);--b:light-dark(#a02718,#ffa596)}}`;

  const say = (form, role, text) => {
    let box = form.querySelector("[role=alert],[role=status]");
    if (!box) form.prepend((box = document.createElement("p")));
    box.setAttribute("role", role);
    box.tabIndex = -1;
    box.style.fontWeight = "bold";
    box.textContent = text;
    return box;
  };

  const refuse = (form, errors) => {
    const wrong = Object.keys(errors).map((name) => form.elements[name]).filter((field) => field?.labels?.length);
    const box = say(form, "alert", Object.values(errors).join(". "));
    box.id = `course-wrong-${[...document.forms].indexOf(form)}`;
    for (const field of wrong) {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", box.id);
    }
    (wrong[0] || box).focus();
  };

  const send = async (form) => {
    const response = await fetch(form.action, {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
      signal: AbortSignal.timeout(15000),
    });
    const said = await response.json();
    if (response.status === 422 && said.errors) return refuse(form, said.errors);
    if (response.status !== 202) throw said;
    const box = say(form, "status", said.message);
    form.replaceChildren(box);
    box.focus();
  };

  const begin = (form) => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && !form.elements.timezone) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "timezone", value: zone }));
    }
    let busy = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
      say(form, "status", "One moment …");
      try {
        await send(form);
      } catch {
        HTMLFormElement.prototype.submit.call(form);
      }
      busy = false;
    });
  };

  const start = () => {
    const forms = [...document.forms].filter((form) => form.action === `${origin}/signups`);
    forms.forEach(begin);
    if (!forms.some((form) => "look" in form.dataset)) return;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
