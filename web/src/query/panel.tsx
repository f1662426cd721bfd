// QueryPanel: one expression and its result. What was typed but not yet asked lives here; all else in the URL.
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatDuration } from '../duration';
import { formatNumber } from '../format';
import { t } from '../text';
import { Note } from '../ui/parts';
import { CloseButton, DisplayControl, RangeControl, ResolutionControl, TimeControl } from './controls';
import { Editor } from './editor';
import { GraphView } from './graph-view';
import { asked, remember } from './history';
import { useQuery, type Result } from './run';
import { TableView } from './table-view';
import type { PanelState } from './url';

interface PanelProps {
  panel: PanelState;
  update: (change: Partial<PanelState>) => void;
  remove: (() => void) | undefined;
}

function Told({ result, busy }: { result: Result | undefined; busy: boolean }) {
  const count =
    Array.isArray(result?.data.result) && (result?.data.resultType === 'vector' || result?.data.resultType === 'matrix')
      ? result.data.result.length
      : 1;
  return (
    <span class="muted told" role="status">
      {busy
        ? t('loading')
        : result &&
          `${formatNumber(count)} ${t(count < 2 ? 'oneSeries' : 'seriesCount')} · ${formatNumber(result.tookMs, 0)} ms${result.tab === 'graph' ? ` · ${t('every')} ${formatDuration(result.step)}` : ''}`}
    </span>
  );
}

function History({ choose }: { choose: (expression: string) => void }) {
  return (
    <select
      class="history"
      aria-label={t('history')}
      title={t('history')}
      value=""
      disabled={asked.value.length === 0}
      onChange={(event) => {
        choose(event.currentTarget.value);
        event.currentTarget.value = '';
      }}
    >
      <option value="">{t('history')}</option>
      {asked.value.map((one) => (
        <option key={one} value={one}>
          {one.length > 100 ? `${one.slice(0, 100)}…` : one}
        </option>
      ))}
    </select>
  );
}

export function QueryPanel({ panel, update, remove }: PanelProps) {
  const draft = useRef(panel.expr);
  const [round, setRound] = useState(0);
  const [beforeZoom, setBeforeZoom] = useState<Pick<PanelState, 'range' | 'end'> | null>(null);
  const { busy, result, error } = useQuery(panel, round);
  useEffect(() => {
    draft.current = panel.expr;
  }, [panel.expr]);

  const submit = (expression: string) => {
    remember(expression);
    draft.current = expression;
    if (expression !== panel.expr) update({ expr: expression });
    setRound(round + 1);
  };
  const zoom = (start: number, end: number) => {
    if (!beforeZoom) setBeforeZoom({ range: panel.range, end: panel.end });
    update({ range: Math.max(1, Math.round(end - start)), end: Math.round(end) });
  };
  const reset = () => {
    if (beforeZoom) update(beforeZoom);
    setBeforeZoom(null);
  };
  const tab = (name: PanelState['tab']) => (
    <button role="tab" aria-selected={panel.tab === name} onClick={() => update({ tab: name })}>
      {t(name)}
    </button>
  );
  const current = result?.tab === panel.tab ? result : undefined;
  return (
    <section class="panel full query" aria-label={panel.expr || t('query')}>
      <div class="bar-line">
        <Editor
          text={panel.expr}
          revision={round}
          onInput={(text) => {
            draft.current = text;
          }}
          onSubmit={submit}
        />
        <button class="primary" onClick={() => submit(draft.current)}>
          {t('execute')}
        </button>
        <History choose={submit} />
        {remove && <CloseButton label={t('removePanel')} onClick={remove} />}
      </div>
      <div class="bar-line">
        <span class="group" role="tablist">
          {tab('table')}
          {tab('graph')}
        </span>
        {panel.tab === 'graph' && <RangeControl panel={panel} update={update} />}
        <TimeControl panel={panel} update={update} label={t(panel.tab === 'graph' ? 'until' : 'evaluatedAt')} />
        {panel.tab === 'graph' && (
          <>
            <ResolutionControl panel={panel} update={update} />
            <DisplayControl panel={panel} update={update} />
            {beforeZoom && <button onClick={reset}>{t('resetZoom')}</button>}
          </>
        )}
        <span class="spacer" />
        <Told result={current} busy={busy} />
      </div>
      {error && (
        <Note kind="bad">
          <span class="mono">{error}</span>
        </Note>
      )}
      {!error &&
        current?.warnings.map((warning) => (
          <Note key={warning} kind="warn">
            {warning}
          </Note>
        ))}
      {!error &&
        current &&
        (panel.tab === 'graph' ? (
          <GraphView result={current} panel={panel} onZoom={zoom} onReset={reset} />
        ) : (
          <TableView result={current} />
        ))}
      {panel.expr === '' && <p class="muted">{t('queryHint')}</p>}
    </section>
  );
}
