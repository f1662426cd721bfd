// Numbers, sizes and durations as text, in both languages; frames; the dictionaries.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../src/duration';
import {
  formatAgo,
  formatBytes,
  formatBytesRate,
  formatNumber,
  formatPercent,
  formatShort,
  formatUptime,
} from '../src/format';
import { last, toFrame } from '../src/frame';
import { dictionaries, setLanguage } from '../src/text';

const plain = (text) => text.replaceAll(/[\u00a0\u202f]/g, ' ');

function table(name, call, rows) {
  for (const [input, english, french] of rows) {
    test(`${name}: ${input}`, () => {
      setLanguage('en');
      assert.equal(plain(call(input)), english);
      setLanguage('fr');
      assert.equal(plain(call(input)), french ?? english);
    });
  }
}

table('number', formatNumber, [
  [0, '0'],
  [1234.5, '1,235', '1 235'],
  [12.345, '12.3', '12,3'],
  [0.126, '0.13', '0,13'],
  [NaN, 'NaN'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
]);
table('bytes', formatBytes, [
  [0, '0 B', '0 o'],
  [1023, '1,023 B', '1 023 o'],
  [1024, '1 KiB', '1 Kio'],
  [1536, '1.5 KiB', '1,5 Kio'],
  [25232932864, '23.5 GiB', '23,5 Gio'],
  [-2048, '-2 KiB', '-2 Kio'],
]);
table('rate', formatBytesRate, [[2097152, '2 MiB/s', '2 Mio/s']]);
table('percent', formatPercent, [
  [0, '0 %'],
  [3.14159, '3.1 %', '3,1 %'],
  [99.6, '100 %'],
]);
table('short', formatShort, [
  [0, '0'],
  [0.00018, '0.00018'],
  [1, '1'],
  [9999, '9,999', '9 999'],
  [12345, '12.3 k', '12,3 k'],
  [2.5e9, '2.5 G', '2,5 G'],
]);
table('uptime', formatUptime, [
  [0, '0 s'],
  [61, '1 min 1 s'],
  [90061, '1 d 1 h', '1 j 1 h'],
  [1209600, '2 w', '2 sem'],
]);
table('ago', formatAgo, [
  [4, '4 sec. ago', 'il y a 4 s'],
  [150, '3 min. ago', 'il y a 3 min'],
  [7300, '2 hr. ago', 'il y a 2 h'],
  [-1, '0 sec. ago', 'il y a 0 s'],
]);
table('duration', formatDuration, [
  [0.25, '250ms'],
  [1, '1s'],
  [90, '1m30s'],
  [3600, '1h'],
  [694861, '1w1d1h1m1s'],
]);

test('duration: reads what it writes, and refuses what is none', () => {
  for (const seconds of [1, 59, 60, 3601, 86400, 604800, 31536000])
    assert.equal(parseDuration(formatDuration(seconds)), seconds);
  assert.equal(parseDuration('1y'), 31536000);
  assert.equal(parseDuration('1h500ms'), 3600.5);
  for (const wrong of ['', '1', 'h', '1x', '1m1h', '-1h', '1 h', '1.5h'])
    assert.equal(parseDuration(wrong), null, wrong);
});

test('frame: values stand where their time is, null elsewhere', () => {
  const data = {
    resultType: 'matrix',
    result: [
      {
        metric: { a: 'b' },
        values: [
          [10, '1'],
          [20.0004, '2'],
          [40, 'NaN'],
          [50, '+Inf'],
        ],
      },
    ],
  };
  const frame = toFrame(data, 10, 50, 10);
  assert.deepEqual(frame.times, [10, 20, 30, 40, 50]);
  assert.deepEqual(frame.rows[0].values, [1, 2, null, null, null]);
  assert.equal(last(frame.rows[0].values), 2);
  assert.equal(last([null, null]), null);
});

test('frame: steps that are no whole seconds do not drift', () => {
  const values = Array.from({ length: 1001 }, (_, i) => [1700000000 + i * 0.1, String(i)]);
  const frame = toFrame({ resultType: 'matrix', result: [{ metric: {}, values }] }, 1700000000, 1700000100, 0.1);
  assert.equal(frame.times.length, 1001);
  assert.deepEqual(
    frame.rows[0].values,
    values.map(([, text]) => Number(text)),
  );
});

test('text: both languages have the same keys and no empty words', () => {
  const { en, fr } = dictionaries;
  assert.deepEqual(Object.keys(fr).sort(), Object.keys(en).sort());
  for (const [language, words] of Object.entries(dictionaries)) {
    for (const [key, text] of Object.entries(words)) assert.ok(text.trim().length > 0, `${language} ${key}`);
  }
});

test('text: French has its typography', () => {
  for (const [key, text] of Object.entries(dictionaries.fr)) {
    assert.doesNotMatch(text, /[A-Za-zÀ-ÿ]'[A-Za-zÀ-ÿ]/, `${key}: straight apostrophe`);
    assert.doesNotMatch(text, /[^\s\u00a0\u202f][:;?!](\s|$)/, `${key}: no space before the sign`);
  }
});

test('text: no word is left that nothing shows', () => {
  const files = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
    );
  const sources = files('src')
    .filter((path) => !path.endsWith('text.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  assert.deepEqual(
    Object.keys(dictionaries.en).filter((key) => !sources.includes(`'${key}'`)),
    [],
  );
});
