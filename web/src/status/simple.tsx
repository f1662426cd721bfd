// Tables of names and values, as most status pages are.
import type { ComponentChildren } from 'preact';

export function Facts({ title, rows }: { title: string; rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <section class="panel full" aria-label={title} style={{ marginBottom: '8px' }}>
      <header>
        <h2>{title}</h2>
      </header>
      <div class="scroll">
        <table class="pairs">
          <tbody>
            {rows.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="mono">{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
