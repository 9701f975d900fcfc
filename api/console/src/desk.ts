/** The parts of the console, connected: session, snapshot and feed, alerts, units, clock. Pages and components use these. */

import { computed, ref, shallowRef, watch } from "vue";

import { ring } from "./lib/alarm";
import { isRed, rank } from "./lib/alerts";
import { Api } from "./lib/api";
import { Auth } from "./lib/auth";
import { span } from "./lib/clock";
import type { Link } from "./lib/feed";
import { Feed } from "./lib/feed";
import { problemWords, t, term } from "./lib/i18n";
import { go, route } from "./lib/route";
import { Store } from "./lib/store";
import type { Alert, Point } from "./lib/types";
import { Units } from "./lib/units";

const PAGE = 500;
const MOST = 5000; // alerts kept from a snapshot
const STALE_MS = 20_000;

export const auth = new Auth();
export const api = new Api(auth);
export const store = new Store();
export const units = new Units(api);
store.unitName = (code) => units.name(code);

export const now = ref(api.now()); // grows each second
export const link = ref<Link>("loading");
export const loads = ref(0); // snapshots so far
export const spoken = ref(""); // for screen readers
export const ended = ref<"" | "expired">("");
const linkError = ref<unknown>(null);

export const online = computed(() => link.value === "live");

/** All alerts of a state, page after page; `cursor` is the feed position of the first page, which `early` may show at once. */
async function fetchAll(state: string, early?: (first: Alert[]) => void): Promise<{ items: Alert[]; cursor: string }> {
  const items: Alert[] = [];
  let page = "", cursor = "";
  do {
    const body = await api.get<{ items: Alert[]; next: string | null; cursor: string }>("alerts", { state, mode: "all", limit: PAGE, page });
    cursor ||= body.cursor;
    items.push(...body.items);
    page = body.next ?? "";
    if (early && page && items.length <= PAGE) early(body.items);
  } while (page && items.length < MOST);
  return { items, cursor };
}

let closedLoaded = false;
async function loadClosed(): Promise<void> {
  if (closedLoaded || !auth.signedIn || !["closed", "all"].includes(store.filters.state)) return;
  closedLoaded = true;
  try {
    store.add((await fetchAll("closed")).items);
  } catch {
    closedLoaded = false;
  }
}
watch(() => store.filters.state, loadClosed);

export const feed = new Feed(api, {
  async load() {
    const { items, cursor } = await fetchAll("open", loads.value ? undefined : (first) => store.replace(first));
    closedLoaded = false;
    store.replace(items);
    loads.value += 1;
    void loadClosed();
    return cursor;
  },
  alert: (alert, transition) => store.apply(alert, transition),
  state(name, error) {
    link.value = name;
    linkError.value = error ?? (name === "live" ? null : linkError.value);
    now.value = api.now();
  },
});

/** A new alert, or one that became worse: I and II are spoken, I rings. */
store.onAlert((alert, transition, before) => {
  const worse = !before || rank(alert.severity) < rank(before.severity);
  if (!transition || !worse || rank(alert.severity) > 1) return;
  spoken.value = t("live.new", { severity: term("severity", alert.severity), title: units.title(alert), where: units.short(alert) });
  if (isRed(alert) && alert.mode !== "test") ring(3);
});

/** "" while what is shown is fresh, else the sentence of the banner. */
export const stale = computed(() => {
  void now.value;
  const quiet = feed.lastBytes ? performance.now() - feed.lastBytes : 0;
  if (link.value !== "down" && quiet <= STALE_MS) return "";
  if (feed.lastBytes) return t(link.value === "down" ? "banner.down" : "banner.stale", { age: span(quiet) });
  return linkError.value ? problemWords(linkError.value) : "";
});

export function enter(): void {
  link.value = "loading";
  linkError.value = null;
  ended.value = "";
  feed.start();
}

auth.onEnd = (why) => {
  feed.stop();
  store.replace([]);
  ended.value = why === "expired" ? "expired" : "";
  if (why === "signout") go({ page: "operations", alert: null });
};

export const reporting = ref(false); // the form of an alert made by hand is open
export const picking = shallowRef<((place: Point) => void) | null>(null); // who waits for a click on the map
watch(reporting, (on) => { if (!on) picking.value = null; });
export const mayReport = computed(() => ["officer", "commander", "admin"].includes(auth.me.role));

export const choose = (id: string | null): void => go({ alert: id });
export const chosen = computed(() => (auth.signedIn ? route.alert : null));

setInterval(() => { now.value = api.now(); }, 1000);
addEventListener("online", () => feed.kick());
document.addEventListener("visibilitychange", () => { if (!document.hidden) feed.kick(); });
