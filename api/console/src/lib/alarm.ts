/** The sound of a red alert, where somebody switched it on. */

import { ref } from "vue";

import { remember } from "./remember";

export const sound = ref(remember.get("sound") === "on");
let audio: AudioContext | null = null;

export function switchSound(): void {
  sound.value = !sound.value;
  remember.set("sound", sound.value ? "on" : "off");
  if (sound.value) ring(1);
}

/** Two falling tones, `times` over; browsers allow it after the first click on the page. */
export function ring(times: number): void {
  if (!sound.value) return;
  try {
    audio ??= new AudioContext();
    void audio.resume();
    for (let i = 0; i < times * 2; i += 1) tone(audio, i % 2 ? 660 : 880, audio.currentTime + i * 0.28);
  } catch { /* no sound device: the banner is there */ }
}

function tone(context: AudioContext, hertz: number, at: number): void {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0.0001, at);
  gain.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.25);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.26);
}
