// The layout of the report: digits, columns, and what is said once.
import { describe, expect, it } from 'vitest';
import { compare } from '../../../bench/report.js';
import type { MeasuredPoint } from '../../../bench/row.js';
import { renderTable, threeDigits } from '../../../bench/table.js';

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
  it('has a line for each comparison and sets rows apart', () => {
    const figure = (name: string, p50: number, p99 = p50) => ({ name, count: 1, p50, p99 });
    const point = (name: string, ours: number, count = 1): MeasuredPoint => ({
      name,
      unit: 'us',
      ours: { ...figure('ours', ours, 2 * ours), count },
      floors: [],
      peers: [],
      targets: [],
    });
    const comparisons = [
      ...compare('restore.inline', [
        {
          ...point('1 MiB', 12.34, 7),
          floors: [figure('copy', 10), figure('drop', 30)],
          peers: [figure('plain', 1234)],
          targets: [
            { than: 'floor', atMost: 2 },
            { than: 'peer', name: 'plain', timesFaster: 200 },
          ],
        },
        {
          ...point('64 MiB', 24.68),
          peers: [figure('slow', 495)],
          targets: [{ than: 'point', name: '1 MiB', atMost: 1.5 }],
        },
      ]),
      ...compare('density', [
        { ...point('each', 60_000), unit: 'bytes', targets: [{ than: 'value', atMost: 65536 }] },
        point('bare', 0.5),
      ]),
    ];
    expect(renderTable(comparisons)).toBe(
      [
        'row             point   n       p50       p99  against                            p50      p99   ratio  target',
        '',
        'restore.inline  1 MiB   7   12.3 us   24.7 us  floor: copy                    10.0 us  10.0 us   1.23x  <= 2x       met',
        '                                               floor, not the cheapest: drop  30.0 us  30.0 us  0.411x',
        '                                               peer: plain                    1234 us  1234 us   1/100  <= 1/200    MISSED',
        'restore.inline  64 MiB  1   24.7 us   49.4 us  peer: slow                      495 us   495 us  1/20.1',
        '                                               point: 1 MiB                   12.3 us  24.7 us   2.00x  <= 1.5x     MISSED',
        '',
        'density         each    1   60000 B  120000 B  the bound                                        0.916x  <= 65536 B  met',
        'density         bare    1  0.500 us   1.00 us',
      ].join('\n'),
    );
  });
});
