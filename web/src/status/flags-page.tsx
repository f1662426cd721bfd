// The command line in force.
import { useState } from 'preact/hooks';
import { get } from '../api';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Loading, Note } from '../ui/parts';

export default function FlagsPage() {
  const { data, error } = useLoaded((signal) => get<Record<string, string>>('status/flags', signal), []);
  const [filter, setFilter] = useState('');
  if (!data) return error ? <Note kind="bad">{error}</Note> : <Loading />;
  const rows = Object.entries(data.data).filter(([name, value]) => `${name} ${value}`.includes(filter));
  return (
    <section class="panel">
      <p>
        <input
          type="search"
          aria-label={t('flag')}
          placeholder={t('flag')}
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>{t('flag')}</th>
              <th>{t('value')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, value]) => (
              <tr key={name}>
                <td class="mono">--{name}</td>
                <td class="mono">{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
