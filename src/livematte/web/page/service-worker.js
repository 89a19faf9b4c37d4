// Keeps the page, so that it opens without a connection. The network's files are kept by their own worker.
const PAGE = `livematte-page-${"ac0c95960912"}`;
const NETWORK = "livematte-network";

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(PAGE)
      .then((cache) => cache.addAll(["./","manifest.webmanifest","assets/icon-192-DtNEoYVG.png","assets/icon-mxVkqgvv.svg","assets/index-DSPeBAew.js","assets/index-DUvyGH3O.css","assets/lake-FMcHKh0l.webp","assets/worker-__gTbkxZ.js"]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("livematte-") && name !== PAGE && name !== NETWORK;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(request.mode === "navigate" ? page(request) : file(request));
});

// the page itself as it is now, as kept without a connection
async function page(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await caches.match("./", { ignoreSearch: true });
    if (found) return found;
    throw error;
  }
}

// a file's name changes with its content
async function file(request) {
  if (request.cache === "no-cache") return fetch(request);
  return (await caches.match(request)) ?? fetch(request);
}
