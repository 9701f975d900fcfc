/** Photos of alerts: made smaller on the telephone, sent with its time and place; read back with the caller's token. */

import type { Api } from "./api";
import { randomKey } from "./remember";
import type { Here } from "./place";
import type { Alert } from "./types";

const EDGE = 2048; // pixels of the longer side that are enough to see what there is
const QUALITY = 0.85;
const KEEP = 700_000; // bytes below which a JPEG is sent as it is

/** The photo as it is sent: a large one, or one of another kind, becomes a smaller JPEG; what cannot be read stays. */
export async function smaller(file: File): Promise<Blob> {
  if (file.type === "image/jpeg" && file.size <= KEEP) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, EDGE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const made = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return made ?? file;
  } catch {
    return file;
  }
}

export interface Shot { photo: Blob; name: string; note: string; taken: number | null; place: Here | null }

/** Sends one; gives the alert as it is then. */
export async function sendPhoto(api: Api, alert: Alert, shot: Shot): Promise<Alert> {
  const form = new FormData();
  form.set("version", String(alert.version));
  form.set("note", shot.note);
  form.set("name", shot.name);
  if (shot.taken) form.set("taken", new Date(shot.taken).toISOString());
  if (shot.place) for (const [key, value] of Object.entries(shot.place)) form.set(key, String(value));
  form.set("photo", shot.photo, shot.name);
  const path = `alerts/${encodeURIComponent(alert.id)}/attachments`;
  return (await api.raw(path, { method: "POST", form, headers: { "Idempotency-Key": randomKey() } })).json() as Promise<Alert>;
}

export const isPhoto = (ref: string | undefined): ref is string => Boolean(ref?.startsWith("sha256:"));

/** A photo as a data URL: an <img> sends no token. */
export async function readPhoto(api: Api, alert: string, ref: string): Promise<string> {
  const blob = await (await api.raw(`alerts/${encodeURIComponent(alert)}/attachments/${encodeURIComponent(ref)}`)).blob();
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(reader.error?.message));
    reader.readAsDataURL(blob);
  });
}
