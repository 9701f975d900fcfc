/** Sign-in: OAuth2 password form, token kept for this browser tab only, refreshed before it ends. */

import { shallowRef } from "vue";

import type { Problem } from "./api";
import { ApiError, BASE } from "./api";
import type { Me } from "./types";

const KEY = "cityops.session";

interface Session { access_token: string; refresh_token?: string; renewAt: number; me: Partial<Me> }
interface Tokens { access_token: string; refresh_token?: string; expires_in?: number; user?: unknown; role?: string; unit?: string }

/** Payload of a JWT, without checking it: the server checks, we only show. */
export function claims(token: string): Record<string, string> {
  try {
    const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
  } catch {
    return {};
  }
}

function stored(): Session | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

export class Auth {
  private readonly kept = shallowRef<Session | null>(stored());
  private pending: Promise<boolean> | null = null;
  /** Told when a session ends: by its owner, or because the server knows it no more. */
  onEnd: (why: "signout" | "expired") => void = () => {};

  get signedIn(): boolean {
    return Boolean(this.kept.value?.access_token);
  }

  /** Who is signed in, as far as the token or the sign-in answer says. */
  get me(): Me {
    const c: Record<string, string | undefined> = { ...claims(this.kept.value?.access_token ?? ""), ...this.kept.value?.me };
    return { user: c.user ?? c.sub ?? "", role: c.role ?? "", unit: String(c.unit ?? "") };
  }

  async signIn(username: string, password: string): Promise<void> {
    await this.ask({ grant_type: "password", username, password });
  }

  private async ask(form: Record<string, string>): Promise<void> {
    let response: Response;
    try {
      response = await fetch(new URL("auth/token", BASE), { method: "POST", body: new URLSearchParams(form) });
    } catch {
      throw new ApiError(0, { title: "network" });
    }
    const body = (await response.json().catch(() => ({}))) as Tokens & Problem;
    if (!response.ok) throw new ApiError(response.status, body, response.headers.get("Retry-After"));
    const life = (body.expires_in ?? 3600) * 1000;
    const renewAt = Date.now() + life - Math.min(60_000, life / 10);
    const said = (typeof body.user === "object" && body.user ? body.user : body) as Partial<Me>;
    const me = { ...this.kept.value?.me };
    for (const key of ["user", "role", "unit"] as const) if (said[key]) me[key] = String(said[key]);
    this.save({ access_token: body.access_token, refresh_token: body.refresh_token ?? this.kept.value?.refresh_token, renewAt, me });
  }

  private save(session: Session | null): void {
    this.kept.value = session;
    try {
      if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
      else sessionStorage.removeItem(KEY);
    } catch { /* storage is off: the session lives as long as the page */ }
  }

  /** The token to send now; renewed when a minute (or a tenth of its life) is left. */
  async token(): Promise<string> {
    const session = this.kept.value;
    if (session && Date.now() > session.renewAt) await this.refresh(session.access_token);
    return this.kept.value?.access_token ?? "";
  }

  /** True when a newer token than `used` is there afterwards. One renewal at a time. */
  async refresh(used: string): Promise<boolean> {
    if (!this.kept.value) return false;
    if (this.kept.value.access_token !== used) return true;
    this.pending ??= this.renew().finally(() => { this.pending = null; });
    return this.pending;
  }

  private async renew(): Promise<boolean> {
    const refresh_token = this.kept.value?.refresh_token;
    if (!refresh_token) return false;
    try {
      await this.ask({ grant_type: "refresh_token", refresh_token });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status !== 0 && error.status < 500) return false;
      throw error;
    }
  }

  expired(): void {
    if (!this.kept.value) return;
    this.save(null);
    this.onEnd("expired");
  }

  signOut(): void {
    const token = this.kept.value?.access_token;
    if (token) { // the server ends the sign-in, too; without a network it ends with its tokens
      const headers = { Authorization: `Bearer ${token}` };
      void fetch(new URL("auth/sign-out", BASE), { method: "POST", headers, keepalive: true }).catch(() => {});
    }
    this.save(null);
    this.onEnd("signout");
  }
}
