"use strict";
// Sends the forms that name an address of the API, follows jobs and a customer. Texts are only ever set as text; the one
// part of a page that is put in whole comes from the server, where everything in it was escaped.
const trouble = document.getElementById("trouble");
const complain = (text) => { trouble.textContent = text; };

function value(field) {
  if (field.type === "checkbox") return field.checked;
  if ("number" in field.dataset) return Number(field.value);
  if ("whole" in field.dataset) return [field.value];
  if ("words" in field.dataset) return field.value.split(/[\s,]+/).filter(Boolean);
  return field.value;
}

function body(form) {
  const told = {};
  for (const field of form.elements) {
    if (!field.name || field.type === "file") continue;
    const said = value(field);
    if (!(Array.isArray(said) && said.length === 0 && !field.required)) told[field.name] = said;
  }
  return told;
}

// What stands in front of a form may want a word of its own in every request (a token against forgery).
const guarded = (headers) => {
  const token = document.querySelector("meta[name=csrf-token]");
  return token ? {...headers, "X-CSRF-Token": token.content} : headers;
};

function ask(form) {
  const file = form.querySelector("input[type=file]");
  if (!file) {
    return fetch(form.dataset.api, {
      method: "POST",
      headers: guarded({"Content-Type": "application/json"}),
      body: JSON.stringify(body(form)),
    });
  }
  const query = new URLSearchParams({name: file.files[0].name, ...body(form)});
  const kind = file.files[0].type || "application/octet-stream";
  return fetch(`${form.dataset.api}?${query}`, {method: "POST", headers: guarded({"Content-Type": kind}), body: file.files[0]});
}

function list(lines) {
  const made = document.createElement("ul");
  for (const line of lines) made.appendChild(document.createElement("li")).textContent = line;
  return made;
}

const SAY = {
  drop: (told) => Object.keys(told.drop).length
    ? Object.entries(told.drop).map(([who, why]) => `${who}: ${why}`) : ["Everybody on the list may still be contacted."],
  sent: (told) => [...Object.entries(told.sent).map(([why, count]) => `${count} sent again: ${why}`),
    ...Object.entries(told.left).map(([why, count]) => `${count} left: ${why}: ${told.why[why]}`)],
  sheet: (told) => [`${told.file}: ${told.rows} rows, ${told.taken} ${told.sent ? "taken" : "would be taken"}.`,
    ...told.refused.map((one) => `Row ${one.row} was refused: ${one.why}`)],
};

function say(told) {
  const place = document.getElementById("said");
  place.replaceChildren(told);
  place.scrollIntoView({block: "nearest"});
}

async function send(event) {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  if (form.dataset.sure && !window.confirm(form.dataset.sure)) return;
  complain("");
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const reply = await ask(form);
    const told = await reply.json();
    if (!reply.ok) complain(told.detail);
    else if (form.dataset.go) location.assign(form.dataset.go + encodeURIComponent(told.id));
    else if (form.dataset.say) say(list(SAY[form.dataset.say](told)));
    else location.reload();
  } catch {
    complain("The console did not answer. Is it still there?");
  } finally {
    button.disabled = false;
  }
}
document.addEventListener("submit", send);

function show(row, job) {
  row.querySelector(".state").textContent = job.state;
  row.querySelector(".counts").textContent =
    Object.entries(job.counts).sort().map(([state, count]) => `${count} ${state}`).join(", ");
}

function follow(row) {
  const events = new EventSource(`/api/v1/fetches/${encodeURIComponent(row.dataset.job)}/events`);
  events.addEventListener("job", (event) => show(row, JSON.parse(event.data)));
  events.addEventListener("cell", (event) => {
    const cell = JSON.parse(event.data);
    const line = document.querySelector(`[data-cell="${CSS.escape(`${cell.country} ${cell.date} ${cell.fetcher}`)}"]`);
    for (const name of line ? ["state", "rows", "seconds", "error"] : []) line.querySelector(`.${name}`).textContent = cell[name] ?? "";
  });
  events.addEventListener("end", (event) => {
    events.close();
    show(row, JSON.parse(event.data));
  });
}
const open = [...document.querySelectorAll("[data-job]")].filter((row) => ["queued", "running"].includes(row.dataset.state));
open.slice(0, 4).forEach(follow); // a browser keeps few connections to one address

const live = document.getElementById("live");
if (live) {
  const said = document.getElementById("followed");
  const events = new EventSource(live.dataset.events);
  let first = true;
  events.addEventListener("row", async () => {
    if (!first) {
      const reply = await fetch(live.dataset.part);
      const opened = new Set([...live.querySelectorAll("details[open] summary")].map((one) => one.textContent));
      if (reply.ok) live.innerHTML = await reply.text();
      for (const one of live.querySelectorAll("details")) one.open = opened.has(one.querySelector("summary").textContent);
    }
    said.textContent = first ? "Followed: what happens now is shown by itself." : `Changed at ${new Date().toLocaleTimeString()}.`;
    first = false;
  });
  events.addEventListener("trouble", (event) => { said.textContent = JSON.parse(event.data).trouble; });
}
