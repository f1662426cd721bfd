// Series colours in Grafana's classic order, so that imported dashboards and these pages look alike.
const palette = [
  '#73BF69',
  '#F2CC0C',
  '#5794F2',
  '#FF9830',
  '#F2495C',
  '#B877D9',
  '#37872D',
  '#E0B400',
  '#1F60C4',
  '#FA6400',
  '#C4162A',
  '#8F3BB8',
  '#96D98D',
  '#FFEE52',
  '#8AB8FF',
  '#FFB357',
  '#FF7383',
  '#CA95E5',
];

export const seriesColor = (index: number): string => palette[index % palette.length] as string;

export const cssColor = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The colour with its opacity, for fills: "#rrggbb" and two digits.
export const faded = (color: string, opacity: number): string =>
  color +
  Math.round(opacity * 255)
    .toString(16)
    .padStart(2, '0');
