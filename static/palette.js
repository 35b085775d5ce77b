// “Find or go”: a combobox with a list in a dialog. It leads, it never acts. Without this file the button is a link to the same results.
const opener = document.getElementById("find");
const dialog = document.getElementById("palette");

if (opener && dialog) {
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const said = dialog.querySelector("[role=status]");
  let from = opener, at = -1, timer, asked;

  const options = () => [...list.querySelectorAll("[role=option]")];
  const mark = (n, none = false) => {
    const found = options();
    at = none || !found.length ? -1 : (n + found.length) % found.length;
    found.forEach((option, i) => option.setAttribute("aria-selected", i === at));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", found[at].id);
    found[at].scrollIntoView({ block: "nearest" });
  };
  const show = (html) => { list.innerHTML = html; input.setAttribute("aria-expanded", list.childElementCount > 0); };

  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const url = new URL(opener.href);
    url.searchParams.set("q", input.value.slice(0, 200));
    try {
      const answer = await fetch(url, { headers: { "HX-Request": "true" }, signal: asked.signal });
      const elsewhere = answer.headers.get("HX-Redirect");
      if (elsewhere) return location.assign(elsewhere);
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
      mark(0, !input.value.trim());
      said.textContent = list.querySelector("#palette-count")?.textContent ?? "";
    } catch (error) {
      if (error.name === "AbortError") return;
      show("");
      list.append(Object.assign(document.createElement("p"), { className: "none", textContent: dialog.dataset.failed }));
      mark(0, true);
      said.textContent = dialog.dataset.failed;
    }
  };

  const open = () => {
    if (dialog.open) return dialog.close();
    from = document.activeElement && document.activeElement !== document.body ? document.activeElement : opener;
    input.value = "";
    said.textContent = "";
    dialog.showModal();
    ask();
  };

  opener.setAttribute("role", "button");
  opener.setAttribute("aria-haspopup", "dialog");
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  opener.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); open(); } });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") { event.preventDefault(); open(); }
  });

  input.addEventListener("input", () => { mark(0, true); clearTimeout(timer); timer = setTimeout(ask, 150); });
  input.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: () => at + 1, ArrowUp: () => (at < 0 ? -1 : at - 1), Home: () => 0, End: () => -1 };
    if (event.key in steps && options().length && !event.shiftKey) { event.preventDefault(); mark(steps[event.key]()); }
    if (event.key === "Enter" && at >= 0) { event.preventDefault(); options()[at].click(); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { asked?.abort(); clearTimeout(timer); show(""); from.focus(); });
}
