// Line icons, 16 px, in the colour of the text around them.
const paths = {
  home: 'M2 7l6-5 6 5v7H2z M6 14V9h4v5',
  query: 'M2 13h12 M3 10l3-4 3 3 4-6',
  targets: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13 M8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6',
  status: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13 M8 7v4 M8 4.6v.4',
  tsdb: 'M2 4c0-3 12-3 12 0v8c0 3-12 3-12 0z M2 4c0 3 12 3 12 0 M2 8c0 3 12 3 12 0',
  flags: 'M3 15V1 M3 2h9l-2 3 2 3H3',
  config: 'M3 1h7l3 3v11H3z M6 7h4 M6 10h4',
  discovery: 'M7 2a5 5 0 1 0 0 10a5 5 0 1 0 0-10 M11 11l4 4',
  menu: 'M2 4h12 M2 8h12 M2 12h12',
  close: 'M4 4l8 8 M12 4l-8 8',
  up: 'M3 8.5l3 3 7-7',
  down: 'M4 4l8 8 M12 4l-8 8',
  unknown: 'M6 6a2 2 0 1 1 2 2.5v1 M8 12v.3',
  table: 'M2 3h12v10H2z M2 6.5h12 M2 10h12 M6.5 3v10',
  pause: 'M5.5 3v10 M10.5 3v10',
  play: 'M5 3l8 5-8 5z',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}
