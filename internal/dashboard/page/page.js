"use strict";

// The daemon sends the figures each second over one stream, and answers lists when it is asked. Everything it tells becomes
// text nodes: what clients have named (User-Agents, rooms, ids) is never markup.

const element = (id) => document.getElementById(id);
const kept = 900; // samples, as the daemon keeps them
const listEvery = 5000; // milliseconds between two looks at a list that is in view
const again = 2000; // milliseconds before the stream is asked for again

// The fields of a sample, in the daemon's order.
const AT = 0, STREAMS = 1, CONNECTIONS = 2, PUBLISHED = 3, SENT = 4, OPENED = 5, CLOSED = 6, REFUSED = 7, QUEUES = 8, MEMORY = 9, BLOCKED = 10, DROPPED = 11;

let key = sessionStorage.getItem("key") ?? ""; // shown to the daemon; the tab forgets it when it is closed
let samples = [];
let sendPath = ""; // where this page may send; empty: nowhere

// ---- Asking the daemon.

/** Asks for a path, with the key. The answer is good, or what is thrown says what is wrong. */
async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key !== "") headers.set("Authorization", "Bearer " + key);
  const answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  if (answer.ok) return answer;
  const problem = new Error(`the daemon answers ${answer.status}`);
  problem.status = answer.status;
  try {
    problem.message = (await answer.json()).error.message;
  } catch {
    // it is not the daemon's own answer
  }
  throw problem;
}

/** Follows the stream of figures, for ever. */
async function follow() {
  for (;;) {
    try {
      const answer = await ask("/api/live");
      showProblem("problem", "");
      await readEvents(answer.body, (name, data) => (name === "start" ? begin(data) : update(data)));
      showState("connecting", "connecting");
    } catch (problem) {
      if (problem.status === 401 || problem.status === 403) {
        askForKey(key === "" ? "" : problem.message);
        return;
      }
      showState("connecting", "connecting");
      showProblem("problem", problem.status ? problem.message : "The daemon cannot be reached. This page tries again.");
    }
    await new Promise((resolve) => setTimeout(resolve, again));
  }
}

/** Reads the events of a stream: EventSource cannot show a key. Each has one line of data, which is JSON. */
async function readEvents(body, handle) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const [name, data] = text.slice(0, end).split("\n");
      handle(name.slice("event: ".length), JSON.parse(data.slice("data: ".length)));
    }
  }
}

function askForKey(problem) {
  showState("refused", "a key is needed");
  showProblem("problem", problem);
  element("key-form").hidden = false;
  element("main").hidden = true;
  element("key").focus();
}

element("key-form").addEventListener("submit", (submit) => {
  submit.preventDefault();
  key = element("key").value.trim();
  element("key").value = "";
  sessionStorage.setItem("key", key);
  element("key-form").hidden = true;
  element("main").hidden = false;
  showState("connecting", "connecting");
  follow();
  showLists(true);
});

// ---- What is shown.

function showState(state, text) {
  const at = element("state");
  if (at.dataset.state === state && at.textContent === text) return; // or screen readers would say it again
  at.dataset.state = state;
  at.textContent = text;
}

function showProblem(id, text) {
  element(id).textContent = text;
  element(id).hidden = text === "";
}

/** Returns an element with a class and children, of which texts stay texts. */
function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.append(...children);
  return made;
}

function begin(data) {
  samples = data.samples;
  appends = []; // the daemon may be another one
  sendPath = data.path ?? "";
  element("send-section").hidden = element("send-link").hidden = sendPath === "";
  element("events").replaceChildren();
  showEvents(data.events);
}

function update(data) {
  if (samples.length === 0 || data.sample[AT] > samples.at(-1)[AT]) samples.push(data.sample); // the first one is kept already
  if (samples.length > kept) samples.splice(0, samples.length - kept);
  const f = data.figures;
  element("version").textContent = f.Version;
  element("uptime").textContent = "up " + age((Date.parse(f.At) - Date.parse(f.StartedAt)) / 1000);
  showState(f.Draining ? "draining" : "live", f.Draining ? "draining" : "live");
  showFigures(f);
  showCluster(f);
  showPlots();
  showLoops(f.Loops ?? []);
  showReasons(f);
  showEvents(data.events ?? []);
}

/** Returns how much of a total came each second, over the last five seconds: a single one jumps. */
function rate(field) {
  const last = samples.at(-1), first = samples.at(-Math.min(6, samples.length));
  return last[AT] > first[AT] ? Math.max(0, last[field] - first[field]) / (last[AT] - first[AT]) : 0;
}

