// Sends what a reader filled in, as the page itself would: with their session, or with the key that they gave.
"use strict";

for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const output = form.querySelector("output");
    output.textContent = "…";
    send(form).then(
      (text) => (output.textContent = text),
      (error) => (output.textContent = `Nothing answered: ${error.message}`),
    );
  });
}

async function send(form) {
  const headers = new Headers();
  const query = new URLSearchParams();
  let path = form.dataset.path;
  let body;
  for (const field of form.elements) {
    const place = field.dataset.in;
    if (place === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    if (place === "query" && field.value) query.set(field.name, field.value);
    if (place === "header" && field.value) headers.set(field.name, field.value);
    if (place === "body") {
      body = field.value;
      headers.set("Content-Type", field.dataset.type);
    }
  }
  const key = document.getElementById("key").value.trim();
  if (key) headers.set("Authorization", `Bearer ${key}`);
  const started = performance.now();
  const answer = await fetch(query.size > 0 ? `${path}?${query}` : path, { method: form.dataset.method, headers, body });
  const text = await answer.text();
  const took = Math.round(performance.now() - started);
  return `${answer.status} ${answer.statusText}, ${took} ms\n${pretty(text)}`;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
