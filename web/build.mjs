// Builds the interface into dist/: hashed modules, index.html with the style inlined, each file also as .gz and .br; and
// stops when a size budget is broken. Needs nothing but what package-lock.json names.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

const style = await build({
  entryPoints: [join(root, 'src/style.css')],
  minify: true,
  write: false,
  logLevel: 'warning',
});

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

// The notices of everybody whose code is in the bundles, as their licences ask.
const packages = new Set(
  Object.keys(result.metafile.inputs)
    .map((path) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter(Boolean),
);
const notices = [...packages]
  .sort()
  .map((name) => {
    const folder = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : `No text in the package; its licence is ${license}.`}\n`;
  })
  .join(`\n${'-'.repeat(80)}\n\n`);
const noticesName = `licenses-${createHash('sha256').update(notices).digest('hex').slice(0, 8)}.txt`;
writeFileSync(join(out, 'assets', noticesName), notices);

const home = closure(pageOf('src/home/page.tsx'), closure(entry));
const preload = [...home]
  .filter((path) => path !== entry)
  .map((path) => `<link rel="modulepreload" href="assets/${basename(path)}">`)
  .join('');
const html = readFileSync(join(root, 'src/index.html'), 'utf8')
  .replace('/*STYLE*/', () => style.outputFiles[0].text.trim())
  .replace('/*PRELOAD*/', () => preload)
  .replace('/*LICENSES*/', () => `assets/${noticesName}`)
  .replace('/*ENTRY*/', () => `assets/${basename(entry)}`);
writeFileSync(join(out, 'index.html'), html);

const gzip = (path) => gzipSync(readFileSync(path), { level: 9 });
const size = (paths) => [...paths].reduce((sum, path) => sum + gzip(path).length, 0);
const htmlSize = gzip(join(out, 'index.html')).length;

for (const path of [...outputs.map(([name]) => name), join(out, 'index.html'), join(out, 'assets', noticesName)]) {
  const bytes = readFileSync(path);
  writeFileSync(`${path}.gz`, gzip(path));
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}

let broken = false;
function report(name, bytes, budget) {
  const over = bytes > budget;
  broken ||= over;
  console.log(
    `${name.padEnd(28)} ${(bytes / KB).toFixed(1).padStart(7)} KB gzipped of ${budget / KB}${over ? '  OVER BUDGET' : ''}`,
  );
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
