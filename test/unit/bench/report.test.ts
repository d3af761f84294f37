// Rows, ratios and their layout: what the benchmark says of samples that are known.
import { describe, expect, it } from 'vitest';
import { type Case, type Role, reportRows } from '../../../bench/report.js';
import { renderTable, threeDigits } from '../../../bench/table.js';

function makeCase(name: string, role: Role, guest = 'g', subject = 's'): Case {
  return { name, role, guest, subject, backend: null, run: () => undefined };
}

describe('reportRows', () => {
  it('compares by the median within the subject', () => {
    const cases = [
      makeCase('restore', 'measured'),
      makeCase('cold', 'cold'),
      makeCase('kept', 'kept'),
      makeCase('floor', 'floor'),
    ];
    const rows = reportRows(cases, [[10, 10, 99], [1000], [50], [4]]);
    expect(rows[0]).toEqual({
      name: 'restore',
      subject: 's',
      guest: 'g',
      backend: null,
      samples: 3,
      p50Us: 10,
      p99Us: 99,
      coldRatio: 100,
      keptRatio: 5,
      floorRatio: 2.5,
      seriesRatio: null,
    });
    expect(rows[1]).toMatchObject({ name: 'cold', coldRatio: 1, keptRatio: 0.05, floorRatio: 250 });
  });

  it('compares a part with the same part of the others', () => {
    const cases = [
      { ...makeCase('hot', 'measured'), parts: ['hot.inside'] },
      { ...makeCase('cold', 'cold'), parts: ['cold.inside'] },
      makeCase('floor', 'floor'),
    ];
    const rows = reportRows(cases, [[20], [5], [60], [10], [4]]);
    expect(rows.map(({ name, coldRatio, floorRatio }) => [name, coldRatio, floorRatio])).toEqual([
      ['hot', 3, 5],
      ['hot.inside', 2, null],
      ['cold', 1, 15],
      ['cold.inside', 1, null],
      ['floor', 15, 1],
    ]);
  });

  it('compares the cases of a series with its first, whatever their subjects', () => {
    const cases = [
      { ...makeCase('small', 'measured', 'a', 'one'), series: 'sizes' },
      { ...makeCase('other', 'measured', 'a', 'one'), series: 'others' },
      { ...makeCase('large', 'measured', 'b', 'two'), series: 'sizes' },
    ];
    const rows = reportRows(cases, [[4], [10], [6]]);
    expect(rows.map(({ name, seriesRatio }) => [name, seriesRatio])).toEqual([
      ['small', 1],
      ['other', 1],
      ['large', 1.5],
    ]);
  });

  it('has no ratio where there is nothing to compare with', () => {
    const cases = [makeCase('restore', 'measured'), makeCase('cold', 'cold', 'other', 'elsewhere')];
    const [row] = reportRows(cases, [[10], [1000]]);
    expect(row).toMatchObject({ coldRatio: null, keptRatio: null, floorRatio: null });
  });

  it('keeps the rows of one guest together, in the order they came', () => {
    const cases = [
      makeCase('1', 'measured', 'a'),
      makeCase('2', 'measured', 'b'),
      makeCase('3', 'measured', 'a'),
    ];
    const rows = reportRows(cases, [[1], [2], [3]]);
    expect(rows.map(({ name, p50Us }) => [name, p50Us])).toEqual([
      ['1', 1],
      ['3', 3],
      ['2', 2],
    ]);
  });

  it('refuses a case without samples', () => {
    expect(() => reportRows([makeCase('a', 'measured')], [])).toThrow(RangeError);
  });
});

describe('threeDigits', () => {
  it.each([
    [0, '0'],
    [0.01234, '0.0123'],
    [0.5, '0.500'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [12345.6, '12346'],
  ])('shows %d as %s', (value, text) => {
    expect(threeDigits(value)).toBe(text);
  });
});

describe('renderTable', () => {
  it('aligns the columns and sets subjects apart', () => {
    const cases = [
      makeCase('restore.inline', 'measured', 'counter', 'one'),
      makeCase('cold', 'cold', 'counter', 'one'),
      makeCase('part', 'measured', 'x', 'two'),
    ];
    expect(renderTable(reportRows(cases, [[12.34], [1234], [0.5]]))).toBe(
      [
        'what            guest    backend  samples  p50 us  p99 us  cold/this  kept/this  this/floor  this/first',
        '',
        'restore.inline  counter                 1    12.3    12.3       100x',
        'cold            counter                 1    1234    1234      1.00x',
        '',
        'part            x                       1   0.500   0.500',
      ].join('\n'),
    );
  });
});
