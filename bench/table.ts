// Lays comparisons out as a text table: every column as wide as its widest cell, numbers to the right. Pure, and it knows nothing but
// comparisons.
import type { Comparison } from './report.ts';
import type { Unit } from './row.ts';

interface Column {
  readonly title: string;
  readonly numeric: boolean;
  readonly cell: (comparison: Comparison) => string;
  /** What a line shares with the one above it is not said again. */
  readonly onceAPoint: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'row', numeric: false, onceAPoint: true, cell: ({ row }) => row },
  { title: 'point', numeric: false, onceAPoint: true, cell: ({ point }) => point },
  { title: 'n', numeric: true, onceAPoint: true, cell: ({ ours }) => String(ours.count) },
  { title: 'p50', numeric: true, onceAPoint: true, cell: ({ ours, unit }) => quantity(ours.p50, unit) },
  { title: 'p99', numeric: true, onceAPoint: true, cell: ({ ours, unit }) => quantity(ours.p99, unit) },
  { title: 'against', numeric: false, onceAPoint: false, cell: againstWhat },
  {
    title: 'p50',
    numeric: true,
    onceAPoint: false,
    cell: ({ other, unit }) => (other === null ? '' : quantity(other.p50, unit)),
  },
  {
    title: 'p99',
    numeric: true,
    onceAPoint: false,
    cell: ({ other, unit }) => (other === null ? '' : quantity(other.p99, unit)),
  },
  {
    title: 'ratio',
    numeric: true,
    onceAPoint: false,
    cell: ({ ratio }) => (ratio === null ? '' : times(ratio)),
  },
  { title: 'target', numeric: false, onceAPoint: false, cell: wanted },
  {
    title: '',
    numeric: false,
    onceAPoint: false,
    cell: ({ isMet }) => (isMet === null ? '' : isMet ? 'met' : 'MISSED'),
  },
];
const GAP = '  ';
const MIN_PLAIN_RATIO = 0.1;

/** At least three significant digits, no exponent: 0.0123, 1.23, 12.3, 123, 1234. */
export function threeDigits(value: number): string {
  if (value === 0) return '0';
  const digitsBeforePoint = Math.floor(Math.log10(Math.abs(value))) + 1;
  return value.toFixed(Math.max(0, 3 - digitsBeforePoint));
}

/** A small part of something is easier to read the other way round: 0.00125x as 1/800. */
function times(ratio: number): string {
  return ratio > 0 && ratio < MIN_PLAIN_RATIO ? `1/${threeDigits(1 / ratio)}` : `${threeDigits(ratio)}x`;
}

function quantity(value: number, unit: Unit): string {
  return `${threeDigits(value)} ${unit === 'us' ? 'us' : 'B'}`;
}

function againstWhat({ against, name }: Comparison): string {
  switch (against) {
    case 'nothing':
      return '';
    case 'value':
      return 'the bound';
    case 'other floor':
      return `floor, not the cheapest: ${name}`;
    default:
      return `${against}: ${name}`;
  }
}

function wanted({ target, against, unit }: Comparison): string {
  if (target === null) return '';
  if ('timesFaster' in target) return `<= 1/${target.timesFaster}`;
  return against === 'value' ? `<= ${quantity(target.atMost, unit)}` : `<= ${target.atMost}x`;
}

/** One line a comparison under a line of titles; an empty line wherever the row changes. No newline at the end. */
export function renderTable(comparisons: readonly Comparison[]): string {
  const cells = comparisons.map((comparison, position) => {
    const above = comparisons[position - 1];
    const continues = above?.row === comparison.row && above.point === comparison.point;
    return COLUMNS.map(({ cell, onceAPoint }) => (continues && onceAPoint ? '' : cell(comparison)));
  });
  const widths = COLUMNS.map(({ title }, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  );
  const renderLine = (line: readonly string[]): string =>
    line
      .map((text, column) => {
        const width = widths[column] ?? 0;
        return COLUMNS[column]?.numeric === true ? text.padStart(width) : text.padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  const lines = [renderLine(COLUMNS.map(({ title }) => title))];
  for (const [position, line] of cells.entries()) {
    if (comparisons[position]?.row !== comparisons[position - 1]?.row) lines.push('');
    lines.push(renderLine(line));
  }
  return lines.join('\n');
}