function showFigures(f) {
  const now = samples.at(-1);
  const byVersion = (f.Streams ?? []).filter((s) => s.Streams > 0).map((s) => `${s.Streams} HTTP/${s.HTTP}${s.TLS ? "" : " plain"}`).join(", ");
  const budget = f.Memory.BudgetBytes;
  const list = [
    ["Streams", count(now[STREAMS]), byVersion],
    ["Connections", count(now[CONNECTIONS]), `peak ${count(f.ConnectionsPeak)}, at most ${count(f.ConnectionsMax)}`, now[CONNECTIONS] >= f.ConnectionsMax],
    ["Published", `${figure(rate(PUBLISHED))}/s`, `${count(now[PUBLISHED])} so far`],
    ["Delivered", `${figure(rate(SENT))}/s`, `${count(now[SENT])} so far`],
    ["Streams opened", `${figure(rate(OPENED))}/s`, `${count(now[OPENED])} so far`],
    ["Refused", `${figure(rate(REFUSED))}/s`, `${count(now[REFUSED])} so far`],
    ["In queues", size(now[QUEUES]), `${count(now[BLOCKED])} slow streams`],
    ["Dropped", count(now[DROPPED]), "for slow streams"],
    ["History", `${count(f.HistoryEvents)} events`, size(f.HistoryBytes)],
    ["Memory", size(now[MEMORY]), (budget > 0 ? `of ${size(budget)}` : "") + (f.Memory.Pressure > 0 ? `, short: ${f.Memory.PressureIs}` : ""), f.Memory.Pressure > 0],
    ["Log records lost", count(f.LogRecordsLost), "", f.LogRecordsLost > 0],
    ["Last event", f.LastEventID, ""],
  ];
  showTiles("figures", list);
}

/** Shows tiles, each a name, a value, what the value is of, and whether it is alarming. */
function showTiles(id, list) {
  const at = element(id);
  list.forEach(([name, value, of, isAlarm], i) => {
    const tile = at.children[i] ?? at.appendChild(make("div", "", make("dt", "", name), make("dd", ""), make("dd", "of")));
    tile.className = isAlarm ? "alarm" : value.length > 12 ? "long" : "";
    setText(tile.children[1], value);
    setText(tile.children[2], of);
  });
}

function setText(at, text) {
  if (at.textContent !== text) at.textContent = text;
}

const appendsKept = 61; // moments, so that what they differ by is a minute's

let appends = []; // the counts of each moment

/** Shows the cluster, if the daemon belongs to one. */
function showCluster(f) {
  const c = f.Cluster;
  const wasHidden = element("cluster-section").hidden;
  element("cluster-section").hidden = element("cluster-link").hidden = !c;
  if (!c) return;
  if (wasHidden) loadNodes();
  appends.push(c.Appends.Counts);
  if (appends.length > appendsKept) appends.shift();
  const recent = c.Appends.Counts.map((n, i) => n - appends[0][i]);
  const some = recent.reduce((sum, n) => sum + n, 0);
  const took = (q) => (some > 0 ? duration(quantile(c.Appends.Bounds, recent, q) / 1e9) : "none");
  setText(element("cluster-name"), c.Name);
  showTiles("cluster-figures", [
    ["This node", c.Node, c.Server],
    ["Log", c.Ready ? "followed" : "not followed", c.Problem, !c.Ready],
    ["Behind", `${count(c.LagRecords)} records`, `read ${duration(c.Lag / 1e9)} after they were stored`, c.Lag > 10e9],
    ["Epoch", f.LastEventID.slice(0, f.LastEventID.lastIndexOf("-")), `${count(c.EpochChanges)} begun, ${count(c.Gaps)} gaps`],
    ["Stored within", took(0.5), `half of ${count(some)} in the last minute`],
    ["Nearly all", took(0.99), "99 % of them"],
  ]);
}

/** Returns below which value a share of what a histogram counts lies, as near as its buckets tell. */
function quantile(bounds, counts, share) {
  let left = share * counts.reduce((sum, n) => sum + n, 0);
  for (let i = 0; i < bounds.length; i++) {
    const from = i > 0 ? bounds[i - 1] : 0;
    if (counts[i] > 0 && left <= counts[i]) return from + ((bounds[i] - from) * left) / counts[i];
    left -= counts[i];
  }
  return bounds.at(-1);
}

