/** Starts the console and connects its parts: sign-in, snapshot and feed, list, map, details, keyboard. */

import { Alarm } from "./alarm.js";
import { Api } from "./api.js";
import { Auth } from "./auth.js";
import { clock, span } from "./clock.js";
import { Details } from "./details.js";
import { byId, h, put, text } from "./dom.js";
import { Feed } from "./feed.js";
import { FenceLayer } from "./fences.js";
import { Filters } from "./filters.js";
import { showHelp } from "./help.js";
import { apply, language, loadGlossary, onLanguage, problemWords, setLanguage, t, term } from "./i18n.js";
import { listen } from "./keys.js";
import { AlertList } from "./list.js";
import { CountyMap } from "./map.js";
import { badge } from "./marks.js";
import { SEVERITIES, Store } from "./store.js";
import { Units } from "./units.js";

const PREFECTURE = "522600";
const PAGE = 500;
const MOST = 5000; // alerts kept from a snapshot
const STALE_MS = 20_000;

const auth = new Auth();
const api = new Api(auth);
const store = new Store();
const units = new Units(api);
store.unitName = (code) => units.name(code);
let link = "loading";
let linkError = null;

const online = () => link === "live";
const choose = (id) => { location.hash = id ? `alert=${encodeURIComponent(id)}` : ""; };
const chosen = () => decodeURIComponent(/^#alert=(.+)$/.exec(location.hash)?.[1] ?? "") || null;
const close = () => { choose(null); byId("list").focus({ preventScroll: true }); };

const list = new AlertList(
  { list: byId("list"), info: byId("list-info"), fresh: byId("list-fresh"), more: byId("list-more") }, store, units, () => api.now(), choose);
const map = new CountyMap(byId("map"), store, units, choose, (code) => store.filter({ text: code }));
const fences = new FenceLayer(map, api);
const filters = new Filters(store);
const alarm = new Alarm(store, units, choose);
const details = new Details(byId("details"), { api, auth, store, units, online, close });

/** All alerts of a state, page after page; `cursor` is the feed position of the first page. */
async function fetchAll(state) {
  const items = [];
  let page = "", cursor = null;
  do {
    const body = await api.get("alerts", { state, mode: "all", limit: PAGE, page });
    cursor ??= body.cursor;
    items.push(...body.items);
    page = body.next;
  } while (page && items.length < MOST);
  return { items, cursor };
}

let closedLoaded = false;
async function loadClosed() {
  if (closedLoaded || !auth.signedIn) return;
  closedLoaded = true;
  try { store.add((await fetchAll("closed")).items); } catch { closedLoaded = false; }
}

async function loadMap() {
  if (map.project) return;
  try {
    const shapes = await units.shapes(PREFECTURE);
    if (map.project) return;
    map.load(shapes);
    put(byId("map-caption"), t("map.caption"));
  } catch (error) {
    map.failed(problemWords(error));
    setTimeout(loadMap, 5000);
  }
}

const feed = new Feed(api, {
  async load() {
    const { items, cursor } = await fetchAll("open");
    closedLoaded = false;
    store.replace(items);
    list.ready = true;
    if (["closed", "all"].includes(store.filters.state)) loadClosed();
    loadMap();
    if (details.id) details.load();
    return cursor;
  },
  alert({ alert, transition }) { store.apply(alert, transition); },
  state(name, error) {
    link = name;
    if (error) linkError = error;
    tick();
  },
});

/** One redraw a frame, however many events came. */
let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  const frame = document.hidden ? (f) => setTimeout(f, 200) : requestAnimationFrame;
  frame(() => {
    drawing = false;
    filters.render();
    list.render();
    map.render();
    alarm.render();
  });
}

store.addEventListener("alert", ({ detail: { alert, transition, before } }) => {
  redraw();
  details.update(alert, transition);
  fences.expect(alert);
  if (transition) alarm.heard(alert, before);
});
store.addEventListener("snapshot", redraw);
units.addEventListener("names", () => { redraw(); if (details.alert) details.show(details.alert); });
store.addEventListener("filter", () => {
  if (["closed", "all"].includes(store.filters.state)) loadClosed();
  list.limit = 150;
  list.render(true);
  redraw();
});

