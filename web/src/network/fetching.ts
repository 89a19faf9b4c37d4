/** Files of the network are kept by the browser, so that the page works without a connection afterwards. */

const STORE = "livematte-network";

/** The file at an address: as kept, else fetched and kept. */
export async function kept(address: string): Promise<Response> {
  const store = await openStore();
  const found = await store?.match(address);
  if (found) return found;
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  // without room, or in a private window, the page works as long as there is a connection
  await store?.put(address, answer.clone()).catch(() => {});
  return answer;
}

/** The file at an address as it is now; as kept where there is no connection. */
export async function fresh(address: string): Promise<Response> {
  const store = await openStore();
  try {
    const answer = await fetch(address, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
    await store?.put(address, answer.clone()).catch(() => {});
    return answer;
  } catch (error) {
    const found = await store?.match(address);
    if (found) return found;
    throw error;
  }
}

/** Throw away what was kept for earlier versions of the page or of a network. */
export async function keepOnly(addresses: readonly string[]): Promise<void> {
  const store = await openStore();
  for (const { url } of (await store?.keys()) ?? []) if (!addresses.includes(url)) await store?.delete(url);
}

async function openStore(): Promise<Cache | null> {
  try {
    return await caches.open(STORE);
  } catch {
    return null;
  }
}
