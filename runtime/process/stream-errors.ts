// Streams of the embedder's that guests read and write may fail, and an error of a stream that nobody listens to would end the host. For a
// guest such a stream is at its end; who else listens hears of the error all the same, and none is taken away from anybody.
import type { Stream } from 'node:stream';

const known = new WeakSet<Stream>();
const listen = (): void => {};

/** From now on an error of the stream is no end of the host. To be said as often as one likes. */
export function outliveErrors(stream: Stream): void {
  if (known.has(stream)) return;
  known.add(stream);
  stream.on('error', listen);
}
