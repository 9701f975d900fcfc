/** Small things that the browser keeps for us, and a key that is random. */

/** Storage that may be switched off by the browser. */
export const remember = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(`cityops.${name}`);
    } catch {
      return null;
    }
  },
  set(name: string, value: string): void {
    try {
      localStorage.setItem(`cityops.${name}`, value);
    } catch { /* private window: forget */ }
  },
};

/** 16 random bytes in hex; works without a secure context, unlike crypto.randomUUID. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
