// Builds the interface into dist/: hashed modules, index.html with the style inlined, each file also as .gz and .br; and
// stops when a size budget is broken. Needs nothing but what package-lock.json names.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const out = process.argv[2] ?? join(root, 'dist');
const KB = 1024;
// Gzipped: what Home loads, and what any one page loads at most.
const HOME_BUDGET = 60 * KB;
const PAGE_BUDGET = 250 * KB;

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const result = await build({
  entryPoints: [join(root, 'src/main.tsx')],
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  metafile: true,
  outdir: join(out, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});

const style = await build({ entryPoints: [join(root, 'src/style.css')], minify: true, write: false, logLevel: 'warning' });

// Output files by the source they start from, and what each loads statically.
const outputs = Object.entries(result.metafile.outputs).filter(([path]) => path.endsWith('.js'));
const entry = outputs.find(([, file]) => file.entryPoint?.endsWith('src/main.tsx'))[0];
const byPath = Object.fromEntries(outputs);

function closure(path, found = new Set()) {
  if (!found.has(path)) {
    found.add(path);
    for (const used of byPath[path].imports) {
      if (used.kind === 'import-statement') closure(used.path, found);
    }
  }
  return found;
}

function pageOf(source) {
  return outputs.find(([, file]) => file.entryPoint?.endsWith(source))?.[0];
}

const home = closure(pageOf('src/home/page.tsx'), closure(entry));
const preload = [...home].filter((path) => path !== entry)
  .map((path) => `<link rel="modulepreload" href="assets/${basename(path)}">`).join('');
const html = readFileSync(join(root, 'src/index.html'), 'utf8')
  .replace('/*STYLE*/', () => style.outputFiles[0].text.trim())
  .replace('/*PRELOAD*/', () => preload)
  .replace('/*ENTRY*/', () => `assets/${basename(entry)}`);
writeFileSync(join(out, 'index.html'), html);

const gzip = (path) => gzipSync(readFileSync(path), { level: 9 });
const size = (paths) => [...paths].reduce((sum, path) => sum + gzip(path).length, 0);
const htmlSize = gzip(join(out, 'index.html')).length;

for (const path of [...outputs.map(([name]) => name), join(out, 'index.html')]) {
  const bytes = readFileSync(path);
  writeFileSync(`${path}.gz`, gzip(path));
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}

let broken = false;
function report(name, bytes, budget) {
  const over = bytes > budget;
  broken ||= over;
  console.log(`${name.padEnd(28)} ${(bytes / KB).toFixed(1).padStart(7)} KB gzipped of ${budget / KB}${over ? '  OVER BUDGET' : ''}`);
}
report('shell and Home', htmlSize + size(home), HOME_BUDGET);
for (const [path, file] of outputs) {
  if (file.entryPoint && path !== entry && /page\.tsx$/.test(file.entryPoint)) {
    const all = closure(path, closure(entry));
    for (const used of byPath[path].imports) if (used.kind === 'dynamic-import') closure(used.path, all);
    report(file.entryPoint.replace(/^.*src\//, ''), htmlSize + size(all), PAGE_BUDGET);
  }
}
if (broken) process.exit(1);