function showLoops(loops) {
  showRows("loop-rows", loops.map((l, i) => [number(i), number(count(l.Connections)), number(count(l.Streams)), l.Stuck ? ["stuck", "bad"] : ["turns", "good"]]), "");
}

function showReasons(f) {
  const at = element("reasons");
  const groups = [["closed", f.StreamsClosed], ["refused", f.RequestsRefused], ["messages refused", f.PublishRefused], ["published by", f.Published], ["control", f.ControlRefused], ["this listener", f.RefusedAtAPI]];
  const parts = [];
  for (const [group, counts] of groups) {
    const some = Object.entries(counts ?? {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
    if (some.length > 0) parts.push(make("div", "", make("dt", "", group), make("dd", "", some.map(([reason, n]) => `${reason} ${count(n)}`).join(", "))));
  }
  if (parts.length === 0) parts.push(make("div", "", make("dd", "", "nothing")));
  if (at.textContent !== parts.map((p) => p.textContent).join("")) at.replaceChildren(...parts);
}

const keptEvents = 200;

function showEvents(list) {
  const at = element("events");
  for (const event of list) {
    const time = make("time", "", new Date(event.at).toLocaleTimeString());
    time.dateTime = event.at;
    time.title = event.at;
    at.prepend(make("li", "", time, make("span", "level " + (["info", "warn", "error"].includes(event.level) ? event.level : ""), event.level), make("span", "message", event.text)));
  }
  while (at.children.length > keptEvents) at.lastChild.remove();
}

// ---- Plots: one line each, drawn as SVG.

const width = 600, height = 120; // units of the drawing, which is stretched

const perSecond = (field) => () => samples.slice(1).map((s, i) => ({ at: s[AT], value: s[AT] > samples[i][AT] ? Math.max(0, s[field] - samples[i][field]) / (s[AT] - samples[i][AT]) : 0 }));
const level = (field) => () => samples.map((s) => ({ at: s[AT], value: s[field] }));

const plots = [
  plot("Delivered each second", perSecond(SENT), figure),
  plot("Published each second", perSecond(PUBLISHED), figure),
  plot("Streams", level(STREAMS), count),
  plot("Opened each second", perSecond(OPENED), figure),
  plot("In queues", level(QUEUES), size),
  plot("Memory", level(MEMORY), size),
];

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function plot(name, points, format) {
  const p = { name, points, format, list: [], hovered: null };
  p.line = svg("path", { class: "line" });
  p.area = svg("path", { class: "area" });
  p.cursor = svg("path", { class: "cursor" });
  p.drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" },
    svg("path", { class: "grid", d: `M0 0H${width}M0 ${height / 2}H${width}M0 ${height}H${width}` }), p.area, p.line, p.cursor);
  p.value = make("output", "");
  p.from = make("span", "");
  p.most = make("span", "");
  const figureElement = make("figure", "plot", make("figcaption", "", make("span", "", name), p.value), p.drawing, make("div", "ends", p.from, p.most, make("span", "", "now")));
  element("plot-list").append(figureElement);
  p.drawing.addEventListener("pointermove", (move) => {
    const box = p.drawing.getBoundingClientRect();
    p.hovered = (move.clientX - box.left) / box.width;
    draw(p);
  });
  p.drawing.addEventListener("pointerleave", () => {
    p.hovered = null;
    draw(p);
  });
  return p;
}

function showPlots() {
  if (document.hidden) return;
  for (const p of plots) {
    p.list = p.points();
    draw(p);
  }
}

function draw(p) {
  const list = p.list;
  if (list.length === 0) return;
  const end = list.at(-1).at, begin = Math.min(list[0].at, end - 60);
  let most = 0;
  for (const { value } of list) most = Math.max(most, value);
  const x = (at) => ((at - begin) / (end - begin)) * width;
  const y = (value) => (most > 0 ? height - (value / most) * height : height);
  let path = "";
  for (const { at, value } of list) path += `${path === "" ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
  p.line.setAttribute("d", path);
  p.area.setAttribute("d", `${path}V${height}H${x(list[0].at).toFixed(1)}Z`);
  p.from.textContent = `${age(end - begin)} ago`;
  p.most.textContent = `highest ${p.format(most)}`;
  let shown = list.at(-1), when = "";
  if (p.hovered !== null) {
    const wanted = begin + p.hovered * (end - begin);
    shown = list.reduce((a, b) => (Math.abs(b.at - wanted) < Math.abs(a.at - wanted) ? b : a));
    when = new Date(shown.at * 1000).toLocaleTimeString() + "  ";
    p.cursor.setAttribute("d", `M${x(shown.at).toFixed(1)} 0V${height}`);
  } else {
    p.cursor.setAttribute("d", "");
  }
  p.value.textContent = when + p.format(shown.value);
  p.drawing.setAttribute("aria-label", `${p.name}, the last ${age(end - begin)}: now ${p.format(list.at(-1).value)}, highest ${p.format(most)}`);
}

// ---- Lists.

const number = (value) => [String(value), "number"];

/** Shows rows of cells, each a text, or a text or element with a class. */
function showRows(id, rows, nothing) {
  const body = element(id);
  if (rows.length === 0 && nothing !== "") {
    const cell = make("td", "nothing", nothing);
    cell.colSpan = 20;
    body.replaceChildren(make("tr", "", cell));
    return;
  }
  rows.forEach((cells, i) => {
    const row = body.children[i] ?? body.appendChild(make("tr", ""));
    if (row.children.length !== cells.length) row.replaceChildren(...cells.map(() => make("td", "")));
    cells.forEach((cell, j) => {
      const [content, className] = Array.isArray(cell) ? cell : [cell, ""];
      row.children[j].className = className;
      if (content instanceof Node) row.children[j].replaceChildren(content);
      else setText(row.children[j], content);
    });
  });
  while (body.children.length > rows.length) body.lastChild.remove();
}

/** A list in pages: what asks for it, and what shows its rows. */
function paged(name, query, show) {
  const list = { cursor: "", next: "", isAsking: false };
  list.load = async () => {
    if (list.isAsking) return;
    list.isAsking = true;
    const asked = list.cursor;
    try {
      const parameters = query();
      if (asked !== "") parameters.set("cursor", asked);
      const data = await (await ask(`/api/${name}s?${parameters}`)).json();
      if (list.cursor === asked) {
        list.next = data.next_cursor ?? "";
        show(data);
        showProblem(`${name}-problem`, "");
      }
    } catch (problem) {
      showListProblem(name, problem);
    }
    list.isAsking = false;
    element(`${name}-first`).disabled = list.cursor === "";
    element(`${name}-next`).disabled = list.next === "";
    if (list.cursor !== asked) list.load();
  };
  const turn = (cursor) => {
    list.cursor = cursor;
    list.load();
  };
  element(`${name}-first`).addEventListener("click", () => turn(""));
  element(`${name}-next`).addEventListener("click", () => turn(list.next));
  element(`${name}-form`).addEventListener("submit", (submit) => {
    submit.preventDefault();
    turn("");
  });
  element(`${name}-sort`).addEventListener("change", () => turn(""));
  return list;
}

function showListProblem(name, problem) {
  if (problem.status === 401 || problem.status === 403) return; // the stream of figures asks for the key
  showProblem(`${name}-problem`, problem.status ? problem.message : "The daemon cannot be reached.");
}

const rooms = paged("room", () => new URLSearchParams({ prefix: element("room-prefix").value, sort: element("room-sort").value }), (data) => {
  element("room-count").textContent = count(data.total);
  showRows("room-rows", data.rooms.map((r) => [[r.room, "text"], number(count(r.streams))]), "No room has a stream.");
});

const clients = paged("client", () => {
  const parameters = new URLSearchParams({ sort: element("client-sort").value });
  if (element("client-text").value !== "") parameters.set(element("client-field").value, element("client-text").value);
  return parameters;
}, (data) => {
  element("client-count").textContent = count(data.total);
  showRows("client-rows", data.clients.map((c) => [
    [c.id, "id"], [c.addr, "short"], [c.state, "short"], c.http ?? "", [c.tls, "short"], number(age(c.age_seconds)), [c.rooms.join(", "), "long"], number(count(c.sent)),
    [size(c.queue_bytes), c.queue_bytes > 0 ? "number wait" : "number"], [c.agent, "long"],
  ]), "No client.");
});

async function loadCertificates() {
  try {
    const data = await (await ask("/api/certificates")).json();
    showProblem("certificate-problem", "");
    showRows("certificate-rows", data.certificates.map((c) => {
      const remarks = [...c.warnings, c.last_error ? `failed at ${c.last_error_at}: ${c.last_error}` : "", c.next_try ? `next try at ${c.next_try}` : ""].filter((text) => text !== "");
      return [
        [c.names.join(", "), "text"], c.source, [c.key, "short"], c.issuer, [c.not_after ? c.not_after.slice(0, 10) : "", "short"],
        c.not_after ? [String(c.days_left), "number " + (c.days_left < 0 ? "bad" : c.due ? "wait" : "good")] : "", remarks.join("; "),
      ];
    }), "No certificate: the daemon listens without TLS.");
  } catch (problem) {
    showListProblem("certificate", problem);
  }
}

async function loadLimits() {
  try {
    const data = await (await ask("/api/limits")).json();
    showProblem("limit-problem", "");
    showRows("limit-rows", data.limits.map((l) => {
      const format = l.unit === "bytes" ? size : count;
      let share = "";
      if (l.limit > 0) {
        share = make("meter", "");
        [share.max, share.high, share.value] = [l.limit, l.limit * 0.8, Math.min(l.used, l.limit)];
        share.textContent = `${Math.round((100 * l.used) / l.limit)} %`;
        share.setAttribute("aria-label", `${l.key} used`);
      }
      const remarks = [l.of ? `by ${l.of}` : "", l.waiting ? `${l.waiting} waiting` : ""].filter((text) => text !== "");
      return [[l.key, "short"], number(format(l.used)), number(l.limit > 0 ? format(l.limit) : "no bound"), number(l.peak ? format(l.peak) : ""), [share, "short"], remarks.join(", ")];
    }), "");
    const penalties = data.penalties;
    element("kept-out-count").textContent = penalties.mode === "on" ? count(penalties.total) : `penalties are ${penalties.mode}`;
    showRows("kept-out-rows", penalties.penalized.map((p) => [p.network, number(age(p.seconds_left)), p.why]), "No network is kept out.");
  } catch (problem) {
    showListProblem("limit", problem);
  }
}

async function loadNodes() {
  try {
    const data = await (await ask("/api/nodes")).json();
    showProblem("node-problem", "");
    showRows("node-rows", data.nodes.map((n) => [
      [n.self ? `${n.node} (this one)` : n.node, "text"], n.draining ? ["draining", "wait"] : n.ready ? ["ready", "good"] : ["without the log", "bad"], n.version,
      number(count(n.streams)), number(count(n.behind)), number(duration(n.lag_seconds)), [n.position, "short"], number(`${age(n.seen_seconds)} ago`),
    ]), "");
  } catch (problem) {
    showListProblem("node", problem);
  }
}

/** Refreshes the lists that are in view. */
function showLists(isAll) {
  if (document.hidden || element("main").hidden) return;
  const isInView = (id) => {
    const box = element(id).closest("section").getBoundingClientRect();
    return isAll || (box.bottom > 0 && box.top < innerHeight);
  };
  if (!element("cluster-section").hidden && isInView("cluster")) loadNodes();
  if (isInView("rooms")) rooms.load();
  if (isInView("clients")) clients.load();
  if (isInView("certificates")) loadCertificates();
  if (isInView("limits") || isInView("kept-out")) loadLimits();
}

document.addEventListener("visibilitychange", () => {
  showPlots();
  showLists(false);
});

// ---- Sending, in development mode.

element("send-form").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const message = { to: element("send-to").value, data: element("send-data").value };
  if (element("send-event").value !== "") message.event = element("send-event").value;
  const answer = element("send-answer");
  try {
    const sent = await (await ask(sendPath, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(message) })).json();
    answer.textContent = `delivered to ${sent.matched} ${sent.matched === 1 ? "stream" : "streams"} (id ${sent.id})`;
  } catch (problem) {
    answer.textContent = problem.message;
  }
});

// ---- Units.

function count(n) {
  return Math.round(n).toLocaleString("en");
}

function figure(v) {
  return v === 0 ? "0" : v < 100 ? v.toFixed(1) : count(v);
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; bytes >= 1023.95 && i < units.length - 1; i++) bytes /= 1024;
  return `${i === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[i]}`;
}

function duration(seconds) {
  return seconds < 0.01 ? `${(1000 * seconds).toFixed(1)} ms` : seconds < 1 ? `${Math.round(1000 * seconds)} ms` : seconds < 60 ? `${seconds.toFixed(1)} s` : age(seconds);
}

function age(seconds) {
  const s = Math.max(0, Math.floor(seconds)), two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor((s % 86400) / 3600))}h`;
}

follow();
showLists(true);
setInterval(() => showLists(false), listEvery);
