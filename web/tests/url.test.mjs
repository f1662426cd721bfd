// The Query page's URL: every spelling that Prometheus writes or has written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyPanel, formatPanels, formatTime, parsePanels, parseTime, stepOf } from '../src/query/url';

const one = (query) => {
  const panels = parsePanels(`?g0.expr=up&${query}`);
  assert.equal(panels.length, 1);
  return panels[0];
};

const cases = [
  ['g0.tab=0', { tab: 'graph' }],
  ['g0.tab=1', { tab: 'table' }],
  ['g0.tab=graph', { tab: 'graph' }],
  ['g0.tab=table', { tab: 'table' }],
  ['g0.tab=nonsense', { tab: 'table' }],
  ['g0.range_input=1h', { range: 3600 }],
  ['g0.range_input=1d12h', { range: 129600 }],
  ['g0.range_input=wrong', { range: 3600 }],
  ['g0.range_input=0', { range: 3600 }],
  ['g0.end_input=2026-03-01%2010:20:30', { end: 1772360430 }],
  ['g0.end_input=2026-03-01%2010:20', { end: 1772360400 }],
  ['g0.moment_input=2026-03-01%2010:20:30', { end: 1772360430 }],
  ['g0.end_input=2026-03-01%2010:20:30&g0.moment_input=2026-03-02%2000:00:00', { end: 1772409600 }],
  ['g0.end_input=yesterday', { end: null }],
  ['g0.stacked=1', { stacked: true }],
  ['g0.stacked=0', { stacked: false }],
  ['g0.display_mode=stacked', { stacked: true }],
  ['g0.display_mode=lines', { stacked: false }],
  ['g0.display_mode=heatmap', { stacked: false }],
  ['g0.display_mode=lines&g0.stacked=1', { stacked: true }],
  ['g0.step_input=30', { resolution: { type: 'custom', step: 30 } }],
  ['g0.step_input=-1', { resolution: { type: 'auto', density: 'medium' } }],
  ['g0.step_input=30&g0.res_type=auto&g0.res_density=high', { resolution: { type: 'auto', density: 'high' } }],
  ['g0.res_type=auto&g0.res_density=low', { resolution: { type: 'auto', density: 'low' } }],
  ['g0.res_type=fixed&g0.res_step=15', { resolution: { type: 'fixed', step: 15 } }],
  ['g0.res_type=custom&g0.res_step=0.5', { resolution: { type: 'custom', step: 0.5 } }],
  ['g0.res_type=custom&g0.res_step=-4', { resolution: { type: 'auto', density: 'medium' } }],
  ['g0.y_axis_min=0', { yMin: 0 }],
  ['g0.y_axis_min=', { yMin: null }],
  ['g0.show_exemplars=1', { exemplars: true }],
  ['g0.show_tree=1', { tree: true }],
];

for (const [query, want] of cases) {
  test(`url: ${query} is read and survives writing`, () => {
    const panel = one(query);
    assert.deepEqual(panel, { ...emptyPanel(), expr: 'up', ...want });
    assert.deepEqual(parsePanels(formatPanels([panel])), [panel]);
  });
}

test('url: the new spelling is what is written', () => {
  const panel = {
    ...emptyPanel(),
    expr: 'sum by (job) (up{a="b&c"})',
    tab: 'graph',
    range: 5400,
    end: 1772360430,
    stacked: true,
    yMin: 0,
  };
  assert.equal(
    decodeURIComponent(formatPanels([panel]).replaceAll('+', ' ')),
    '?g0.expr=sum by (job) (up{a="b&c"})&g0.show_tree=0&g0.tab=graph&g0.end_input=2026-03-01 10:20:30&g0.moment_input=2026-03-01 10:20:30' +
      '&g0.range_input=1h30m&g0.res_type=auto&g0.res_density=medium&g0.display_mode=stacked&g0.y_axis_min=0&g0.show_exemplars=0',
  );
});

test('url: panels end with the first number that has no expression', () => {
  const panels = parsePanels('?g0.expr=a&g1.expr=b&g3.expr=d&g2.tab=0');
  assert.deepEqual(
    panels.map((panel) => panel.expr),
    ['a', 'b'],
  );
  assert.deepEqual(parsePanels('?g1.expr=b'), []);
  assert.deepEqual(parsePanels(''), []);
  assert.equal(formatPanels([]), '');
});

test('url: any panels survive writing and reading', () => {
  let seed = Number(process.env.VIGIE_SEED ?? Date.now() % 1e9);
  console.log(`seed ${seed}`);
  const random = (below) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const pick = (...choices) => choices[random(choices.length)];
  for (let round = 0; round < 2000; round++) {
    const panels = Array.from({ length: 1 + random(4) }, () => ({
      expr: pick('', 'up', 'a{b="é&=?#+ %"}', 'x\n/ y', '"\\u0000"'),
      tab: pick('table', 'graph'),
      range: 1 + random(40000000),
      end: pick(null, random(2000000000)),
      stacked: pick(true, false),
      yMin: pick(null, 0, -1.5, random(1000)),
      resolution: pick(
        { type: 'auto', density: pick('low', 'medium', 'high') },
        { type: pick('fixed', 'custom'), step: (1 + random(10000)) / 10 },
      ),
      exemplars: pick(true, false),
      tree: pick(true, false),
    }));
    assert.deepEqual(parsePanels(formatPanels(panels)), panels);
  }
});

test('url: times are UTC', () => {
  assert.equal(parseTime('1970-01-01 00:00:00'), 0);
  assert.equal(parseTime('1970-01-02'), 86400);
  assert.equal(parseTime('1970-01-01T00:01:00Z'), 60);
  for (const wrong of ['', 'now', '2026-13-01', '2026-03-01 25:00', '12:00'])
    assert.equal(parseTime(wrong), null, wrong);
  assert.equal(formatTime(1772360430), '2026-03-01 10:20:30');
});

test('url: the automatic step follows the range and is never below a second', () => {
  assert.equal(stepOf({ ...emptyPanel(), range: 3600 }), 14);
  assert.equal(stepOf({ ...emptyPanel(), range: 10 }), 1);
  assert.equal(stepOf({ ...emptyPanel(), resolution: { type: 'custom', step: 0.5 } }), 0.5);
});
