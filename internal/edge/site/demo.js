"use strict";

// How to listen to hassesd from a page. The browser does the work: EventSource connects again by itself when the
// connection ends, tells the daemon the last id it saw, and so misses nothing that is still in the daemon's history.

const path = document.body.dataset.path;
const element = (id) => document.getElementById(id);
const shown = 200; // events in the list

let source = null; // the EventSource, while there is one
let opened = 0; // how often it has been opened
let events = 0;
let gaps = 0;

element("all").hidden = document.body.dataset.all !== "yes";
element("rooms").addEventListener("input", showCommands);
element("disconnect").addEventListener("click", () => disconnect("closed"));
element("clear").addEventListener("click", () => {
  element("events").replaceChildren();
  element("nothing").hidden = false;
});
element("form").addEventListener("submit", (submit) => {
  submit.preventDefault();
  connect();
});
showCommands();

function connect() {
  disconnect("connecting");
  showProblem("");
  opened = 0;
  element("reconnects").textContent = "0";
  element("connect").disabled = true;
  element("disconnect").disabled = false;

  const url = streamURL();
  source = new EventSource(url);

  // Events without a name arrive as "message"; each other name needs a listener of its own.
  for (const name of new Set(["message", ...words("names")])) {
    source.addEventListener(name, showEvent);
  }

  // The daemon could not fill the gap since the last id: what this page knows may be old. A real page fetches the present
  // state from its server now, after a random while, as all other pages do the same; it does not load itself again.
  source.addEventListener("hasses.gap", (event) => {
    gaps++;
    element("gaps").textContent = gaps;
    showEvent(event);
  });

  source.addEventListener("open", () => {
    opened++;
    element("reconnects").textContent = opened - 1;
    showState("open");
  });

  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CONNECTING) {
      showState("connecting"); // the connection ended; the browser tries again by itself
    } else if (source.readyState === EventSource.CLOSED) {
      disconnect("refused"); // an answer other than 200: the browser has given up
      explain(url);
    }
  });
}

function disconnect(state) {
  if (source) {
    source.close();
    source = null;
  }
  element("connect").disabled = false;
  element("disconnect").disabled = true;
  showState(state);
}

// streamURL names one room a parameter, so that a room may have a "-" in its name.
function streamURL() {
  const query = new URLSearchParams();
  for (const room of words("rooms")) {
    query.append("room", room);
  }
  return new URL(path + "?" + query, location.origin).href;
}

// explain asks once more with fetch, because EventSource does not tell why it was refused.
async function explain(url) {
  const request = new AbortController();
  try {
    const response = await fetch(url, { signal: request.signal });
    if (!response.ok) {
      const body = await response.json();
      showProblem(response.status + " " + body.error.code + ": " + body.error.message);
    }
  } catch {
    showProblem("The daemon did not answer.");
  } finally {
    request.abort(); // an answer that is a stream would not end
  }
}

// What comes from others is shown with textContent, never as HTML.
function showEvent(event) {
  const item = document.createElement("li");
  item.className = event.type === "hasses.gap" ? "gap" : "";
  item.append(text("span", "id", event.lastEventId), text("span", "name", event.type), text("p", "data", event.data));

  const list = element("events");
  list.prepend(item);
  while (list.children.length > shown) {
    list.lastChild.remove();
  }

  events++;
  element("count").textContent = events;
  element("last").textContent = event.lastEventId || "none";
  element("nothing").hidden = true;
}

function text(tag, className, content) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = content;
  return node;
}

function showState(state) {
  element("state").textContent = state;
  element("state").dataset.state = state;
}

function showProblem(message) {
  element("problem").textContent = message;
  element("problem").hidden = message === "";
}

function showCommands() {
  const room = words("rooms")[0] || "room1";
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  // On a laptop the certificate is the daemon's own, which curl does not know.
  const trust = local && location.protocol === "https:" ? "--insecure " : "";
  element("send").textContent = "hassesctl send " + quote(room) + " 'hello'";
  element("listen").textContent =
    "hassesctl tail " + quote(room) + "\ncurl --no-buffer " + trust + quote(streamURL());
}

function words(id) {
  return element(id).value.split(/\s+/).filter((word) => word !== "");
}

// quote makes a word safe to paste into a shell.
function quote(word) {
  return /^[\w.-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
}
