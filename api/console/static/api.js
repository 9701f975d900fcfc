/** Requests to the HTTP API with the caller's token; every refusal becomes an ApiError with words. */

const BASE = new URL("api/v1/", document.baseURI);

/** A problem document (RFC 9457) or a network failure (status 0). */
export class ApiError extends Error {
  constructor(status, problem, retryAfter = null) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem ?? {};
    this.retryAfter = retryAfter;
  }
}

async function problemOf(response) {
  try {
    const body = await response.json();
    return typeof body === "object" && body ? body : { detail: String(body) };
  } catch {
    return { title: response.statusText };
  }
}

export class Api {
  /** @param auth  gives `token()`, `refresh()` and is told `expired()` */
  constructor(auth) {
    this.auth = auth;
    this.skewMs = 0; // server's clock minus ours, only where it is off by more than the Date header can say
  }

  now() {
    return Date.now() + this.skewMs;
  }

  async raw(path, { method = "GET", query = {}, body, headers = {}, signal, retried = false } = {}) {
    const url = new URL(path, BASE);
    for (const [key, value] of Object.entries(query)) {
      if (value !== "" && value !== null && value !== undefined) url.searchParams.set(key, value);
    }
    const used = await this.auth.token();
    const init = { method, signal, headers: { Authorization: `Bearer ${used}`, ...headers }, cache: "no-store" };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers["Content-Type"] = "application/json";
    }
    let response;
    try {
      response = await fetch(url, init);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(0, { title: "network" });
    }
    this.watchClock(response);
    if (response.ok) return response;
    if (response.status === 401 && !retried && (await this.auth.refresh(used))) {
      return this.raw(path, { method, query, body, headers, signal, retried: true });
    }
    const error = new ApiError(response.status, await problemOf(response), response.headers.get("Retry-After"));
    if (response.status === 401) this.auth.expired();
    throw error;
  }

  async get(path, query, options = {}) {
    return (await this.raw(path, { query, ...options })).json();
  }

  async post(path, body, headers) {
    return (await this.raw(path, { method: "POST", body, headers })).json();
  }

  watchClock(response) {
    const stamp = Date.parse(response.headers.get("Date") ?? "");
    if (Number.isNaN(stamp)) return;
    const off = stamp + 500 - Date.now();
    this.skewMs = Math.abs(off) > 3000 ? off : 0;
  }
}

export { BASE };
