/** Snapshot, then the live feed from its cursor; reconnects for ever, with back-off, from where it was. */

import type { Api } from "./api";
import { ApiError } from "./api";
import type { ServerEvent } from "./sse";
import { readEvents } from "./sse";
import type { Alert, Transition } from "./types";

const SILENT_MS = 40_000; // the server pings each 15 s
const STEPS_MS = [300, 700, 1500, 3000, 5000];

export type Link = "loading" | "live" | "down";
export interface FeedHooks {
  /** Loads the snapshot; gives the feed position of it. */
  load(): Promise<string>;
  alert(alert: Alert, transition: Transition): void;
  state(name: Link, error?: unknown): void;
}

export class Feed {
  lastBytes = 0; // when the stream last said anything, performance.now()
  private cursor: string | null = null;
  private stopped = true;
  private generation = 0;
  private abort: AbortController | null = null;
  private wake: () => void = () => {};

  constructor(private readonly api: Api, private readonly hooks: FeedHooks) {}

  start(): void {
    this.stopped = false;
    this.cursor = null;
    this.lastBytes = 0;
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    this.abort?.abort();
    this.wake();
  }

  /** Try again now: the network came back, or a person asked. */
  kick(): void {
    this.wake();
    if (this.lastBytes && performance.now() - this.lastBytes > SILENT_MS / 2) this.abort?.abort();
  }

  private async run(): Promise<void> {
    const mine = (this.generation += 1);
    const over = () => this.stopped || mine !== this.generation;
    let tries = 0;
    while (!over()) {
      let trouble: unknown;
      try {
        if (this.cursor === null) {
          this.hooks.state("loading");
          this.cursor = await this.hooks.load();
        }
        await this.once(() => { tries = 0; });
      } catch (error) {
        if (over()) return;
        const status = error instanceof ApiError ? error.status : null;
        if (status === 401) return; // the sign-in form is shown
        if (status === 422 || status === 410) this.cursor = null; // a cursor of another epoch
        trouble = error;
      }
      if (over()) return;
      this.hooks.state("down", trouble);
      const wait = STEPS_MS[Math.min(tries, STEPS_MS.length - 1)] * (0.8 + Math.random() * 0.4);
      tries += 1;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  }

  /** One connection, until it ends; a silent one is cut by a watchdog. */
  private async once(connected: () => void): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    const cursor = this.cursor ?? "";
    const headers = { Accept: "text/event-stream", "Last-Event-ID": cursor };
    const response = await this.api.raw("feed", { query: { after: cursor }, headers, signal: abort.signal });
    this.lastBytes = performance.now();
    connected();
    this.hooks.state("live");
    const watchdog = setInterval(() => {
      if (performance.now() - this.lastBytes > SILENT_MS) abort.abort();
    }, 2000);
    try {
      await readEvents(response, (event) => this.event(event), () => { this.lastBytes = performance.now(); });
    } finally {
      clearInterval(watchdog);
    }
  }

  private event({ event, data, id }: ServerEvent): void {
    if (event === "resync") {
      this.cursor = null; // what we show may have holes: load it anew
      this.abort?.abort();
      return;
    }
    if (event !== "alert") return;
    const cloud = JSON.parse(data) as { data?: { alert: Alert; transition: Transition } };
    if (cloud.data) this.hooks.alert(cloud.data.alert, cloud.data.transition);
    if (id) this.cursor = id;
  }
}
