/* Keeps the console's own files, so that the page opens while the API restarts or the network is away. Never an answer of
 * the API, never a token: only what is named below is looked at, everything else goes to the network untouched.
 * A new build is taken with the next visit: the page itself is always asked for first, its files have a hash in the name. */
const KEEP = "cityops-shell-1";
const SCOPE = new URL("./", self.location.href);
const PAGE = new URL("./", SCOPE).href;
const PLAIN = ["icon.svg", "icon-192.png", "icon-512.png", "icon-maskable-512.png", "console.webmanifest"];
const WAIT_MS = 3000;

const assetsOf = (html) => [...html.matchAll(/(?:src|href)="\.?\/?(assets\/[^"]+)"/g)].map((found) => new URL(found[1], SCOPE).href);

/** Takes a page into the cache with all its files, then lets go of the files of older builds. */
async function keep(response) {
  const cache = await caches.open(KEEP);
  const wanted = assetsOf(await response.clone().text());
  if (!wanted.length) return; // not our page
  const there = new Set((await cache.keys()).map((request) => request.url));
  await Promise.all(wanted.filter((url) => !there.has(url)).map(async (url) => {
    const file = await fetch(url);
    if (!file.ok) throw new Error(`${url}: ${file.status}`);
    await cache.put(url, file);
  }));
  await cache.put(PAGE, response.clone());
  const old = [...there].filter((url) => url.startsWith(new URL("assets/", SCOPE).href) && !wanted.includes(url));
  await Promise.all(old.map((url) => cache.delete(url)));
}

/** The newest page, or the one kept where the server does not answer in time. */
async function page(event) {
  const fresh = fetch(event.request).then(async (response) => {
    if (response.ok) event.waitUntil(keep(response.clone()).catch(() => {}));
    return response;
  });
  event.waitUntil(fresh.catch(() => {}));
  const late = new Promise((resolve) => { setTimeout(resolve, WAIT_MS, null); });
  const first = await Promise.race([fresh.catch(() => null), late]);
  if (first && first.status < 500) return first;
  return (await (await caches.open(KEEP)).match(PAGE)) ?? fresh;
}

async function file(request) {
  const cache = await caches.open(KEEP);
  const kept = await cache.match(request.url);
  if (kept) return kept;
  return fetch(request);
}

async function plain(request) {
  const cache = await caches.open(KEEP);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request.url, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await cache.match(request.url);
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const response = await fetch(PAGE, { cache: "no-store" });
    if (!response.ok) throw new Error(`${PAGE}: ${response.status}`);
    await keep(response);
    await (await caches.open(KEEP)).addAll(PLAIN.map((name) => new URL(name, SCOPE).href));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("cityops-") && name !== KEEP) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== SCOPE.origin || request.headers.has("Authorization")) return;
  const path = url.href.split(/[?#]/)[0];
  if (request.mode === "navigate" && path === PAGE) event.respondWith(page(event));
  else if (path.startsWith(new URL("assets/", SCOPE).href)) event.respondWith(file(request));
  else if (PLAIN.some((name) => path === new URL(name, SCOPE).href)) event.respondWith(plain(request));
});
