/**
 * What an administrator may do: switch capturing, mute who floods, clean up, make and revoke keys. Each act needs
 * an admin key and is recorded.
 */

import { change, get } from "./api.js";
import { card } from "./cards.js";
import { copy, el, fill, note } from "./dom.js";
import { ago, clean, number, plural } from "./words.js";

const CONFIRM = "delete all logs";
/** What has to be typed before the store is emptied. */

const RECORDS = 12;

/** Cards with acts; each reads itself again after its act. */
export function acts() {
  const all = [capture(), mutes(), cleanup(), keys(), audit()];
  const again = () => Promise.all(all.map((one) => one.read(again)));
  again();
  return all.map((one) => one.element);
}

/** A card that *read* fills; a refusal is told in it. */
function shelf(title, read, wide = false) {
  const body = el("div");
  const element = card(title, body);
  if (wide) element.classList.add("wide");
  const filled = async (again) => {
    try {
      fill(body, ...(await read((act) => done(act, again))));
    } catch (error) {
      const words = error.status === 401 || error.status === 403 ? "This needs an admin key." : error.message;
      fill(body, el("p.quiet", {}, words));
    }
  };
  return { element, read: filled };
}

async function done(act, again) {
  try {
    const said = await act();
    again();
    return said;
  } catch (error) {
    note(error.message);
    return null;
  }
}

function capture() {
  return shelf("Capturing in pages", async (doing) => {
    const { capture: on, said_by: by } = await get("/api/v1/switches");
    const set = (value) => () => doing(() => change("POST", "/api/v1/switches", { capture: value }));
    const words = on ? "Pages with the browser client capture." : "Pages capture nothing.";
    const flip = el("button", { onclick: set(!on) }, on ? "Switch off" : "Switch on");
    const back = by === "operator" ? el("button", { onclick: set(null) }, "As the settings say") : null;
    return [el("p", {}, words, " ", el("span.quiet", {}, by === "operator" ? "Said by an operator." : "Said by the settings.")), el("p.chips", {}, flip, back ?? "")];
  });
}

function mutes() {
  return shelf("Muted", async (doing) => {
    const { mutes: all } = await get("/api/v1/mutes");
    const rows = all.map((one) => {
      const end = el("button", { onclick: () => doing(() => change("DELETE", `/api/v1/mutes/${encodeURIComponent(one.id)}`)) }, "End");
      const who = [one.system, one.source].filter(Boolean).map(clean).join(" / ");
      return el("tr", {}, el("td", {}, who, one.errors ? ", errors too" : ""), el("td", {}, clean(one.why)), el("td", {}, `${Math.max(1, Math.round((one.until_ms - Date.now()) / 60_000))} min left`), el("td.n", {}, end));
    });
    const system = el("input", { placeholder: "system", "aria-label": "System to mute", required: true, size: 14 });
    const minutes = el("input", { type: "number", value: 60, min: 1, max: 10080, "aria-label": "Minutes" });
    const form = el("form.row", {}, system, minutes, el("span.quiet", {}, "min"), el("button", {}, "Mute"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      doing(() => change("POST", "/api/v1/mutes", { system: system.value.trim(), minutes: Number(minutes.value) }));
    });
    const list = rows.length ? el("div.scrolls", {}, el("table", {}, el("tbody", {}, ...rows))) : el("p.quiet", {}, "Everybody is heard. What is muted is counted, and errors pass.");
    return [list, form];
  });
}

function cleanup() {
  return shelf("Clean-up", async (doing) => {
    const said = el("p.quiet", { role: "status" }, "First it is shown what would go; nothing is deleted unasked.");
    const safe = el("button", {
      onclick: async () => {
        const found = await doing(() => change("POST", "/api/v1/cleanup", { mode: "safe", dry_run: true }));
        if (!found) return;
        const go = el("button", { onclick: async () => note(counted(await doing(() => change("POST", "/api/v1/cleanup", { mode: "safe" })))) }, "Remove these");
        fill(said, counted(found), " ", go);
      },
    }, "What is left over?");
    const all = el("button.danger", { onclick: () => emergency(doing) }, "Empty the store …");
    return [said, el("p.chips", {}, safe, all)];
  });
}

/** What a clean-up found, in words. */
function counted(found) {
  if (!found) return "nothing was done";
  const numbers = Object.entries(found).filter(([name, value]) => typeof value === "number" && value > 0 && name !== "size_bytes");
  return numbers.length ? numbers.map(([name, value]) => `${number(value)} ${name.replaceAll("_", " ")}`).join(", ") : "Nothing is left over.";
}

