/** Snapshot, then the live feed from its cursor; reconnects for ever, with back-off, from where it was. */

import { readEvents } from "./sse.js";

const SILENT_MS = 40_000; // the server pings each 15 s
const STEPS_MS = [300, 700, 1500, 3000, 5000];

export class Feed {
  /**
   * @param api      for GET /feed
   * @param hooks    load(): Promise<cursor>, alert({alert, transition}), state(name: "loading"|"live"|"down", error)
   */
  constructor(api, hooks) {
    this.api = api;
    this.hooks = hooks;
    this.cursor = null;
    this.lastBytes = 0; // when the stream last said anything, performance.now()
    this.stopped = true;
    this.wake = () => {};
  }

  start() {
    this.stopped = false;
    this.cursor = null;
    this.run();
  }

  stop() {
    this.stopped = true;
    this.abort?.abort();
    this.wake();
  }

  /** Try again now: the network came back, or a person asked. */
  kick() {
    this.wake();
    if (this.lastBytes && performance.now() - this.lastBytes > SILENT_MS / 2) this.abort?.abort();
  }

  async run() {
    const mine = (this.generation = (this.generation ?? 0) + 1);
    const over = () => this.stopped || mine !== this.generation;
    let tries = 0;
    while (!over()) {
      try {
        if (this.cursor === null) {
          this.hooks.state("loading");
          this.cursor = await this.hooks.load();
        }
        await this.once(() => { tries = 0; });
      } catch (error) {
        if (over()) return;
        if (error.status === 401) return; // the sign-in form is shown
        if (error.status === 422 || error.status === 410) this.cursor = null; // a cursor of another epoch
        this.hooks.state("down", error);
      }
      if (over()) return;
      this.hooks.state("down");
      const wait = STEPS_MS[Math.min(tries, STEPS_MS.length - 1)] * (0.8 + Math.random() * 0.4);
      tries += 1;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  }

  /** One connection, until it ends; a silent one is cut by a watchdog. */
  async once(connected) {
    this.abort = new AbortController();
    const headers = { Accept: "text/event-stream", "Last-Event-ID": this.cursor };
    const response = await this.api.raw("feed", { query: { after: this.cursor }, headers, signal: this.abort.signal });
    this.lastBytes = performance.now();
    connected();
    this.hooks.state("live");
    const watchdog = setInterval(() => {
      if (performance.now() - this.lastBytes > SILENT_MS) this.abort.abort();
    }, 2000);
    try {
      await readEvents(response, (event) => this.event(event), () => { this.lastBytes = performance.now(); });
    } finally {
      clearInterval(watchdog);
    }
  }

  event({ event, data, id }) {
    if (event === "resync") {
      this.cursor = null; // what we show may have holes: load it anew
      this.abort.abort();
      return;
    }
    if (event !== "alert") return;
    const cloud = JSON.parse(data);
    this.hooks.alert(cloud.data ?? cloud);
    if (id) this.cursor = id;
  }
}
