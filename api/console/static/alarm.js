/** The red banner for I, its sound where it is switched on, and the spoken line for screen readers. */

import { byId, put, h, remember, text } from "./dom.js";
import { t, term } from "./i18n.js";
import { isRed, SEVERITIES } from "./store.js";

export class Alarm {
  constructor(store, units, choose) {
    Object.assign(this, { store, units, choose });
    this.sound = remember.get("sound") === "on";
    byId("sound").addEventListener("click", () => this.switch());
    this.retell();
  }

  switch() {
    this.sound = !this.sound;
    remember.set("sound", this.sound ? "on" : "off");
    this.retell();
    if (this.sound) this.ring(1);
  }

  retell() {
    const node = byId("sound");
    text(node, t(this.sound ? "sound.on" : "sound.off"));
    node.setAttribute("aria-pressed", String(this.sound));
    this.look = null;
    this.render();
  }

  render() {
    const reds = this.store.reds();
    const banner = byId("red");
    const look = reds.map((alert) => alert.id + alert.version + this.units.short(alert)).join();
    if (look === this.look) return;
    this.look = look;
    banner.hidden = reds.length === 0;
    document.body.classList.toggle("alarm", reds.length > 0);
    if (!reds.length) return put(banner);
    const [first] = reds;
    put(banner, h("strong", null, t("banner.red"), first.mode !== "actual" && `（${term("mode", first.mode)}）`), h("span", { className: "title" }, this.units.title(first)),
      h("span", { className: "where" }, this.units.short(first)),
      reds.length > 1 && h("span", { className: "others" }, t("banner.more", { n: reds.length - 1 })),
      h("button", { type: "button", onclick: () => this.choose(first.id) }, t("banner.open")));
  }

  /** A new alert, or one that became worse: I and II are spoken, I rings. */
  heard(alert, before) {
    const risen = before && SEVERITIES.indexOf(alert.severity) < SEVERITIES.indexOf(before.severity);
    if ((before && !risen) || !["I", "II"].includes(alert.severity)) return;
    const sentence = t("live.new", { severity: term("severity", alert.severity), title: this.units.title(alert), where: this.units.short(alert) });
    byId("spoken").textContent = sentence;
    if (isRed(alert) && alert.mode !== "test") this.ring(3);
  }

  /** Two falling tones, `times` over; browsers allow it after the first click on the page. */
  ring(times) {
    if (!this.sound) return;
    try {
      this.audio ??= new AudioContext();
      this.audio.resume();
      for (let i = 0; i < times * 2; i += 1) this.tone(i % 2 ? 660 : 880, this.audio.currentTime + i * 0.28);
    } catch { /* no sound device: the banner is there */ }
  }

  tone(hertz, at) {
    const oscillator = this.audio.createOscillator();
    const gain = this.audio.createGain();
    oscillator.frequency.value = hertz;
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.25);
    oscillator.connect(gain).connect(this.audio.destination);
    oscillator.start(at);
    oscillator.stop(at + 0.26);
  }
}
