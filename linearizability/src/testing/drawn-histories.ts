/** Drawings of `timelines.ts`, each with what it shows. Judged by hand, from the definition. */
export interface Drawn {
  shows: string;
  drawing: string;
}

const drawn = (shows: string, ...lines: string[]): Drawn => ({ shows, drawing: lines.join('\n') });

export const GOOD_REGISTER: Drawn[] = [
  drawn('nothing at all', ''),
  drawn('a read of a register never written', 'A [r-]'),
  drawn('a write, then a read', 'A [w1]', 'B      [r1]'),
  drawn('a read that sees a write it overlaps', 'A [w1      ]', 'B    [r1]'),
  drawn('a read that does not see a write it overlaps', 'A [w1      ]', 'B    [r-]'),
  drawn('reads that see an overlapping write in turn', 'A [w1              ]', 'B    [r-]  [r1]'),
  drawn('two overlapping writes, the first in the drawing last', 'A [w1  ]', 'B   [w2]', 'C          [r1]'),
  drawn('two overlapping writes, the second last', 'A [w1  ]', 'B   [w2]', 'C          [r2]'),
  drawn(
    'readers that agree on an order of writes',
    'A [w1  ]',
    'B   [w2]',
    'C          [r2]',
    'D              [r2]',
  ),
  drawn('a write of unknown outcome that happened', 'A [w1 ?', 'B          [r1]'),
  drawn('a write of unknown outcome that never happened', 'A [w1 ?', 'B          [r-]'),
  drawn('a write of unknown outcome that happens late', 'A [w1 ?', 'B          [r-] [r1]'),
  drawn('a write of unknown outcome after later writes', 'A [w1 ?', 'B     [w2] [r2] [r1]'),
  drawn('a delete', 'A [w1] [w-] [r-]'),
  drawn('a compare-and-set that sets', 'A [w1] [c12+] [r2]'),
  drawn('a compare-and-set that does not', 'A [w1] [c32-] [r1]'),
  drawn('one of two that compete sets', 'A [w1] [c12+ ]', 'B      [c13-]', 'C             [r2]'),
  drawn(
    'a chain of compare-and-sets out of order in the drawing',
    'A [w1     ]',
    'B [c23+    ]',
    'C [c12+   ]',
    'D             [r3]',
  ),
  drawn('a compare-and-set of unknown outcome that was needed', 'A [w1] [c12 ?', 'B               [r2]'),
  drawn('operations that touch at one instant overlap', 'A [w1]', 'B    [r-]'),
];

export const BAD_REGISTER: Drawn[] = [
  drawn('a value from nowhere', 'A [r1]'),
  drawn('a lost write', 'A [w1]', 'B      [r-]'),
  drawn('a stale read', 'A [w1] [w2]', 'B           [r1]'),
  drawn('a read from the future', 'A [r1]', 'B      [w1]'),
  drawn('a read that goes back in time', 'A [w1              ]', 'B    [r1]  [r-]'),
  drawn(
    'two readers that see an overlapping write in the wrong order',
    'A [w1               ]',
    'B    [r1]',
    'C         [r-]',
  ),
  drawn(
    'readers that disagree on the order of writes',
    'A [w1  ]',
    'B   [w2]',
    'C          [r2]',
    'D              [r1]',
  ),
  drawn('a value that comes back', 'A [w1] [w2]', 'B           [r2] [r1]'),
  drawn('a write of unknown outcome undone', 'A [w1 ?', 'B          [r1] [r-]'),
  drawn('a write of unknown outcome before it was invoked', 'A      [w1 ?', 'B [r1]'),
  drawn('a write of unknown outcome that happens twice', 'A [w1 ?', 'B     [r1] [w2] [r2] [r1]'),
  drawn('a deleted value seen', 'A [w1] [w-] [r1]'),
  drawn('a compare-and-set that could not set', 'A [w1] [c32+]'),
  drawn('a compare-and-set that had to set', 'A [w1] [c12-]'),
  drawn('both of two that compete set', 'A [w1] [c12+ ]', 'B      [c13+]'),
  drawn('a compare-and-set that is not seen', 'A [w1] [c12+]', 'B              [r1]'),
  drawn('a compare-and-set undone', 'A [w1] [c12 ?', 'B              [r2] [r1]'),
  drawn('neither of two that compete sets', 'A [w1] [c12- ]', 'B      [c13-]'),
];

export const GOOD_KEY_VALUE: Drawn[] = [
  drawn('keys that have nothing to do with each other', 'A [x.w1] [y.w2]', 'B                 [x.r1] [y.r2]'),
  drawn('an absent key beside one that is written', 'A [x.w1]', 'B         [y.r-]'),
  drawn('overlapping writes of different keys', 'A [x.w1    ]', 'B   [y.w2]', 'C             [y.r2] [x.r1]'),
  drawn(
    'each key with an order of its own',
    'A [x.w1  ] [y.w1  ]',
    'B  [x.w2 ]  [y.w2 ]',
    'C                      [x.r1] [y.r2]',
  ),
  drawn('compare-and-set of one key only', 'A [x.w1] [y.w1] [x.c12+] [y.r1] [x.r2]'),
  drawn('unknown outcomes on two keys, one happened', 'A [x.w1 ?', 'B [y.w1 ?', 'C            [x.r1] [y.r-]'),
  drawn('a delete of one key', 'A [x.w1] [y.w1] [x.w-] [x.r-] [y.r1]'),
];

