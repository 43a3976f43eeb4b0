"use strict";
// Follows the jobs on the page that have not ended, launches a fetch and cancels one. Texts are only ever set as text.
const ask = (path, body) => fetch("/api/v1/fetches" + path, {
  method: "POST",
  headers: {"Content-Type": "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content},
  body: JSON.stringify(body),
});

function show(row, job) {
  row.querySelector(".state").textContent = job.state;
  row.querySelector(".counts").textContent =
    Object.entries(job.counts).sort().map(([state, count]) => `${count} ${state}`).join(", ");
}

for (const row of document.querySelectorAll("tr[data-job]")) {
  const id = row.dataset.job;
  const cancel = row.querySelector(".cancel");
  if (!cancel) continue;
  cancel.addEventListener("click", () => ask(`/${id}/cancel`, {}));
  const events = new EventSource(`/api/v1/fetches/${id}/events`);
  events.addEventListener("job", (event) => show(row, JSON.parse(event.data)));
  events.addEventListener("end", (event) => {
    events.close();
    cancel.remove();
    show(row, JSON.parse(event.data));
  });
}

document.getElementById("launch").addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = (name) => event.target.elements[name].value.split(/[\s,]+/).filter(Boolean);
  const reply = await ask("", {countries: words("countries"), dates: words("dates")});
  if (reply.ok) {
    location.reload();
  } else {
    document.getElementById("trouble").textContent = (await reply.json()).detail;
  }
});