function tick() {
  if (!auth.signedIn) return;
  text(byId("clock"), clock(api.now()));
  text(byId("link"), t(`state.${link}`));
  byId("link").className = `link ${link}`;
  const quiet = feed.lastBytes ? performance.now() - feed.lastBytes : 0;
  const late = link === "down" || quiet > STALE_MS;
  const stale = byId("stale");
  stale.hidden = !late || (!feed.lastBytes && !linkError);
  if (late) text(stale, feed.lastBytes ? t(link === "down" ? "banner.down" : "banner.stale", { age: span(quiet) }) : problemWords(linkError ?? {}));
  document.body.classList.toggle("late", !stale.hidden);
  list.tick();
  details.tick();
  fences.tick();
}

function showDetails() {
  const id = auth.signedIn ? chosen() : null;
  byId("details").hidden = !id;
  document.body.classList.toggle("detailed", Boolean(id));
  list.opened(id);
  map.opened(id);
  details.open(id);
  if (id) byId("details").querySelector("h2")?.focus({ preventScroll: true });
}

function showSide(name) {
  document.body.dataset.tab = name;
  for (const tab of ["list", "map"]) byId(`tab-${tab}`).setAttribute("aria-pressed", String(tab === name));
}

function legend() {
  put(byId("map-legend"), SEVERITIES.map((key) => h("span", null, badge(key, { label: false }), term("severity", key))));
}

function enter() {
  const inside = auth.signedIn;
  document.body.classList.remove("starting");
  byId("signin").hidden = inside;
  byId("desk").hidden = !inside;
  if (!inside) {
    byId("signin-password").value = "";
    byId(byId("signin-user").value ? "signin-password" : "signin-user").focus();
    return;
  }
  const { user, role, unit } = auth.me;
  put(byId("me"), h("strong", null, user), " ", term("role", role), " · ", units.name(unit) || unit);
  link = "loading";
  linkError = null;
  feed.lastBytes = 0;
  redraw();
  tick();
  showDetails();
  feed.start();
}

async function signIn(event) {
  event.preventDefault();
  const why = byId("signin-why");
  const button = event.target.querySelector("[type=submit]");
  button.disabled = true;
  text(why, "");
  try {
    await auth.signIn(byId("signin-user").value.trim(), byId("signin-password").value);
    enter();
  } catch (error) {
    text(why, error.status === 401 || error.status === 400 ? t("signin.bad") : problemWords(error));
    byId("signin-password").select();
  }
  button.disabled = false;
}

function leave(reason) {
  feed.stop();
  store.replace([]);
  details.open(null);
  text(byId("signin-why"), reason);
  enter();
}

byId("signin-form").addEventListener("submit", signIn);
byId("signout").addEventListener("click", () => auth.signOut());
auth.addEventListener("signout", () => { history.replaceState(null, "", location.pathname); leave(""); });
auth.addEventListener("expired", () => leave(t("signin.ended")));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("help-open").addEventListener("click", showHelp);
byId("map-in").addEventListener("click", () => map.zoom(1.6));
byId("map-out").addEventListener("click", () => map.zoom(1 / 1.6));
byId("tab-list").addEventListener("click", () => showSide("list"));
byId("tab-map").addEventListener("click", () => showSide("map"));
for (const node of document.querySelectorAll(".lang")) node.addEventListener("click", () => setLanguage(language() === "zh" ? "en" : "zh"));
addEventListener("hashchange", showDetails);
addEventListener("online", () => feed.kick());
document.addEventListener("visibilitychange", () => { if (!document.hidden) feed.kick(); });

listen({
  off: () => !auth.signedIn,
  next: () => list.step(1),
  previous: () => list.step(-1),
  open: () => { if (list.current) choose(list.current); },
  ack: () => {
    if (details.id) details.ack();
    else if (list.current) choose(list.current);
  },
  filter: () => { showSide("list"); byId("filter-text").focus(); byId("filter-text").select(); },
  help: showHelp,
  escape: (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.target.matches("input, select")) event.target.blur();
    else if (chosen()) close();
    else store.filter({ text: "" });
  },
});

onLanguage(() => {
  for (const part of [filters, alarm, list, details]) part.retell();
  legend();
  map.render();
  fences.draw();
  const { user, role, unit } = auth.me;
  put(byId("me"), h("strong", null, user), " ", term("role", role), " · ", units.name(unit) || unit);
  tick();
});

await loadGlossary();
apply();
filters.retell();
alarm.retell();
legend();
showSide("list");
setInterval(tick, 1000);
enter();