export const BAD_KEY_VALUE: Drawn[] = [
  drawn('a write that went to another key', 'A [x.w1]', 'B         [y.r1]'),
  drawn(
    'a stale read of one of two keys',
    'A [x.w1] [y.w1] [y.w2]',
    'B                         [x.r1] [y.r1]',
  ),
  drawn('a compare-and-set that set another key', 'A [x.w1] [y.w1] [x.c12+] [y.r2]'),
  drawn('a delete that took another key along', 'A [x.w1] [y.w1] [x.w-] [y.r-]'),
  drawn('a key that goes back in time', 'A [x.w1            ] [y.w1]', 'B  [x.r1] [x.r-]'),
  drawn('a lost write beside a good one', 'A [x.w1] [y.w2]', 'B                 [x.r1] [y.r-]'),
  drawn('a write of unknown outcome undone', 'A [x.w1 ?', 'B           [x.r1] [y.w1] [x.r-]'),
];

export const GOOD_COUNTER: Drawn[] = [
  drawn('adds, then a read', 'A [a1] [a2]', 'B            [r3]'),
  drawn('a read that overlaps an add, before it', 'A [a1    ]', 'B   [r0]'),
  drawn('a read that overlaps an add, after it', 'A [a1    ]', 'B   [r1]'),
  drawn('one of two overlapping adds seen', 'A [a1      ]', 'B [a2      ]', 'C   [r2]'),
  drawn('adds that tell the count', 'A [a1=1] [a1=2]', 'B                 [r2]'),
  drawn('overlapping adds that tell the count in either order', 'A [a1=3  ]', 'B [a2=2  ]'),
  drawn('an add of unknown outcome counted', 'A [a5 ?', 'B        [r5]'),
  drawn('an add of unknown outcome not counted yet', 'A [a5 ?', 'B        [r0] [r5]'),
  drawn('an add of less than nothing', 'A [a3] [a-2] [r1]'),
  drawn('unknown adds, some of which happened', 'A [a1 ?', 'B [a2 ?', 'C [a4 ?', 'D        [r4] [r5]'),
];

export const BAD_COUNTER: Drawn[] = [
  drawn('a lost add', 'A [a1] [a1]', 'B            [r1]'),
  drawn('an add counted twice', 'A [a1]', 'B      [r2]'),
  drawn('a count that goes back', 'A [a1       ]', 'B  [r1] [r0]'),
  drawn('an add that happens before it is invoked', 'A      [a1]', 'B [r1]'),
  drawn('two adds that tell the same count', 'A [a1=1  ]', 'B [a1=1  ]'),
  drawn(
    'readers that saw different ones of two adds',
    'A [a1           ]',
    'B [a2           ]',
    'C   [r1]',
    'D        [r2]',
  ),
  drawn('an add of unknown outcome counted twice', 'A [a1 ?', 'B       [r1] [r2]'),
  drawn('an add of unknown outcome undone', 'A [a5 ?', 'B       [r5] [r0]'),
  drawn('an add that tells the count of an earlier time', 'A [a1=1] [a1=1]'),
  drawn('a sum that no set of unknown adds gives', 'A [a1 ?', 'B [a4 ?', 'C       [r3]'),
];

export const GOOD_LIST: Drawn[] = [
  drawn('appends, then a read', 'A [a1] [a2]', 'B            [r12]'),
  drawn('overlapping appends in either order', 'A [a1  ]', 'B [a2  ]', 'C           [r21]'),
  drawn('an overlapping append not seen yet', 'A [a1   ]', 'B   [r-]   [r1]'),
  drawn('an append of unknown outcome in the middle', 'A [a1 ?', 'B [a2] [a3]  [r213]'),
  drawn('an append of unknown outcome that never happened', 'A [a1 ?', 'B [a2] [a3]  [r23]'),
  drawn('the same value twice', 'A [a1] [a1] [r11]'),
  drawn('reads that are each longer', 'A [a1          ]', 'B [a2          ]', 'C  [r2] [r21]'),
];

export const BAD_LIST: Drawn[] = [
  drawn('a lost append', 'A [a1] [a2]', 'B            [r2]'),
  drawn('appends in the wrong order', 'A [a1] [a2]', 'B            [r21]'),
  drawn(
    'readers that saw different orders',
    'A [a1  ]',
    'B [a2  ]',
    'C          [r12]',
    'D               [r21]',
  ),
  drawn('an append seen twice', 'A [a1]', 'B      [r11]'),
  drawn('a list that grew shorter', 'A [a1           ]', 'B  [r1] [r-]'),
  drawn('a list that changed its past', 'A [a1         ]', 'B [a2         ]', 'C  [r1] [r21]'),
  drawn('a value from nowhere', 'A [a1] [r12]'),
  drawn('an append of unknown outcome undone', 'A [a1 ?', 'B       [r1] [a2] [r2]'),
];
