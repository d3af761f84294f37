// Lays rows out as a text table: every column as wide as its widest cell, numbers to the right. Pure, and it knows nothing but rows.
import type { Row } from './report.ts';

interface Column {
  readonly title: string;
  readonly numeric: boolean;
  readonly cell: (row: Row) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'what', numeric: false, cell: (row) => row.name },
  { title: 'guest', numeric: false, cell: (row) => row.guest },
  { title: 'backend', numeric: false, cell: (row) => row.backend ?? '' },
  { title: 'samples', numeric: true, cell: (row) => String(row.samples) },
  { title: 'p50 us', numeric: true, cell: (row) => threeDigits(row.p50Us) },
  { title: 'p99 us', numeric: true, cell: (row) => threeDigits(row.p99Us) },
  { title: 'cold/this', numeric: true, cell: (row) => ratio(row.coldRatio) },
  { title: 'kept/this', numeric: true, cell: (row) => ratio(row.keptRatio) },
  { title: 'this/floor', numeric: true, cell: (row) => ratio(row.floorRatio) },
  { title: 'this/first', numeric: true, cell: (row) => ratio(row.seriesRatio) },
];
const GAP = '  ';

/** At least three significant digits, no exponent: 0.0123, 1.23, 12.3, 123, 1234. */
export function threeDigits(value: number): string {
  if (value === 0) return '0';
  const digitsBeforePoint = Math.floor(Math.log10(Math.abs(value))) + 1;
  return value.toFixed(Math.max(0, 3 - digitsBeforePoint));
}

function ratio(value: number | null): string {
  return value === null ? '' : `${threeDigits(value)}x`;
}

/** One line a row under a line of titles; an empty line wherever the subject changes. No newline at the end. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => COLUMNS.map(({ cell }) => cell(row)));
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
    if (rows[position]?.subject !== rows[position - 1]?.subject) lines.push('');
    lines.push(renderLine(line));
  }
  return lines.join('\n');
}
