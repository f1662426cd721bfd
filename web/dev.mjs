// A server for work on the interface: serves it, built anew when a source has changed, and passes /api on to a Prometheus.
//   node dev.mjs [http://127.0.0.1:9090] [port]
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { extname, join } from 'node:path';

const root = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const upstream = new URL(process.argv[2] ?? 'http://127.0.0.1:9090');
const port = Number(process.argv[3] ?? 8080);
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };

const newest = (folder) =>
  Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
    }),
  );

let built = 0;

function build() {
  const changed = newest(join(root, 'src'));
  if (changed <= built) return;
  built = changed;
  try {
    execFileSync(process.execPath, [join(root, 'build.mjs')], { stdio: 'inherit' });
  } catch {
    /* esbuild has said what is wrong; the next change builds again */
  }
}

function pass(incoming, outgoing) {
  const { pathname, search } = new URL(incoming.url, 'http://localhost');
  const options = { method: incoming.method, headers: { ...incoming.headers, host: upstream.host } };
  const asked = request(new URL(pathname + search, upstream), options, (reply) => {
    outgoing.writeHead(reply.statusCode, reply.headers);
    reply.pipe(outgoing);
  });
  asked.on('error', (error) => outgoing.writeHead(502).end(String(error)));
  incoming.pipe(asked);
}

function serve(incoming, outgoing) {
  const path = new URL(incoming.url, 'http://localhost').pathname;
  if (/^\/(api|metrics|-)(\/|$)/.test(path)) {
    pass(incoming, outgoing);
    return;
  }
  if (!path.startsWith('/assets/')) build();
  const file = join(root, 'dist', path.startsWith('/assets/') ? path : 'index.html');
  if (!existsSync(file)) outgoing.writeHead(404).end();
  else
    outgoing
      .writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain', 'cache-control': 'no-store' })
      .end(readFileSync(file));
}

createServer(serve).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/ over ${upstream.origin}`));
