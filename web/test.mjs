// Runs tests/*.test.mjs under Node's test runner, bundled, because the sources are TypeScript; then the type checker and
// the formatter's check. Ends with "N passed, N failed, N skipped".
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'vigie-web-'));
// As much of a browser as the sources touch when they are loaded.
const browser = `
globalThis.document ??= { documentElement: { dataset: {} } };
globalThis.navigator ??= { language: 'en' };
globalThis.localStorage ??= { getItem: () => null, setItem: () => undefined };
`;

let passed = 0;
let failed = 0;
let skipped = 0;

function run(command, args) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 120000,
  });
  return { status, output: stdout ?? '' };
}

try {
  const tests = readdirSync(join(root, 'tests')).filter((name) => name.endsWith('.test.mjs'));
  await build({
    entryPoints: tests.map((name) => join(root, 'tests', name)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node18',
    outdir: work,
    outExtension: { '.js': '.mjs' },
    banner: { js: browser },
  });
  for (const name of tests) {
    const { output } = run(process.execPath, ['--test', '--test-reporter=tap', join(work, name)]);
    const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
    passed += count('pass');
    failed += count('fail') + count('cancelled') + (output.includes('# pass') ? 0 : 1);
    skipped += count('skipped');
    if (count('fail') > 0 || !output.includes('# pass')) console.log(output);
  }
  const modules = join(root, 'node_modules');
  const checks = [
    [join(modules, 'typescript/bin/tsc'), '--noEmit', '-p', root],
    [
      join(modules, 'prettier/bin/prettier.cjs'),
      '--check',
      '--log-level',
      'warn',
      'src',
      'tests',
      ...readdirSync(root).filter((name) => name.endsWith('.mjs')),
    ],
  ];
  for (const check of checks) {
    const { status, output } = run(process.execPath, check);
    if (status === 0) passed++;
    else {
      failed++;
      console.log(output);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
