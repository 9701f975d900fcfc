/** Sign-in: OAuth2 password form, token kept for this browser tab only, refreshed before it ends. */

import { ApiError, BASE } from "./api.js";

const KEY = "cityops.session";

/** Payload of a JWT, without checking it: the server checks, we only show. */
export function claims(token) {
  try {
    const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
  } catch {
    return {};
  }
}

export class Auth extends EventTarget {
  constructor() {
    super();
    try { this.session = JSON.parse(sessionStorage.getItem(KEY)); } catch { this.session = null; }
    this.pending = null;
  }

  get signedIn() {
    return Boolean(this.session?.access_token);
  }

  /** {user, role, unit, name} as far as the token or the sign-in answer says. */
  get me() {
    const c = { ...claims(this.session?.access_token ?? ""), ...this.session?.me };
    return { user: c.user ?? c.sub ?? "", role: c.role ?? "", unit: String(c.unit ?? ""), name: c.name ?? "" };
  }

  async signIn(username, password) {
    await this.ask({ grant_type: "password", username, password });
  }

  async ask(form) {
    let response;
    try {
      response = await fetch(new URL("auth/token", BASE), { method: "POST", body: new URLSearchParams(form) });
    } catch {
      throw new ApiError(0, { title: "network" });
    }
    const body = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(response.status, body, response.headers.get("Retry-After"));
    const { access_token, refresh_token, expires_in, ...rest } = body;
    const life = (expires_in ?? 3600) * 1000;
    const renewAt = Date.now() + life - Math.min(60_000, life / 10);
    const said = typeof rest.user === "object" && rest.user ? rest.user : rest;
    const me = { ...this.session?.me };
    for (const key of ["user", "role", "unit"]) if (said[key]) me[key] = String(said[key]);
    this.save({ access_token, refresh_token: refresh_token ?? this.session?.refresh_token, renewAt, me });
  }

  save(session) {
    this.session = session;
    try {
      if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
      else sessionStorage.removeItem(KEY);
    } catch { /* storage is off: the session lives as long as the page */ }
  }

  /** The token to send now; renewed when a minute (or a tenth of its life) is left. */
  async token() {
    if (this.session && Date.now() > this.session.renewAt) await this.refresh(this.session.access_token);
    return this.session?.access_token ?? "";
  }

  /** True when a newer token than `used` is there afterwards. One renewal at a time. */
  async refresh(used) {
    if (!this.session) return false;
    if (this.session.access_token !== used) return true;
    this.pending ??= this.renew().finally(() => { this.pending = null; });
    return this.pending;
  }

  async renew() {
    if (!this.session.refresh_token) return false;
    try {
      await this.ask({ grant_type: "refresh_token", refresh_token: this.session.refresh_token });
      return true;
    } catch (error) {
      return error.status === 0 || error.status >= 500 ? Promise.reject(error) : false;
    }
  }

  expired() {
    if (!this.session) return;
    this.save(null);
    this.dispatchEvent(new Event("expired"));
  }

  signOut() {
    this.save(null);
    this.dispatchEvent(new Event("signout"));
  }
}