async function emergency(doing) {
  const found = await doing(() => change("POST", "/api/v1/cleanup", { mode: "emergency", dry_run: true }));
  if (!found) return;
  const box = el("input", { "aria-label": `Type ${CONFIRM}`, autocomplete: "off", size: 18 });
  const go = el("button.danger", { disabled: true }, "Empty the store");
  box.addEventListener("input", () => (go.disabled = box.value !== CONFIRM));
  const sheet = el("dialog", { "aria-label": "Empty the store" }, el("h2", {}, "Empty the store"), el("p", {}, `This deletes ${counted(found)}, of every system, for good. It is recorded.`), el("p", {}, "Type ", el("code", {}, CONFIRM), " to mean it."), el("form.row", { method: "dialog" }, box, go, el("button", { value: "no" }, "Keep everything")));
  go.addEventListener("click", (event) => {
    event.preventDefault();
    sheet.close();
    doing(() => change("POST", "/api/v1/cleanup", { mode: "emergency", confirm: box.value })).then((told) => note(counted(told)));
  });
  document.body.append(sheet);
  sheet.addEventListener("close", () => sheet.remove());
  sheet.showModal();
  box.focus();
}

function keys() {
  return shelf("Keys", async (doing) => {
    const { keys: all, open } = await get("/api/v1/keys");
    const rows = all.map((key) => {
      const revoke = key.kept === "store" ? el("button", { onclick: () => doing(() => change("DELETE", `/api/v1/keys/${encodeURIComponent(key.id)}`)) }, "Revoke") : el("span.quiet", {}, "in the settings");
      const bound = [key.system, ...(key.origins ?? [])].filter(Boolean).map(clean).join(", ");
      return el("tr", {}, el("td", {}, clean(key.name || key.id)), el("td", {}, clean(key.role), key.public ? ", public" : ""), el("td", {}, bound), el("td", {}, key.created_ms ? ago(key.created_ms, Date.now()) : ""), el("td.n", {}, revoke));
    });
    const head = el("tr", {}, ...["name", "role", "bound to", "made"].map((name) => el("th", {}, name)), el("th.n", {}, ""));
    const list = rows.length ? el("div.scrolls", {}, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))) : "";
    return [open ? el("p.quiet", {}, "Nobody needs a key on this machine. The first key must be an admin key; from then on everybody is asked for one.") : "", list, maker(doing, open)];
  }, true);
}

function maker(doing, open) {
  const name = el("input", { placeholder: "name", "aria-label": "Name of the key" });
  const role = el("select", { "aria-label": "Role" }, ...(open ? ["admin"] : ["ingest", "read", "admin"]).map((said) => el("option", {}, said)));
  const origins = el("input", { placeholder: "origins of pages, with spaces", "aria-label": "Origins that a page's key is bound to", size: 30 });
  const system = el("input", { placeholder: "system", "aria-label": "System that the key is bound to", size: 10 });
  const form = el("form.row", {}, name, role, system, origins, el("button", {}, "Make a key"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = { name: name.value.trim(), role: role.value, origins: origins.value.split(/\s+/).filter(Boolean), system: system.value.trim() || null };
    const made = await doing(() => change("POST", "/api/v1/keys", wanted));
    if (made) once(made.token);
  });
  return form;
}

/** Show a new key, this once. */
function once(token) {
  const sheet = el("dialog", { "aria-label": "The new key" }, el("h2", {}, "The new key"), el("p", {}, "It is shown this once; the server keeps its hash only."), el("pre.mono", { tabindex: 0 }, token), el("p.chips", {}, el("button", { onclick: () => copy(token, "the key") }, "Copy"), el("button", { onclick: () => sheet.close() }, "Done")));
  document.body.append(sheet);
  sheet.addEventListener("close", () => sheet.remove());
  sheet.showModal();
}

function audit() {
  return shelf("Who changed what", async () => {
    const { records } = await get("/api/v1/audit", { limit: RECORDS });
    if (!records.length) return [el("p.quiet", {}, "Nothing was changed yet.")];
    const rows = records.map((one) => el("tr", {}, el("td", {}, ago(one.at_ms, Date.now())), el("td", {}, clean(one.who ?? "")), el("td", {}, clean(one.what)), el("td", {}, clean(details(one.detail)))));
    return [el("div.scrolls", {}, el("table", {}, el("tbody", {}, ...rows))), el("p.quiet", {}, plural(records.length, "record"), " shown, the latest first.")];
  }, true);
}

function details(detail) {
  return Object.entries(detail ?? {}).filter(([, value]) => value !== null && value !== "" && value !== 0).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
}
