/** The service worker that keeps the console's files (public/sw.js), where the browser takes one: https, or loopback. */

export function keepShell(): void {
  if (!("serviceWorker" in navigator) || !isSecureContext) return;
  addEventListener("load", () => {
    navigator.serviceWorker.register(new URL("sw.js", document.baseURI)).catch(() => { /* without it the page works, too */ });
  });
}
