// Query: an expression and its result as a table.
import { useState } from 'preact/hooks';
import { queryInstant, seriesName, type Series } from '../api';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Note } from '../ui/parts';

export default function QueryPage() {
  const [expression, setExpression] = useState('up');
  const [asked, ask] = useState('up');
  const { data, error } = useLoaded((signal) => queryInstant(asked, undefined, signal), [asked]);
  const rows = (data?.data.resultType === 'vector' ? data.data.result : []) as Series[];
  return (
    <section class="panel full query">
      <form class="bar-line" onSubmit={(event) => { event.preventDefault(); ask(expression); }}>
        <input class="mono" style={{ flex: 1 }} aria-label={t('expression')} value={expression} onInput={(event) => setExpression(event.currentTarget.value)} />
        <button class="primary">{t('execute')}</button>
      </form>
      {error && <Note kind="bad">{error}</Note>}
      <table><tbody>{rows.map((row) => <tr key={seriesName(row.metric)}><td class="mono">{seriesName(row.metric)}</td><td class="number">{row.value?.[1]}</td></tr>)}</tbody></table>
    </section>
  );
}
