/** One alert with its timeline, kept live: loads it, takes what the feed brings, sends commands. */

import { computed, onBeforeUnmount, ref, shallowRef, watch } from "vue";

import { api, auth, loads, now, online, store } from "../desk";
import { fetchActions, onlyAck, sendCommand } from "../lib/actions";
import { statusOf } from "../lib/api";
import { problemWords, t } from "../lib/i18n";
import type { Action, Alert, Transition } from "../lib/types";

const same = (a: Transition, b: Transition) => a.seq === b.seq && a.trigger === b.trigger && a.at === b.at;

export function useAlert(id: () => string) {
  const alert = shallowRef<Alert | null>(null);
  const trouble = ref(""); // why there is nothing to show
  const refusal = ref(""); // why the last command was refused
  const busy = ref(""); // the command on its way
  const listed = shallowRef<Action[] | null>(null); // what the server says that I may do
  let listedFor = "";

  async function load(): Promise<void> {
    const asked = id();
    try {
      const got = await api.get<Alert>(`alerts/${encodeURIComponent(asked)}`);
      if (asked !== id()) return;
      store.apply(got, null);
      alert.value = got;
      trouble.value = "";
    } catch (error) {
      if (asked !== id()) return;
      if (!alert.value) trouble.value = statusOf(error) === 404 ? t("d.gone") : problemWords(error);
      else if (!refusal.value) refusal.value = problemWords(error);
    }
  }

  /** A change from the feed: keeps the series and the timeline that the feed leaves out. */
  const stop = store.onAlert((fresh, transition) => {
    const known = alert.value;
    if (fresh.id !== id() || !known || fresh.version < known.version || !transition) return;
    const timeline = known.timeline ?? [];
    const add = transition.trigger !== "repeat" && !timeline.some((entry) => same(entry, transition));
    alert.value = { ...fresh, timeline: add ? [...timeline, transition] : timeline, evidence: { series: known.evidence?.series, ...fresh.evidence } };
  });
  onBeforeUnmount(stop);

  async function listActions(): Promise<void> {
    const known = alert.value;
    if (!known) return;
    const key = `${known.id} ${known.version}`;
    if (key === listedFor) return;
    listedFor = key;
    try {
      const got = await fetchActions(api, known);
      if (listedFor === key) listed.value = got?.items ?? null;
    } catch {
      if (listedFor === key) listedFor = ""; // asked again with the next change
    }
  }

  async function send(command: string, comment = "", params: Record<string, unknown> = {}): Promise<boolean> {
    const known = alert.value;
    if (!known || busy.value) return false;
    busy.value = command;
    refusal.value = "";
    try {
      store.apply(await sendCommand(api, known, command, comment, params), null);
      busy.value = "";
      if (known.id === id()) await load();
      return true;
    } catch (error) {
      busy.value = "";
      if (known.id !== id()) return false;
      refusal.value = problemWords(error);
      if ([409, 504].includes(statusOf(error) ?? -1)) await load();
      return false;
    }
  }

  /** What may be done, the acknowledgement first; all of it waits while there is no connection. */
  const actions = computed<Action[]>(() => {
    if (!alert.value) return [];
    const items = listed.value ?? onlyAck(alert.value, auth.me, now.value);
    return online.value ? items : items.map((item) => ({ ...item, allowed: false, reason: item.allowed ? t("no.offline") : item.reason }));
  });

  watch(id, () => {
    const known = store.alerts.get(id());
    alert.value = known ? { timeline: [], ...known } : null;
    trouble.value = refusal.value = busy.value = "";
    listed.value = null;
    listedFor = "";
    void load();
  }, { immediate: true });
  watch(loads, load);
  watch(alert, listActions);

  return { alert, trouble, refusal, busy, actions, load, send };
}
