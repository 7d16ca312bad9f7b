/** Which pages of this browser are open. */

const PATIENCE = 150; // ms to wait for their answers

/**
 * Find the other pages, and answer those that ask from now on. A duplicated tab begins with the name
 * of the page that it was made from; it gets one of its own.
 * @param {import("./api.js").Api} api
 * @returns {Promise<Set<string>>} names of the others
 */
export async function meet(api) {
  const channel = new BroadcastChannel("nucseg:pages");
  const others = new Set();
  channel.onmessage = ({ data }) => {
    if (data.here) others.add(data.here);
    else channel.postMessage({ here: api.page });
  };
  channel.postMessage({ who: true });
  await new Promise((wake) => setTimeout(wake, PATIENCE));
  if (others.has(api.page)) api.rename();
  return others;
}
