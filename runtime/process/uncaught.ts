// Runs code of the embedder's where nothing of ours may fail on its account. It must never swallow what that code throws.

/** What `body` throws becomes an uncaught exception of the host instead of one of ours. */
export function uncaught(body: () => void): void {
  try {
    body();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
